"""Refreshes of a call that are on their way: UPDATE, or re-INVITE with its ACK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.sip.message import Request, Response
from sipstub.transaction.machine import ClientTransaction
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.phone.agent.call import Call


class Refreshing:
    """Hears of the answers to the refreshes of one call; the newest request is the one that counts."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._request: Request | None = None

    @property
    def has_invite(self) -> bool:
        """Return whether a re-INVITE waits for its answer: one of the other side gets 491 then."""
        return self._request is not None and self._request.method == "INVITE"

    def ask(self, request: Request, hop: Hop, now: float) -> None:
        """Send a refresh."""
        self._request = request
        self._call.ask_refresh(request, hop, self, now)

    def answered(self, response: Response, transaction: ClientTransaction, now: float) -> None:
        """Take an answer; each 2xx to INVITE gets its ACK, repeated ones too."""
        request = transaction.request
        if request.method == "INVITE" and 200 <= response.status < 300:
            self._call.acknowledge(request, now)
        if response.status >= 200 and self._request is not None and self._request.cseq == request.cseq:
            self._request = None
            self._call.refresh_answered(request, response, now)

    def failed(self, status: int, now: float) -> None:
        """Take that no answer came."""
        request, self._request = self._request, None
        if request is not None:
            self._call.refresh_failed(request, status, now)
