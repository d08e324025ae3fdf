"""How often each source guessed wrong lately.  Bounded: what was first seen longest ago is forgotten first.

A window is fixed: it begins with the first failure and ends WINDOW_S later, whatever happens in between.
"""

from __future__ import annotations

from collections import OrderedDict

WINDOW_S = 60.0
MAX_SOURCES = 16_384
USER_FAILURES = 10
"Wrong answers for one user name from one host in a window; a phone with a wrong password that tries every 30 s stays below."
HOST_FAILURES = 200
"Wrong answers from one host, whatever names: a site of phones behind one address stays below."


class Failures:
    """The counts, by key; a key is any short bytes that name a source."""

    def __init__(self, limit: int = MAX_SOURCES, window_s: float = WINDOW_S) -> None:
        self._limit = limit
        self._window_s = window_s
        self._counts: OrderedDict[bytes, tuple[float, int, bool]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def note(self, key: bytes, now: float) -> int:
        """Count one failure, and return how many there were in this window."""
        began, count, is_told = self._counts.get(key, (now, 0, False))
        if not began <= now < began + self._window_s:
            del self._counts[key]
            began, count, is_told = now, 0, False
        self._counts[key] = (began, count + 1, is_told)
        while len(self._counts) > self._limit:
            self._counts.popitem(last=False)
        return count + 1

    def is_over(self, key: bytes, allowed: int, now: float) -> bool:
        """Return whether so many failures were seen that the next try is not looked at."""
        seen = self._counts.get(key)
        if seen is None or seen[1] < allowed:
            return False
        return seen[0] <= now < seen[0] + self._window_s

    def tell(self, key: bytes) -> bool:
        """Return whether this window of a key was not told of before; from now on it was."""
        seen = self._counts.get(key)
        if seen is None or seen[2]:
            return False
        self._counts[key] = (seen[0], seen[1], True)
        return True
