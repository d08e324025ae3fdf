"""Replaces (RFC 3891), Join (RFC 3911) and Target-Dialog (RFC 4538): a dialog named by Call-ID and two tags."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.params import NO_PARAMS, Params
from sipstub.sip.uri import unescape

_CALL_ID = re.compile(r"([^ \t;,<>\"]++|[^ \t;,]++)[ \t]*+(;.*)?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Replaces:
    """The dialog that a new one takes the place of."""

    call_id: str
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Return the dialog's name; both tags must be there (RFC 3891 section 6.1)."""
        match = _CALL_ID.match(text)
        if match is None:
            raise SipError(f"not a Replaces: {text!r}")
        found = cls(match[1], Params.parse(match[2] or ""))
        if not found.to_tag or not found.from_tag:
            raise SipError(f"Replaces without to-tag and from-tag: {text!r}")
        return found

    @classmethod
    def parse_escaped(cls, text: str) -> Replaces:
        """Return it from the header part of a Refer-To URI, where it stands escaped."""
        return cls.parse(unescape(text))

    def __str__(self) -> str:
        return f"{self.call_id}{self.params}"

    @property
    def to_tag(self) -> str | None:
        """Return the local tag at the side that gets it."""
        return self.params.get("to-tag")

    @property
    def from_tag(self) -> str | None:
        """Return the remote tag at the side that gets it."""
        return self.params.get("from-tag")

    @property
    def is_early_only(self) -> bool:
        """Return whether only a dialog that is not answered yet may be replaced."""
        return "early-only" in self.params
