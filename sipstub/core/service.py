"""What a service is to the core: it takes requests of some methods, and may send its own.

A service is pure: it gets `now`, and acts through the core that it was made for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sipstub.sip.message import Request, Response
from sipstub.transaction.event import Cancelled, RequestArrived, ResponseArrived, TransactionFailed
from sipstub.transaction.sending import Hop

Answered = Callable[[ResponseArrived | TransactionFailed, float], None]
"Gets every answer to a request that a service sent, or that there was none, with the time."
Gate = Callable[[Request, Hop, float], bool]
"Sees every request before anything else does; True keeps it from going further: it was answered, or is to get no answer."


class Service(Protocol):
    """One service: the registrar, subscriptions, calls."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the methods that it answers."""

    def handle(self, arrived: RequestArrived, now: float) -> Response | None:
        """Return the answer, or None to give it later by `Core.respond`; None too for an ACK."""

    def next_timer(self) -> float | None:
        """Return when `on_timer` wants to be called."""

    def on_timer(self, now: float) -> None:
        """Let time pass."""


class WatchesTransactions(Protocol):
    """A service that answers later, and so wants to know what becomes of its answers."""

    def on_server_event(self, event: Cancelled | TransactionFailed, now: float) -> None:
        """Take a CANCEL of an INVITE, or an answer without ACK."""
