"""What the caller hears of whoever is called: 18x and the answer, in one dialog or in one for each fork.

One To tag stands on the caller's leg whatever forks answer (SBCRemoteMultipleEarlyDialogs -1 and 0) [inferred], or one for
each (1).  It is the callee's own, or with ForceGenerateToTag a short one of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.dialog.dialog import dialog_of_server
from sipstub.sbc import early_media, representation
from sipstub.sbc.carrying import carried
from sipstub.sbc.leg import Leg, is_sdp
from sipstub.sbc.leg_session import LegSession
from sipstub.sip.message import Response

if TYPE_CHECKING:
    from sipstub.sbc.call import Call

FORCED_TAG = 12
"Longest tag that ForceGenerateToTag makes."


class CallerSide:
    """That of one call."""

    __slots__ = ("_call", "_latched")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._latched: Leg | None = None
        "The fork that rang first."

    def ring(self, leg: Leg, response: Response, now: float) -> None:
        """Tell the caller a 101 to 199 of one fork, unless it is to hear of another one alone."""
        call = self._call
        profile, is_sequential = call.caller.group.profile, call.sbc.settings["SBCForkingHandlingMode"] == 1
        if self._latched is None:
            self._latched = leg
        elif (leg is not self._latched and not is_sequential) or profile.multiple_18x == 0:
            return
        caller = self.leg_for(leg)
        leg.took(response)
        found = self.answer(caller, response)
        if not caller.session.is_carrying or not leg.session.is_carrying:
            caller.session.put_on_answer(found, leg.session)
        rseq = response.rseq
        if rseq is not None:
            ours = caller.remember_reliable(call.request.cseq.number, leg, rseq, response.cseq.number)
            if ours is None:
                return
            found.headers.add("RSeq", ours)
        caller.said(found)
        call.core.respond(call.transaction, found, now)

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
        call = self._call
        body, fields = call.body_for(caller, response), carried(response)
        status = response.status
        if body and is_sdp(response) and call.request.body:
            status, keeps = early_media.told(caller.group.profile, status, is_another=caller.description not in (b"", body))
            if not keeps:
                body, fields = b"", [field for field in fields if field.key != "content-type"]
        reason = response.reason if status == response.status else None
        found = caller.answer(call.request, status, reason, fields, body, tag=tag_of(caller), of=response)
        representation.answer_routes(found, response, caller.group.profile, call.core.places, caller.hop)
        return found

    def _tag_for(self, leg: Leg) -> str:
        assert leg.dialog is not None
        sbc = self._call.sbc
        is_forced = sbc.settings["ForceGenerateToTag"]
        return sbc.token()[:FORCED_TAG] if is_forced or not leg.dialog.id.remote_tag else leg.dialog.id.remote_tag


def tag_of(caller: Leg) -> str:
    """Return the To tag of a leg of the caller."""
    assert caller.dialog is not None
    return caller.dialog.id.local_tag
