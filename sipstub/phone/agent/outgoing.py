"""A call that the phone places.  RFC 3261 section 13.2; PRACK by RFC 3262."""

from __future__ import annotations

from sipstub.phone.agent.asking import NOBODY
from sipstub.phone.agent.call import Call, CallTools
from sipstub.phone.agent.event import CallState
from sipstub.phone.agent.leg import Leg
from sipstub.phone.agent.offer import read_sdp
from sipstub.phone.agent.place import Target
from sipstub.phone.agent.shape import MAX_FORWARDS
from sipstub.sip.cseq import RAck
from sipstub.sip.error import SipError
from sipstub.sip.message import Response
from sipstub.transaction.machine import ClientTransaction


class OutgoingCall(Call):
    """INVITE and what comes of it."""

    is_outgoing = True

    def __init__(self, tools: CallTools, rtp_port: int, *, target: Target, number: str) -> None:
        super().__init__(tools, rtp_port, target.hop.host)
        self._target = target
        self._number = number
        self._invite: ClientTransaction | None = None
        self._ack = b""
        self._rseq = 0
        self._used_cseq = 0
        self._is_hung_up = False

    def begin(self, now: float) -> None:
        """Send the INVITE."""
        self._strand.begin()
        self._voice.open(self._rtp_port)
        self._description = self._writer.offer(self._rtp_port)
        self.became(CallState.CALLING)
        self._ask(now)

    def _ask(self, now: float) -> None:
        assert self._description is not None
        strand, target = self._strand, self._target
        uri = self._shape.aor(target.server, self._number, as_phone=True)
        request = self._shape.invite(
            target.server,
            self._number,
            strand.call_id,
            strand.tag,
            strand.next_cseq(),
            transport=target.hop.transport,
            body=self._description.body,
            session=self.session.offered,
            auth=strand.authorization("INVITE", uri),
        )
        self._invite = self._line.ask_call(request, target.hop, self, now)

    def hang_up(self, now: float) -> None:
        """Cancel before the answer, say BYE after it."""
        self._is_hung_up = True
        if self.leg is not None and self._ack:
            super().hang_up(now)
        elif self._invite is not None:
            self._line.cancel(self._invite, now)

    def answered(self, response: Response, transaction: ClientTransaction, now: float) -> None:
        """Take an answer to the INVITE."""
        status = response.status
        if status < 200:
            self._take_provisional(response, transaction, now)
        elif status < 300:
            self._take_success(response, transaction, now)
        elif not self._is_hung_up and self._is_worth_asking_again(response):
            self._ask(now)
        else:
            self.became(CallState.ENDED, status)

    def _is_worth_asking_again(self, response: Response) -> bool:
        if response.status == 422:
            return self.session.wants_again(response) and self._is_prepared_again()
        return response.status in (401, 407) and self._strand.challenged(response)

    def _is_prepared_again(self) -> bool:
        manner = self._around.conduct.timer
        if not manner.retry_raises_cseq:
            self._strand.repeat()
        if not manner.retry_keeps_call_id:
            self._line.forget_call(self)
            self._strand.renew()
            self.call_id = self._strand.call_id
            self._line.keep_call(self)
        return True

    def failed(self, status: int, now: float) -> None:
        """End without an answer."""
        self.became(CallState.ENDED, status)

    def _take_provisional(self, response: Response, transaction: ClientTransaction, now: float) -> None:
        if response.status > 100 and self.state is CallState.CALLING:
            self.became(CallState.RINGING)
        try:
            rseq = response.rseq
            wants_prack = "100rel" in response.require and rseq is not None
            if not wants_prack or not self._account.has_100rel or rseq is None or rseq <= self._rseq:
                return
            leg = Leg.as_caller(transaction.request, response, transaction.hop)
        except SipError:
            return
        self._rseq = rseq
        leg.cseq = self._strand.next_cseq() - 1
        more = [("RAck", RAck(rseq, response.cseq)), ("Max-Forwards", MAX_FORWARDS), ("User-Agent", self._shape.agent)]
        prack = leg.request("PRACK", self._shape.contact(leg.hop.transport), list(more))
        self._used_cseq = leg.cseq
        self._line.ask_call(prack, leg.hop, NOBODY, now)

    def _take_success(self, response: Response, transaction: ClientTransaction, now: float) -> None:
        try:
            leg = Leg.as_caller(transaction.request, response, transaction.hop)
        except SipError:
            return
        if self.leg is not None and leg.remote_tag == self.leg.remote_tag:  # the same 200 once more
            if self._ack:
                self._line.send_raw(self._ack, self.leg.hop)
            return
        if self.leg is not None:  # another branch of a fork answered too: it is taken and ended at once (13.2.2.4)
            self._acknowledge(leg, transaction)
            end = [("Max-Forwards", MAX_FORWARDS), ("User-Agent", self._shape.agent)]
            self._line.ask_call(leg.request("BYE", "", list(end)), leg.hop, NOBODY, now)
            return
        self.leg = leg
        self.leg.cseq = max(self.leg.cseq, transaction.request.cseq.number, self._used_cseq)
        if self._around.conduct.acknowledges:
            self._ack = self._acknowledge(leg, transaction)
        assert self._description is not None
        self._agree(self._description, read_sdp(response.body))
        self._voice.begin()
        self._strand.accepted()
        self.session.begin(transaction.request, response, now)
        self.became(CallState.ANSWERED, response.status)
        if self._is_hung_up:
            super().hang_up(now)

    def _acknowledge(self, leg: Leg, transaction: ClientTransaction) -> bytes:
        auth = next(
            (
                (name, value)
                for name in ("Authorization", "Proxy-Authorization")
                if (value := transaction.request.headers.get(name))
            ),
            None,
        )  # the ACK carries the credentials of its INVITE (22.1)
        more = [("Max-Forwards", MAX_FORWARDS), ("User-Agent", self._shape.agent)]
        contact = self._shape.contact(leg.hop.transport)
        ack = leg.request("ACK", contact, [auth, *more] if auth else list(more), cseq=transaction.request.cseq.number)
        return self._line.send_ack(ack, leg.hop, self._shape.via(leg.hop.transport))
