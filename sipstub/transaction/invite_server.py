"""The server side of INVITE.  RFC 3261 section 17.2.1 with RFC 6026 section 7.1 and its figure 5.

A 2xx is repeated by the user until its ACK comes (13.3.1.4), never here.
"""

from __future__ import annotations

from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.transaction.event import Failure
from sipstub.transaction.key import OLD, Key
from sipstub.transaction.machine import Outlet, ServerTransaction
from sipstub.transaction.sending import Hop
from sipstub.transaction.state import State, TimerName


class InviteServer(ServerTransaction):
    """Proceeding, Completed, Confirmed, Accepted, Terminated."""

    __slots__ = ("_answer_tag", "_asked_tag", "_interval_s", "is_cancelled")

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
        super().__init__(request, source, hops, key, State.PROCEEDING, outlet, merging)
        self.is_cancelled = False
        "Whether a CANCEL came while there was no final answer."
        self._interval_s = outlet.timing.t1_s
        self._asked_tag = request.to.tag
        self._answer_tag: str | None = None
        self._repeat_after(outlet.timing.trying_s, TimerName.TRYING_100, now)
        self._end_after(outlet.timing.ringing_s, TimerName.UNANSWERED, now)

    def receive(self, now: float) -> None:
        """Repeat the last answer in Proceeding and Completed; absorb the INVITE elsewhere."""
        self._send_again()

    def cancel(self) -> bool:
        """Return whether this CANCEL is news: there is no final answer yet, and it is the first."""
        if self.state is not State.PROCEEDING or self.is_cancelled:
            return False
        self.is_cancelled = True
        return True

    def respond(self, response: Response, now: float) -> bool:
        """Send an answer: any in Proceeding, further 2xx in Accepted, none elsewhere."""
        status = response.status
        if self.state is State.ACCEPTED and 200 <= status < 300:
            self._send(response, is_kept=False)
            return True
        if self.state is not State.PROCEEDING:
            return False
        if status < 200:
            self._stop_repeating()  # no 100 is due any more
            self._send(response)
            return True
        timing = self._outlet.timing
        self._answer_tag = response.to.tag if self.key[0] == OLD else None
        self._stop_timers()
        self._request = None
        if status < 300:
            self._send(response, is_kept=False)
            self.state = State.ACCEPTED
            self._end_after(timing.timeout_s, TimerName.L, now)
        else:
            self._send(response)
            self.state = State.COMPLETED
            self._end_after(timing.timeout_s, TimerName.H, now)
            if not self.is_reliable:
                self._repeat_after(self._interval_s, TimerName.G, now)
        self._outlet.answered(self)
        return True

    def acknowledge(self, ack: Request, now: float) -> bool:
        """Take an ACK; return whether it was for this transaction, and not for its user."""
        if self.state is State.ACCEPTED:  # from a client with one branch for INVITE and the ACK to its 2xx (RFC 6026 7.1)
            return False
        if self.state is State.COMPLETED and (self.key[0] != OLD or ack.to.tag == self._answer_tag):
            self._stop_timers()
            self._keep(b"")
            if self.is_reliable:  # timer I is zero
                self._end()
            else:
                self.state = State.CONFIRMED
                self._end_after(self._outlet.timing.t4_s, TimerName.I, now)
        return True

    def is_same(self, invite: Request) -> bool:
        """Return whether an INVITE with the key of this one is this one; under RFC 2543 its To tag counts too (17.2.3)."""
        return self.key[0] != OLD or invite.to.tag == self._asked_tag

    def on_timer(self, name: TimerName, now: float) -> None:
        """Send the 100 or the final answer again, give up on the user or the ACK, or end."""
        if name is TimerName.TRYING_100:
            self._repeating = None
            if self._request is not None:
                self._send(answer(self._request, 100))
        elif name is TimerName.G:
            self._send_again()
            self._interval_s = self._outlet.timing.after(self._interval_s)
            self._repeat_after(self._interval_s, TimerName.G, now)
        elif name is TimerName.UNANSWERED and self._request is not None:
            self._fail(Failure.TIMEOUT)
            self.respond(answer(self._request, 408, to_tag=self.to_tag), now)
        elif name is TimerName.H:
            self._fail(Failure.TIMEOUT)
            self._end()
        else:
            self._end()

    def _lost(self) -> None:
        """Stay: the client may come again by another way, and timers end this anyhow (RFC 6026, its change of 17.2.4)."""
