"""INVITE with Replaces that the SBC carries out itself, for a side that cannot: SBCRemoteReplacesBehavior 1.  RFC 3891 section 3.

The profile is that of the side that stays.  In a call that is up it gets a re-INVITE (or UPDATE) with what the new side offers;
with its answer the new side is let in, and the other one gets BYE.  Refused, the call stays as it is.  A call that rings is
picked up for its caller alone, as nobody else may (section 3): both offers are made the answers to each other, and the phones
that ring are called off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from sipstub.dialog.dialog import dialog_of_server
from sipstub.dialog.dialog_id import DialogId
from sipstub.dialog.refusal import Refusal
from sipstub.dialog.repeater import Repeater
from sipstub.sbc import prack
from sipstub.sbc.change import Change
from sipstub.sbc.crossing import as_answer
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.leg import SDP, Leg, Unacked, is_sdp
from sipstub.sbc.leg_session import LegSession
from sipstub.sbc.media_plane import MediaRefused
from sipstub.sip.message import Request, Response
from sipstub.sip.replaces import Replaces
from sipstub.sip.uri import SipUri
from sipstub.transaction.event import Cancelled, RequestArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction

if TYPE_CHECKING:
    from sipstub.sbc.call import Call
    from sipstub.sbc.service import Sbc

HANDLE_LOCALLY = 1
"SBCRemoteReplacesBehavior."
OPTION = "replaces"
NOT_ACCEPTABLE = 488
"What the new side gets where offers do not meet."


class Named(NamedTuple):
    """The call that a Replaces names."""

    replaced: Leg
    staying: Leg

    @property
    def call(self) -> Call:
        """Return the call that both legs are of."""
        return cast("Call", self.staying.relay)

    @property
    def is_ours(self) -> bool:
        """Return whether the side that stays cannot do it, so that the SBC has to."""
        return self.staying.group.profile.replaces_behavior == HANDLE_LOCALLY


def named(sbc: Sbc, replaces: Replaces) -> Named | None:
    """Return the call by the ids of either leg: as the replaced side wrote them, or as the other one knows its dialog."""
    name = DialogId.named_by(replaces)
    leg = sbc.leg_of(name)
    if leg is None:
        other = sbc.leg_of(name.of_peer)
        leg = None if other is None else other.peer
    if leg is None or leg.peer is None or leg.dialog is None or leg.dialog.method != "INVITE":
        return None
    return Named(leg, leg.peer)


def refusal_of(found: Named, replaces: Replaces) -> Refusal | None:
    """Return why a dialog cannot be replaced."""
    call = found.call
    if call.is_over or found.staying.is_closed or found.replaced.is_closed:
        return Refusal(603, "that call is over")
    if call.is_connected and replaces.is_early_only:
        return Refusal(486, "that call is answered")
    if not call.is_connected and not found.staying.is_caller:
        return Refusal(481, "that call rings, and the side that rings cannot be given another caller")
    if call.is_changing_sides or any(leg.unacked is not None for leg in call.legs):
        return Refusal(491, "that call is changing")
    return None


def take(sbc: Sbc, group: IpGroup, arrived: RequestArrived, found: Named, now: float) -> Response | None:
    """Return the answer to an INVITE that replaces a side of a call of ours, or None to give it later."""
    request, transaction = arrived.request, arrived.transaction
    assert transaction is not None and request.replaces is not None
    refusal = prack.refusal_of(group.profile, request) or refusal_of(found, request.replaces)
    if len(request.headers.lines("replaces")) > 1 or request.headers.lines("join"):
        refusal = Refusal(400, "one call can be replaced")
    if refusal is not None:
        return refusal.answer_to(request, to_tag=transaction.to_tag)
    left = [word for word in request.require if word != OPTION]  # it is us who do it
    request.headers.remove("Require")
    if left:
        request.headers.add("Require", ", ".join(left))
    user = request.uri.user if isinstance(request.uri, SipUri) else None
    joiner = Leg(found.call, group, arrived.source, sbc.core.places, LegSession(group.profile), is_caller=True, user=user)
    joiner.dialog = dialog_of_server(request, transaction.to_tag, is_accepted=False)
    joiner.peer = found.staying
    sbc.core.respond(transaction, joiner.answer(request, 100), now)
    if found.call.is_connected:
        refused = Joining(joiner, found, request, transaction).begin(now)
        if refused is not None and refused.to.tag is None:
            refused.headers.set("To", refused.to.with_tag(transaction.to_tag))
        return refused
    return _pick_up(joiner, found, request, transaction, now)


class Joining(Change):
    """A new side that takes the place of one in a call that is up."""

    __slots__ = ("_found",)

    def __init__(self, joiner: Leg, found: Named, request: Request, transaction: ServerTransaction) -> None:
        super().__init__(found.call, joiner, found.staying, request, transaction)
        self._found = found

    @property
    def _is_kept_back(self) -> bool:
        return False

    def _provisional(self, response: Response, now: float) -> None:
        """A 18x to a re-INVITE says nothing to who is let in by the answer."""

    def _answer_here(self, now: float) -> Response | None:
        """Let the new side in with what the side that stays said last, which can be told nothing [choice]."""
        call, joiner, staying = self._found.call, self._leg, self._peer
        body = b""
        if self._has_offer and not call.media.is_direct:
            said = Response(200)
            said.set_body(staying.heard_description, SDP)
            try:
                call.body_for(staying, self._request, joiner)
                body = call.body_for(joiner, said, staying)
            except MediaRefused:
                body = b""
        if not body:
            joiner.negotiation.received_done("INVITE")
            return joiner.answer(self._request, NOT_ACCEPTABLE)
        found = joiner.answer(self._request, 200, body=body)
        found.headers.set("Content-Type", SDP)
        joiner.session.put_on_answer(found, staying.session)
        self._take_answer(found, now, None, 0)
        return None

    def _take_answer(self, found: Response, now: float, other: Leg | None, other_cseq: int) -> None:
        call, joiner, staying = self._found.call, self._leg, self._peer
        is_success = found.status < 300
        if is_success and call.is_over:
            found, is_success = joiner.answer(self._request, 481), False
        if is_success:
            call.let_in(joiner, staying)
            call.media.connected(staying, joiner, now)
        super()._take_answer(found, now, other, other_cseq)
        if is_success:
            call.keep(joiner)
            call.put_out(self._found.replaced, joiner, now)
        elif not call.is_over:
            call.media.stay(staying, self._found.replaced)


def _pick_up(joiner: Leg, found: Named, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
    """Connect the caller of a call that rings to a new side."""
    call, caller = found.call, found.staying
    joiner.negotiation.receive("INVITE", has_offer=bool(request.body), chance=0.0)
    refusal = joiner.session.receive(request)
    if refusal is not None:
        return refusal.answer_to(request, to_tag=transaction.to_tag)
    bodies = _crossed(joiner, found, request)
    if bodies is None:
        return joiner.answer(request, NOT_ACCEPTABLE)
    transaction.user = _PickedUp()
    for_caller, for_joiner = bodies
    told = joiner.answer(request, 200, body=for_joiner)
    told.headers.set("Content-Type", SDP)
    told.headers.add("Allow", joiner.allow)
    joiner.session.put_on_answer(told, caller.session)
    answered = caller.answer(call.request, 200, body=for_caller)
    answered.headers.set("Content-Type", SDP)
    answered.headers.add("Allow", caller.allow)
    joiner.took(request)
    call.let_in(joiner, caller)
    joiner.negotiation.received_done("INVITE")
    joiner.said(told)
    joiner.session.answer_sent(request, told, now)
    call.core.respond(transaction, told, now)
    repeater = Repeater(call.core.layer.timing, now)
    joiner.unacked = Unacked(transaction, told, repeater, request.cseq.number, None, 0)
    call.picked_up(caller, joiner, answered, now)
    call.keep(joiner)
    return None


def _crossed(joiner: Leg, found: Named, request: Request) -> tuple[bytes, bytes] | None:
    """Return what the caller and the new side are answered; None where their offers do not meet, or one made none [choice]."""
    call, caller = found.call, found.staying
    if not (request.body and is_sdp(request) and call.request.body and is_sdp(call.request)):
        return None
    said = Response(200)
    try:
        for_caller = as_answer(call.body_for(caller, request, joiner), call.request.body)
        said.set_body(as_answer(call.request.body, request.body), SDP)
        for_joiner = call.body_for(joiner, said, caller) if said.body else b""
    except MediaRefused:
        return None
    return (for_caller, for_joiner) if for_caller and for_joiner else None


class _PickedUp:
    """The transaction of an INVITE that was answered at once."""

    def on_server_event(self, event: Cancelled | TransactionFailed, now: float) -> None:
        """A CANCEL that crosses the answer comes to nothing."""
