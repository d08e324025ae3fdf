"""An INVITE or UPDATE inside of a call: passed on to the other leg, by another method where that is wanted, or answered here.

What changes nothing and is meant for the timer of one leg alone is answered on that leg [inferred].  Remote Update Support and
Remote Reinvite Support say what a side can take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.dialog.refusal import Refusal
from sipstub.dialog.repeater import Repeater
from sipstub.sbc import hold
from sipstub.sbc.asking import Asking
from sipstub.sbc.carrying import carried
from sipstub.sbc.leg import SDP, Leg, Unacked, is_sdp
from sipstub.sbc.leg_session import told_status
from sipstub.sbc.media_plane import MediaRefused
from sipstub.session_timer.step import End, Send
from sipstub.sip.message import Request, Response
from sipstub.transaction.event import Cancelled, ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction

if TYPE_CHECKING:
    from sipstub.sbc.relay import Relay


class Change:
    """One of them."""

    __slots__ = (
        "_asking",
        "_has_offer",
        "_is_converted",
        "_is_done",
        "_leg",
        "_made",
        "_peer",
        "_relay",
        "_request",
        "_send",
        "_transaction",
    )

    def __init__(self, relay: Relay, leg: Leg, peer: Leg, request: Request, transaction: ServerTransaction) -> None:
        self._relay = relay
        self._leg = leg
        self._peer = peer
        self._request = request
        self._transaction = transaction
        self._has_offer = bool(request.body) and is_sdp(request)
        self._is_converted = False
        "Whether an UPDATE without a description goes on as a re-INVITE with the last one."
        self._made: Request | None = None
        self._asking: Asking | None = None
        self._send: Send | None = None
        self._is_done = False

    def begin(self, now: float) -> Response | None:
        """Return the answer that can be given at once, or None."""
        leg, request, relay = self._leg, self._request, self._relay
        refusal = leg.negotiation.receive(request.method, has_offer=self._has_offer, chance=relay.sbc.chance())
        if refusal is not None:
            return refusal.answer_to(request)
        refusal = leg.session.receive(request)
        if refusal is not None:
            leg.negotiation.received_done(request.method)
            return refusal.answer_to(request)
        method = None if self._is_for_us else self._method()
        if method is None or self._is_kept_back:
            return self._answer_here(now)
        self._is_converted = method == "INVITE" and request.method == "UPDATE" and not self._has_offer
        if not self._peer.negotiation.may_ask(method, has_offer=self._has_offer or self._is_converted):
            leg.negotiation.received_done(request.method)
            return Refusal(491, "the other leg is changing").answer_to(request)
        self._transaction.user = self
        if request.method == "INVITE" and relay.sbc.settings["SBC100TryingUponReinvite"]:
            relay.core.respond(self._transaction, leg.answer(request, 100), now)
        try:
            body = self._peer.description if self._is_converted else relay.body_for(self._peer, request, leg)
            body = hold.told(body, self._hold_format, self._peer.description) if self._has_offer else body
        except MediaRefused as problem:
            leg.negotiation.received_done(request.method)
            return Refusal(problem.status, problem.why).answer_to(request)
        self._ask(method, body, now)
        return None

    def on_server_event(self, event: Cancelled | TransactionFailed, now: float) -> None:
        """Take a CANCEL of a re-INVITE."""
        client = None if self._asking is None else self._asking.client
        if isinstance(event, Cancelled) and client is not None:
            self._relay.core.layer.cancel(client, now, reason=event.cancel.headers.get("reason"))

    @property
    def _is_for_us(self) -> bool:
        """Return whether it is a refresh that the other leg needs nothing of."""
        leg, peer, request = self._leg, self._peer, self._request
        if leg.session.timer is None or peer.session.has_carried_timer or not self._relay.is_connected:
            return False
        return request.body == leg.heard_description if request.body else request.method == "UPDATE"

    @property
    def _hold_format(self) -> int:
        return self._peer.group.profile.hold_format

    @property
    def _is_kept_back(self) -> bool:
        """Return whether it holds a side that cannot be told so."""
        return self._hold_format == hold.NOT_SUPPORTED and self._has_offer and hold.is_hold(self._request.body)

    def _method(self) -> str | None:
        """Return what the other side is asked by; None for nothing that it can take."""
        profile, is_connected = self._peer.group.profile, self._relay.is_connected
        takes_update = profile.update_support > 1 or (profile.update_support == 1 and is_connected)
        takes_invite = is_connected and (profile.reinvite_support == 2 or (profile.reinvite_support == 1 and self._has_offer))
        if self._request.method == "UPDATE":
            if takes_update:
                return "UPDATE"
            can_offer = self._has_offer or bool(self._peer.description)
            return "INVITE" if is_connected and profile.reinvite_support and can_offer else None
        if takes_invite:
            return "INVITE"
        return "UPDATE" if takes_update and self._has_offer else None

    def _answer_here(self, now: float) -> Response | None:
        """Answer with the description that this leg has; one that would have to change it is not taken further [choice]."""
        leg, request = self._leg, self._request
        has_body = request.method == "INVITE" or self._has_offer
        description = hold.accepted(leg.description, request.body) if self._is_kept_back else leg.description
        found = leg.answer(request, 200, body=description if has_body else b"")
        if found.body:
            found.headers.set("Content-Type", "application/sdp")
        found.headers.add("Allow", leg.allow)
        leg.session.put_on_answer(found, self._peer.session)
        self._take_answer(found, now, None, 0)
        return None

    def _ask(self, method: str, body: bytes, now: float) -> None:
        peer, relay = self._peer, self._relay
        request, forwards = self._request, relay.sbc.forwards(self._request)
        made = peer.request(method, carried(request), body, max_forwards=forwards, of=request)
        if self._is_converted:
            made.headers.set("Content-Type", SDP)
        send = peer.session.put_on_request(made, self._leg.session)
        peer.negotiation.ask(method, has_offer=self._has_offer or self._is_converted)
        self._made, self._send = made, send
        if send is not None and peer.session.timer is not None:
            peer.session.timer.asked(made, send, now)
        self._asking = Asking(peer, made, self._answered, self._again)
        self._asking.begin(now)

    def _again(self, before: Request, again: Request) -> None:
        self._made = again
        if self._peer.session.timer is not None:
            self._peer.session.timer.asked_again(before, again)

    def _answered(self, event: ResponseArrived | TransactionFailed, now: float) -> None:
        made, peer, relay = self._made, self._peer, self._relay
        assert made is not None and peer.dialog is not None
        if isinstance(event, TransactionFailed):
            if not self._is_done:
                self._is_done = True
                peer.negotiation.asked_done(made.method)
                peer.dialog.on_no_answer(made)
                self._refuse(event.status, now)
                relay.end(now, f"no answer to {made.method}")
            return
        response = event.response
        if self._asking is None or event.transaction is not self._asking.client:
            return
        if response.status < 200:
            if response.status > 100 and self._request.method == "INVITE":
                self._provisional(response, now)
            return
        if self._is_done:
            relay.repeated(peer, made.cseq.number)
            return
        self._final(made, response, now)
        relay.sbc.agenda.note(relay)

    def _provisional(self, response: Response, now: float) -> None:
        relay, leg = self._relay, self._leg
        body = relay.body_for(leg, response, self._peer)
        found = leg.answer(self._request, response.status, response.reason, carried(response), body, of=response)
        if response.rseq is not None:
            ours = leg.reliable.pass_on(self._request, self._peer, response, relay.core.layer.timing)
            if ours is None:
                return
            found.headers.add("RSeq", ours)
        relay.core.respond(self._transaction, found, now)

    def _final(self, made: Request, response: Response, now: float) -> None:
        relay, leg, peer = self._relay, self._leg, self._peer
        assert peer.dialog is not None
        is_success = response.status < 300
        peer.negotiation.asked_done(made.method, is_offer_in_answer=is_success and made.method == "INVITE" and not made.body)
        peer.dialog.receive_response(made, response)
        if is_success:
            peer.took(response)
            peer.said(made)
            peer.move()
        if peer.session.timer is not None:
            step = peer.session.timer.answered(response, now, chance=relay.sbc.chance())
            if isinstance(step, Send) and response.status == 422 and not relay.is_over:
                self._ask(made.method, made.body, now)
                return
            if isinstance(step, End):
                peer.dialog.end()
        else:
            peer.session.answered(response, now)
        self._is_done = True
        fields, body = carried(response), b"" if self._is_converted else relay.body_for(leg, response, peer)
        if self._is_converted:  # the answer to an offer that this side did not make
            relay.media.answered(peer, response.body)
            fields = [field for field in fields if field.key != "content-type"]
        elif self._has_offer and body and self._hold_format:
            body = hold.answered(body, self._request.body)
        status = told_status(response.status, leg.session.mode, peer.session.mode)
        reason = response.reason if status == response.status else None
        if reason is None:
            fields = [field for field in fields if field.key != "min-se"]
        found = leg.answer(self._request, status, reason, fields, body, of=response)
        leg.session.put_on_answer(found, peer.session)
        is_invite = made.method == "INVITE" and is_success
        if is_invite and (self._request.method != "INVITE" or relay.is_over):
            relay.acknowledge(peer, made.cseq.number)
            is_invite = False
        self._take_answer(found, now, peer if is_invite else None, made.cseq.number)
        if peer.dialog.is_ended:
            relay.end(now, f"{response.status} to {made.method}")

    def _refuse(self, status: int, now: float) -> None:
        self._take_answer(self._leg.answer(self._request, status), now, None, 0)

    def _take_answer(self, found: Response, now: float, other: Leg | None, other_cseq: int) -> None:
        """Send the final answer, and take note of what it means for this leg."""
        leg, request, relay = self._leg, self._request, self._relay
        is_success, is_invite = found.status < 300, request.method == "INVITE"
        leg.negotiation.received_done(request.method, is_offer_in_answer=is_success and is_invite and not self._has_offer)
        is_sent = relay.core.respond(self._transaction, found, now)
        if relay.is_over or leg.dialog is None:
            return
        leg.dialog.request_answered(request, found.status)
        if not is_success:
            return
        leg.took(request)
        leg.said(found)
        leg.move()
        leg.session.answer_sent(request, found, now)
        if is_invite and is_sent:
            repeater = Repeater(relay.core.layer.timing, now)
            leg.unacked = Unacked(self._transaction, found, repeater, request.cseq.number, other, other_cseq)
        relay.sbc.agenda.note(relay)
