"""Content-Type, Accept and Content-Disposition: types of bodies.  RFC 3261 sections 20.1, 20.11, 20.15."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.event import parse_word
from sipstub.sip.params import NO_PARAMS, Params
from sipstub.sip.scanner import TOKEN_CLASS

_TYPE = re.compile(rf"([{TOKEN_CLASS}]++)[ \t]*+/[ \t]*+([{TOKEN_CLASS}]++)[ \t]*+(;.*)?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MediaType:
    """A type of body; `*` in Accept."""

    type: str
    subtype: str
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Return the type."""
        match = _TYPE.match(text)
        if match is None:
            raise SipError(f"not a media type: {text!r}")
        return cls(match[1], match[2], Params.parse(match[3]) if match[3] else NO_PARAMS)

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}{self.params}"

    @property
    def essence(self) -> str:
        """Return `type/subtype` in lower case, without parameters."""
        return f"{self.type}/{self.subtype}".lower()

    def accepts(self, essence: str) -> bool:
        """Return whether this range of Accept takes that type."""
        kind, _, _ = essence.partition("/")
        return self.essence in ("*/*", f"{kind}/*", essence)


@dataclass(frozen=True, slots=True)
class Disposition:
    """What a body is for."""

    kind: str
    "session, render, early-session, ..."
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> Disposition:
        """Return the disposition."""
        return cls(*parse_word(text, "Content-Disposition"))

    def __str__(self) -> str:
        return f"{self.kind}{self.params}"

    @property
    def is_optional(self) -> bool:
        """Return whether the body may be ignored by who does not know its type (RFC 3261 section 20.11)."""
        return (self.params.get("handling") or "required").lower() == "optional"
