"""Where a value was written, and how strong that place is."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Rank(enum.IntEnum):
    """The written order of precedence; the higher number wins, two values at one rank are a problem."""

    TEMPLATE = 0
    DEFAULTS = 1
    SITE = 2
    GROUP = 3
    PHONE = 4
    LAB = 5


@dataclass(frozen=True, slots=True)
class Origin:
    """One place in a person's files."""

    file: str
    "Relative to the folder of its kind: `phones/lobby.toml`, `yealink/v80/block/account.cfg`."

    line: int
    "1-based; 0 when the place is the whole file."

    layer: str
    'In words: `group "reception"`.'

    rank: Rank
    "How it compares with other places."

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file
