"""A call that the phone gets.  RFC 3261 section 13.3: the 200 is repeated until its ACK comes."""

from __future__ import annotations

import enum

from sipstub.phone.agent.alarm import Alarm
from sipstub.phone.agent.call import Call, CallTools
from sipstub.phone.agent.event import CallState
from sipstub.phone.agent.leg import Leg
from sipstub.phone.agent.offer import read_sdp
from sipstub.session_timer.reply import Reply, TimerRefusal
from sipstub.sip.message import Request
from sipstub.transaction.machine import ServerTransaction


class Answering(enum.StrEnum):
    """What the person at the phone does with a call."""

    RING = "ring"
    "Nothing: the file may still say auto_answer."
    ANSWER = "answer"
    BUSY = "busy"


class IncomingCall(Call):
    """INVITE of the other side."""

    def __init__(self, tools: CallTools, rtp_port: int, *, request: Request, transaction: ServerTransaction) -> None:
        super().__init__(tools, rtp_port, transaction.source.host)
        self._request = request
        self.transaction = transaction
        self._alarm: Alarm | None = None
        self._reply: Reply | None = None
        self.call_id = request.call_id

    def begin(self, answering: Answering, now: float) -> None:
        """Ring, and perhaps answer."""
        if answering is Answering.BUSY:
            self.refuse(486, now)
            return
        reply = self.session.receive(self._request)
        if isinstance(reply, TimerRefusal):
            self._line.respond(self._request, self.transaction, reply.status, now, list(reply.headers))
            self.became(CallState.ENDED, reply.status)
            return
        self._reply = reply
        if not self._prepare(now):
            return
        self._line.respond(self._request, self.transaction, 180, now, [("Contact", self._contact())])
        self.became(CallState.RINGING)
        if answering is Answering.ANSWER:
            self.accept(now)
        elif self._account.is_auto_answered:
            self._alarm = self._around.alarms.after(self._account.auto_answer_s, self.accept, now)

    def _contact(self) -> str:
        return self._shape.contact(self.transaction.source.transport)

    def _prepare(self, now: float) -> bool:
        """Make the answer to the offer, or an offer where there is none; return False, refused, where nothing fits."""
        self._voice.open(self._rtp_port)
        if not self._request.body:
            self._description = self._writer.offer(self._rtp_port)
            self._agree(self._description, None)
            return True
        offered = read_sdp(self._request.body)
        self._description = None if offered is None else self._writer.answer(offered, self._rtp_port)
        if self._description is None:
            self.refuse(488, now)
            return False
        self._agree(self._description, offered)
        return True

    def accept(self, now: float) -> None:
        """Answer the call."""
        if self.is_ended or self.leg is not None or self._description is None:
            return
        source = self.transaction.source
        self.leg = Leg.as_callee(self._request, self.transaction.to_tag, source)
        self._voice.begin()
        self._repeating.begin(self._send_200, now)
        assert self._reply is not None
        self.session.replied(self._request, self._reply, now)

    def _send_200(self, now: float) -> None:
        assert self._description is not None and self._reply is not None
        transport = self.transaction.source.transport
        headers = self.answer_headers(self._reply, transport)
        self._line.respond(self._request, self.transaction, 200, now, headers, self._description.body)

    def acknowledged(self, ack: Request, now: float) -> None:
        """Stop repeating the 200."""
        super().acknowledged(ack, now)
        if self.leg is not None and self.state is CallState.RINGING:
            self.became(CallState.ANSWERED, 200)

    def refuse(self, status: int, now: float) -> None:
        """Say no."""
        if self.leg is None and not self.is_ended:
            self._line.respond(self._request, self.transaction, status, now)
            self._around.alarms.stop(self._alarm)
            self.became(CallState.ENDED, status)

    def cancelled(self, now: float) -> None:
        """Stop ringing."""
        self.refuse(487, now)

    def hang_up(self, now: float) -> None:
        """Refuse before the answer, say BYE after it."""
        if self.leg is None:
            self.refuse(486, now)
        else:
            self._around.alarms.stop(self._alarm)
            super().hang_up(now)

    def became(self, state: CallState, status: int = 0) -> None:
        """Go on, and repeat nothing for a call that has ended."""
        if state is CallState.ENDED:
            self._around.alarms.stop(self._alarm)
        super().became(state, status)
