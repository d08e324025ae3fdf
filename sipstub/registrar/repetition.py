"""Challenges just given, so that a request that comes twice gets the same answer twice.  RFC 3261 section 8.2.7.

A REGISTER without credentials makes no transaction that would keep its answer, and yet its repetition must not be given another
nonce: the client has gone on with the first.  What is kept is bounded, and costs no timer: a full half is forgotten at once.
"""

from __future__ import annotations

KEPT_S = 32.0
"A client sends again for 64 * T1 at most; the same bytes after that are something else."
MAX_HALF = 8_192
"Requests in each of two halves."


class Repetitions:
    """The nonce that each request of the last seconds was given, known by its bytes and where it came from."""

    def __init__(self, limit: int = MAX_HALF) -> None:
        self._limit = limit
        self._new: dict[int, tuple[float, str]] = {}
        self._old: dict[int, tuple[float, str]] = {}

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    @staticmethod
    def key(raw: bytes, host: str, port: int) -> int:
        """Return what a repetition has in common with the first; Python's hash of bytes is keyed, nobody can aim at it."""
        return hash((raw, host, port))

    def find(self, key: int, now: float) -> str | None:
        """Return the nonce that this request was given."""
        found = self._new.get(key) or self._old.get(key)
        return found[1] if found is not None and 0 <= now - found[0] <= KEPT_S else None

    def note(self, key: int, nonce: str, now: float) -> None:
        """Keep the nonce that it is given."""
        if len(self._new) >= self._limit:
            self._old, self._new = self._new, {}
        self._new[key] = (now, nonce)
