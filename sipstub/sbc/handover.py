"""A request in a dialog on its way to the other leg, and its answer on the way back; INVITE and UPDATE are a Change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sipstub.sbc.asking import CHALLENGES, Asking
from sipstub.sbc.carrying import carried
from sipstub.sbc.leg import Leg
from sipstub.sbc.refer import event_for, remember
from sipstub.sip.message import Request
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction

if TYPE_CHECKING:
    from sipstub.sbc.relay import Relay

ABOUT_REFER = frozenset({"NOTIFY", "SUBSCRIBE"})


class Handover:
    """One of them."""

    __slots__ = ("_leg", "_made", "_peer", "_relay", "_request", "_transaction")

    def __init__(self, relay: Relay, leg: Leg, peer: Leg, request: Request, transaction: ServerTransaction) -> None:
        self._relay = relay
        self._leg = leg
        self._peer = peer
        self._request = request
        self._transaction = transaction
        self._made: Request | None = None

    def begin(self, now: float, extra: Iterable[tuple[str, object]] = ()) -> None:
        """Send it, with headers of its own beside those that are carried over."""
        relay, peer, request = self._relay, self._peer, self._request
        made = peer.request(
            request.method, carried(request), relay.body_for(peer, request), max_forwards=relay.sbc.forwards(request), of=request
        )
        for name, value in extra:
            made.headers.add(name, value)
        if request.method == "REFER":
            remember(request, made, peer)
        elif request.method in ABOUT_REFER and (event := event_for(request, self._leg, peer)) is not None:
            made.headers.set("Event", event)
        self._made = made
        Asking(peer, made, self._answered, self._again).begin(now, relay.hop_for(peer, request))

    def _again(self, before: Request, again: Request) -> None:
        self._made = again
        if again.method == "REFER":
            remember(self._request, again, self._peer)

    def _answered(self, event: ResponseArrived | TransactionFailed, now: float) -> None:
        relay, leg, peer, request, made = self._relay, self._leg, self._peer, self._request, self._made
        assert made is not None and leg.dialog is not None and peer.dialog is not None
        if isinstance(event, TransactionFailed):
            peer.dialog.on_no_answer(made)
            found = leg.answer(request, event.status)
        elif event.response.status < 200:
            return
        else:
            response = event.response
            if not (
                request.method == "BYE" and response.status in CHALLENGES
            ):  # then the call goes on (SBCEnableByeAuthentication)
                peer.dialog.receive_response(made, response)
            body = relay.body_for(leg, response)
            found = leg.answer(request, response.status, response.reason, carried(response), body, of=response)
        leg.session.mark(found)
        relay.shorten(request, found)
        leg.dialog.request_answered(request, found.status)
        relay.core.respond(self._transaction, found, now)
        if found.status < 300:
            leg.move()
            peer.move()
        if request.method == "BYE" and leg.dialog.is_ended:
            leg.is_closed = peer.is_closed = True
        if peer.dialog.is_ended or leg.dialog.is_ended:
            relay.end(now, f"{found.status} to {request.method}")
        else:
            relay.passed(leg, peer, request, found, now)
