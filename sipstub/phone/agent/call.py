"""A call, once both sides know of it: what the other side may still ask, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sipstub.media.report import MediaReport
from sipstub.media.voice import Voice
from sipstub.phone.agent.account import Account
from sipstub.phone.agent.asking import NOBODY, Asker, Sender
from sipstub.phone.agent.event import CallChanged, CallState
from sipstub.phone.agent.leg import Leg
from sipstub.phone.agent.offer import Description, MediaWriter, answering_direction, read_sdp
from sipstub.phone.agent.refreshing import Refreshing
from sipstub.phone.agent.repeating import Repeating
from sipstub.phone.agent.session import Session, reply_headers
from sipstub.phone.agent.shape import EVENTS, MAX_FORWARDS, METHODS, SDP_TYPE, Pairs, Shape
from sipstub.phone.agent.strand import Strand
from sipstub.phone.agent.surroundings import Surroundings
from sipstub.session_timer.reply import Body, Reply, TimerRefusal
from sipstub.session_timer.step import End, Send, Step
from sipstub.sip.message import Request, Response
from sipstub.sip.sdp import Sdp
from sipstub.sip.via import Via
from sipstub.transaction.machine import ClientTransaction, ServerTransaction
from sipstub.transaction.sending import Hop
from sipstub.transaction.timing import Timing

DTMF_TYPES = {"1": "application/dtmf-relay", "2": "application/dtmf", "3": "audio/telephone-event"}
"By dtmf.info_type; that 3 is written so is not known."
DIGIT_MS = 100
INFO_TYPES = ("2", "3")
"Values of dtmf.type with which a digit is an INFO."
KEYS = "0123456789*#ABCD"


class CallLine(Sender, Protocol):
    """What a call needs of its account."""

    timing: Timing

    def ask_call(self, request: Request, hop: Hop, asker: Asker, now: float) -> ClientTransaction:
        """Send an INVITE or a request of a call."""

    def respond(
        self, request: Request, transaction: ServerTransaction, status: int, now: float, more: Pairs = ..., body: bytes = ...
    ) -> None:
        """Answer a request."""

    def send_ack(self, ack: Request, hop: Hop, via: Via) -> bytes:
        """Send an ACK to a 2xx; return its bytes."""

    def send_raw(self, data: bytes, hop: Hop) -> None:
        """Send bytes as they are."""

    def keep_call(self, call: Call) -> None:
        """Know a call by its Call-ID from now on."""

    def forget_call(self, call: Call) -> None:
        """Drop a call that has ended."""

    def cancel(self, transaction: ClientTransaction, now: float) -> None:
        """Cancel an INVITE."""


@dataclass(frozen=True, slots=True)
class CallTools:
    """What all calls of one account share."""

    around: Surroundings
    account: Account
    shape: Shape
    writer: MediaWriter
    line: CallLine


class Call:
    """What incoming and outgoing calls have in common."""

    is_outgoing = False

    def __init__(self, tools: CallTools, rtp_port: int, near: str) -> None:
        """`near` is the address of the other side's SIP."""
        self._around = around = tools.around
        self._account = account = tools.account
        self._shape = tools.shape
        self._writer = tools.writer
        self._line = tools.line
        self._strand = Strand(account, around.conduct, around.identifiers, around.place.host)
        self._rtp_port = rtp_port
        self._description: Description | None = None
        self._voice = Voice(around.media, near, around.place.host)
        self.media: MediaReport | None = None
        "What was sent and heard, once it is over; None where it has no media at all."
        self.leg: Leg | None = None
        self.session = Session(account, around.conduct.timer, around.alarms, self._follow_session)
        self._refreshing = Refreshing(self)
        self._repeating = Repeating(around.alarms, tools.line.timing, self._never_acknowledged)
        self.state = CallState.CALLING
        self.call_id = self._strand.call_id

    @property
    def is_ended(self) -> bool:
        """Return whether this is over."""
        return self.state is CallState.ENDED

    def became(self, state: CallState, status: int = 0) -> None:
        """Go on, and tell."""
        if self.is_ended:
            return
        self.state = state
        if state is CallState.ENDED:
            self.media = self._voice.end()
        self._around.tell(CallChanged(self._account.number, self.call_id, state, self.is_outgoing, status))
        if state is CallState.ENDED:
            self.session.stop()
            self._repeating.stop()
            self._line.forget_call(self)

    def hang_up(self, now: float) -> None:
        """End the call."""
        if self.leg is not None and not self.is_ended:
            self.send("BYE", now)
            self.became(CallState.ENDED)

    def press(self, key: str, now: float) -> None:
        """Press a key; where digits travel as RTP there is nothing to see here."""
        if self.leg is None or key not in KEYS or self._account.dtmf_type not in INFO_TYPES:
            return
        kind = DTMF_TYPES[self._account.dtmf_info]
        body = key if self._account.dtmf_info == "2" else f"Signal={key}\r\nDuration={DIGIT_MS}\r\n"
        self.send("INFO", now, [("Content-Type", kind)], body.encode())

    def send(self, method: str, now: float, more: Pairs | None = None, body: bytes = b"", asker: Asker = NOBODY) -> None:
        """Send a request inside of the dialog."""
        if self.leg is None:
            return
        request = self._made(method, [*(more or []), *self._end(self.session.headers(method))], body)
        self._line.ask_call(request, self.leg.hop, asker, now)

    def _end(self, more: Pairs) -> Pairs:
        """Return the last headers of a request; what the session timer says stands behind User-Agent."""
        return [("Max-Forwards", MAX_FORWARDS), ("User-Agent", self._shape.agent), *more]

    def _made(self, method: str, more: Pairs, body: bytes = b"") -> Request:
        assert self.leg is not None
        auth = self._strand.authorization(method, self.leg.target)
        contact = self._shape.contact(self.leg.hop.transport, has_line=method != "UPDATE")
        return self.leg.request(method, contact, [*([auth] if auth else []), *more], body)

    # The session timer

    def _follow_session(self, step: Step, now: float) -> None:
        if isinstance(step, End):
            Call.hang_up(self, now)
        elif isinstance(step, Send):
            self._refresh(step, now)

    def _refresh(self, send: Send, now: float) -> None:
        if self.leg is None or self.is_ended:
            return
        manner = self._around.conduct.timer
        more: Pairs = self._end(list(manner.refresh(send.headers).pairs))
        body = b""
        has_body = manner.has_reinvite_body if send.body is Body.SAME else manner.has_update_body
        if has_body and self._description is not None:
            if not manner.refresh_keeps_origin:
                self._description = self._writer.again(self._description)
            body = self._description.body
            more = [("Content-Type", SDP_TYPE), ("Allow", METHODS), *more]
        request = self._made(send.method, more, body)
        manner.refresh_request(request)
        self.session.asked(request, send, now)
        self._refreshing.ask(request, self.leg.hop, now)

    # What the other side asks

    def receive(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Answer a request inside of the dialog."""
        assert self.leg is not None
        if not self.leg.takes(request):
            self._line.respond(request, transaction, 500, now)
            return
        handler = self._handlers().get(request.method)
        if handler is None:
            self._line.respond(request, transaction, 405, now, [("Allow", METHODS)])
        else:
            handler(request, transaction, now)

    def _handlers(self) -> dict[str, Callable[[Request, ServerTransaction, float], None]]:
        return {
            "BYE": self._take_bye,
            "INVITE": self._take_invite,
            "UPDATE": self._take_update,
            "INFO": self._take_gladly,
            "OPTIONS": self._take_gladly,
            "NOTIFY": self._take_gladly,
            "MESSAGE": self._take_gladly,
            "REFER": self._take_refer,
        }

    def _take_bye(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        self._line.respond(request, transaction, 200, now)
        self.became(CallState.ENDED)

    def _take_gladly(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        self._line.respond(request, transaction, 200, now)

    def _take_refer(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        self._line.respond(request, transaction, 603, now)

    def _take_invite(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Answer a re-INVITE: hold, resume, or a refresh."""
        self._changed(request, transaction, now, is_offer_needed=not request.body)

    def _take_update(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        self._changed(request, transaction, now, is_offer_needed=False)

    def _changed(self, request: Request, transaction: ServerTransaction, now: float, *, is_offer_needed: bool) -> None:
        assert self.leg is not None
        manner = self._around.conduct.timer
        if request.method == "INVITE" and self._refreshing.has_invite:
            self._line.respond(request, transaction, 491, now)
            return
        if request.method in manner.refuses:
            self._line.respond(request, transaction, manner.refuses[request.method], now)
            return
        reply = self.session.receive(request)
        if isinstance(reply, TimerRefusal):
            self._line.respond(request, transaction, reply.status, now, list(reply.headers))
            return
        self.leg.refresh_target(request)
        head: Pairs = [("Contact", self._shape.contact(self.leg.hop.transport))]
        body = b""
        if request.body or is_offer_needed:
            offered = read_sdp(request.body) if request.body else None
            if (request.body and offered is None) or self._description is None:
                self._line.respond(request, transaction, 488, now)
                return
            if (
                reply.body is not Body.SAME or not manner.keeps_origin
            ):  # else nothing changed, and the o= line has to say so (RFC 4028 section 7.4)
                direction = "sendrecv" if offered is None else answering_direction(offered)
                self._description = self._writer.again(self._description, direction)
            head += [("Content-Type", SDP_TYPE), ("Allow", METHODS)]
            body = self._description.body
            self._agree(self._description, offered)
        head += reply_headers(reply)

        def send(at: float) -> None:
            self._line.respond(request, transaction, 200, at, head, body)

        if request.method == "INVITE":
            self._repeating.begin(send, now)
        else:
            send(now)
        self.session.replied(request, reply, now)

    def _never_acknowledged(self, now: float) -> None:
        self.send("BYE", now)
        self.became(CallState.ENDED, 200)

    def answer_headers(self, reply: Reply, transport: str) -> Pairs:
        """Return the headers of a 200 to the first INVITE."""
        return [
            ("Contact", self._shape.contact(transport)),
            ("Content-Type", SDP_TYPE),
            ("Allow", METHODS),
            *reply_headers(reply),
            ("Supported", self._shape.supported),
            ("Allow-Events", EVENTS),
        ]

    def acknowledged(self, ack: Request, now: float) -> None:
        """Take an ACK; it answers an offer in our 200."""
        self._repeating.stop()
        if ack.body and self._description is not None:
            self._agree(self._description, read_sdp(ack.body))

    def _agree(self, ours: Description, theirs: Sdp | None) -> None:
        """Speak by these from now on; without the other's description, by the one before."""
        self._voice.said(ours.sdp)
        if theirs is not None:
            self._voice.heard(theirs)

    def answered(self, response: Response, transaction: ClientTransaction, now: float) -> None:
        """Take an answer to a request inside of the dialog."""

    def failed(self, status: int, now: float) -> None:
        """Take that there was none."""

    # What a refresh needs of its call

    def ask_refresh(self, request: Request, hop: Hop, asker: Asker, now: float) -> None:
        """Send a refresh."""
        self._line.ask_call(request, hop, asker, now)

    def acknowledge(self, request: Request, now: float) -> None:
        """Send the ACK to a 2xx of a re-INVITE of ours."""
        if self.leg is None:
            return
        hop = self.leg.hop
        contact = self._shape.contact(hop.transport)
        ack = self.leg.request("ACK", contact, self._end([]), cseq=request.cseq.number)
        self._line.send_ack(ack, hop, self._shape.via(hop.transport))

    def refresh_answered(self, request: Request, response: Response, now: float) -> None:
        """Take an answer to a refresh."""
        if response.status in (401, 407) and not self._strand.challenged(response):
            self.session.failed(request, response.status, now)
            return
        if 200 <= response.status < 300:
            self._strand.accepted()
            if self.leg is not None:
                self.leg.refresh_target(response)
        self.session.answered(response, now, self._around.identifiers.share())

    def refresh_failed(self, request: Request, status: int, now: float) -> None:
        """Take that a refresh had no answer."""
        self.session.failed(request, status, now)
