"""Session-Expires and Min-SE (RFC 4028), Retry-After (RFC 3261 section 20.33)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.params import NO_PARAMS, Params
from sipstub.sip.scanner import parse_number

MAX_DELTA_S = 2**32 - 1
ROLES = ("uac", "uas")

_DELTA = re.compile(r"([^; \t]*+)[ \t]*+(;.*)?\Z", re.DOTALL)
_COMMENT = re.compile(r"[ \t]*+\((?:[^()\\]++|\\.)*+\)[ \t]*+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """How long a session lives without a refresh, and who refreshes."""

    seconds: int
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> SessionExpires:
        """Return the interval; the refresher is `uac`, `uas` or not said."""
        seconds, params = _delta(text, "Session-Expires")
        role = params.get("refresher")
        if "refresher" in params and (role or "").lower() not in ROLES:
            raise SipError(f"refresher is neither uac nor uas: {role!r}")
        return cls(seconds, params)

    def __str__(self) -> str:
        return f"{self.seconds}{self.params}"

    @property
    def refresher(self) -> str | None:
        """Return `uac`, `uas`, or None."""
        role = self.params.get("refresher")
        return role.lower() if role else None


@dataclass(frozen=True, slots=True)
class MinSE:
    """The shortest session interval that somebody on the way takes."""

    seconds: int
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> MinSE:
        """Return the interval."""
        return cls(*_delta(text, "Min-SE"))

    def __str__(self) -> str:
        return f"{self.seconds}{self.params}"


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """When to come back."""

    seconds: int
    comment: str = ""
    "Between the parentheses, as written."
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> RetryAfter:
        """Return the pause, its comment apart."""
        digits = text[: len(text) - len(text.lstrip("0123456789"))]
        rest, comment = text[len(digits) :], ""
        match = _COMMENT.match(rest)
        if match is not None:
            comment, rest = match[0].strip(" \t")[1:-1], rest[match.end() :]
        return cls(parse_number(digits, "Retry-After", limit=MAX_DELTA_S), comment, Params.parse(rest.strip(" \t")))

    def __str__(self) -> str:
        return f"{self.seconds}{f' ({self.comment})' if self.comment else ''}{self.params}"


def _delta(text: str, what: str) -> tuple[int, Params]:
    match = _DELTA.match(text)
    if match is None:
        raise SipError(f"not a {what}: {text!r}")
    return parse_number(match[1], what, limit=MAX_DELTA_S), Params.parse(match[2] or "")
