"""What was predicted of a phone's call or registration through an SBC, beside what was seen: one statement each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

WORDS = {True: "as predicted", False: "DIFFERS", None: "not seen"}


@dataclass(frozen=True, slots=True)
class Compared:
    """One statement."""

    call: str
    "`1`, `2`, ... in the order of the recording; empty for a registration."
    leg: str
    "`phone` or `far`; empty for what holds for both."
    what: str
    predicted: str
    seen: str
    agrees: bool | None
    "None where the recording is too short to tell."
    scenario: str = ""
    "What was played in that call, where that is known."
    call_id: str = ""
    "Of the first leg of the call."

    @property
    def word(self) -> str:
        """Return what came of it."""
        return WORDS[self.agrees]

    @property
    def subject(self) -> str:
        """Return what it is about: `call 1 refreshes-as-caller`, `registration`."""
        return " ".join(part for part in (f"call {self.call}", self.scenario) if part) if self.call else "registration"

    @property
    def line(self) -> str:
        """Return it as one line, with what was predicted where that is something else."""
        text = f"{self.subject} {self.leg:<6} {self.what:<8} {self.word:<12} {self.seen}"
        return text if self.agrees else f"{text}; predicted: {self.predicted}"

    def as_json(self) -> dict[str, Any]:
        """Return all fields under their names."""
        return asdict(self)
