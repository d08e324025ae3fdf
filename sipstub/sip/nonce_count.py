"""How often each nonce was used: no request counts twice.  RFC 7616 section 3.4, nc.

Bounded: the nonce first used longest ago is forgotten first, and from then on every nonce as old as it is refused: forgetting
never lets a replay in.  Within WINDOW counts may come out of order, as datagrams do.
"""

from __future__ import annotations

from collections import OrderedDict

MAX_NONCES = 65_536
WINDOW = 64
"So far behind the highest count a new one may still be."


class NonceCounts:
    """The counts seen, by nonce."""

    def __init__(self, limit: int = MAX_NONCES) -> None:
        self._limit = limit
        self._seen: OrderedDict[str, tuple[float, int, int]] = OrderedDict()
        self._forgotten_until = float("-inf")

    def __len__(self) -> int:
        return len(self._seen)

    def accept(self, nonce: str, nc: int, made_at: float) -> bool:
        """Return whether this use is a new one, and note it; if not, challenge again with stale=true.

        `made_at` is the time in the nonce, in seconds; give only nonces that were judged fresh, and whose response was right.
        """
        if nc < 1:
            return False
        seen = self._seen.get(nonce)
        if seen is None:
            if made_at <= self._forgotten_until:
                return False
            self._forget()
            self._seen[nonce] = (made_at, nc, 1)
            return True
        _, highest, mask = seen
        if nc > highest:
            shift = nc - highest
            mask = (mask << shift | 1) & ((1 << WINDOW) - 1) if shift < WINDOW else 1
            self._seen[nonce] = (made_at, nc, mask)
            return True
        bit = 1 << (highest - nc) if highest - nc < WINDOW else 0
        if not bit or mask & bit:
            return False
        self._seen[nonce] = (made_at, highest, mask | bit)
        return True

    def expire(self, before: float) -> None:
        """Forget nonces made before that moment: they are stale, and refused for that."""
        while self._seen:
            nonce, (made_at, _, _) = next(iter(self._seen.items()))
            if made_at >= before:
                return
            del self._seen[nonce]

    def _forget(self) -> None:
        while len(self._seen) >= self._limit:
            _, (made_at, _, _) = self._seen.popitem(last=False)
            self._forgotten_until = max(self._forgotten_until, made_at)
