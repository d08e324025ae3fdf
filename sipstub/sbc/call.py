"""A call: the INVITE of the caller, the INVITEs that the SBC makes of it, and then two legs.

What the caller hears is in CallerSide, who is called in Hunt.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sipstub.dialog.refusal import Refusal
from sipstub.dialog.repeater import Repeater
from sipstub.sbc import prack
from sipstub.sbc.branch import Branch
from sipstub.sbc.caller_side import CallerSide, tag_of
from sipstub.sbc.carrying import carried
from sipstub.sbc.errand import Steps
from sipstub.sbc.hunt import NO_ROUTE, Hunt
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.leg import Leg, Unacked
from sipstub.sbc.leg_session import LegSession
from sipstub.sbc.media_plane import MediaRefused
from sipstub.sbc.refer import HANDLE_LOCALLY
from sipstub.sbc.relay import Relay
from sipstub.sbc.routing import Trigger
from sipstub.sbc.transfer import Transfer
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import SipUri
from sipstub.transaction.event import Cancelled, TransactionFailed
from sipstub.transaction.machine import ServerTransaction
from sipstub.transaction.sending import Hop
from sipstub.transaction.timing import LONGEST_RINGING_S

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

GONE = 480
"What the caller gets when the other side ends an early dialog in a way that nobody should."
S_PER_MIN = 60


class Call(Relay):
    """One of them."""

    def __init__(self, sbc: Sbc, group: IpGroup, request: Request, transaction: ServerTransaction, source: Hop) -> None:
        super().__init__(sbc)
        self.request = request
        self.transaction = transaction
        contacts = request.contacts.addresses
        uri = contacts[0].uri if contacts else request.from_.uri
        self.user = uri.user if isinstance(uri, SipUri) else None
        "Of the caller's Contact: it stands in ours on the other leg."
        called = request.uri
        session = LegSession(group.profile)
        user = called.user if isinstance(called, SipUri) else None
        self.caller = Leg(self, group, source, self.core.places, session, is_caller=True, user=user)
        self.forwards = sbc.forwards(request)
        self.trigger = Trigger.INITIAL
        self._hunt = Hunt(self)
        self._side = CallerSide(self)
        self._transfer: Transfer | None = None
        transaction.user = self

    def begin(self, now: float) -> Response | None:
        """Return a refusal that can be given at once, or None."""
        request, caller = self.request, self.caller
        refusal = caller.session.receive(request) or prack.refusal_of(caller.group.profile, request)
        if refusal is not None:
            return refusal.answer_to(request, to_tag=self.transaction.to_tag)
        caller.negotiation.receive("INVITE", has_offer=bool(request.body), chance=0.0)
        caller.took(request)
        batches = self.sbc.batches(request, caller.group, self.trigger)
        self.core.respond(self.transaction, caller.answer(request, 100), now)
        self._hunt.begin(batches, now)
        return None

    def call_id_for(self, group: IpGroup) -> str:
        """Return the Call-ID on the callee's leg: new, or that of the caller where it is to be kept."""
        keeps = self.sbc.settings["SBCKeepOriginalCallId"] if group.keeps_call_id < 0 else group.keeps_call_id
        return self.request.call_id if keeps and self.trigger is Trigger.INITIAL and self._hunt.tries <= 1 else self.sbc.token()

    def source_for(self, leg: Leg) -> Leg:
        """Return whose messages go out on a leg: of one that nobody has answered on yet those of the caller."""
        return leg.peer or self.caller

    @property
    def relay(self) -> Relay:
        """Return the call that new legs belong to: this one."""
        return self

    def refer(self, leg: Leg, peer: Leg, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
        """Pass a REFER on, or carry it out."""
        if peer.group.profile.refer_behavior != HANDLE_LOCALLY or not self.is_connected:
            return super().refer(leg, peer, request, transaction, now)
        if self._transfer is not None:
            return Refusal(491, "a transfer is on its way").answer_to(request)
        self._transfer = Transfer(self, leg, peer, request)
        self.core.respond(transaction, leg.answer(request, 202), now)
        self._transfer.begin(now)
        return None

    def transfer_over(self, transfer: Transfer, now: float) -> None:
        """A transfer has come to its end, whatever it was; nothing is kept of who was called, or has left."""
        if self._transfer is transfer:  # a late fork of an earlier one says so once more
            self._transfer = None
        for leg in tuple(self.legs):
            if leg.is_closed and leg.unacked is None and leg is not self.caller:
                self.drop(leg)
        self.finish(now)
        self.sbc.agenda.note(self)

    # Sides that take the place of others

    @property
    def is_changing_sides(self) -> bool:
        """Return whether somebody is about to be let in already."""
        return self._transfer is not None or self._side.is_holding

    def let_in(self, joiner: Leg, staying: Leg) -> None:
        """Have a side talk to a new one from now on."""
        assert joiner.dialog is not None
        joiner.dialog.accepted()
        self.legs.append(joiner)
        self.sbc.bind(joiner)
        staying.peer, joiner.peer = joiner, staying

    def put_out(self, replaced: Leg, joiner: Leg, now: float) -> None:
        """Hang up on the side that a new one has taken the place of."""
        if self.caller is replaced:
            self.caller = joiner
        self.close(replaced, now)
        self.drop(replaced)

    def picked_up(self, caller: Leg, joiner: Leg, found: Response, now: float) -> None:
        """Take that the caller gets its answer from a new side; who rings is called off."""
        self._hunt.call_off(now, 'SIP;cause=200;text="Call completed elsewhere"')
        self._tie(caller, joiner, found, None, now)

    def end(self, now: float, why: str) -> None:
        """End all sides, and whom a transfer is calling; before the answer the caller is refused."""
        if not self.is_over and not self.is_connected:
            self._hunt.call_off(now, None)
            self.refuse(GONE, None, now, why=why)
            return
        if self._transfer is not None and not self.is_over:
            self._transfer.cancel(now)
        super().end(now, why)

    # The callee's side

    def provisional(self, branch: Branch, leg: Leg, response: Response, now: float) -> None:
        """Take a 101 to 199 of one fork."""
        if self.is_connected or self.is_over or branch.is_cancelled:
            return
        if not self._hunt.has_rung:
            self._hunt.has_rung = True
            self.alert(now)
        self._side.ring(leg, response, now)

    def answered(self, branch: Branch, leg: Leg, response: Response, invite: Request, now: float, *, is_first: bool) -> None:
        """Take the first 2xx of one dialog: it connects the call, or is hung up at once."""
        number = invite.cseq.number
        if self.is_connected or self.is_over or not is_first or self._side.is_holding:
            self.acknowledge(leg, number)
            self.close(leg, now)
            self.finish(now)
            return
        caller = self._side.leg_for(leg)
        if caller.reliable.has_open_session:
            self.ends_at = None
            self._hunt.found(branch, now)
            self._side.hold(leg, number, partial(self._connect, branch, caller, leg, response, number))
            return
        self._connect(branch, caller, leg, response, number, now)

    def _connect(self, branch: Branch, caller: Leg, leg: Leg, response: Response, number: int, now: float) -> None:
        try:
            found = self._side.answer(caller, response)
        except MediaRefused as refusal:
            self.acknowledge(leg, number)
            self._close(leg, now)
            self._hunt.call_off(now, None)
            self.refuse(refusal.status, None, now, why=refusal.why)
            return
        self._hunt.found(branch, now)
        leg.negotiation.asked_done("INVITE", is_offer_in_answer=not self.request.body)
        self._tie(caller, leg, found, number, now)

    def _tie(self, caller: Leg, leg: Leg, found: Response, number: int | None, now: float) -> None:
        """Give the caller the answer that connects it to a leg; `number` is of our INVITE there, if the answer is to that."""
        self.is_connected = True
        self._side.end(now)
        self.caller = caller
        caller.peer, leg.peer = leg, caller
        why = self.media.connected(caller, leg, now)
        caller.session.put_on_answer(found, leg.session)
        assert caller.dialog is not None
        caller.dialog.accepted()
        caller.said(found)
        caller.negotiation.received_done("INVITE", is_offer_in_answer=not self.request.body)
        caller.session.answer_sent(self.request, found, now)
        limits = (caller.group.profile.max_call_duration_min, leg.group.profile.max_call_duration_min)
        minutes = min((one for one in limits if one), default=0)
        self.ends_at = now + minutes * S_PER_MIN if minutes else None
        if not self.core.respond(self.transaction, found, now):
            if number is not None:
                self.acknowledge(leg, number)
            self.end(now, "the caller is gone")
            return
        repeater = Repeater(self.core.layer.timing, now)
        other = None if number is None else leg
        caller.unacked = Unacked(self.transaction, found, repeater, self.request.cseq.number, other, number or 0)
        self.keep(caller)
        self.keep(leg)
        if why:
            self.end(now, why)
        self.sbc.agenda.note(self)

    def branch_failed(self, branch: Branch, status: int, response: Response | None, now: float) -> None:
        """Take a final refusal, or that there is no answer: the next places, or the caller is told."""
        self._hunt.failed(branch, status, response, now)

    def try_also(self, batches: Steps, now: float) -> None:
        """Go on with other places before those that are left, as after a redirection."""
        self._hunt.try_also(batches, now)

    def alert(self, now: float) -> None:
        """Have those that are called ring for so long."""
        limit = self.sbc.settings["SBCAlertTimeout"]
        self.ends_at = now + (limit or LONGEST_RINGING_S)
        self.sbc.agenda.note(self)

    # The caller's side

    def on_server_event(self, event: Cancelled | TransactionFailed, now: float) -> None:
        """Take a CANCEL of the caller."""
        if not isinstance(event, Cancelled) or self.is_connected or self.is_over:
            return
        self._hunt.call_off(now, event.cancel.headers.get("reason"))
        self.refuse(487, None, now, why="CANCEL")

    def hang_up(self, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
        """Take a BYE, of an early dialog too (RFC 3261 section 15)."""
        if self.is_connected or leg is not self.caller:
            return super().hang_up(leg, request, transaction, now)
        self.core.respond(transaction, leg.answer(request, 200), now)
        self._hunt.call_off(now, None)
        self.refuse(487, None, now, why="BYE")
        return None

    def confirm(self, leg: Leg, prack: Request, transaction: ServerTransaction, now: float) -> Response | None:
        """Take a PRACK that is not for an answer of the other leg."""
        return self._side.confirm(leg, prack, transaction, now)

    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        found = super().next_timer()
        at = None if self.is_connected else self._side.next_timer
        return found if at is None or (found is not None and found < at) else at

    def on_timer(self, now: float) -> None:
        """Repeat what the caller has not confirmed, and whatever else is due."""
        refusal = None if self.is_connected else self._side.on_timer(now)
        if refusal is not None:
            self._hunt.call_off(now, None)
            self.refuse(refusal.status, None, now, why=refusal.fact)
        super().on_timer(now)

    def timed_out(self, now: float) -> None:
        """Nobody answered in time, or the call is too long."""
        if self.is_connected:
            super().timed_out(now)
            return
        self._hunt.timed_out(now)

    def refuse(self, status: int, response: Response | None, now: float, *, why: str = "") -> None:
        """Tell the caller that nothing came of it, and wait for what is still open on the other side."""
        if self.is_over:
            return
        caller, fields = self.caller, carried(response) if response is not None else []
        contact = self.sbc.redirection.contact(self, response, now) if response is not None and 300 <= status < 400 else None
        body = response.body if response is not None else b""
        tag = tag_of(caller) if caller.dialog is not None else self.transaction.to_tag
        found = caller.answer(
            self.request,
            status,
            response.reason if response is not None else None,
            fields,
            body,
            tag=tag,
            contact=contact,
            of=response,
        )
        caller.session.put_on_answer(found, caller.session)
        if status == NO_ROUTE and response is None:
            found.headers.add("Reason", 'SIP;cause=404;text="General Routing Failure"')
        self.core.respond(self.transaction, found, now)
        self.is_over, self.why, self.ends_at = True, why or str(status), None
        self._side.end(now)
        self.media.end()
        for leg in self.legs:
            if leg.dialog is not None and not leg.is_confirmed:
                leg.dialog.end()
                leg.is_closed = True
        self.finish(now)

    # The end

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is waited for any more."""
        return super().is_settled and not self._hunt.is_open and not (self._transfer is not None and self._transfer.is_open)

    def finish(self, now: float) -> None:
        """Take note that somebody who was called gave the last word."""
        if self.is_over:
            self._settle()
