"""What the four machines have in common, and the outlet through which they act: send, tell, run timers, end."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable

from sipstub.sip.message import Request, Response
from sipstub.transaction.event import Event, Failure, TransactionFailed
from sipstub.transaction.key import Key
from sipstub.transaction.sending import Hop, Sending
from sipstub.transaction.state import State, TimerName
from sipstub.transaction.timer import Timer, TimerQueue
from sipstub.transaction.timing import USUAL, Timing

TAG_BYTES = 8

_ENDED = State.TERMINATED


def _nothing(transaction: Transaction) -> None:
    """Take notice of nothing."""


class Outlet:
    """Where the effects of machines go; a layer has one for all of them."""

    __slots__ = ("_secret", "answered", "ended", "events", "held_bytes", "sendings", "timers", "timing")

    def __init__(self, timing: Timing = USUAL, secret: bytes = b"") -> None:
        self.timing = timing
        self.timers: TimerQueue[Transaction, TimerName] = TimerQueue()
        self.sendings: list[Sending] = []
        self.events: deque[Event] = deque()
        self.held_bytes = 0
        "Size of all answers that are kept for repetitions."
        self.answered: Callable[[Transaction], None] = _nothing
        "Called with each server transaction that has its final answer and goes on."
        self.ended: Callable[[Transaction], None] = _nothing
        "Called once with each transaction that ends."
        self._secret = secret

    def tag(self, key: Key) -> str:
        """Return the tag that answers to this transaction carry: the same each time, also if nothing is kept (8.2.7)."""
        return hashlib.blake2s(repr(key).encode("utf-8", "surrogateescape"), digest_size=TAG_BYTES, key=self._secret).hexdigest()


class Transaction:
    """One transaction of either side.  At most two timers run at a time: one that repeats, one that ends."""

    __slots__ = ("_ending", "_outlet", "_repeating", "is_reliable", "key", "method", "state", "user")

    def __init__(self, key: Key, method: str, is_reliable: bool, state: State, outlet: Outlet) -> None:
        self.key = key
        self.method = method
        self.is_reliable = is_reliable
        self.state = state
        self.user: object = None
        "For the user of the layer to keep what it likes."
        self._outlet = outlet
        self._repeating: Timer[Transaction, TimerName] | None = None
        self._ending: Timer[Transaction, TimerName] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.state.value}>"

    @property
    def is_ended(self) -> bool:
        """Return whether this is Terminated."""
        return self.state is _ENDED

    def on_timer(self, name: TimerName, now: float) -> None:
        """A timer of this transaction has run out."""
        raise NotImplementedError

    def on_transport_error(self, failed: Sending, now: float) -> None:
        """What was sent could not be sent."""
        raise NotImplementedError

    def abandon(self) -> None:
        """End at once, without a word to anybody."""
        if self.state is not _ENDED:
            self._end()

    def _repeat_after(self, delay_s: float, name: TimerName, now: float) -> None:
        if self._repeating is not None:
            self._outlet.timers.stop(self._repeating)
        self._repeating = self._outlet.timers.start(delay_s, self, name, now)

    def _end_after(self, delay_s: float, name: TimerName, now: float) -> None:
        if self._ending is not None:
            self._outlet.timers.stop(self._ending)
        self._ending = self._outlet.timers.start(delay_s, self, name, now)

    def _stop_repeating(self) -> None:
        if self._repeating is not None:
            self._outlet.timers.stop(self._repeating)
            self._repeating = None

    def _stop_timers(self) -> None:
        self._stop_repeating()
        if self._ending is not None:
            self._outlet.timers.stop(self._ending)
            self._ending = None

    def _fail(self, failure: Failure) -> None:
        self._outlet.events.append(TransactionFailed(self, failure))

    def _end(self) -> None:
        self._stop_timers()
        self.state = _ENDED
        self._outlet.ended(self)


class ClientTransaction(Transaction):
    """A request of ours."""

    __slots__ = ("_interval_s", "compact", "data", "hop", "request")

    def __init__(self, request: Request, hop: Hop, key: Key, state: State, outlet: Outlet, *, compact: bool = False) -> None:
        super().__init__(key, request.method, hop.is_reliable, state, outlet)
        self.request = request
        self.hop = hop
        self.compact = compact
        self.data = request.to_bytes(compact=compact)
        "As it goes out, the same each time."
        self._interval_s = outlet.timing.t1_s

    def start(self, now: float) -> None:
        """Send the request for the first time."""
        raise NotImplementedError

    def receive(self, response: Response, source: Hop, now: float) -> None:
        """Take an answer."""
        raise NotImplementedError

    def on_connection_lost(self) -> None:
        """Tell the user and end, if the answer had to come on a connection that is gone."""
        if self.state in (State.CALLING, State.TRYING, State.PROCEEDING):
            self._fail(Failure.TRANSPORT)
            self._end()

    def _send(self) -> None:
        self._outlet.sendings.append(Sending(self.data, self.hop, self))


class ServerTransaction(Transaction):
    """A request of somebody else."""

    __slots__ = ("_last", "_request", "hops", "is_open", "merging", "source", "status")

    def __init__(
        self,
        request: Request | None,
        source: Hop,
        hops: tuple[Hop, ...],
        key: Key,
        state: State,
        outlet: Outlet,
        merging: Key | None,
    ) -> None:
        super().__init__(key, "REGISTER" if request is None else request.method, source.is_reliable, state, outlet)
        self.source = source
        self.hops = hops
        "Where answers go; the first that can be reached."
        self.merging = merging
        "By what copies of this request that come another way are known."
        self.is_open = True
        "Whether it counts among the unanswered ones of its source."
        self.status = 0
        "Of the last answer."
        self._request: Request | None = request
        self._last = b""

    @property
    def to_tag(self) -> str:
        """Return the tag for To of every answer, where the request has none; the same for CANCEL and its INVITE (9.2)."""
        return self._outlet.tag(self.key)

    @property
    def is_answered(self) -> bool:
        """Return whether a final answer was given, or will never be."""
        return self.state is not State.TRYING and self.state is not State.PROCEEDING

    def receive(self, now: float) -> None:
        """Take the same request once more."""
        raise NotImplementedError

    def respond(self, response: Response, now: float) -> bool:
        """Send an answer; return False, with nothing done, if the state or an RFC forbids it."""
        raise NotImplementedError

    def on_transport_error(self, failed: Sending, now: float) -> None:
        """Try the next place to send to, or tell the user."""
        if self.state is State.TERMINATED or failed.hop != self.hops[0]:
            return
        if len(self.hops) > 1:
            self.hops = self.hops[1:]
            self._outlet.sendings.append(Sending(failed.data, self.hops[0], self))
        else:
            self._fail(Failure.TRANSPORT)
            self._lost()

    def _lost(self) -> None:
        """Do what the machine does when its answer cannot be sent."""
        raise NotImplementedError

    def _send(self, response: Response, *, is_kept: bool = True) -> None:
        data = response.to_bytes()
        self.status = response.status
        self._keep(data if is_kept else b"")
        self._outlet.sendings.append(Sending(data, self.hops[0], self))

    def _send_again(self) -> None:
        if self._last:
            self._outlet.sendings.append(Sending(self._last, self.hops[0], self))

    def _keep(self, data: bytes) -> None:
        self._outlet.held_bytes += len(data) - len(self._last)
        self._last = data

    def _end(self) -> None:
        self._keep(b"")
        super()._end()
