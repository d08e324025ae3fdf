"""A value that shows itself only when asked by name, for sipstub and provisioner alike."""

from __future__ import annotations

import hmac

MASK = "********"


class Secret:
    """A password or key.  `str`, `repr` and f-strings give a mask; `reveal()` is what a search finds."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself: for a phone's own file, for digests and RADIUS, and for `--reveal`."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(("secret", self._text))

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK
