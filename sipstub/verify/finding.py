"""What came of one rule on one account: expected, seen, verdict, likely cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

from sipstub.verify.expectation import MASK
from sipstub.verify.verdict import Verdict

MAX_TEXT = 240
"Longest text of a finding; what a phone sent is cut, never shown whole."
MIN_SECRET = 4
"A shorter password is no word that could be looked for in texts."

_TEXTS = ("expected", "place", "seen", "note", "likely", "label", "parameter")


class Evidence(Protocol):
    """Anything with a place in the record."""

    @property
    def number(self) -> int:
        """Number of the message."""

    @property
    def at(self) -> float:
        """When, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule function returns."""

    verdict: Verdict
    seen: str
    "What the phone did, in the words of the setting: `3600`, `no rport in Via`."
    expected: str | None = None
    "What it should do, where the value alone would not say."
    evidence: Evidence | None = None
    "The message that shows it."
    note: str = ""
    "`first offered in #2`."
    likely: str = ""
    "The likely cause, where one is known."


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report."""

    rule: str
    "Its heading in docs/reference/rules.md."
    verdict: Verdict
    expected: str
    place: str
    "Where that is written: `devices/groups/reception.toml:6`."
    seen: str
    parameter: str
    value_is_secret: bool = False
    account: int | None = None
    index: str = ""
    number: int = 0
    "Of the message; 0 if there is none."
    at: float = 0.0
    label: str = ""
    "What kind of message: `REGISTER`."
    note: str = ""
    likely: str = ""
    retries: int = 0
    "How often the message had to be sent again, or tried anew, before it could be judged."
    source: str = ""
    certainty: str = ""
    stimulus: str = ""
    row: str = ""
    "Row of the table of what shows on the wire."

    @property
    def title(self) -> str:
        """Return rule, account and index: unique within a phone."""
        account = f" account {self.account}" if self.account is not None else ""
        return f"{self.rule}{account}{f' [{self.index}]' if self.index else ''}"

    def as_json(self) -> dict[str, Any]:
        """Return every field under its name."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Finding:
        """Return what `as_json` gave."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in row.items() if name in known}
        return cls(**{**values, "verdict": Verdict(row["verdict"])})

    def masked(self, secrets: Iterable[str]) -> Finding:
        """Return the finding without any of the secrets, and no text longer than MAX_TEXT."""
        words = sorted((secret for secret in secrets if len(secret) >= MIN_SECRET), key=len, reverse=True)

        def clean(text: str) -> str:
            for word in words:
                text = text.replace(word, MASK)
            text = "".join(character if character.isprintable() else "?" for character in text)
            return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"

        texts: dict[str, Any] = {name: clean(getattr(self, name)) for name in _TEXTS}
        return replace(self, **texts)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Verdict) else value


def passed(seen: str, evidence: Evidence | None = None, *, expected: str | None = None, note: str = "") -> Outcome:
    """Return that it is as the file says."""
    return Outcome(Verdict.PASS, seen, expected, evidence, note)


def failed(
    seen: str, evidence: Evidence | None = None, *, expected: str | None = None, note: str = "", likely: str = ""
) -> Outcome:
    """Return that it is not as the file says."""
    return Outcome(Verdict.FAIL, seen, expected, evidence, note, likely)


def warned(
    seen: str, evidence: Evidence | None = None, *, expected: str | None = None, note: str = "", likely: str = ""
) -> Outcome:
    """Return that it is odd, or not as the file says where nobody has it in writing."""
    return Outcome(Verdict.WARN, seen, expected, evidence, note, likely)


def noted(seen: str, evidence: Evidence | None = None, *, expected: str | None = None, note: str = "") -> Outcome:
    """Return something worth knowing that the file does not say."""
    return Outcome(Verdict.INFO, seen, expected, evidence, note)


def unseen(what: str, *, expected: str | None = None) -> Outcome:
    """Return that nothing was seen that could tell."""
    return Outcome(Verdict.INCONCLUSIVE, what, expected)


def skipped(why: str) -> Outcome:
    """Return that the rule means nothing here."""
    return Outcome(Verdict.SKIPPED, why)
