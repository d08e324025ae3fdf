"""What a check found."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How bad it is; only a problem makes `doctor` end with exit code 1."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: Level
    "ok, warning or problem."

    fact: str
    "What was seen, without secrets."

    hint: str = ""
    "What to do; empty where there is nothing to do."

    check: str = ""
    "The check that found it; filled in by `examine`."


def ok(fact: str, hint: str = "") -> Finding:
    """Return a finding that all is well."""
    return Finding(Level.OK, fact, hint)


def warning(fact: str, hint: str) -> Finding:
    """Return a finding that may keep some phone from booting, or is unwise."""
    return Finding(Level.WARNING, fact, hint)


def problem(fact: str, hint: str) -> Finding:
    """Return a finding that keeps phones from booting, or gives secrets away."""
    return Finding(Level.PROBLEM, fact, hint)
