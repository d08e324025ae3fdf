"""One INVITE of the SBC: to one contact of a user, or to one server; with a leg for each dialog that it makes.

A 422 on a leg of our own is followed by one more INVITE with a longer interval (RFC 4028 section 7.3) [choice].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.dialog.dialog import Dialog, dialog_of_client
from sipstub.dialog.forks import MAX_FORKS
from sipstub.sbc import prack, representation
from sipstub.sbc.carrying import carried
from sipstub.sbc.client_login import with_credentials
from sipstub.sbc.leg import SDP, Leg
from sipstub.sbc.leg_session import LegSession
from sipstub.sbc.media_plane import MediaRefused
from sipstub.sbc.target import Target
from sipstub.session_timer.offer import Offer
from sipstub.sip.cseq import CSeq
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.transaction.event import ResponseArrived, TransactionFailed
from sipstub.transaction.machine import ClientTransaction

if TYPE_CHECKING:
    from sipstub.sbc.branching import Branching


class Branch:
    """One of them."""

    __slots__ = (
        "_call",
        "_client",
        "_confirmed",
        "_first",
        "_invite",
        "_legs",
        "_offer",
        "_own_offer",
        "_proofs",
        "is_cancelled",
        "is_done",
        "target",
    )

    def __init__(self, call: Branching, target: Target) -> None:
        self._call = call
        self.target = target
        self.is_done = False
        "Whether there is a final answer, or will never be."
        self.is_cancelled = False
        self._legs: dict[str, Leg] = {}
        "By the tag of the other side."
        self._confirmed: set[Leg] = set()
        "Of these, those for which the SBC did PRACK."
        self._first: Leg | None = None
        self._offer: Offer | None = None
        self._own_offer = b""
        "Of media, where the caller made none and this side takes no INVITE without one."
        self._invite: Request | None = None
        self._client: ClientTransaction | None = None
        self._proofs = 0
        "Challenges to it that were answered."

    def begin(self, now: float) -> None:
        """Send the INVITE."""
        call, target = self._call, self.target
        sbc, request = call.sbc, call.request
        session = LegSession(target.group.profile)
        self._offer = session.offer(call.caller.session)
        self._first = leg = self._leg(session, now)
        from_, to = sbc.rewriting.names(request, target)
        invite = Request("INVITE", target.uri)
        add = invite.headers.add
        add("Max-Forwards", call.forwards)
        add("From", NameAddr(from_.uri, from_.display, from_.params.without("tag").set("tag", sbc.token())))
        add("To", to)
        add("Call-ID", call.call_id_for(target.group))
        add("CSeq", CSeq(1, "INVITE"))
        add("Contact", leg.contact)
        representation.put_vias(invite, request, target.group.profile)
        representation.put_routes(invite, request, target.group.profile, call.core.places, target.hop)
        invite.headers.take_over(carried(request))
        representation.put_agent(invite, request, target.group.profile)
        try:
            for name, value in sbc.translated_invite(request, target.group):
                add(name, value)
            if body := call.body_for(leg, request):
                invite.set_body(body)
            elif not target.group.profile.takes_delayed_offer:
                self._own_offer = call.relay.media.first_offer(leg)
                if self._own_offer:
                    invite.set_body(self._own_offer, SDP)
            sbc.rewriting.identify(invite, target)
        except (MediaRefused, SipError) as refusal:
            self.is_done = True
            call.branch_failed(self, refusal.status, None, now)
            return
        if self._offer is not None:
            self._offer.send.headers.put_on(invite)
        else:
            session.put_on_request(invite, call.caller.session)
        prack.put_on(invite, target.group.profile, call.caller.group.profile)
        self._send(invite, now)

    def cancel(self, now: float, reason: str | None = None) -> None:
        """Want it no more."""
        if self.is_done or self.is_cancelled:
            return
        self.is_cancelled = True
        if self._client is not None:
            self._call.core.layer.cancel(self._client, now, reason=reason)

    def _send(self, invite: Request, now: float) -> None:
        leg = self._first
        assert leg is not None
        self._invite = invite
        if self._offer is not None:
            self._offer.asked(invite)
        self._client = self._call.core.request(invite, self.target.hop, now, self._answered, via=leg.via)

    def _answered(self, event: ResponseArrived | TransactionFailed, now: float) -> None:
        call = self._call
        if isinstance(event, TransactionFailed):
            if not self.is_done and event.transaction is self._client:
                self._end_early()
                self.is_done = True
                call.branch_failed(self, event.status, None, now)
            return
        response, invite = event.response, self._invite
        assert invite is not None
        if event.transaction is not self._client:  # of the INVITE before the 422
            return
        status = response.status
        if status == 100:
            return
        if status < 300:
            representation.without_ours(response, invite)
            leg = self._leg_of(response, now)
            if leg is None:
                return
            if status < 200:
                if self._confirms(leg, response, now):
                    call.provisional(self, leg, response, now)
            elif invite.cseq.number in leg.acks:
                call.relay.repeated(leg, invite.cseq.number)
            else:
                self._confirm(leg, response, now)
            return
        if self.is_done:
            return
        if self._offer is not None and status == 422 and not self.is_cancelled and self._offer.refused(response) is not None:
            self._send(self._offer.again(invite), now)
            return
        self._end_early()
        again = None if self.is_cancelled else self._with_password(invite, response)
        if again is not None:
            self._send(again, now)
            return
        self.is_done = True
        call.branch_failed(self, status, response, now)

    def _confirms(self, leg: Leg, response: Response, now: float) -> bool:
        """Return whether a 101 to 199 goes on to the caller: not if it came before and the SBC did PRACK for it."""
        is_ours = prack.is_ours(self.target.group.profile, self._call.request, response)
        if not is_ours and (not leg.has_own_offer or response.rseq is None):
            return True
        self._confirmed.add(leg)
        return prack.confirm(leg, response, now)

    def _with_password(self, invite: Request, response: Response) -> Request | None:
        call, group = self._call, self.target.group
        again = with_credentials(invite, response, group, call.caller.group.name, call.sbc.token(), self._proofs)
        if again is not None:
            self._proofs += 1
        return again

    def _confirm(self, leg: Leg, response: Response, now: float) -> None:
        dialog, invite = leg.dialog, self._invite
        assert dialog is not None and invite is not None
        if leg.is_confirmed:  # repeated before the caller's ACK has come
            return
        leg.is_confirmed = True
        dialog.confirm(response)
        leg.move()
        if leg in self._confirmed:
            prack.complete(leg, response)
        leg.took(response)
        if leg.session.timer is not None:
            leg.session.timer.answered(response, now)
        else:
            leg.session.answered(response, now)
        was_done, self.is_done = self.is_done, True
        self._call.answered(self, leg, response, invite, now, is_first=not was_done)

    def _leg_of(self, response: Response, now: float) -> Leg | None:
        """Return the leg of the dialog that an answer is in, made where it is new; None for a tag too many."""
        tag = response.to.tag or ""
        found = self._legs.get(tag)
        if found is not None:
            if response.status < 200 and found.dialog is not None:
                found.dialog.refresh(response)
            return found
        if len(self._legs) >= MAX_FORKS or (response.status < 200 and not tag) or response.status == 199:
            return None
        assert self._invite is not None
        dialog = dialog_of_client(self._invite, response)
        if dialog is None:
            return None
        if self._legs or self._first is None:
            timer = self._offer.timer(now) if self._offer is not None else None
            found = self._leg(LegSession(self.target.group.profile, timer), now)
            found.side = self._first.side if self._first is not None else None
        else:
            found = self._first
            if self._offer is not None:
                found.session.timer = self._offer.timer(now)
        self._legs[tag] = found
        self._know(found, dialog)
        return found

    def _know(self, leg: Leg, dialog: Dialog) -> None:
        leg.dialog = dialog
        leg.description = self._invite.body if self._invite is not None else b""
        leg.has_own_offer = bool(self._own_offer)
        if self._proofs and self._invite is not None:
            leg.proves(self._invite)
        leg.move()
        self._call.sbc.bind(leg)
        self._call.relay.legs.append(leg)

    def _leg(self, session: LegSession, now: float) -> Leg:
        call, target = self._call, self.target
        leg = Leg(call.relay, target.group, target.hop, call.core.places, session, is_caller=False, user=call.user)
        leg.show(call.request)
        return leg

    def _end_early(self) -> None:
        for leg in self._legs.values():
            if leg.dialog is not None and not leg.is_confirmed:
                leg.dialog.end()
                leg.is_closed = True
