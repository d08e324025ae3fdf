"""A password in the settings of an SBC, which shows itself only when asked by name.

sipstub imports nothing of provisioner, so it has its own; the mask is the same.
"""

from __future__ import annotations

import hmac
import re

MASK = "********"
_OBFUSCATED = re.compile(r"\$\d\$")


class Secret:
    """A password or shared key.  `str`, `repr` and f-strings give a mask; `reveal()` is what a search finds."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself: for digests, RADIUS, and `convert --reveal`."""
        return self._text

    @property
    def is_obfuscated(self) -> bool:
        """Return whether the device wrote it in a form that only the device can read (`$1$...`)."""
        return _OBFUSCATED.match(self._text) is not None

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
        return MASK if self._text else ""
