"""Who wants to be woken when: calls, registrations and subscriptions, with the next one at hand.

An entry that comes too early does no harm: who is woken says when the next time is.  So whoever puts his time off need not tell.
"""

from __future__ import annotations

import heapq
from typing import Protocol


class Sleeper(Protocol):
    """Somebody with a next time."""

    wake_at: float | None
    "The earliest entry that stands for it."

    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""

    def on_timer(self, now: float) -> None:
        """Do what is due."""


FEW = 64
"So many entries of sleepers that are gone are not worth sweeping out."


class Agenda:
    """The entries; at most one that counts for each sleeper."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Sleeper]] = []
        self._number = 0
        self._gone = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def entries(self) -> list[Sleeper]:
        """Return who will be woken."""
        return [sleeper for when, _, sleeper in self._heap if sleeper.wake_at == when]

    def note(self, sleeper: Sleeper) -> None:
        """See to it that it is woken in time."""
        when = sleeper.next_timer()
        if when is not None and (sleeper.wake_at is None or when < sleeper.wake_at):
            sleeper.wake_at = when
            self._number += 1
            heapq.heappush(self._heap, (when, self._number, sleeper))

    def forget(self, sleeper: Sleeper) -> None:
        """Wake it no more; what stands for it is swept out when it outnumbers the rest."""
        if sleeper.wake_at is None:
            return
        sleeper.wake_at = None
        self._gone += 1
        if self._gone > FEW and 2 * self._gone > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].wake_at == entry[0]]
            heapq.heapify(self._heap)
            self._gone = 0

    @property
    def next_timer(self) -> float | None:
        """Return when the next one has to be woken."""
        return self._heap[0][0] if self._heap else None

    def on_timer(self, now: float) -> None:
        """Wake whoever is due."""
        while self._heap and self._heap[0][0] <= now:
            when, _, sleeper = heapq.heappop(self._heap)
            if sleeper.wake_at != when:  # an earlier entry has taken over, or nobody is there any more
                continue
            sleeper.wake_at = None
            due = sleeper.next_timer()
            if due is not None and due <= now:
                sleeper.on_timer(now)
            self.note(sleeper)
