"""How sure a statement of a prediction is, and what it rests on."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Mark(enum.StrEnum):
    """Where a statement comes from."""

    DOCUMENTED = "documented"
    "AudioCodes says so."
    RFC = "RFC 4028"
    "Nothing else is allowed."
    INFERRED = "inferred"
    CHOSEN = "our choice"
    "No source says it; another device may do otherwise."
    PHONE = "phone's file"


@dataclass(frozen=True, slots=True)
class Why:
    """One reason."""

    text: str
    mark: Mark
    settings: tuple[str, ...] = ()
    "Names with values and places: `SBCMinSE=300 (lab.ini:4)`."


@dataclass(frozen=True, slots=True)
class Line:
    """One statement, in the order of time."""

    leg: str
    "`phone` or `far`; empty for what holds for both."
    what: str
    whys: tuple[Why, ...]
    at_s: float | None = None
    "Seconds after the call was answered; None for what happens before or at any time."
