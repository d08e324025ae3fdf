"""The server side of requests other than INVITE.  RFC 3261 section 17.2.2 and figure 8, RFC 4320."""

from __future__ import annotations

from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.transaction.event import Failure
from sipstub.transaction.key import Key
from sipstub.transaction.machine import Outlet, ServerTransaction
from sipstub.transaction.sending import Hop, Sending
from sipstub.transaction.state import State, TimerName


class NonInviteServer(ServerTransaction):
    """Trying, Proceeding, Completed, Terminated."""

    __slots__ = ("_may_try",)

    def __init__(
        self,
        request: Request,
        source: Hop,
        hops: tuple[Hop, ...],
        key: Key,
        outlet: Outlet,
        now: float,
        merging: Key | None = None,
    ) -> None:
        super().__init__(request, source, hops, key, State.TRYING, outlet, merging)
        self._may_try = source.is_reliable
        self._end_after(outlet.timing.late_trying_s, TimerName.TRYING_100, now)

    @classmethod
    def answered(cls, source: Hop, hop: Hop, key: Key, outlet: Outlet, status: int, data: bytes, now: float) -> NonInviteServer:
        """Return the transaction of a REGISTER over UDP that has its final answer, and send that."""
        made = cls.__new__(cls)
        ServerTransaction.__init__(made, None, source, (hop,), key, State.COMPLETED, outlet, None)
        made._may_try = made.is_open = False
        made.status = status
        made._keep(data)
        outlet.sendings.append(Sending(data, hop, made))
        made._end_after(outlet.timing.timeout_s, TimerName.J, now)
        return made

    def receive(self, now: float) -> None:
        """Repeat the last answer, if there was any."""
        self._send_again()

    def respond(self, response: Response, now: float) -> bool:
        """Send an answer; not: provisional ones but 100, 100 too early over UDP, 408 (all RFC 4320), any after the final one."""
        if self.is_answered:
            return False
        status = response.status
        if status < 200:
            if status != 100 or not self._may_try:
                return False
            self.state = State.PROCEEDING
            self._send(response)
            return True
        if status == 408:  # it would come when the client has given up, and cause more of the same (RFC 4320 section 4.2)
            return False
        self._request = None
        if self.is_reliable:  # timer J is zero
            self._send(response, is_kept=False)
            self._end()
        else:
            self._send(response)
            self.state = State.COMPLETED
            self._end_after(self._outlet.timing.timeout_s, TimerName.J, now)
            self._outlet.answered(self)
        return True

    def on_timer(self, name: TimerName, now: float) -> None:
        """Send the late 100, give up on the user, or end."""
        timing = self._outlet.timing
        if name is TimerName.TRYING_100:
            self._may_try = True
            self._end_after(timing.timeout_s - timing.late_trying_s, TimerName.UNANSWERED, now)
            if self.state is State.TRYING and self._request is not None:
                self.respond(answer(self._request, 100), now)
        elif name is TimerName.UNANSWERED:  # timer F of the client has fired: no answer is the right one now (RFC 4320 4.2)
            self._fail(Failure.TIMEOUT)
            self._end()
        else:
            self._end()

    def _lost(self) -> None:
        self._end()
