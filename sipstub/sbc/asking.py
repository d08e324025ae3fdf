"""A request of the SBC in a dialog, asked again with a password where the other side wants one (Authentication Mode 1).

The password is that of the account which serves the group on the other leg.  So many challenges are answered and no more: a proxy
before a registrar has one of its own, and a nonce may be too old; what says stale for ever is passed on.
"""

from __future__ import annotations

from collections.abc import Callable

from sipstub.sbc.client_login import with_credentials
from sipstub.sbc.leg import Leg
from sipstub.sip.message import Request, Response
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ClientTransaction
from sipstub.transaction.sending import Hop

Answered = Callable[[ResponseArrived | TransactionFailed, float], None]
Again = Callable[[Request, Request], None]
"Called with a request and with what goes out in its place, whose CSeq is another one."
CHALLENGES = frozenset({401, 407})


class Asking:
    """One of them."""

    __slots__ = ("_again", "_answered", "_count", "_hop", "_leg", "client", "made")

    def __init__(self, leg: Leg, made: Request, answered: Answered | None = None, again: Again | None = None) -> None:
        """`answered` gets what comes of it, but for challenges that are answered here."""
        self._leg = leg
        self.made = made
        "As it went out last."
        self.client: ClientTransaction | None = None
        self._hop = leg.hop
        self._answered = answered
        self._again = again
        self._count = 0

    def begin(self, now: float, hop: Hop | None = None) -> ClientTransaction:
        """Send it: where its leg leads, or to another hop."""
        self._hop = hop or self._leg.hop
        return self._send(now)

    def _send(self, now: float) -> ClientTransaction:
        leg = self._leg
        self.client = leg.relay.core.request(self.made, self._hop, now, self._heard, via=leg.via)
        leg.relay.track(self.client)
        return self.client

    def _heard(self, event: ResponseArrived | TransactionFailed, now: float) -> None:
        if isinstance(event, ResponseArrived) and event.response.status in CHALLENGES and event.transaction is self.client:
            again = self._with_password(event.response)
            if again is not None:
                before, self.made = self.made, again
                self._count += 1
                if again.method == "INVITE":
                    self._leg.proves(again)
                if self._again is not None:
                    self._again(before, again)
                self._send(now)
                return
        if self._answered is not None:
            self._answered(event, now)

    def _with_password(self, response: Response) -> Request | None:
        leg, made = self._leg, self.made
        if leg.dialog is None or getattr(self.client, "is_cancelled", False):
            return None
        if made.method != "BYE" and (leg.is_closed or leg.dialog.is_ended):
            return None
        again = with_credentials(made, response, leg.group, asks_for(leg), leg.relay.sbc.token(), self._count)
        if again is not None:
            again.headers.set("CSeq", leg.dialog.next_cseq(made.method))
        return again


def asks_for(leg: Leg) -> str:
    """Return the name of the group on whose behalf a leg asks: that of whom it talks to, or talked to last."""
    peer = leg.peer or next((one for one in leg.relay.legs if one is not leg), leg)
    return peer.group.name
