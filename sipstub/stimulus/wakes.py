"""When each call wants to act next, in order of time: thousands of calls cost a turn of the loop no more than one."""

from __future__ import annotations

import heapq

FEW = 64
"So many entries that do not hold any more are not worth sweeping out."


class Wakes:
    """The next time of each name; what was said last holds."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._times)

    def set(self, name: str, when: float | None) -> None:
        """Say when a name wants to act; None for not at all."""
        if when is None:
            self._times.pop(name, None)
        elif self._times.get(name) != when:
            self._times[name] = when
            heapq.heappush(self._heap, (when, name))
            if len(self._heap) > FEW + 2 * len(self._times):
                self._heap = [(when, name) for name, when in self._times.items()]
                heapq.heapify(self._heap)

    @property
    def first(self) -> float | None:
        """Return the earliest time."""
        heap = self._heap
        while heap:
            when, name = heap[0]
            if self._times.get(name) == when:
                return when
            heapq.heappop(heap)
        return None

    def take_due(self, now: float) -> list[str]:
        """Return the names whose time has come, in order, each once; they have no time until it is said again."""
        found: list[str] = []
        while (first := self.first) is not None and first <= now:
            name = heapq.heappop(self._heap)[1]
            del self._times[name]
            found.append(name)
        return found
