"""What became of one file that a phone asked for.  Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Outcome(enum.StrEnum):
    """Every way a transfer can end.  Each value has a heading in docs/reference/boot.md."""

    RECEIVED = "received"
    NOT_FOUND = "not-found"
    REFUSED = "refused"
    BAD_STATUS = "bad-status"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    TOO_LARGE = "too-large"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Fetched:
    """The end of one transfer."""

    outcome: Outcome
    "How it ended."

    body: bytes = field(default=b"", repr=False)
    "The file, complete, only with RECEIVED; it may hold secrets."

    detail: str = ""
    "What was seen, for people: `HTTP 503`, `error 2: access violation`."

    status: int | None = None
    "HTTP status or TFTP error code, where one came."

    is_retransmitted: bool = False
    "Whether a packet had to be sent again (TFTP)."


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long a phone waits and how much it takes."""

    size_bytes: int = 1024 * 1024
    "A larger file is dropped: TOO_LARGE."

    idle_s: float = 10.0
    "HTTP: longest silence before TIMED_OUT.  V80's own value is not known."

    total_s: float = 120.0
    "Longest time for one file."

    retransmit_s: float = 1.0
    "TFTP: wait before the first repetition; doubles each time."

    sends: int = 6
    "TFTP: how often one packet is sent before TIMED_OUT."


DEFAULT_LIMITS = FetchLimits()
