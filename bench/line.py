"""One measurement as a line that people read and `make bench` counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement."""

    name: str
    "What was measured."

    value: float | None
    "The number that the target is about; None if it could not be measured."

    unit: str
    "`x` for ratios, `s`, `ms`, `files`, ..."

    target: str
    "`<= 0.30`, or empty."

    is_met: bool
    "Whether the target holds (true without one)."

    detail: str = ""
    "The numbers behind it, or why there is none."

    def __str__(self) -> str:
        shown = "-" if self.value is None else f"{self.value:.3f}".rstrip("0").rstrip(".")
        word = "" if not self.target else ("ok" if self.is_met else "MISSED")
        return f"{self.name:<58} {shown:>8} {self.unit:<6} {self.target:<9} {word:<6} {self.detail}".rstrip()


def at_most(name: str, value: float, unit: str, limit: float, detail: str = "") -> Line:
    """Return a measurement that must not be above `limit`."""
    return Line(name, value, unit, f"<= {limit:g}", value <= limit, detail)
