"""What a registrar allows: names, times, limits, extensions.  A value; every number that a peer could grow is here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sipstub.sip.digest import MD5
from sipstub.sip.host import host_key, parse_host
from sipstub.sip.uri import SipUri, escape, unescape

ANY_DOMAIN = "*"
NO_DOMAIN = "registrar.invalid"
"Stands in keys where `*` is the only domain: a user who asks by another name of the host is still one user."
MAX_MIN_EXPIRES_S = 3600
"RFC 3261 section 10.3 step 7: what asks for an hour or more is never too brief."


def md5_always(user_agent: str | None) -> str:
    """Return MD5, which every phone can: measured, no client fails on it alone (two challenges, or SHA-256, fail on most)."""
    return MD5


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything one registrar holds."""

    aors: int = 50_000
    "Addresses of record with a binding; the next one is answered 503 with Retry-After."
    contacts: int = 10
    "Live bindings of one address; the next one is answered 403."
    request_contacts: int = 32
    "Contacts in one request; more is answered 403 before any is looked at."
    paths: int = 16
    "Path values; more is answered 513."
    message_bytes: int = 16_384
    "Size of a REGISTER as it came; larger is answered 513."
    body_bytes: int = 8_192
    "Its body, which means nothing to a registrar; larger is answered 413."
    retry_after_s: int = 60


@dataclass(frozen=True, slots=True)
class Policy:
    """What is allowed to whom."""

    realm: str
    "Realm of the challenges; the HA1 of users are made for it."
    domains: tuple[str, ...] = (ANY_DOMAIN,)
    "Hosts that this registrar answers for, all names of one domain; the first stands in keys.  `*` is any host."
    min_expires_s: int = 60
    max_expires_s: int = 7200
    "Longer wishes are cut to this."
    default_expires_s: int = 3600
    "Granted to who asks for nothing."
    algorithm: Callable[[str | None], str] = field(default=md5_always, repr=False)
    "From the User-Agent to the one algorithm of its challenge; used where all users have it, else MD5."
    qops: tuple[str, ...] = ("auth",)
    "Offered, and wanted back: a digest without qop has no count against replays."
    nonce_lifetime_s: float = 300.0
    outbound: bool = True
    "RFC 5626."
    flow_timer_s: int = 0
    "Flow-Timer of a 200 with outbound; 0 leaves it out."
    gruu: bool = False
    "RFC 5627; only where requests to a GRUU are routed, since phones use it as their Contact at once."
    needs_path_support: bool = False
    "Whether Path from a phone that does not say `Supported: path` is refused with 420 (RFC 3327 section 5.3 leaves it to us)."
    service_route: tuple[str, ...] = ()
    "RFC 3608."
    sends_date: bool = True
    limits: Limits = Limits()
    _hosts: frozenset[str] = field(init=False, repr=False, compare=False)
    _domain: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = [host_key(parse_host(domain)) for domain in self.domains if domain != ANY_DOMAIN]
        object.__setattr__(self, "_hosts", frozenset(named))
        object.__setattr__(self, "_domain", named[0] if named else NO_DOMAIN)
        if not 0 <= self.min_expires_s <= min(self.max_expires_s, MAX_MIN_EXPIRES_S):
            raise ValueError(
                f"min_expires_s {self.min_expires_s} is not between 0 and {min(self.max_expires_s, MAX_MIN_EXPIRES_S)}"
            )
        if not self.min_expires_s <= self.default_expires_s <= self.max_expires_s:
            raise ValueError(f"default_expires_s {self.default_expires_s} is not between the shortest and the longest")

    def serves(self, uri: SipUri) -> bool:
        """Return whether the host of that URI is one of ours, whatever its port."""
        return ANY_DOMAIN in self.domains or uri.host in self._hosts or host_key(uri.host) in self._hosts

    def aor_key(self, uri: SipUri) -> str:
        """Return the key of an address of record: no parameters, no port, no escapes, one name for the domain (10.3 step 5).

        `sips:` and `sip:` of one user are one address.
        """
        user = uri.user
        if user is None:
            return f"sip:{self._domain}"
        return f"sip:{user if user.isalnum() and user.isascii() else escape(unescape(user))}@{self._domain}"

    def entity(self, uri: SipUri) -> str:
        """Return an address of record by the name that it goes by: its own where a domain is named, else as it was asked for."""
        if self._domain != NO_DOMAIN:
            return self.aor_key(uri)
        return SipUri(uri.host, uri.user, port=uri.port).aor()

    def granted_s(self, asked: int | None) -> int:
        """Return what is granted for a wish in seconds, None for no wish; 0 stays 0."""
        return min(self.default_expires_s if asked is None else asked, self.max_expires_s)

    def is_too_brief(self, asked: int | None) -> bool:
        """Return whether the wish must be answered 423."""
        return asked is not None and 0 < asked < self.min_expires_s
