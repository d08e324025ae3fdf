"""All bindings, by address of record, with the next one to expire at hand.

Nothing here scans a table: a heap knows who expires next, an index which bindings hang on a flow.  The heap may hold leftovers
of bindings that were refreshed or removed; it is made anew when they outnumber the living, so that it is never more than
HEAP_SLACK and twice the bindings.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from sipstub.registrar.binding import Binding, BindingChange

HEAP_SLACK = 64


class Location:
    """The table."""

    def __init__(self) -> None:
        self._by_aor: dict[str, tuple[Binding, ...]] = {}
        self._by_flow: dict[str, set[tuple[str, str]]] = {}
        self._heap: list[tuple[float, str, str]] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Binding]:
        for bindings in list(self._by_aor.values()):
            yield from bindings

    def __contains__(self, aor: str) -> bool:
        return aor in self._by_aor

    @property
    def aors(self) -> int:
        """Return how many addresses of record have a binding."""
        return len(self._by_aor)

    @property
    def heap_size(self) -> int:
        """Return the entries of the heap, for tests of its bound."""
        return len(self._heap)

    def live(self, aor: str, now: float) -> tuple[Binding, ...]:
        """Return the bindings of an address that hold now, the oldest first."""
        found = self._by_aor.get(aor, ())
        for binding in found:
            if binding.expires_at <= now:
                return tuple([one for one in found if one.expires_at > now])
        return found

    def of_flow(self, flow: str) -> tuple[Binding, ...]:
        """Return the bindings that were made over a flow."""
        keys = self._by_flow.get(flow, ())
        return tuple(binding for aor, id in sorted(keys) for binding in self._by_aor.get(aor, ()) if binding.id == id)

    def apply(self, change: BindingChange) -> None:
        """Write one change into the table."""
        binding = change.binding
        found = self._by_aor.get(binding.aor, ())
        old = next((one for one in found if one.id == binding.id), None)
        is_removal = change.is_removal
        if old is not None and (is_removal or old.flow != binding.flow):
            self._forget_flow(old)
        if is_removal:
            rest = tuple(one for one in found if one is not old)
            self._size -= len(found) - len(rest)
            if rest:
                self._by_aor[binding.aor] = rest
            else:
                self._by_aor.pop(binding.aor, None)
            return
        if old is None:
            self._by_aor[binding.aor] = (*found, binding)
            self._size += 1
        else:
            self._by_aor[binding.aor] = tuple([binding if one is old else one for one in found])
        if old is None or old.flow != binding.flow:
            self._by_flow.setdefault(binding.flow, set()).add((binding.aor, binding.id))
        if old is None or old.expires_at > binding.expires_at:  # a later end is found when the earlier one comes up
            self._push(binding)

    def next_expiry(self) -> float | None:
        """Return when the next binding may expire; a little early is possible, late is not."""
        return self._heap[0][0] if self._heap else None

    def expired(self, now: float, limit: int) -> list[Binding]:
        """Return at most so many bindings that are over; they stay in the table until their removal is applied."""
        found: dict[tuple[str, str], Binding] = {}
        while self._heap and self._heap[0][0] <= now and len(found) < limit:
            at, aor, id = heapq.heappop(self._heap)
            binding = next((one for one in self._by_aor.get(aor, ()) if one.id == id), None)
            if binding is None:
                continue
            if binding.expires_at <= now:
                found[aor, id] = binding
            elif binding.expires_at > at:
                heapq.heappush(self._heap, (binding.expires_at, aor, id))
        return list(found.values())

    def _push(self, binding: Binding) -> None:
        heapq.heappush(self._heap, (binding.expires_at, binding.aor, binding.id))
        if len(self._heap) > 2 * self._size + HEAP_SLACK:
            self._heap = [(one.expires_at, one.aor, one.id) for one in self]
            heapq.heapify(self._heap)

    def _forget_flow(self, binding: Binding) -> None:
        keys = self._by_flow.get(binding.flow)
        if keys is not None:
            keys.discard((binding.aor, binding.id))
            if not keys:
                del self._by_flow[binding.flow]
