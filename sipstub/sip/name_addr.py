"""Addresses with a name and parameters: From, To, Route, Record-Route, Path, Refer-To, Reply-To, P-Asserted-Identity.

A display name is one quoted string or tokens; a bare URI may hold no comma, question mark or semicolon (RFC 3261 section 20).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sipstub.sip.error import SipError
from sipstub.sip.params import NO_PARAMS, Params
from sipstub.sip.scanner import QUOTED, TOKEN_CLASS, is_token, quote, unquote
from sipstub.sip.uri import SipUri, Uri, parse_uri

_BRACKETED = re.compile(rf"(?:({QUOTED})|([{TOKEN_CLASS} \t]*+))[ \t]*+<([^<> \t\"]++)>[ \t]*+(;.*)?\Z", re.DOTALL)
_BARE = re.compile(r"([^ \t<>\",;?]++)[ \t]*+(;.*)?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A URI with its display name and the parameters that stand outside of it."""

    uri: Uri
    display: str = ""
    "The name without quotes."
    params: Params = NO_PARAMS
    "Parameters of the header, such as `tag`."

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Return the address, or raise SipError saying what about it is wrong."""
        return cls(*parse_parts(text))

    def __str__(self) -> str:
        return f"{_display_text(self.display)}<{self.uri}>{self.params}"

    @property
    def tag(self) -> str | None:
        """Return the tag."""
        return self.params.get("tag")

    @property
    def sip_uri(self) -> SipUri:
        """Return the URI; raises SipError (400) unless it is sip or sips."""
        if not isinstance(self.uri, SipUri):
            raise SipError(f"wants a sip: or sips: address, not {self.uri.scheme}:")
        return self.uri

    def with_tag(self, tag: str) -> NameAddr:
        """Return the same address with that tag."""
        return replace(self, params=self.params.set("tag", tag))

    def matches(self, other: NameAddr) -> bool:
        """Return whether URI and parameters agree; display names do not count (RFC 3261 section 20.10, 20.20)."""
        return self.uri.matches(other.uri) and _same_header_params(self.params, other.params)


def parse_parts(text: str) -> tuple[Uri, str, Params]:
    """Return URI, display name and header parameters."""
    match = _BRACKETED.match(text)
    if match is not None:
        quoted, tokens, uri, params = match.groups()
        display = unquote(quoted) if quoted is not None else tokens.strip(" \t")
    else:
        match = _BARE.match(text)
        if match is None:
            raise SipError(_complaint(text))
        uri, params = match.groups()
        display = ""
    return parse_uri(uri), display, Params.parse(params) if params else NO_PARAMS


def _display_text(display: str) -> str:
    if not display:
        return ""
    words = display.split(" ")
    return f"{display} " if all(is_token(word) for word in words) and len(words) == 1 else f"{quote(display)} "


def _complaint(text: str) -> str:
    head = text[:80]
    if text.startswith('"') and not re.match(QUOTED, text, re.DOTALL):
        return f"the display name's quote is not closed: {head!r}"
    if "<" in text and ">" not in text:
        return f"the angle bracket is not closed: {head!r}"
    if "<" in text and re.search(r"<[^>]*[ \t]", text):
        return f"blank inside the angle brackets: {head!r}"
    if "<" in text:
        return f"neither a quoted display name nor tokens before the address: {head!r}"
    if "?" in text or "," in text:
        return f"a URI with comma or question mark wants angle brackets: {head!r}"
    return f"not an address: {head!r}"


def _same_header_params(one: Params, two: Params) -> bool:
    ours, theirs = one.as_dict(), two.as_dict()
    if ours.get("tag") != theirs.get("tag"):
        return False
    both = ours.keys() & theirs.keys() - {"tag"}
    return all((ours[name] or "").lower() == (theirs[name] or "").lower() for name in both)
