"""URIs: `sip`, `sips`, `tel` and any other absolute one.  RFC 3261 sections 19.1 and 25.1, RFC 3966, RFC 5118.

Texts are kept as written, escapes included; comparison undoes what must not matter.  No blanks, no quotes, no angle brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

from sipstub.sip.error import SipError
from sipstub.sip.host import HOST, host_key, parse_host, parse_port
from sipstub.sip.params import NO_PARAMS, Params, refuse_doubles

_UNRESERVED = r"A-Za-z0-9\-_.!~*'()"
_HEX = "%[0-9A-Fa-f]{2}"
_USER = rf"(?:[{_UNRESERVED}&=+$,;?/#]++|{_HEX})++"  # '#' is not in the grammar, but phones dial it
_PASSWORD = rf"(?:[{_UNRESERVED}&=+$,]++|{_HEX})*+"
_PARAM_TEXT = rf"(?:[{_UNRESERVED}\[\]/:&+$]++|{_HEX})++"
_HEADER_TEXT = rf"(?:[{_UNRESERVED}\[\]/?:+$]++|{_HEX})"

_SIP = re.compile(rf"(sips?):(?:({_USER})(?::({_PASSWORD}))?@)?({HOST})(?::([0-9]{{1,20}}))?(;[^?]++)?(\?.++)?\Z", re.IGNORECASE)
_URI_PARAM = re.compile(rf";({_PARAM_TEXT})(?:=({_PARAM_TEXT}))?")
_HEADER = re.compile(rf"[?&]({_HEADER_TEXT}++)=({_HEADER_TEXT}*+)")
_TEL = re.compile(r"(\+?[0-9A-Fa-f*#\-.()]++)(;.++)?\Z")
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+\-.]*+):([!#-;=?-~]++)\Z")
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_SEPARATORS = str.maketrans("", "", "-.()")

_MUST_AGREE = ("user", "ttl", "method", "maddr", "transport")
"Parameters that make two URIs differ when only one of them has it (19.1.4)."

CACHED_URIS = 4096
MAX_CACHED_TEXT = 128
"So many URIs of at most this length are not read again: the same phone sends the same ones in every message."

DEFAULT_PORTS = {"sip": 5060, "sips": 5061}


@dataclass(frozen=True, slots=True)
class SipUri:
    """A `sip:` or `sips:` URI."""

    host: str
    "As written; IPv6 in brackets."
    user: str | None = None
    "As written, escapes included; `username` is without."
    scheme: str = "sip"
    password: str | None = field(default=None, repr=False)
    port: int | None = None
    params: Params = NO_PARAMS
    headers: tuple[tuple[str, str], ...] = ()
    "What stands after `?`, as written."

    @classmethod
    def parse(cls, text: str) -> SipUri:
        """Return the URI, or raise SipError (416 for another scheme)."""
        uri = parse_uri(text)
        if not isinstance(uri, SipUri):
            raise SipError(f"wants sip: or sips:, not {uri.scheme}:", status=416)
        return uri

    def __str__(self) -> str:
        return self._text(self.password)

    def _text(self, password: str | None) -> str:
        if password is None and not self.headers:
            address = self.host if self.port is None else f"{self.host}:{self.port}"
            params = str(self.params) if self.params.items else ""
            return f"{self.scheme}:{address}{params}" if self.user is None else f"{self.scheme}:{self.user}@{address}{params}"
        parts = [self.scheme, ":"]
        if self.user is not None:
            parts += [self.user, "" if password is None else f":{password}", "@"]
        parts.append(self.host)
        if self.port is not None:
            parts.append(f":{self.port}")
        if self.params.items:
            parts.append(str(self.params))
        if self.headers:
            parts.append("?" + "&".join(f"{name}={value}" for name, value in self.headers))
        return "".join(parts)

    def masked(self) -> str:
        """Return the text with the password masked, for people."""
        return self._text(None if self.password is None else "***")

    @property
    def username(self) -> str | None:
        """Return the user part without escapes."""
        return None if self.user is None else unescape(self.user)

    @property
    def effective_port(self) -> int:
        """Return the port, or the default one of the scheme; a `transport=tls` of old counts as TLS."""
        if self.port is not None:
            return self.port
        return DEFAULT_PORTS["sips"] if self.scheme == "sips" or self.transport == "TLS" else DEFAULT_PORTS["sip"]

    @property
    def transport(self) -> str | None:
        """Return the transport parameter in capitals."""
        value = self.params.get("transport")
        return value.upper() if value else None

    @property
    def is_loose(self) -> bool:
        """Return whether this is a loose router (`lr`)."""
        return "lr" in self.params

    def matches(self, other: Uri) -> bool:
        """Return whether both are the same resource by RFC 3261 section 19.1.4.  Not transitive: no key for a dict."""
        if not isinstance(other, SipUri):
            return False
        if self.scheme != other.scheme or self.port != other.port or host_key(self.host) != host_key(other.host):
            return False
        if _plain(self.user) != _plain(other.user) or _plain(self.password) != _plain(other.password):
            return False
        return _same_params(self.params, other.params) and _same_headers(self.headers, other.headers)

    def aor(self) -> str:
        """Return the key of an address of record: scheme, user and host alone, escapes undone (RFC 3261 section 10.3 step 5)."""
        user = f"{escape(unescape(self.user))}@" if self.user is not None else ""
        port = f":{self.port}" if self.port is not None else ""
        return f"{self.scheme}:{user}{host_key(self.host)}{port}"


@dataclass(frozen=True, slots=True)
class TelUri:
    """A `tel:` URI (RFC 3966)."""

    number: str
    "As written, visual separators included."
    params: Params = NO_PARAMS
    scheme: str = "tel"

    def __str__(self) -> str:
        return f"{self.scheme}:{self.number}{self.params}"

    def masked(self) -> str:
        """Return the text; nothing in it is secret."""
        return str(self)

    @property
    def digits(self) -> str:
        """Return the number without visual separators."""
        return self.number.translate(_SEPARATORS)

    def matches(self, other: Uri) -> bool:
        """Return whether both are the same number: separators and case do not count, parameters do (RFC 3966 section 4)."""
        if not isinstance(other, TelUri) or self.digits.lower() != other.digits.lower():
            return False
        return _lowered(self.params) == _lowered(other.params)


@dataclass(frozen=True, slots=True)
class AbsoluteUri:
    """A URI of any other scheme, kept whole."""

    scheme: str
    opaque: str
    "What stands after the colon."

    def __str__(self) -> str:
        return f"{self.scheme}:{self.opaque}"

    def masked(self) -> str:
        """Return the text; nothing of it is understood."""
        return str(self)

    def matches(self, other: Uri) -> bool:
        """Return whether both are the same text, but for the case of the scheme."""
        return isinstance(other, AbsoluteUri) and self.scheme == other.scheme and self.opaque == other.opaque


Uri = SipUri | TelUri | AbsoluteUri


def parse_uri(text: str) -> Uri:
    """Return the URI; the scheme comes out in lower case, all else as written."""
    return _parse_cached(text) if len(text) <= MAX_CACHED_TEXT else _parse(text)


def _parse(text: str) -> Uri:
    match = _SIP.match(text)
    if match is not None:
        scheme, user, password, host, port, params, headers = match.groups()
        return SipUri(
            parse_host(host),
            user,
            scheme.lower(),
            password,
            parse_port(port) if port else None,
            _parse_params(params) if params else NO_PARAMS,
            _parse_headers(headers) if headers else (),
        )
    absolute = _ABSOLUTE.match(text)
    if absolute is None:
        raise SipError(f"not a URI: {text!r}")
    scheme, opaque = absolute[1].lower(), absolute[2]
    if scheme in DEFAULT_PORTS:
        raise SipError(f"not a {scheme} URI: {text!r}")
    if scheme == "tel":
        found = _TEL.match(opaque)
        if found is None:
            raise SipError(f"not a tel URI: {text!r}")
        return TelUri(found[1], _parse_params(found[2]) if found[2] else NO_PARAMS)
    return AbsoluteUri(scheme, opaque)


_parse_cached = lru_cache(CACHED_URIS)(_parse)


def unescape(text: str) -> str:
    """Return the text with `%xx` undone; bytes that are not UTF-8 become surrogates."""
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape") if "%" in text else text


def escape(text: str) -> str:
    """Return the text as a user part of a URI, everything but unreserved characters escaped."""
    return quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe="-_.!~*'()&=+$,")


def _parse_params(text: str) -> Params:
    items: list[tuple[str, str | None]] = []
    at = 0
    while at < len(text):
        match = _URI_PARAM.match(text, at)
        if match is None:
            raise SipError(f"not a URI parameter: {text[at : at + 40]!r}")
        items.append((match[1], match[2]))
        at = match.end()
    if len(items) > 1:
        refuse_doubles(items)
    return Params(tuple(items))


def _parse_headers(text: str) -> tuple[tuple[str, str], ...]:
    found, at = [], 0
    while at < len(text):
        match = _HEADER.match(text, at)
        if match is None:
            raise SipError(f"not a header of a URI: {text[at : at + 40]!r}")
        found.append((match[1], match[2]))
        at = match.end()
        if at < len(text) and text[at] == "?":
            raise SipError(f"two question marks in a URI: {text!r}")
    return tuple(found)


def _plain(text: str | None) -> str | None:
    """Return the text with escapes in one form: undone where the character needs none."""
    return _ESCAPE.sub(_undo, text) if text and "%" in text else text


def _undo(match: re.Match[str]) -> str:
    character = chr(int(match[0][1:], 16))
    return character if character.isascii() and (character.isalnum() or character in "-_.!~*'()") else match[0].upper()


def _lowered(params: Params) -> dict[str, str]:
    return {(_plain(name) or "").lower(): (_plain(value) or "").lower() for name, value in params.items}


def _same_params(one: Params, two: Params) -> bool:
    if not one.items and not two.items:
        return True
    ours, theirs = _lowered(one), _lowered(two)
    if any((name in ours) != (name in theirs) for name in _MUST_AGREE):
        return False
    return all(theirs[name] == value for name, value in ours.items() if name in theirs)


def _same_headers(one: tuple[tuple[str, str], ...], two: tuple[tuple[str, str], ...]) -> bool:
    def key(found: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
        return sorted(((_plain(name) or "").lower(), _plain(value) or "") for name, value in found)

    return key(one) == key(two)
