"""Challenges, credentials and Authentication-Info: the headers of authentication.  RFC 3261 section 25.1, RFC 7616, RFC 8760.

One challenge per header line; commas within quotes belong to the value.  Digest is typed, other schemes keep their parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipstub.sip.error import SipError
from sipstub.sip.scanner import LWS, QUOTED, TOKEN_CLASS, is_token, quote, unquote

MAX_AUTH_PARAMS = 64

_SCHEME = re.compile(rf"([{TOKEN_CLASS}]++)(?:[ \t]++(.*))?\Z", re.DOTALL)
_PARAM = re.compile(rf"[ \t]*+([{TOKEN_CLASS}]++)[ \t]*+=[ \t]*+({QUOTED}|[^\s,\"\x00-\x20\x7f]++)[ \t]*+(,|\Z)", re.DOTALL)
_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]++=*+\Z")
_MUST_QUOTE = frozenset({"username", "realm", "nonce", "uri", "response", "cnonce", "opaque", "nextnonce", "rspauth", "domain"})


@dataclass(frozen=True, slots=True)
class AuthParams:
    """Comma-separated `name=value` pairs in their order, values as written."""

    items: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> AuthParams:
        """Return the pairs; raises SipError for doubles, empty places and open quotes."""
        items: list[tuple[str, str]] = []
        seen: set[str] = set()
        at, comma = 0, ","
        while comma:
            match = _PARAM.match(text, at)
            if match is None:
                raise SipError(f"not a parameter of authentication at character {at}")  # never the text: it may be a secret
            name, value, comma = match.groups()
            if name.lower() in seen:
                raise SipError(f"{name} comes twice in one header of authentication")
            if len(items) == MAX_AUTH_PARAMS:
                raise SipError(f"more than {MAX_AUTH_PARAMS} parameters of authentication")
            seen.add(name.lower())
            items.append((name, value))
            at = match.end()
        return cls(tuple(items))

    @classmethod
    def of(cls, pairs: list[tuple[str, str]]) -> AuthParams:
        """Return pairs of clear values, quoted where RFC 3261 wants it; what is a quoted value there is one here."""
        items = []
        for name, value in pairs:
            bare = name.lower() not in _MUST_QUOTE and (is_token(value) and name.lower() != "qop-options")
            items.append((name, value if bare else quote(value)))
        return cls(tuple(items))

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.items)

    def raw(self, name: str) -> str | None:
        """Return the value between its quotes, backslashes kept: what a digest is computed over."""
        for found, value in self.items:
            if found.lower() == name:
                return value[1:-1] if value[:1] == '"' else value
        return None

    def get(self, name: str) -> str | None:
        """Return the value as people read it."""
        for found, value in self.items:
            if found.lower() == name:
                return unquote(value)
        return None


@dataclass(frozen=True, slots=True)
class _Scheme:
    scheme: str
    "As written; `is_digest` compares without case."
    params: AuthParams = AuthParams()
    token: str = ""
    "Of a scheme that has one opaque text instead of parameters."

    def __str__(self) -> str:
        return f"{self.scheme} {self.token or self.params}"

    @property
    def is_digest(self) -> bool:
        """Return whether the scheme is Digest."""
        return self.scheme.lower() == "digest"

    @property
    def realm(self) -> str:
        """Return the realm, or nothing."""
        return self.params.get("realm") or ""

    @property
    def nonce(self) -> str:
        """Return the nonce, or nothing."""
        return self.params.raw("nonce") or ""

    @property
    def opaque(self) -> str | None:
        """Return what is to be given back unread."""
        return self.params.raw("opaque")

    @property
    def algorithm(self) -> str:
        """Return the algorithm in capitals; without one it is MD5."""
        return (self.params.get("algorithm") or "MD5").upper()


@dataclass(frozen=True, slots=True)
class Challenge(_Scheme):
    """WWW-Authenticate or Proxy-Authenticate."""

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """Return the challenge; a Digest one has realm and nonce."""
        found = cls(*_parse(text))
        if found.is_digest and (found.params.raw("realm") is None or not found.nonce):
            raise SipError("a Digest challenge without realm or nonce")
        return found

    @property
    def qops(self) -> tuple[str, ...]:
        """Return the kinds of protection offered, in lower case."""
        return tuple(word for word in ((self.params.get("qop") or "").lower().replace(" ", "").split(",")) if word)

    @property
    def is_stale(self) -> bool:
        """Return whether only the nonce was too old."""
        return (self.params.get("stale") or "").lower() == "true"


@dataclass(frozen=True, slots=True)
class Credentials(_Scheme):
    """Authorization or Proxy-Authorization."""

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Return the credentials; Digest ones have username, realm, nonce, uri and response, and with qop cnonce and nc."""
        found = cls(*_parse(text))
        if found.is_digest:
            names = {name.lower() for name, _ in found.params.items}
            wanted = ["username", "realm", "nonce", "uri", "response", *(["cnonce", "nc"] if "qop" in names else [])]
            missing = [name for name in wanted if name not in names and (name != "username" or "username*" not in names)]
            if missing:
                raise SipError(f"Digest credentials without {', '.join(missing)}")
        return found

    @property
    def username(self) -> str:
        """Return who this claims to be."""
        return self.params.get("username") or ""

    @property
    def uri(self) -> str:
        """Return the request's URI as the sender put it into the digest."""
        return self.params.raw("uri") or ""

    @property
    def response(self) -> str:
        """Return the digest, in hexadecimal."""
        return self.params.raw("response") or ""

    @property
    def qop(self) -> str | None:
        """Return `auth`, `auth-int` or None, in lower case."""
        value = self.params.get("qop")
        return value.lower() if value else None

    @property
    def cnonce(self) -> str:
        """Return the sender's own nonce."""
        return self.params.raw("cnonce") or ""

    @property
    def nc(self) -> int:
        """Return how often the nonce was used, this time included; 0 for what is not 8 hexadecimal digits."""
        text = self.params.raw("nc") or ""
        return int(text, 16) if re.fullmatch("[0-9A-Fa-f]{8}", text) else 0


@dataclass(frozen=True, slots=True)
class AuthenticationInfo:
    """What a server adds to its 2xx: the next nonce, and proof that it knows the secret too."""

    params: AuthParams

    @classmethod
    def parse(cls, text: str) -> AuthenticationInfo:
        """Return the parameters."""
        return cls(AuthParams.parse(text))

    def __str__(self) -> str:
        return str(self.params)

    @property
    def nextnonce(self) -> str | None:
        """Return the nonce to use from now on."""
        return self.params.raw("nextnonce")

    @property
    def rspauth(self) -> str | None:
        """Return the server's own digest."""
        return self.params.raw("rspauth")


def _parse(text: str) -> tuple[str, AuthParams, str]:
    match = _SCHEME.match(text)
    if match is None:
        raise SipError("not a scheme of authentication")
    scheme, rest = match[1], (match[2] or "").strip(LWS)
    if scheme.lower() != "digest" and (not rest or _TOKEN68.match(rest)):
        return scheme, AuthParams(), rest
    return scheme, AuthParams.parse(rest), ""
