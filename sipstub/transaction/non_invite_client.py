"""The client side of requests other than INVITE.  RFC 3261 section 17.1.2 and figure 6."""

from __future__ import annotations

from sipstub.sip.message import Request, Response
from sipstub.transaction.event import Failure, ResponseArrived
from sipstub.transaction.key import Key
from sipstub.transaction.machine import ClientTransaction, Outlet
from sipstub.transaction.sending import Hop, Sending
from sipstub.transaction.state import State, TimerName


class NonInviteClient(ClientTransaction):
    """Trying, Proceeding, Completed, Terminated."""

    __slots__ = ()

    def __init__(self, request: Request, hop: Hop, key: Key, outlet: Outlet, *, compact: bool = False) -> None:
        super().__init__(request, hop, key, State.TRYING, outlet, compact=compact)

    def start(self, now: float) -> None:
        """Send the request for the first time."""
        timing = self._outlet.timing
        self._send()
        self._end_after(timing.timeout_s, TimerName.F, now)
        if not self.is_reliable:
            self._repeat_after(timing.t1_s, TimerName.E, now)

    def receive(self, response: Response, source: Hop, now: float) -> None:
        """Pass on provisional answers and the first final one."""
        if self.state not in (State.TRYING, State.PROCEEDING):
            return
        self._outlet.events.append(ResponseArrived(response, source, self))
        if response.status < 200:
            if self.state is State.TRYING:
                # the running timer E still goes off; from then on it is T2 (17.1.2.2)
                self.state = State.PROCEEDING
            return
        self._stop_timers()
        if self.is_reliable:  # timer K is zero
            self._end()
        else:
            self.state = State.COMPLETED
            self._end_after(self._outlet.timing.t4_s, TimerName.K, now)

    def on_timer(self, name: TimerName, now: float) -> None:
        """Send again, give up, or end."""
        timing = self._outlet.timing
        if name is TimerName.E:
            self._send()
            self._interval_s = timing.t2_s if self.state is State.PROCEEDING else timing.after(self._interval_s)
            self._repeat_after(self._interval_s, TimerName.E, now)
        elif name is TimerName.F:
            self._fail(Failure.TIMEOUT)
            self._end()
        elif name is TimerName.K:
            self._end()

    def on_transport_error(self, failed: Sending, now: float) -> None:
        """Tell the user and end, unless the answer is already here."""
        if self.state in (State.TRYING, State.PROCEEDING):
            self._fail(Failure.TRANSPORT)
            self._end()
