"""What the caller hears of whoever is called: 18x and the answer, in one dialog or in one for each fork.

One To tag stands on the caller's leg whatever forks answer (SBCRemoteMultipleEarlyDialogs -1 and 0) [inferred], or one for
each (1).  It is the callee's own, or with ForceGenerateToTag a short one of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sipstub.dialog.dialog import dialog_of_server
from sipstub.dialog.refusal import Refusal
from sipstub.sbc import early_media, representation
from sipstub.sbc.carrying import carried
from sipstub.sbc.leg import SDP, Leg, is_sdp
from sipstub.sbc.leg_session import LegSession
from sipstub.sbc.prack import confirm, makes_reliable
from sipstub.sip.message import Request, Response
from sipstub.transaction.machine import ServerTransaction

if TYPE_CHECKING:
    from sipstub.sbc.call import Call

FORCED_TAG = 12
"Longest tag that ForceGenerateToTag makes."


class Held(NamedTuple):
    """An answer that waits."""

    leg: Leg
    cseq: int
    go_on: Callable[[float], None]


class CallerSide:
    """That of one call."""

    __slots__ = ("_call", "_held", "_latched", "_offering", "_told_by")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._latched: Leg | None = None
        "The fork that rang first."
        self._offering: Leg | None = None
        "The fork whose offer the caller has, which made none itself."
        self._held: Held | None = None
        self._told_by: Leg | None = None
        "The fork whose description the caller was told last."

    def ring(self, leg: Leg, response: Response, now: float) -> None:
        """Tell the caller a 101 to 199 of one fork, unless it is to hear of another one alone."""
        call, profile = self._call, self._call.caller.group.profile
        if not self._is_heard(leg, response):
            self._keep_back(leg, response, now)
            return
        if not call.request.body and response.body and is_sdp(response) and not leg.has_own_offer:
            if self._offering is None or self._offering.is_closed:
                self._offering = leg
            elif leg is not self._offering:  # of offers the first alone
                return
        caller = self.leg_for(leg)
        leg.took(response)
        found = self.answer(caller, response)
        if not caller.session.is_carrying or not leg.session.is_carrying:
            caller.session.put_on_answer(found, leg.session)
        timing = call.core.layer.timing
        if response.rseq is not None:
            ours = caller.reliable.pass_on(call.request, leg, response, timing)
            if ours is None:
                return
            found.headers.add("RSeq", ours)
        caller.said(found)
        self._told_by = leg if found.body else self._told_by
        if response.rseq is None and makes_reliable(profile, call.request):
            reliable = caller.reliable.send(call.request, found, timing, now)
            call.sbc.agenda.note(call)
            if reliable is None:
                return
        call.core.respond(call.transaction, found, now)

    def _is_heard(self, leg: Leg, response: Response) -> bool:
        """Return whether the caller is to hear an answer; one that it has and did not confirm is its own to confirm."""
        call = self._call
        if self._latched is None or self._latched.is_closed:  # who rang first may have refused since
            self._latched = leg
            return True
        is_latched = leg is self._latched or call.sbc.settings["SBCForkingHandlingMode"] == 1
        if is_latched and call.caller.group.profile.multiple_18x != 0:
            return True
        return leg.peer is not None and leg.peer.reliable.waiting(leg, response) is not None

    def _keep_back(self, leg: Leg, response: Response, now: float) -> None:
        """Confirm a reliable answer that the caller is not to hear of, as nobody else would; an offer nobody could answer."""
        leg.took(response)
        if response.rseq is not None and (self._call.request.body or not response.body):
            confirm(leg, response, now)

    def confirm(self, caller: Leg, prack: Request, transaction: ServerTransaction, now: float) -> Response | None:
        """Take the PRACK for an answer that the SBC made reliable; an offer in it is answered by what the caller has [choice]."""
        call, had_session = self._call, caller.reliable.has_open_session
        following = caller.reliable.receive(prack, now)
        if isinstance(following, Refusal):
            return following.answer_to(prack)
        if had_session:
            caller.negotiation.offer_answered()
        found = caller.answer(prack, 200)
        if prack.body and is_sdp(prack) and caller.description:
            found.set_body(caller.description, SDP)
        call.core.respond(transaction, found, now)
        if following is not None:
            call.core.respond(call.transaction, following, now)
        if self._held is not None and not caller.reliable.has_open_session:
            held, self._held = self._held, None
            held.go_on(now)
        call.sbc.agenda.note(call)
        return None

    # The answer, which may have to wait for a PRACK (RFC 3262 section 3)

    def hold(self, leg: Leg, cseq: int, go_on: Callable[[float], None]) -> None:
        """Have the answer of a fork wait until the caller has confirmed what it was told before."""
        self._held = Held(leg, cseq, go_on)

    @property
    def is_holding(self) -> bool:
        """Return whether an answer waits."""
        return self._held is not None

    def end(self, now: float) -> None:
        """The final answer goes out: nothing is repeated any more, and who waits with an answer is hung up."""
        for leg in self._call.legs:
            leg.reliable.end()
        held, self._held = self._held, None
        if held is not None and not held.leg.is_closed:
            self._call.acknowledge(held.leg, held.cseq)
            self._call.close(held.leg, now)

    @property
    def next_timer(self) -> float | None:
        """Return when an answer to the caller has to be repeated."""
        times = (leg.reliable.next_timer for leg in self._call.legs)
        return min((at for at in times if at is not None), default=None)

    def on_timer(self, now: float) -> Refusal | None:
        """Repeat what has no PRACK; return why the call is refused if that never came."""
        for leg in self._call.legs:
            found = leg.reliable.on_timer(now)
            if isinstance(found, Refusal):
                return found
            if found is not None:
                self._call.core.respond(self._call.transaction, found, now)
        return None

    def leg_for(self, leg: Leg) -> Leg:
        """Return the caller's leg that a fork talks to, with its dialog."""
        call = self._call
        has_each = call.caller.group.profile.multiple_early_dialogs == 1
        caller: Leg | None = call.caller
        if has_each:
            caller = leg.peer or (call.caller if call.caller.dialog is None else None)
        if caller is None:
            first = call.caller
            session = LegSession(first.group.profile)
            session.receive(call.request)
            caller = Leg(call, first.group, first.hop, call.core.places, session, is_caller=True, user=None)
            caller.contact, caller.negotiation = first.contact, first.negotiation
            caller.side = first.side
        if caller.dialog is None:
            caller.dialog = dialog_of_server(call.request, self._tag_for(leg), is_accepted=False)
            caller.heard_description = call.request.body
            caller.move()
            call.legs.append(caller)
            call.sbc.bind(caller)
        caller.peer, leg.peer = leg, caller
        return caller

    def answer(self, caller: Leg, response: Response) -> Response:
        """Return an answer of a fork as the caller gets it; raises MediaRefused, see `carried_body`."""
        call, leg = self._call, caller.peer
        if leg is not None and self._lacks_description(leg, response):
            response.set_body(leg.heard_description, SDP)
        status, fields = response.status, carried(response)
        is_early_answer = status < 200 and leg is not None and leg.has_own_offer
        body = b"" if is_early_answer else call.body_for(caller, response)  # not to the caller, whose offer it would be
        if is_early_answer:
            fields = [field for field in fields if field.key != "content-type"]
        if body and is_sdp(response) and call.request.body:
            status, keeps = early_media.told(caller.group.profile, status, is_another=caller.description not in (b"", body))
            if not keeps:
                body, fields = b"", [field for field in fields if field.key != "content-type"]
        reason = response.reason if status == response.status else None
        found = caller.answer(call.request, status, reason, fields, body, tag=tag_of(caller), of=response)
        representation.answer_routes(found, response, caller.group.profile, call.core.places, caller.hop)
        return found

    def _lacks_description(self, leg: Leg, response: Response) -> bool:
        """Return whether a 2xx says none as a reliable answer said it, which the caller got without, or did not get."""
        return response.status >= 200 and not response.body and bool(self._call.request.body) and self._told_by is not leg

    def _tag_for(self, leg: Leg) -> str:
        assert leg.dialog is not None
        sbc = self._call.sbc
        is_forced = sbc.settings["ForceGenerateToTag"]
        return sbc.token()[:FORCED_TAG] if is_forced or not leg.dialog.id.remote_tag else leg.dialog.id.remote_tag


def tag_of(caller: Leg) -> str:
    """Return the To tag of a leg of the caller."""
    assert caller.dialog is not None
    return caller.dialog.id.local_tag
