"""A MAC address as the one identity of a phone; after the edge no other form exists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_FORMS = re.compile(
    r"[0-9a-f]{12}"
    r"|[0-9a-f]{2}(?::[0-9a-f]{2}){5}"
    r"|[0-9a-f]{2}(?:-[0-9a-f]{2}){5}"
    r"|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class MacAddress:
    """Six octets."""

    plain: str
    "Twelve lower-case hex digits, the form Yealink phones put in file names: `001565aabbcc`."

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address written with colons, dashes, dots or nothing, in any letter case; else ValueError."""
        lowered = text.strip().lower()
        if not _FORMS.fullmatch(lowered):
            raise ValueError(f"not a MAC address: {text[:40]!r}")
        return cls(lowered.replace(":", "").replace("-", "").replace(".", ""))

    @property
    def colons(self) -> str:
        """The form of the phone's label and of its User-Agent: `00:15:65:aa:bb:cc`."""
        return ":".join(self.plain[at : at + 2] for at in range(0, 12, 2))

    @property
    def oui(self) -> str:
        """The vendor prefix `00:15:65`: a hint who made the phone, never a gate."""
        return self.colons[:8]

    def __str__(self) -> str:
        return self.plain
