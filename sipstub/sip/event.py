"""Event and Subscription-State (RFC 6665): which subscription, and how it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipstub.sip.contact import lenient_expires
from sipstub.sip.error import SipError
from sipstub.sip.params import NO_PARAMS, Params
from sipstub.sip.scanner import TOKEN_CLASS

_WORD = re.compile(rf"([{TOKEN_CLASS}]++)[ \t]*+(;.*)?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Event:
    """An event package, with its templates (`presence.winfo`), and the id of one subscription to it."""

    package: str
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Event:
        """Return the package and its parameters."""
        return cls(*parse_word(text, "Event"))

    def __str__(self) -> str:
        return f"{self.package}{self.params}"

    @property
    def id(self) -> str | None:
        """Return the id that tells subscriptions of one dialog apart."""
        return self.params.get("id")

    def matches(self, other: Event) -> bool:
        """Return whether both are one subscription: package and id, byte by byte (RFC 6665 section 8.2.1)."""
        return self.package == other.package and self.id == other.id


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """How a subscription stands."""

    state: str
    "active, pending, terminated, or a word of an extension; in lower case."
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> SubscriptionState:
        """Return state and parameters."""
        word, params = parse_word(text, "Subscription-State")
        return cls(word.lower(), params)

    def __str__(self) -> str:
        return f"{self.state}{self.params}"

    @property
    def expires_s(self) -> int | None:
        """Return what remains, in seconds."""
        return None if "expires" not in self.params else lenient_expires(self.params.get("expires") or "")

    @property
    def reason(self) -> str | None:
        """Return why it ended: deactivated, probation, rejected, timeout, giveup, noresource, invariant."""
        return self.params.get("reason")


def parse_word(text: str, what: str) -> tuple[str, Params]:
    """Return a token and the parameters behind it."""
    match = _WORD.match(text)
    if match is None:
        raise SipError(f"not a {what}: {text!r}")
    return match[1], Params.parse(match[2]) if match[2] else NO_PARAMS
