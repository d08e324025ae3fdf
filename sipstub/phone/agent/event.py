"""What a phone tells whoever runs it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Registered:
    """An account is registered, for the first time or again."""

    account: int
    server: int
    granted_s: int
    is_renewal: bool = False


@dataclass(frozen=True, slots=True)
class RegistrationFailed:
    """A registration came to nothing."""

    account: int
    server: int
    status: int
    "Of the answer; 408 for none, 503 for no connection; 0 for a server whose name was not resolved."
    retry_s: float | None
    "When it is tried again; None for never."


@dataclass(frozen=True, slots=True)
class Unregistered:
    """An account took its registration back."""

    account: int
    server: int


@dataclass(frozen=True, slots=True)
class Resync:
    """The phone was told to fetch its files."""

    is_reboot: bool
    "Whether it starts over; else it fetches and goes on."


@dataclass(frozen=True, slots=True)
class MessagesWaiting:
    """A message-summary came."""

    account: int
    text: str


class CallState(enum.StrEnum):
    """How a call stands."""

    CALLING = "calling"
    RINGING = "ringing"
    ANSWERED = "answered"
    "Both sides know it: the 200 has its ACK."
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CallChanged:
    """A call went on."""

    account: int
    call_id: str
    state: CallState
    is_outgoing: bool
    status: int = 0
    "Of the final answer, if there was one."


PhoneEvent = Registered | RegistrationFailed | Unregistered | Resync | MessagesWaiting | CallChanged
