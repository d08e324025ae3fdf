"""Timers in order of time.  Starting, stopping and taking one costs the same however many there are.

Timers of one delay run out in the order they were started, so each delay has a queue of its own; SIP knows about a dozen delays.
Delays beyond MAX_LANES share a heap.  A stopped timer stays in its queue until it is its turn, or until the stopped outnumber
the others.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Generic, TypeVar

MAX_LANES = 32
"So many delays have a queue of their own."
FEW = 64
"So many stopped timers are not worth sweeping out."

Owner = TypeVar("Owner")
Name = TypeVar("Name")


class Timer(Generic[Owner, Name]):
    """A timer that was started."""

    __slots__ = ("lane", "name", "number", "owner", "when")

    def __init__(self, when: float, owner: Owner, name: Name, lane: _Lane[Owner, Name], number: int) -> None:
        self.when = when
        self.owner: Owner | None = owner
        "Whose it is; None once it was stopped or has run out."
        self.name = name
        self.lane = lane
        self.number = number

    def __lt__(self, other: Timer[Owner, Name]) -> bool:
        return (self.when, self.number) < (other.when, other.number)


class _Lane(Generic[Owner, Name]):
    """Timers of one delay, first in, first out."""

    __slots__ = ("queue", "stopped")

    def __init__(self) -> None:
        self.queue: deque[Timer[Owner, Name]] = deque()
        self.stopped = 0

    def add(self, timer: Timer[Owner, Name]) -> None:
        self.queue.append(timer)

    def first(self) -> Timer[Owner, Name] | None:
        queue = self.queue
        while queue:
            if queue[0].owner is not None:
                return queue[0]
            queue.popleft()
            self.stopped -= 1
        return None

    def take(self) -> None:
        self.queue.popleft()

    def sweep(self) -> None:
        self.queue = deque(timer for timer in self.queue if timer.owner is not None)
        self.stopped = 0

    def __len__(self) -> int:
        return len(self.queue)


class _Heap(_Lane[Owner, Name]):
    """Timers of any delay."""

    __slots__ = ("heap",)

    def __init__(self) -> None:
        super().__init__()
        self.heap: list[Timer[Owner, Name]] = []

    def add(self, timer: Timer[Owner, Name]) -> None:
        heapq.heappush(self.heap, timer)

    def first(self) -> Timer[Owner, Name] | None:
        heap = self.heap
        while heap:
            if heap[0].owner is not None:
                return heap[0]
            heapq.heappop(heap)
            self.stopped -= 1
        return None

    def take(self) -> None:
        heapq.heappop(self.heap)

    def sweep(self) -> None:
        self.heap = [timer for timer in self.heap if timer.owner is not None]
        heapq.heapify(self.heap)
        self.stopped = 0

    def __len__(self) -> int:
        return len(self.heap)


class TimerQueue(Generic[Owner, Name]):
    """All timers of one layer.  Time never goes back: an earlier `now` than the last counts as the last."""

    def __init__(self, max_lanes: int = MAX_LANES) -> None:
        self._max_lanes = max_lanes
        self._by_delay: dict[float, _Lane[Owner, Name]] = {}
        self._heap: _Heap[Owner, Name] = _Heap()
        self._lanes: list[_Lane[Owner, Name]] = [self._heap]
        self._latest = float("-inf")
        self._number = 0
        self._next: Timer[Owner, Name] | None = None
        "The first one, as long as that is known."

    def __len__(self) -> int:
        """Return how many timers are kept, stopped ones included."""
        return sum(len(lane) for lane in self._lanes)

    @property
    def running(self) -> int:
        """Return how many timers may still run out."""
        return sum(len(lane) - lane.stopped for lane in self._lanes)

    def start(self, delay_s: float, owner: Owner, name: Name, now: float) -> Timer[Owner, Name]:
        """Start a timer and return it."""
        if now < self._latest:
            now = self._latest
        else:
            self._latest = now
        lane = self._by_delay.get(delay_s)
        if lane is None:
            lane = self._new_lane(delay_s)
        self._number += 1
        timer = Timer(now + delay_s, owner, name, lane, self._number)
        lane.add(timer)
        if self._next is not None and timer < self._next:
            self._next = timer
        return timer

    def stop(self, timer: Timer[Owner, Name]) -> None:
        """Stop a timer; one that has run out or was stopped stays so."""
        if timer.owner is None:
            return
        timer.owner = None
        if timer is self._next:
            self._next = None
        lane = timer.lane
        lane.stopped += 1
        if lane.stopped > FEW and 2 * lane.stopped > len(lane):
            lane.sweep()

    @property
    def next_timer(self) -> float | None:
        """Return when the next timer runs out."""
        first = self._first()
        return None if first is None else first.when

    def take_due(self, now: float) -> tuple[Owner, Name] | None:
        """Return owner and name of the first timer that has run out by now, each once; None if none has."""
        first = self._first()
        if first is None or first.when > now or first.owner is None:
            return None
        self._next = None
        first.lane.first()  # those before it that were stopped go first
        first.lane.take()
        owner, first.owner = first.owner, None
        return owner, first.name

    def _first(self) -> Timer[Owner, Name] | None:
        if self._next is not None:
            return self._next
        found: Timer[Owner, Name] | None = None
        for lane in self._lanes:
            first = lane.first()
            if first is not None and (found is None or first < found):
                found = first
        self._next = found
        return found

    def _new_lane(self, delay_s: float) -> _Lane[Owner, Name]:
        if len(self._by_delay) >= self._max_lanes:
            return self._heap
        lane: _Lane[Owner, Name] = _Lane()
        self._by_delay[delay_s] = lane
        self._lanes.append(lane)
        return lane
