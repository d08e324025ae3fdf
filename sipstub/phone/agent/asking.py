"""Who asked: what the transaction of a request keeps as its user."""

from __future__ import annotations

from typing import Protocol

from sipstub.sip.message import Request, Response
from sipstub.transaction.machine import ClientTransaction
from sipstub.transaction.sending import Hop


class Asker(Protocol):
    """Takes the end of a request, and what comes before it."""

    def answered(self, response: Response, transaction: ClientTransaction, now: float) -> None:
        """Take an answer, provisional ones too."""

    def failed(self, status: int, now: float) -> None:
        """Take that no answer came: 408, or 503 where it could not even be sent."""


class Sender(Protocol):
    """Sends requests of one account."""

    def ask(self, request: Request, hop: Hop, asker: Asker, now: float) -> ClientTransaction:
        """Send a request; the asker hears of its answer."""


class Nobody:
    """Does not care."""

    def answered(self, response: Response, transaction: ClientTransaction, now: float) -> None:
        """Do nothing."""

    def failed(self, status: int, now: float) -> None:
        """Do nothing."""


NOBODY = Nobody()
