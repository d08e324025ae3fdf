"""A REFER that the SBC carries out itself: it calls the target, tells the transferor how that goes, and ties the others together.

202, NOTIFY 100, INVITE to the target by the routing table with trigger REFER, NOTIFY 180, NOTIFY 200, re-INVITE to the one that
is transferred, BYE to the transferor if it does not say it first.  When the target refuses, the first call stays as it is.
RFC 3515; the order of the last steps is inferred.  EnableSBCMediaSync 0 sends the re-INVITE only where directions differ; where
media go from phone to phone it is sent all the same, as nobody could be heard else, and so it is to a side that waits for the
transferor to refresh it, which would hang up one day [choice].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.dialog.refer import SIPFRAG, Refer, sipfrag
from sipstub.sbc import hold, replacing
from sipstub.sbc.asking import Asking
from sipstub.sbc.branch import Branch
from sipstub.sbc.errand import next_batch
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.leg import SDP, Leg, is_sdp
from sipstub.sbc.media_plane import MediaRefused
from sipstub.sbc.reoffer import agreed, direction, reoffer
from sipstub.sbc.routing import Trigger
from sipstub.sbc.target import Batch
from sipstub.sbc.tying import Tying
from sipstub.sip.cseq import CSeq
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.replaces import Replaces

if TYPE_CHECKING:
    from sipstub.sbc.call import Call
    from sipstub.sbc.relay import Relay

SUBSCRIBED_S = 180
"What Subscription-State of the NOTIFYs says."
TRANSFEROR_WAIT_S = 4.0
"So long the transferor may take to say BYE itself."
NEVER, ALWAYS = 2, 1
"EnableSBCMediaSync."


class Transfer:
    """One of them; it lives as long as its INVITE."""

    def __init__(self, call: Call, transferor: Leg, staying: Leg, refer: Request) -> None:
        self.sbc = call.sbc
        self.core = call.core
        self._call = call
        self._transferor = transferor
        self.caller: Leg = staying
        self._refer = Refer.read(refer)
        self.user = call.user
        self.forwards = call.sbc.forwards(refer)
        self.request = self._invite(refer)
        self._event = f"refer;id={self._refer.event_id}"
        self._branch: Branch | None = None
        self.is_over = False

    @property
    def replaces(self) -> Replaces | None:
        """Return the call that the target is in with the transferor, if it names one."""
        return self._refer.replaces

    @property
    def relay(self) -> Relay:
        """Return the call that new legs belong to."""
        return self._call

    def begin(self, now: float) -> None:
        """Call the target."""
        self._notify(100, now)
        found = None if self.replaces is None else replacing.named(self.sbc, self.replaces)
        if found is not None and found.is_ours:
            Tying(self, found).begin(now)
            return
        next_batch(self.sbc.batches(self.request, self._transferor.group, Trigger.REFER), self._go, now)

    def _go(self, batch: Batch | None, status: int, now: float) -> None:
        if self.is_over:  # the call ended while a routing server was asked
            return
        if not batch:
            self._failed(status or 404, now)
            self._call.transfer_over(self, now)
            return
        self._branch = Branch(self, batch[0])
        self._branch.begin(now)

    def cancel(self, now: float) -> None:
        """Want it no more: the call is over."""
        self.is_over = True
        if self._branch is not None:
            self._branch.cancel(now)

    @property
    def is_open(self) -> bool:
        """Return whether the target has not given its last word."""
        return self._branch is not None and not self._branch.is_done

    # What tying two calls tells

    def refused(self, status: int, now: float) -> None:
        """Tell the transferor, and leave both calls as they are."""
        if not self.is_over:
            self._failed(status, now)
            self._call.media.stay(self.caller, self._transferor)
        self._call.transfer_over(self, now)

    def tied(self, now: float) -> None:
        """Tell the transferor, who is alone in this call now and may say BYE itself."""
        self.is_over = True
        self._transferor.peer = None
        self._notify(200, now)
        self._call.ends_at = now + TRANSFEROR_WAIT_S
        self._call.transfer_over(self, now)

    # What its branch tells

    def call_id_for(self, group: IpGroup) -> str:
        """Return a new Call-ID, whatever SBCKeepOriginalCallId says."""
        return self.sbc.token()

    def body_for(self, leg: Leg, message: Message) -> bytes:
        """Return the body as it goes out on a leg."""
        return self._call.body_for(leg, message, self.caller)

    def provisional(self, branch: Branch, leg: Leg, response: Response, now: float) -> None:
        """Tell the transferor."""
        if not self.is_over:
            self._notify(response.status, now)

    def branch_failed(self, branch: Branch, status: int, response: Response | None, now: float) -> None:
        """Tell the transferor, and leave the call as it is."""
        self.refused(status, now)

    def answered(self, branch: Branch, leg: Leg, response: Response, invite: Request, now: float, *, is_first: bool) -> None:
        """Tie the target to the one that stays."""
        call, staying, transferor = self._call, self.caller, self._transferor
        call.acknowledge(leg, invite.cseq.number)
        if self.is_over or not is_first or staying.is_closed:
            call.close(leg, now)
            call.transfer_over(self, now)
            return
        self.is_over = True
        leg.negotiation.asked_done("INVITE")
        staying.peer, leg.peer, transferor.peer = leg, staying, None
        staying.show(response)
        call.keep(leg)
        self._notify(200, now)
        call.leaves(transferor, now + TRANSFEROR_WAIT_S, now)
        self._renegotiate(leg, response, now)
        call.transfer_over(self, now)

    def _renegotiate(self, leg: Leg, response: Response, now: float) -> None:
        """Tie the media of the target to those of the one that stays, and tell it where they are."""
        mode, staying, media = self.sbc.settings["EnableSBCMediaSync"], self.caller, self._call.media
        body = leg.heard_description
        if not body:
            return
        differs = direction(body) != direction(staying.description) or hold.is_hold(staying.description)
        if mode == ALWAYS and not differs:
            there = agreed(staying.description, staying.heard_description)
            differs = there is None or there != agreed(leg.description, leg.heard_description)
        is_wanted = differs or media.is_direct or staying.session.waits_for_other_end
        tells = mode != NEVER and is_wanted
        if response.body and is_sdp(response):
            try:
                if self.request.body:  # once more: what both sides of the call have negotiated since stands in its place
                    offer = Request("INVITE", self.request.uri)
                    offer.set_body(hold.resumed(staying.heard_description, self._transferor.heard_description), SDP)
                    media.carry(offer, staying, leg)
                body = media.carry(response, leg, staying, tells=tells)
            except MediaRefused:
                body = media.refused(body)
        media.connected(staying, leg, now)
        if tells:
            reoffer(self._call, staying, body, now)

    # Words to the transferor

    def _failed(self, status: int, now: float) -> None:
        self.is_over = True
        self._notify(status, now)

    def _notify(self, status: int, now: float) -> None:
        leg = self._transferor
        if leg.is_closed or leg.dialog is None or leg.dialog.is_ended:
            return
        state = f"active;expires={SUBSCRIBED_S}" if status < 200 else "terminated;reason=noresource"
        notify = leg.request("NOTIFY")
        for name, value in (("Event", self._event), ("Subscription-State", state)):
            notify.headers.add(name, value)
        notify.set_body(sipfrag(status), SIPFRAG)
        Asking(leg, notify).begin(now)  # whatever it says: the transfer goes on

    def _invite(self, refer: Request) -> Request:
        """Return the INVITE as the one that stays would have sent it."""
        wanted, staying = self._refer, self.caller
        assert staying.dialog is not None
        uri = wanted.target
        made = Request("INVITE", uri)
        add = made.headers.add
        add("Max-Forwards", self.forwards)
        add("From", staying.dialog.remote)
        add("To", NameAddr(uri))
        add("Call-ID", self.sbc.token())
        add("CSeq", CSeq(1, "INVITE"))
        if wanted.replaces is not None:
            add("Replaces", wanted.replaces)
        for value in refer.headers.lines("referred-by"):
            add("Referred-By", value)
        if staying.heard_description:  # a phone holds its call before it transfers it
            made.set_body(hold.resumed(staying.heard_description, self._transferor.heard_description), SDP)
        return made
