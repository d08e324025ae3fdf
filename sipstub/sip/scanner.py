"""Commas, semicolons, quotes and angle brackets: the one place that knows which of them separate.

Everything here takes time linear in the text, whatever the text (possessive patterns never go back).  LWS is a blank or a tab:
folded lines are joined before a value comes here.  RFC 3261 section 25.1.
"""

from __future__ import annotations

import re

from sipstub.sip.error import SipError

LWS = " \t"
TOKEN_CLASS = r"A-Za-z0-9\-.!%*_+`'~"
QUOTED = r'"(?:[^"\\]++|\\.)*+"'

MAX_VALUES = 512
"Most values in one comma list, most parameters of one value."
MAX_DIGITS = 20
"Longest number after its leading zeros; no field of SIP has more than ten."

_TOKEN = re.compile(rf"[{TOKEN_CLASS}]+\Z")
_QUOTED = re.compile(QUOTED + r"\Z", re.DOTALL)
_PIECES = {separator: re.compile(rf'[^"<{separator}]++|{QUOTED}|<[^<>]*+>|({separator})', re.DOTALL) for separator in (",", ";")}
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_INJECTION = re.compile("[\r\n\0]")


def is_token(text: str) -> bool:
    """Return whether this is a token."""
    return _TOKEN.match(text) is not None


def split(text: str, separator: str = ",") -> list[str]:
    """Return the stripped pieces between separators that stand outside quotes and angle brackets; empty ones too.

    Raises SipError for a quote or an angle bracket that is not closed, and for more than MAX_VALUES pieces.
    """
    if separator not in text:
        return [text.strip(LWS)]
    if '"' not in text and "<" not in text:
        pieces = text.split(separator)
    else:
        pieces, begin, at = [], 0, 0
        match_at = _PIECES[separator].match
        while at < len(text):
            match = match_at(text, at)
            if match is None:
                raise SipError(f"{'quote' if text[at] == chr(34) else 'angle bracket'} is not closed: {text[at : at + 40]!r}")
            if match.lastindex:
                pieces.append(text[begin:at])
                begin = match.end()
            at = match.end()
        pieces.append(text[begin:])
    if len(pieces) > MAX_VALUES:
        raise SipError(f"{len(pieces)} values in one header, at most {MAX_VALUES} are taken")
    return [piece.strip(LWS) for piece in pieces]


def split_values(text: str) -> list[str]:
    """Return the values of a comma list; raises SipError for an empty one among them."""
    values = split(text)
    if "" in values:
        raise SipError(f"empty value in a list: {text!r}")
    return values


def unquote(text: str) -> str:
    """Return what a quoted string says, or the text itself if it is not quoted."""
    if text[:1] != '"':
        return text
    inner = text[1:-1]
    return _QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner


def quote(text: str) -> str:
    """Return the text as a quoted string; raises SipError for what no quoted string of ours may hold (CR, LF, NUL)."""
    refuse_injection(text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_quoted(text: str) -> bool:
    """Return whether this is exactly one quoted string."""
    return _QUOTED.match(text) is not None


def parse_number(text: str, what: str, *, limit: int) -> int:
    """Return a decimal number from 0 up to the limit; leading zeros are fine, signs and other digits are not."""
    if len(text) < 10 and text.isdigit() and text.isascii() and (number := int(text)) <= limit:
        return number  # nearly all of them
    digits = text.strip(LWS)
    if not (digits.isascii() and digits.isdigit()):
        raise SipError(f"{what} is not a number: {digits!r}")
    if len(digits) > MAX_DIGITS:
        digits = digits.lstrip("0") or "0"
    if len(digits) > MAX_DIGITS or int(digits) > limit:
        raise SipError(f"{what} is over {limit}: {digits!r}")
    return int(digits)


def refuse_injection(text: str) -> str:
    """Return the text; raises SipError if it would end its line or its message (CR, LF, NUL)."""
    if not text.isprintable() and _INJECTION.search(text):  # what can be printed has none of them, and is told faster
        raise SipError(f"CR, LF or NUL has no place in a value: {text!r}")
    return text
