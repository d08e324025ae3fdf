"""CSeq, RSeq and RAck: the numbers that order requests.  RFC 3261 section 20.16, RFC 3262 section 7."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.scanner import TOKEN_CLASS, parse_number

MAX_CSEQ = 2**31 - 1
MAX_RSEQ = 2**32 - 1

_CSEQ = re.compile(rf"([0-9]++)[ \t]++([{TOKEN_CLASS}]++)\Z")
_RACK = re.compile(rf"([0-9]++)[ \t]++([0-9]++)[ \t]++([{TOKEN_CLASS}]++)\Z")


@dataclass(frozen=True, slots=True)
class CSeq:
    """Number and method of a request."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Return the pair; the number is below 2**31."""
        match = _CSEQ.match(text)
        if match is None:
            raise SipError(f"not a CSeq: {text!r}")
        return cls(parse_number(match[1], "CSeq", limit=MAX_CSEQ), match[2])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@dataclass(frozen=True, slots=True)
class RAck:
    """Which reliable provisional response a PRACK is for."""

    rseq: int
    cseq: CSeq

    @classmethod
    def parse(cls, text: str) -> RAck:
        """Return the response's number and the request it answered."""
        match = _RACK.match(text)
        if match is None:
            raise SipError(f"not a RAck: {text!r}")
        return cls(parse_rseq(match[1]), CSeq(parse_number(match[2], "CSeq", limit=MAX_CSEQ), match[3]))

    def __str__(self) -> str:
        return f"{self.rseq} {self.cseq}"


def parse_rseq(text: str) -> int:
    """Return the number of a reliable provisional response: 1 to 2**32 - 1."""
    number = parse_number(text, "RSeq", limit=MAX_RSEQ)
    if number == 0:
        raise SipError("RSeq 0")
    return number
