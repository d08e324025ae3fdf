"""Places of the page that others link to: phones, their findings, and messages in their ladders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sipstub.verify.finding import Finding
from sipstub.verify.report.document import PhoneReport
from sipstub.verify.verdict import Verdict

BAD = (Verdict.FAIL, Verdict.WARN)
"Verdicts that have a card of their own."
_MESSAGE = re.compile(r'\bid="([A-Za-z][\w-]*-m(\d{1,12}))"')


@dataclass(frozen=True, slots=True)
class Anchors:
    """The places of one phone."""

    at: int
    "Which phone of the page it is."
    messages: Mapping[int, str]
    "Place in the ladder by the number of the message; what is not drawn has none."

    @classmethod
    def of(cls, at: int, drawing: str) -> Anchors:
        """Return the places of a phone and its drawing."""
        return cls(at, {int(number): name for name, number in _MESSAGE.findall(drawing)})

    @property
    def phone(self) -> str:
        """Return the place of the phone."""
        return f"phone{self.at}"

    def card(self, place: int) -> str:
        """Return the place of what is wrong, by its place in `worst_first`."""
        return f"p{self.at}-f{place}"

    def row(self, place: int) -> str:
        """Return the place of a finding in the table of all."""
        return f"p{self.at}-r{place}"

    def finding(self, finding: Finding, place: int) -> str:
        """Return the place that says most about a finding."""
        return self.card(place) if finding.verdict in BAD else self.row(place)


def anchors_of(phones: list[PhoneReport], drawings: Mapping[str, str]) -> list[Anchors]:
    """Return the places of each phone, in the order of the page."""
    return [Anchors.of(at, drawings.get(phone.name, "")) for at, phone in enumerate(phones)]
