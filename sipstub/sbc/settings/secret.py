"""A password in the settings of an SBC, which may be one that only the device can read."""

from __future__ import annotations

import re

from sipstub.secret import MASK
from sipstub.secret import Secret as PlainSecret

__all__ = ["MASK", "Secret"]

_OBFUSCATED = re.compile(r"\$\d\$")


class Secret(PlainSecret):
    """A password or shared key; none at all is shown as nothing."""

    __slots__ = ()

    @property
    def is_obfuscated(self) -> bool:
        """Return whether the device wrote it in a form that only the device can read (`$1$...`)."""
        return _OBFUSCATED.match(self._text) is not None

    def __str__(self) -> str:
        return MASK if self else ""
