"""Two legs tied together: what one side asks in its dialog goes to the other in that one's own.

A call and a subscription are this once their dialogs are there.  Whoever ends it ends both sides; what has no ACK yet is waited
for, so that no half call stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sipstub.dialog.dialog import DialogState
from sipstub.dialog.refusal import Refusal
from sipstub.sbc import handshake, refresher
from sipstub.sbc.asking import Asking
from sipstub.sbc.bodies import carried_body
from sipstub.sbc.change import Change
from sipstub.sbc.handover import Handover
from sipstub.sbc.leg import ALLOW, Leg
from sipstub.sbc.media_plane import MediaSession
from sipstub.sbc.refer import refer_to_for
from sipstub.sip.answer import refuse
from sipstub.sip.cseq import CSeq, RAck
from sipstub.sip.examine import lacking
from sipstub.sip.headers import Field
from sipstub.sip.message import Message, Request, Response
from sipstub.transaction.event import RequestArrived
from sipstub.transaction.machine import ClientTransaction, ServerTransaction
from sipstub.transaction.sending import Hop
from sipstub.transaction.state import State

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

OPEN = (State.CALLING, State.PROCEEDING)


class Relay:
    """What both legs have in common."""

    def __init__(self, sbc: Sbc) -> None:
        self.sbc = sbc
        self.core = sbc.core
        self.legs: list[Leg] = []
        "Those with a dialog, early ones too."
        self.media: MediaSession = sbc.media.session(self)
        self.is_over = False
        self.is_connected = False
        self.why = ""
        "Why it ended, for people."
        self.ends_at: float | None = None
        self._invites: list[ClientTransaction] = []
        "Of ours within the call, those without an answer among them."
        self._leaving: tuple[float, Leg] | None = None
        self.wake_at: float | None = None
        "See Agenda."

    # Requests in a dialog

    def receive(self, leg: Leg, arrived: RequestArrived, now: float) -> Response | None:
        """Return the answer to a request in the dialog of one leg, or None to give it later; None too for an ACK."""
        request, transaction, dialog = arrived.request, arrived.transaction, leg.dialog
        assert dialog is not None
        if transaction is None:
            if leg.group.authentication.is_about_us:  # an ACK says the password of its INVITE
                self.sbc.take_back(leg, request)
            if handshake.acknowledged(leg, request, now) and self.is_over:
                self._close(leg, now)
                self._settle()
            return None
        self.sbc.say_trying(request, transaction, now)
        refusal = dialog.receive_request(request)
        if refusal is None:
            refusal = self.sbc.hops_left(request)
        if refusal is not None:
            return refusal.answer_to(request)
        if leg.group.authentication.is_about_us:
            return self.sbc.admit(leg, arrived, now, lambda at: self._let_in(leg, request, transaction, at))
        return self._serve(leg, request, transaction, now)

    def _let_in(self, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
        if self.is_over or leg.dialog is None or leg.dialog.is_ended:  # meanwhile
            return Refusal(481, "the dialog is over").answer_to(request)
        return self._serve(leg, request, transaction, now)

    def _serve(self, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
        """Act on a request in the dialog of one leg by somebody who may ask."""
        lack = lacking(request)
        if lack is not None:
            return refuse(request, lack)
        method = request.method
        if method == "BYE":
            return self.hang_up(leg, request, transaction, now)
        if method == "PRACK":
            return self._prack(leg, request, transaction, now)
        if leg.peer is None or leg.peer.dialog is None or leg.peer.is_closed:
            return Refusal(481, "the other leg is gone").answer_to(request)
        if method in ("INVITE", "UPDATE"):
            return Change(self, leg, leg.peer, request, transaction).begin(now)
        if method == "OPTIONS" and self.sbc.settings["SBCTerminateOptions"]:
            found = leg.answer(request, 200)
            found.headers.add("Allow", ALLOW)
            return found
        if method == "REFER":
            return self.refer(leg, leg.peer, request, transaction, now)
        self.pass_on(leg, leg.peer, request, transaction, now)
        return None

    def refer(self, leg: Leg, peer: Leg, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
        """Pass a REFER on, with the Refer-To that the other side should see."""
        self.pass_on(leg, peer, request, transaction, now, (("Refer-To", refer_to_for(self.sbc, request, peer, now)),))
        return None

    def pass_on(
        self,
        leg: Leg,
        peer: Leg,
        request: Request,
        transaction: ServerTransaction,
        now: float,
        extra: Iterable[tuple[str, object]] = (),
    ) -> None:
        """Send a request on to another leg, and its answer back."""
        Handover(self, leg, peer, request, transaction).begin(now, extra)

    def hop_for(self, peer: Leg, request: Request) -> Hop:
        """Return where a request on a leg goes."""
        return peer.hop

    def shorten(self, request: Request, found: Response) -> None:
        """Change an answer before it is passed back."""

    def passed(self, leg: Leg, peer: Leg, request: Request, found: Response, now: float) -> None:
        """Take note of a request that was passed on and answered."""

    def _prack(self, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
        named = leg.reliable.passed(request)
        if named is None:
            return self.confirm(leg, request, transaction, now)
        if named.leg.dialog is None or named.leg.is_closed:
            return Refusal(481, "PRACK for no answer that is open").answer_to(request)
        if named.has_session:
            leg.negotiation.offer_answered()
        rack = RAck(named.rseq, CSeq(named.cseq, "INVITE"))
        self.pass_on(leg, named.leg, request, transaction, now, (("RAck", rack),))
        return None

    def confirm(self, leg: Leg, prack: Request, transaction: ServerTransaction, now: float) -> Response | None:
        """Take a PRACK that is not for an answer of the other leg: for one that the SBC made reliable, or for none."""
        return Refusal(481, "PRACK for no answer that is open").answer_to(prack)

    def hang_up(self, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> Response | None:
        """Take a BYE: answered at once, or by the other side where SBCEnableByeAuthentication says so."""
        peer = leg.peer
        if peer is None and self.is_connected:  # a transferor that is not needed any more
            leg.is_closed = True
            return leg.answer(request, 200)
        if self.is_connected and self.sbc.settings["SBCEnableByeAuthentication"] and peer is not None and not peer.is_closed:
            self.pass_on(leg, peer, request, transaction, now)
            return None
        leg.is_closed = True
        assert leg.dialog is not None
        leg.dialog.request_answered(request, 200)
        waiting, leg.unacked = leg.unacked, None
        if waiting is not None and waiting.other is not None and not waiting.other.is_closed:  # its ACK was lost or comes late
            self.acknowledge(waiting.other, waiting.other_cseq)
        self.core.respond(transaction, leg.answer(request, 200), now)
        self.end(now, "BYE")
        return None

    def source_for(self, leg: Leg) -> Leg:
        """Return whose messages go out on a leg."""
        assert leg.peer is not None
        return leg.peer

    def body_for(self, leg: Leg, message: Message, source: Leg | None = None) -> bytes:
        """Return the body as it goes out on a leg; raises MediaRefused, see `carried_body`."""
        return carried_body(self, leg, message, source)

    # 2xx to INVITE and their ACK

    def acknowledge(self, leg: Leg, cseq: int, fields: Iterable[Field] = (), body: bytes = b"") -> None:
        """Send the ACK to a 2xx of that leg."""
        handshake.acknowledge(leg, cseq, fields, body)

    def repeated(self, leg: Leg, cseq: int) -> None:
        """Take a 2xx that came before: it gets its ACK again, if that went out."""
        handshake.repeated(leg, cseq)

    # The session timer

    def keep(self, leg: Leg) -> None:
        """Refresh a leg of our own from now on."""
        refresher.keep(leg)

    def track(self, client: ClientTransaction) -> ClientTransaction:
        """Have an INVITE within the call be cancelled if the call ends before it is answered."""
        if client.method == "INVITE":
            self._invites = [one for one in self._invites if one.state in OPEN]
            self._invites.append(client)
        return client

    # The end

    def leaves(self, leg: Leg, at: float, now: float) -> None:
        """Have one leg end at that time, unless it does so itself; the others go on.  One that was to leave before ends now."""
        before, self._leaving = self._leaving, (at, leg)
        if before is not None:
            self._close(before[1], now)

    def drop(self, leg: Leg) -> None:
        """Know a leg no more that is closed, while the others go on."""
        self.legs.remove(leg)
        self.sbc.unbind(leg)

    def close(self, leg: Leg, now: float) -> None:
        """End one leg."""
        leg.is_closed = False
        self._close(leg, now)

    def end(self, now: float, why: str) -> None:
        """End both sides: BYE where there is a dialog, later where an ACK is still to come (RFC 3261 section 15)."""
        if not self.is_over:
            self.is_over, self.why = True, why
            self.media.end()
            for client in self._invites:
                self.core.layer.cancel(client, now)
        for leg in self.legs:
            if leg.unacked is None:
                self._close(leg, now)
        self._settle()

    def _close(self, leg: Leg, now: float) -> None:
        if leg.is_closed:
            return
        leg.is_closed = True
        dialog, timer = leg.dialog, leg.session.timer
        if timer is not None:
            timer.end()
        if dialog is None or dialog.state is DialogState.EARLY or dialog.method != "INVITE":
            return
        if leg.peer is not None and leg.peer.unacked is not None and leg.peer.unacked.other is leg:
            self.acknowledge(leg, leg.peer.unacked.other_cseq)
        bye = leg.request("BYE")
        dialog.end()
        Asking(leg, bye).begin(now)

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is waited for any more."""
        return self.is_over and all(leg.unacked is None for leg in self.legs)

    def _settle(self) -> None:
        if self.is_settled:
            self.sbc.forget(self)
        else:
            self.sbc.agenda.note(self)

    # Time

    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        found = None if self.is_over else self.ends_at
        if self._leaving is not None and not self.is_over and (found is None or self._leaving[0] < found):
            found = self._leaving[0]
        for leg in self.legs:
            waiting = leg.unacked
            at = waiting.repeater.next_timer if waiting is not None else None
            if at is not None and (found is None or at < found):
                found = at
            at = None if self.is_over else leg.session.next_timer
            if at is not None and (found is None or at < found):
                found = at
        return found

    def on_timer(self, now: float) -> None:
        """Repeat what has no ACK, refresh, end what is over."""
        for leg in tuple(self.legs):
            if leg.unacked is not None and not handshake.is_alive(leg, now):
                self.end(now, "a 200 never got its ACK")
                self._close(leg, now)
            session = leg.session
            if self.is_over:
                continue
            if session.keeper is not None:
                refresher.on_timer(leg, now)
            elif session.watch is not None and session.watch.on_timer(now) is not None:
                self.end(now, "session timer: nobody refreshed")
        if self._leaving is not None and now >= self._leaving[0] and not self.is_over:
            leg, self._leaving = self._leaving[1], None
            self._close(leg, now)
        if self.ends_at is not None and now >= self.ends_at and not self.is_over:
            self.ends_at = None
            self.timed_out(now)

    def timed_out(self, now: float) -> None:
        """The time of the whole is over."""
        self.end(now, "the longest time that a call may take")
