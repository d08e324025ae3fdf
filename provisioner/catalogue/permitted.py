"""Which values a parameter takes, as data that can be checked.

Limits: a length counts characters; what a phone counts is not known.  An empty value is "no value" for text and
wrong for a number, a code or a switch; `%NULL%` resets any parameter and is never a value.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioner.catalogue.generation import minor_of

RESET: Final = "%NULL%"
"What a file says to take a parameter back to the phone's own default (V70 to V80)."

MAX_TEXT_SHOWN = 40
"Characters of a wrong value that a message repeats."

MAX_CODES_SHOWN = 12

_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,12}", re.ASCII)
_FLOAT = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{1,6})?", re.ASCII)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20})://", re.ASCII)

TYPES = ("string", "bool", "int", "float", "enum", "url", "ip", "host", "time")
TEXT_TYPES = ("string", "url", "ip", "host", "time")


@dataclass(frozen=True, slots=True)
class Code:
    """One value of a list."""

    text: str
    meaning: str
    since: str | None = None
    "First generation that knows it."

    until: str | None = None
    "Last generation that knows it."

    is_doubtful: bool = False
    "One source of another product names it: neither confirmed nor refused."

    def __str__(self) -> str:
        return f"{self.text}={self.meaning}" if self.meaning else self.text


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float
    "`inf` for no upper limit; `nan`-free."

    is_up_to_accounts: bool = False
    "The upper limit is the model's number of accounts."

    def __str__(self) -> str:
        if self.is_up_to_accounts:
            return f"{self.low:g}..number of accounts"
        if self.high == float("inf"):
            return f"at least {self.low:g}"
        return _number(self.low) if self.low == self.high else f"{_number(self.low)}..{_number(self.high)}"


@dataclass(frozen=True, slots=True)
class Form:
    """A named form of text from patterns.toml."""

    name: str
    what: str
    "In words, for messages."

    expression: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Permitted:
    """The permitted values of one parameter."""

    kind: str
    "One of TYPES."

    codes: Mapping[str, Code]
    is_open: bool
    "Whether values outside `codes` exist that we cannot list."

    spans: tuple[tuple[int, tuple[Span, ...]], ...]
    "Ranges with the first minor firmware version they hold for, oldest first; 0 means always."

    min_length: int | None
    max_length: int | None
    form: Form | None
    schemes: tuple[str, ...]
    unit: str
    note: str
    "What is said of the values in words only, and not checked."

    @property
    def is_checkable(self) -> bool:
        """Whether more than the bare type can be checked: a list, a range, a length or a form."""
        if self.kind in ("bool", "ip"):
            return True
        return bool((self.codes and not self.is_open) or self.spans or self.max_length or self.form or self.schemes)

    def spans_for(self, minor: int) -> tuple[Span, ...]:
        """Return the ranges that hold for firmware x.`minor`; empty if any number goes."""
        found: tuple[Span, ...] = ()
        for first, spans in self.spans:
            if first <= minor:
                found = spans
        return found

    def check(self, value: str, *, minor: int, accounts: int | None, shown: str | None = None) -> str | None:
        """Return what is wrong with `value` for firmware x.`minor`, or None.  `shown` replaces a value that must stay secret."""
        if value == RESET:
            return None
        if _CONTROL.search(value):
            return "holds a control character"
        kind = self.kind
        if value == "":
            return None if kind in TEXT_TYPES else f"is empty, {self.describe(minor)} is wanted; {RESET} resets it"
        seen = shown if shown is not None else repr(value if len(value) <= MAX_TEXT_SHOWN else value[:MAX_TEXT_SHOWN] + "…")
        if kind == "bool":
            return None if value in ("0", "1") else f"{seen} is not 0 or 1"
        if kind == "int" or kind == "float":
            return self._check_number(value, seen, minor, accounts)
        if kind == "enum":
            return self._check_code(value, seen, minor)
        return self._check_text(value, seen)

    def _check_number(self, value: str, seen: str, minor: int, accounts: int | None) -> str | None:
        if not (_INTEGER if self.kind == "int" else _FLOAT).fullmatch(value):
            return f"{seen} is not {'a whole number' if self.kind == 'int' else 'a number'}"
        spans = self.spans_for(minor)
        number = float(value)
        for span in spans:
            high = span.high if not span.is_up_to_accounts or accounts is None else accounts
            if span.low <= number <= high:
                return None
        if not spans:
            return None
        return f"{seen} is outside {self._range_text(spans, accounts)}"

    def _check_code(self, value: str, seen: str, minor: int) -> str | None:
        code = self.codes.get(value)
        if code is None:
            return None if self.is_open or not self.codes else f"{seen} is none of {self._codes_text(minor)}"
        if code.since is not None and minor < minor_of(code.since):
            return f"{seen} ({code.meaning or 'a newer value'}) is known from {code.since.upper()} on"
        if code.until is not None and minor > minor_of(code.until):
            return f"{seen} ({code.meaning or 'an older value'}) is known up to {code.until.upper()}"
        return None

    def _check_text(self, value: str, seen: str) -> str | None:
        length = len(value)
        if self.max_length is not None and length > self.max_length:
            return f"{length} characters are more than {self.max_length}"
        if self.min_length is not None and length < self.min_length:
            return f"{length} characters are fewer than {self.min_length}"
        if self.form is not None and not self.form.expression.fullmatch(value):
            return f"{seen} is not {self.form.what}"
        if self.kind == "ip" and not _is_address(value):
            return f"{seen} is not an IP address"
        if self.kind == "url":
            if " " in value:
                return f"{seen} holds a blank"
            scheme = _SCHEME.match(value)
            if scheme is not None and self.schemes and scheme[1].lower() not in self.schemes:
                return f"{seen} does not begin with {', '.join(self.schemes)}"
        return None

    def describe(self, minor: int) -> str:
        """Return the permitted values in words for firmware x.`minor`: `30..7200 s`, `0=UDP, 1=TCP`."""
        parts: list[str] = []
        if self.kind == "bool":
            parts.append(", ".join(str(code) for code in self.codes.values()) or "0 or 1")
        elif self.codes:
            parts.append(self._codes_text(minor, every=True))
        spans = self.spans_for(minor)
        if spans:
            parts.append(self._range_text(spans, None) + (f" {self.unit}" if self.unit else ""))
        elif self.kind in ("int", "float"):
            parts.append("a whole number" if self.kind == "int" else "a number")
        if self.form is not None:
            parts.append(self.form.what)
        if self.min_length is not None and self.min_length == self.max_length:
            parts.append(f"exactly {self.max_length} characters")
        elif self.max_length is not None:
            parts.append(f"at most {self.max_length} characters")
        if self.schemes:
            parts.append(" ".join(self.schemes))
        return ", ".join(parts) or {"url": "a URL", "ip": "an IP address"}.get(self.kind, "text")

    def _codes_text(self, minor: int, *, every: bool = False) -> str:
        known = [
            str(code)
            for code in self.codes.values()
            if not (code.since and minor_of(code.since) > minor) and not (code.until and minor_of(code.until) < minor)
        ]
        if not every and len(known) > MAX_CODES_SHOWN:
            known = [*known[:MAX_CODES_SHOWN], f"… ({len(known)} in all)"]
        return ", ".join(known) + (", and others" if self.is_open else "")

    def _range_text(self, spans: tuple[Span, ...], accounts: int | None) -> str:
        return ", ".join(
            f"{span.low:g}..{accounts}" if span.is_up_to_accounts and accounts is not None else str(span) for span in spans
        )

    def as_json(self) -> dict[str, Any]:
        """Return the structure for --json."""
        return {
            "values": [
                {
                    "value": code.text,
                    "meaning": code.meaning,
                    "since": code.since,
                    "until": code.until,
                    "doubtful": code.is_doubtful,
                }
                for code in self.codes.values()
            ],
            "others_exist": self.is_open,
            "ranges": [
                {
                    "since": f"v{first}" if first else None,
                    "low": span.low,
                    "high": None if span.high == float("inf") else span.high,
                    "up_to_accounts": span.is_up_to_accounts,
                }
                for first, spans in self.spans
                for span in spans
            ],
            "min_length": self.min_length,
            "max_length": self.max_length,
            "form": None if self.form is None else self.form.what,
            "schemes": list(self.schemes),
            "unit": self.unit,
            "note": self.note,
        }


def _number(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:g}"


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True
