"""Challenges, credentials and Authentication-Info: the headers of authentication.  RFC 3261 section 25.1, RFC 7616, RFC 8760.

One challenge per header line; commas within quotes belong to the value.  Digest is typed, other schemes keep their parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sipstub.sip.error import SipError
from sipstub.sip.scanner import LWS, QUOTED, TOKEN_CLASS, is_token, quote, unquote

MAX_AUTH_PARAMS = 64

QUOTED_IN_CREDENTIALS = frozenset({"username", "realm", "nonce", "uri", "response", "cnonce", "opaque"})
"What RFC 3261 wants in quotes in Authorization; qop, nc and algorithm stand bare."
QUOTED_IN_CHALLENGES = frozenset({"realm", "nonce", "opaque", "domain", "qop"})
QUOTED_IN_INFO = frozenset({"nextnonce", "rspauth", "cnonce"})

_ONE = rf"[ \t]*+([{TOKEN_CLASS}]++)[ \t]*+=[ \t]*+({QUOTED}|[^\s,\"\x00-\x20\x7f]++)[ \t]*+"

_SCHEME = re.compile(rf"([{TOKEN_CLASS}]++)(?:[ \t]++(.*))?\Z", re.DOTALL)
_PARAM = re.compile(_ONE, re.DOTALL)
_ALL = re.compile(rf"{_ONE}(?:,{_ONE})*+\Z", re.DOTALL)
_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]++=*+\Z")
_WANTED = ("username", "realm", "nonce", "uri", "response")
_WANTED_WITH_QOP = (*_WANTED, "cnonce", "nc")


@dataclass(frozen=True, slots=True)
class AuthParams:
    """Comma-separated `name=value` pairs in their order, values as written."""

    items: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    _by_name: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {name.lower(): value for name, value in self.items})

    @classmethod
    def parse(cls, text: str) -> AuthParams:
        """Return the pairs; raises SipError, never with a value in it, for doubles, empty places and open quotes."""
        if not _ALL.match(text):  # then findall leaves nothing out but commas
            raise SipError("not a comma-separated list of parameters of authentication")
        found = cls(tuple(_PARAM.findall(text)))
        if len(found._by_name) != len(found.items):
            raise SipError("a parameter of authentication comes twice")
        if len(found.items) > MAX_AUTH_PARAMS:
            raise SipError(f"more than {MAX_AUTH_PARAMS} parameters of authentication")
        return found

    @classmethod
    def of(cls, pairs: list[tuple[str, str]], *, quoted: frozenset[str] = QUOTED_IN_CREDENTIALS) -> AuthParams:
        """Return pairs of clear values; the named ones get quotes, and others that are no token."""
        return cls(tuple((name, quote(value) if name in quoted or not is_token(value) else value) for name, value in pairs))

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.items)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def raw(self, name: str) -> str | None:
        """Return the value between its quotes, backslashes kept: what a digest is computed over.  The name in lower case."""
        value = self._by_name.get(name)
        return value[1:-1] if value is not None and value[:1] == '"' else value

    def get(self, name: str) -> str | None:
        """Return the value as people read it.  The name in lower case."""
        value = self._by_name.get(name)
        return None if value is None else unquote(value)


NO_AUTH_PARAMS = AuthParams()


@dataclass(frozen=True, slots=True)
class _Scheme:
    scheme: str
    "As written; `is_digest` compares without case."
    params: AuthParams = NO_AUTH_PARAMS
    token: str = field(default="", repr=False)
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
            params = found.params
            wanted = _WANTED_WITH_QOP if "qop" in params else _WANTED
            missing = [name for name in wanted if name not in params and (name != "username" or "username*" not in params)]
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
    def nc_text(self) -> str:
        """Return the count of the nonce as written, or nothing."""
        return self.params.raw("nc") or ""

    @property
    def nc(self) -> int:
        """Return how often the nonce was used, this time included; 0 for what is not 8 hexadecimal digits."""
        text = self.nc_text
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
        return scheme, NO_AUTH_PARAMS, rest
    return scheme, AuthParams.parse(rest), ""
