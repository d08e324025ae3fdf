"""The client side of INVITE.  RFC 3261 section 17.1.1 with RFC 6026 section 7.2 and its figure 4; CANCEL by section 9.1.

The ACK to a final answer but 2xx is sent here, the ACK to a 2xx by the user.
"""

from __future__ import annotations

from sipstub.sip.message import Request, Response
from sipstub.transaction.event import Failure, ResponseArrived
from sipstub.transaction.follow import ack_for
from sipstub.transaction.key import Key
from sipstub.transaction.machine import ClientTransaction, Outlet
from sipstub.transaction.sending import Hop, Sending
from sipstub.transaction.state import State, TimerName


class InviteClient(ClientTransaction):
    """Calling, Proceeding, Completed, Accepted, Terminated."""

    __slots__ = ("_ack", "cancel_reason", "is_cancel_due", "is_cancelled")

    def __init__(self, request: Request, hop: Hop, key: Key, outlet: Outlet, *, compact: bool = False) -> None:
        super().__init__(request, hop, key, State.CALLING, outlet, compact=compact)
        self.is_cancelled = False
        "Whether the user does not want it any more."
        self.is_cancel_due = False
        "Whether the CANCEL still waits for a provisional answer; the layer sends it when one has come."
        self.cancel_reason: str | None = None
        "What Reason in the CANCEL says."
        self._ack = b""

    def start(self, now: float) -> None:
        """Send the INVITE for the first time."""
        timing = self._outlet.timing
        self._send()
        self._end_after(timing.timeout_s, TimerName.B, now)
        if not self.is_reliable:
            self._repeat_after(timing.t1_s, TimerName.A, now)

    def cancel(self, reason: str | None = None) -> bool:
        """Want it no more; return whether that is of any use still.

        Before any provisional answer no CANCEL may be sent: it could overtake the INVITE (9.1).
        """
        if self.is_cancelled or self.state not in (State.CALLING, State.PROCEEDING):
            return False
        self.is_cancelled = self.is_cancel_due = True
        self.cancel_reason = reason
        return True

    def cancel_sent(self, now: float) -> None:
        """Wait 64 * T1 for the final answer, then consider the INVITE cancelled (9.1)."""
        self.is_cancel_due = False
        self._end_after(self._outlet.timing.timeout_s, TimerName.CANCELLED, now)

    def receive(self, response: Response, source: Hop, now: float) -> None:
        """Pass on what is news: provisional answers, the first final one, and every 2xx; acknowledge refusals."""
        if self.state in (State.CALLING, State.PROCEEDING):
            self._receive_first(response, source, now)
        elif self.state is State.ACCEPTED:
            if 200 <= response.status < 300:
                self._outlet.events.append(ResponseArrived(response, source, self))
        elif self.state is State.COMPLETED and response.status >= 300:
            self._outlet.sendings.append(Sending(self._ack, self.hop, self))

    def _receive_first(self, response: Response, source: Hop, now: float) -> None:
        timing = self._outlet.timing
        if response.status < 200:
            if self.state is State.CALLING:
                self._stop_timers()
                self.state = State.PROCEEDING
                self._end_after(timing.ringing_s, TimerName.RINGING, now)
            self._outlet.events.append(ResponseArrived(response, source, self))
            return
        if response.status < 300:
            self._stop_timers()
            self.data = b""  # it is never sent again, and who keeps the transaction keeps that
            self.state = State.ACCEPTED
            self._end_after(timing.timeout_s, TimerName.M, now)
            self._outlet.events.append(ResponseArrived(response, source, self))
            return
        ack = ack_for(self.request, response)  # fails before anything has changed where the answer is no answer
        self._stop_timers()
        self._ack = ack.to_bytes(compact=self.compact)
        self._outlet.sendings.append(Sending(self._ack, self.hop, self))
        self._outlet.events.append(ResponseArrived(response, source, self))
        if self.is_reliable:  # timer D is zero
            self._end()
        else:
            self.state = State.COMPLETED
            self._end_after(timing.timer_d_s, TimerName.D, now)

    def on_timer(self, name: TimerName, now: float) -> None:
        """Send again, give up, or end."""
        if name is TimerName.A:
            self._send()
            self._interval_s *= 2  # timer A knows no T2
            self._repeat_after(self._interval_s, TimerName.A, now)
            return
        if name in (TimerName.B, TimerName.CANCELLED, TimerName.RINGING):
            self._fail(Failure.TIMEOUT)
        self._end()

    def on_transport_error(self, failed: Sending, now: float) -> None:
        """Tell the user and end; in Accepted nothing of this transaction is on its way."""
        if self.state in (State.CALLING, State.PROCEEDING, State.COMPLETED):
            self._fail(Failure.TRANSPORT)
            self._end()
