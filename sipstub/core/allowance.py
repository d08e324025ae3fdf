"""How many lines may be written down: so many in a row, then so many a second; the rest is counted.  Pure."""

from __future__ import annotations


class Allowance:
    """Room for lines, which comes back with time."""

    def __init__(self, in_a_row: int, per_s: float) -> None:
        self._most = float(in_a_row)
        self._per_s = per_s
        self._room = self._most
        self._at = 0.0
        self._left_out = 0

    def takes(self, now: float) -> bool:
        """Return whether there is room for one more line, and take it; what has none is counted."""
        self._room = min(self._most, self._room + max(0.0, now - self._at) * self._per_s)
        self._at = now
        if self._room < 1:
            self._left_out += 1
            return False
        self._room -= 1
        return True

    def take_left_out(self) -> int:
        """Return how many lines were left out since this was asked last."""
        found, self._left_out = self._left_out, 0
        return found
