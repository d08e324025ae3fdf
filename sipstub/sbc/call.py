"""A call: the INVITE of the caller, the INVITEs that the SBC makes of it, and then two legs.

One To tag stands on the caller's leg whatever forks answer (SBCRemoteMultipleEarlyDialogs -1 and 0) [inferred], or one for
each (1).  It is the callee's own, or with ForceGenerateToTag a short one of ours.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sipstub.dialog.dialog import dialog_of_server
from sipstub.dialog.refusal import Refusal
from sipstub.dialog.repeater import Repeater
from sipstub.sbc import early_media, prack
from sipstub.sbc.branch import Branch
from sipstub.sbc.carrying import carried
from sipstub.sbc.errand import Errand, Steps
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.leg import Leg, Unacked, is_sdp
from sipstub.sbc.leg_session import LegSession
from sipstub.sbc.loop import LAST_WORDS
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

MAX_PARALLEL = 5
"Legs to contacts of one user at the same time."
MAX_TRIES = 16
"INVITEs that one call may lead to, alternatives and redirections included."
FORCED_TAG = 12
"Longest tag that ForceGenerateToTag makes."
NO_ROUTE = 404
"Where no rule fits, or the user is not registered [choice]."
NO_ANSWER = 408
"What the caller gets when SBCAlertTimeout ran out [choice: no source names the code]."
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
        self._batches: Steps = iter(())
        self._branches: list[Branch] = []
        self._tries = 0
        self._latched: Leg | None = None
        self._has_rung = False
        self._is_cancelled = False
        self._transfer: Transfer | None = None
        self._best: tuple[int, Response | None] | None = None
        transaction.user = self

    def begin(self, now: float) -> Response | None:
        """Return a refusal that can be given at once, or None."""
        request, caller = self.request, self.caller
        refusal = caller.session.receive(request) or prack.refusal_of(caller.group.profile, request)
        if refusal is not None:
            return refusal.answer_to(request, to_tag=self.transaction.to_tag)
        caller.negotiation.receive("INVITE", has_offer=bool(request.body), chance=0.0)
        caller.took(request)
        self._batches = self.sbc.batches(request, caller.group, self.trigger)
        self.core.respond(self.transaction, caller.answer(request, 100), now)
        self._next(now)
        return None

    def call_id_for(self, group: IpGroup) -> str:
        """Return the Call-ID on the callee's leg: new, or that of the caller where it is to be kept."""
        keeps = self.sbc.settings["SBCKeepOriginalCallId"] if group.keeps_call_id < 0 else group.keeps_call_id
        return self.request.call_id if keeps and self.trigger is Trigger.INITIAL and self._tries <= 1 else self.sbc.token()

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
        """A transfer has come to its end, whatever it was."""
        self._transfer = None
        self._finish(now)
        self.sbc.agenda.note(self)

    def end(self, now: float, why: str) -> None:
        """End all sides, and whom a transfer is calling; before the answer the caller is refused."""
        if not self.is_over and not self.is_connected:
            self._give_up(now, None)
            self._refuse(GONE, None, now, why=why)
            return
        if self._transfer is not None and not self.is_over:
            self._transfer.cancel(now)
        super().end(now, why)

    # The callee's side

    def provisional(self, branch: Branch, leg: Leg, response: Response, now: float) -> None:
        """Take a 101 to 199 of one fork."""
        if self.is_connected or self.is_over or branch.is_cancelled:
            return
        if not self._has_rung:
            self._has_rung = True
            self._alert(now)
        profile, is_sequential = self.caller.group.profile, self.sbc.settings["SBCForkingHandlingMode"] == 1
        if self._latched is None:
            self._latched = leg
        elif (leg is not self._latched and not is_sequential) or profile.multiple_18x == 0:
            return
        caller = self._caller_for(leg, response)
        leg.took(response)
        found = self._answer(caller, response)
        if not caller.session.is_carrying or not leg.session.is_carrying:
            caller.session.put_on_answer(found, leg.session)
        rseq = response.rseq
        if rseq is not None:
            ours = caller.remember_reliable(self.request.cseq.number, leg, rseq, response.cseq.number)
            if ours is None:
                return
            found.headers.add("RSeq", ours)
        caller.said(found)
        self.core.respond(self.transaction, found, now)

    def answered(self, branch: Branch, leg: Leg, response: Response, invite: Request, now: float, *, is_first: bool) -> None:
        """Take the first 2xx of one dialog: it connects the call, or is hung up at once."""
        number = invite.cseq.number
        if self.is_connected or self.is_over or not is_first:
            self.acknowledge(leg, number)
            leg.is_closed = False
            self._close(leg, now)
            self._finish(now)
            return
        caller = self._caller_for(leg, response)
        try:
            found = self._answer(caller, response)
        except MediaRefused as refusal:
            self.acknowledge(leg, number)
            self._close(leg, now)
            self._give_up(now, None)
            self._refuse(refusal.status, None, now, why=refusal.why)
            return
        self.is_connected = True
        self.caller = caller
        caller.peer, leg.peer = leg, caller
        for one in self._branches:
            if one is not branch:
                one.cancel(now, 'SIP;cause=200;text="Call completed elsewhere"')
        why = self.media.connected(caller, leg, now)
        caller.session.put_on_answer(found, leg.session)
        assert caller.dialog is not None
        caller.dialog.accepted()
        caller.said(found)
        has_offer = bool(self.request.body)
        caller.negotiation.received_done("INVITE", is_offer_in_answer=not has_offer)
        leg.negotiation.asked_done("INVITE", is_offer_in_answer=not has_offer)
        caller.session.answer_sent(self.request, found, now)
        limits = (caller.group.profile.max_call_duration_min, leg.group.profile.max_call_duration_min)
        minutes = min((one for one in limits if one), default=0)
        self.ends_at = now + minutes * S_PER_MIN if minutes else None
        if not self.core.respond(self.transaction, found, now):
            self.acknowledge(leg, number)
            self.end(now, "the caller is gone")
            return
        repeater = Repeater(self.core.layer.timing, now)
        caller.unacked = Unacked(self.transaction, found, repeater, self.request.cseq.number, leg, number)
        self.keep(caller)
        self.keep(leg)
        if why:
            self.end(now, why)
        self.sbc.agenda.note(self)

    def branch_failed(self, branch: Branch, status: int, response: Response | None, now: float) -> None:
        """Take a final refusal, or that there is no answer: the next places, or the caller is told."""
        self._branches.remove(branch)
        if self.is_connected or self.is_over:
            self._finish(now)
            return
        if response is not None and 300 <= status < 400 and self._follow(response, now):
            return
        if self._best is None or _rank(status) < _rank(self._best[0]):
            self._best = (status, response)
        if status >= 600:
            for one in self._branches:
                one.cancel(now)
        if status >= 600 or status in LAST_WORDS:
            self._batches = iter(())
        if not self._branches:
            self._next(now)

    def _follow(self, response: Response, now: float) -> bool:
        return self.sbc.redirection.follow(self, response, now)

    def try_also(self, batches: Steps, now: float) -> None:
        """Go on with other places before those that are left, as after a redirection."""
        rest = self._batches

        def all_of_them() -> Steps:
            yield from batches
            yield from rest

        self._batches = all_of_them()
        if not self._branches:
            self._next(now)

    def _next(self, now: float) -> None:
        while not self.is_over and not self._is_cancelled and self._tries < MAX_TRIES:
            batch = next(self._batches, None)
            if batch is None:
                break
            if not isinstance(batch, tuple):
                self.ends_at = None
                batch.begin(partial(self._errand_done, batch), now)
                return
            self._has_rung = False
            for target in batch[:MAX_PARALLEL]:
                if self.is_over:  # the media of one before could not pass
                    return
                self._tries += 1
                branch = Branch(self, target)
                self._branches.append(branch)
                branch.begin(now)
            if self._branches:
                self._alert(now)
                return
        status, response = self._best or (NO_ROUTE, None)
        self._refuse(NO_ANSWER if status == 408 else status, response, now)

    def _errand_done(self, errand: Errand, now: float) -> None:
        if errand.status and self._best is None:
            self._best = (errand.status, None)
        self._next(now)

    def _alert(self, now: float) -> None:
        limit = self.sbc.settings["SBCAlertTimeout"]
        self.ends_at = now + (limit or LONGEST_RINGING_S)
        self.sbc.agenda.note(self)

    # The caller's side

    def on_server_event(self, event: Cancelled | TransactionFailed, now: float) -> None:
        """Take a CANCEL of the caller."""
        if not isinstance(event, Cancelled) or self.is_connected or self.is_over:
            return
        self._give_up(now, event.cancel.headers.get("reason"))
        self._refuse(487, None, now, why="CANCEL")

    def hang_up(self, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
        """Take a BYE, of an early dialog too (RFC 3261 section 15)."""
        if self.is_connected or leg is not self.caller:
            return super().hang_up(leg, request, transaction, now)
        self.core.respond(transaction, leg.answer(request, 200), now)
        self._give_up(now, None)
        self._refuse(487, None, now, why="BYE")
        return None

    def timed_out(self, now: float) -> None:
        """Nobody answered in time, or the call is too long."""
        if self.is_connected:
            super().timed_out(now)
            return
        for branch in self._branches:
            branch.cancel(now)
        self._best = self._best or (NO_ANSWER, None)
        self._next(now)

    def _give_up(self, now: float, reason: str | None) -> None:
        self._is_cancelled = True
        for branch in self._branches:
            branch.cancel(now, reason)

    def _refuse(self, status: int, response: Response | None, now: float, *, why: str = "") -> None:
        """Tell the caller that nothing came of it, and wait for what is still open on the other side."""
        if self.is_over:
            return
        caller, fields = self.caller, carried(response) if response is not None else []
        contact = self.sbc.redirection.contact(self, response, now) if response is not None and 300 <= status < 400 else None
        body = response.body if response is not None else b""
        tag = self._tag(caller) if caller.dialog is not None else self.transaction.to_tag
        found = caller.answer(
            self.request, status, response.reason if response is not None else None, fields, body, tag=tag, contact=contact
        )
        caller.session.put_on_answer(found, caller.session if response is None else self._last_session())
        if status == NO_ROUTE and response is None:
            found.headers.add("Reason", 'SIP;cause=404;text="General Routing Failure"')
        self.core.respond(self.transaction, found, now)
        self.is_over, self.why, self.ends_at = True, why or str(status), None
        self.media.end()
        for leg in self.legs:
            if leg.dialog is not None and not leg.is_confirmed:
                leg.dialog.end()
                leg.is_closed = True
        self._finish(now)

    def _last_session(self) -> LegSession:
        return self.caller.session

    def _caller_for(self, leg: Leg, response: Response) -> Leg:
        """Return the caller's leg that a fork talks to, with its dialog."""
        has_each = self.caller.group.profile.multiple_early_dialogs == 1
        caller: Leg | None = self.caller
        if has_each:
            caller = leg.peer or (self.caller if self.caller.dialog is None else None)
        if caller is None:
            first = self.caller
            session = LegSession(first.group.profile)
            session.receive(self.request)
            caller = Leg(self, first.group, first.hop, self.core.places, session, is_caller=True, user=None)
            caller.contact, caller.negotiation = first.contact, first.negotiation
            caller.side = first.side
        if caller.dialog is None:
            caller.dialog = dialog_of_server(self.request, self._tag_for(leg), is_accepted=False)
            caller.heard_description = self.request.body
            caller.move()
            self.legs.append(caller)
            self.sbc.bind(caller)
        caller.peer, leg.peer = leg, caller
        return caller

    def _tag_for(self, leg: Leg) -> str:
        assert leg.dialog is not None
        is_forced = self.sbc.settings["ForceGenerateToTag"]
        return self.sbc.token()[:FORCED_TAG] if is_forced or not leg.dialog.id.remote_tag else leg.dialog.id.remote_tag

    def _answer(self, caller: Leg, response: Response) -> Response:
        body, fields, tag = self.body_for(caller, response), carried(response), self._tag(caller)
        status, reason = response.status, response.reason
        if body and is_sdp(response) and self.request.body:
            status, keeps = early_media.told(caller.group.profile, status, is_another=caller.description not in (b"", body))
            if not keeps:
                body, fields = b"", [field for field in fields if field.key != "content-type"]
        return caller.answer(self.request, status, reason if status == response.status else None, fields, body, tag=tag)

    def _tag(self, caller: Leg) -> str:
        assert caller.dialog is not None
        return caller.dialog.id.local_tag

    # The end

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is waited for any more."""
        return super().is_settled and not self._branches_open and not (self._transfer is not None and self._transfer.is_open)

    @property
    def _branches_open(self) -> bool:
        return any(not branch.is_done for branch in self._branches)

    def _finish(self, now: float) -> None:
        if self.is_over:
            self._settle()


def _rank(status: int) -> tuple[int, int]:
    """Return how good a refusal is to tell the caller: 6xx, then challenges, then others, then what only says `no answer`."""
    if status >= 600:
        return 0, status
    if status in (401, 407):
        return 1, status
    return (3, status) if status in (408, 503) else (2, status)
