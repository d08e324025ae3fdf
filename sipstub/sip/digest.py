"""Digest authentication: HA1, responses, and checking them in constant time.  RFC 3261 section 22, RFC 7616, RFC 8760.

Algorithms MD5 and SHA-256 and their `-sess` forms; qop `auth`, `auth-int`, and none at all as RFC 2069 had it.  Nothing is random
here: nonces and cnonces are arguments.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from sipstub.sip.credentials import (
    QUOTED_IN_CHALLENGES,
    QUOTED_IN_INFO,
    AuthenticationInfo,
    AuthParams,
    Challenge,
    Credentials,
)
from sipstub.sip.error import SipError
from sipstub.sip.plain_credentials import PlainCredentials
from sipstub.sip.scanner import quote

MD5, SHA_256 = "MD5", "SHA-256"
ALGORITHMS = (MD5, SHA_256, "MD5-SESS", "SHA-256-SESS")
"As they are compared: in capitals."
QOPS = ("auth", "auth-int")
MAX_NC = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one digest is computed over, besides the secret."""

    method: str
    uri: str
    "As it stands in the credentials."
    nonce: str
    algorithm: str = MD5
    qop: str | None = "auth"
    cnonce: str = ""
    nc: str = "00000001"
    "Eight hexadecimal digits as they stand in the credentials."
    body: bytes = b""

    @classmethod
    def of(cls, credentials: Credentials | PlainCredentials, method: str, body: bytes = b"") -> Exchange:
        """Return what the sender of these credentials says that he computed it over."""
        return cls(
            method,
            credentials.uri,
            credentials.nonce,
            credentials.algorithm,
            credentials.qop,
            credentials.cnonce,
            credentials.nc_text,
            body,
        )


def hash_text(algorithm: str, data: bytes) -> str:
    """Return the hexadecimal hash of an algorithm; raises SipError for one that we do not have."""
    name = algorithm if algorithm == MD5 else algorithm.upper().removesuffix("-SESS")
    if name == MD5:
        return hashlib.md5(data, usedforsecurity=False).hexdigest()  # what RFC 3261 prescribes, and most phones know only this
    if name == SHA_256:
        return hashlib.sha256(data).hexdigest()
    raise SipError(f"digest algorithm {algorithm!r}")


def make_ha1(username: str, realm: str, password: str, algorithm: str = MD5) -> str:
    """Return the hash that takes the place of a password in tables; the same for an algorithm and its `-sess` form."""
    return hash_text(algorithm, _bytes(f"{username}:{realm}:{password}"))


def compute(ha1: str, exchange: Exchange) -> str:
    """Return the response of RFC 7616 section 3.4.1; raises SipError for an unknown algorithm or qop."""
    algorithm, qop, nonce = exchange.algorithm, exchange.qop, exchange.nonce
    if algorithm.upper().endswith("-SESS"):
        ha1 = hash_text(algorithm, _bytes(f"{ha1}:{nonce}:{exchange.cnonce}"))
    a2 = f"{exchange.method}:{exchange.uri}"
    if qop == "auth-int":
        a2 = f"{a2}:{hash_text(algorithm, exchange.body)}"
    ha2 = hash_text(algorithm, _bytes(a2))
    if qop is None:
        return hash_text(algorithm, _bytes(f"{ha1}:{nonce}:{ha2}"))
    if qop not in QOPS:
        raise SipError(f"qop {qop!r}")
    return hash_text(algorithm, _bytes(f"{ha1}:{nonce}:{exchange.nc}:{exchange.cnonce}:{qop}:{ha2}"))


def check(credentials: Credentials | PlainCredentials, ha1: str, method: str, body: bytes = b"") -> bool:
    """Return whether the response is right; False too for an algorithm or qop that we do not have.

    Compare `uri` with the Request-URI, and judge nonce and nc, apart.  A caller who knows no such user gives
    any HA1, and so takes as long.
    """
    try:
        wanted = compute(ha1, Exchange.of(credentials, method, body))
    except SipError:
        return False
    return hmac.compare_digest(wanted.encode(), _bytes(credentials.response.lower()))


def respond(
    challenge: Challenge, *, method: str, uri: str, username: str, ha1: str, cnonce: str, nc: int = 1, body: bytes = b""
) -> Credentials:
    """Return the credentials for a challenge, `auth` preferred to `auth-int`; raises SipError for one that we cannot answer."""
    algorithm = challenge.algorithm
    if not challenge.is_digest or algorithm not in ALGORITHMS:
        raise SipError(f"cannot answer a challenge of {challenge.scheme} {algorithm}")
    qop = next((known for known in QOPS if known in challenge.qops), None)
    if challenge.qops and qop is None:
        raise SipError(f"cannot answer a challenge of qop {', '.join(challenge.qops)}")
    if not 1 <= nc <= MAX_NC:
        raise SipError(f"nc {nc}")
    escaped = quote(cnonce)[1:-1]  # both sides compute over what stands between the quotes
    exchange = Exchange(method, uri, challenge.nonce, algorithm, qop, escaped, f"{nc:08x}", body)
    pairs = [("username", username), ("uri", uri), ("response", compute(ha1, exchange))]
    given = challenge.params.get("algorithm")
    if given is not None:
        pairs.append(("algorithm", given))
    if qop is not None:
        pairs += [("cnonce", cnonce), ("qop", qop), ("nc", exchange.nc)]
    elif algorithm.endswith("-SESS"):
        pairs.append(("cnonce", cnonce))
    echoed = tuple((name, f'"{challenge.params.raw(name)}"') for name in ("realm", "nonce", "opaque") if name in challenge.params)
    return Credentials("Digest", AuthParams((*AuthParams.of(pairs[:1]).items, *echoed, *AuthParams.of(pairs[1:]).items)))


def challenge_for(
    realm: str,
    nonce: str,
    *,
    algorithm: str = MD5,
    qops: tuple[str, ...] = ("auth",),
    is_stale: bool = False,
    opaque: str | None = None,
) -> Challenge:
    """Return a challenge; with no qops it is one of RFC 2069."""
    pairs = [("realm", realm), ("nonce", nonce), ("algorithm", algorithm)]
    if opaque is not None:
        pairs.append(("opaque", opaque))
    if is_stale:
        pairs.append(("stale", "true"))
    if qops:
        pairs.append(("qop", ",".join(qops)))
    return Challenge("Digest", AuthParams.of(pairs, quoted=QUOTED_IN_CHALLENGES))


def authentication_info(
    credentials: Credentials, ha1: str, *, body: bytes = b"", nextnonce: str | None = None
) -> AuthenticationInfo:
    """Return the header of a 2xx: proof that the server knows the secret too (RFC 7616 section 3.5), and the next nonce."""
    pairs = [] if nextnonce is None else [("nextnonce", nextnonce)]
    if credentials.qop is not None:
        exchange = Exchange.of(credentials, "", body)  # the same without a method
        pairs += [("qop", credentials.qop), ("rspauth", compute(ha1, exchange)), ("cnonce", credentials.cnonce)]
        pairs.append(("nc", exchange.nc))
    return AuthenticationInfo(AuthParams.of(pairs, quoted=QUOTED_IN_INFO))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
