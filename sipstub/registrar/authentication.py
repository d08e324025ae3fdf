"""Who asks: one digest challenge per phone, and the judgement of what comes back.  RFC 3261 section 22, RFC 7616, RFC 8760.

Known and unknown users cannot be told apart: the algorithm hangs on the User-Agent, both look-ups are always made, and exactly
one digest is computed for every answer that gets that far, for a user who does not exist over an HA1 that nobody has.  Failures
are counted for the host that was given the nonce, not for the source address that a datagram claims, so that nobody can run up
the account of somebody else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sipstub.registrar.failures import HOST_FAILURES, USER_FAILURES, Failures
from sipstub.registrar.policy import Policy
from sipstub.registrar.reason import Refusal, Why
from sipstub.registrar.repetition import Repetitions
from sipstub.registrar.source import Source
from sipstub.registrar.user import RegistrarUser, UserSource
from sipstub.sip.credentials import Credentials
from sipstub.sip.digest import MD5, SHA_256, challenge_for, check, hash_text
from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.sip.nonce import CLOCK_SLACK_S, NONCE_BYTES, SALT_BYTES, TIME_BYTES, NonceMaker
from sipstub.sip.nonce_count import MAX_NONCES, NonceCounts
from sipstub.sip.plain_credentials import PlainCredentials
from sipstub.sip.plain_register import PlainRegister
from sipstub.sip.uri import parse_uri

Given = Credentials | PlainCredentials

MAX_TAGS = 4096
"Hosts whose tag is not computed again."
TAG_BYTES = 4
"So much of a nonce's salt names the host that it was given to, under our key."


@dataclass(frozen=True, slots=True)
class Denial(Refusal):
    """A no that may come with a challenge."""

    challenge: str = ""
    "Goes into WWW-Authenticate of a 401."
    is_failure: bool = False
    "Whether it counts against its source."


@dataclass(frozen=True, slots=True)
class Claim:
    """Credentials with which nothing is wrong as far as can be said without the password."""

    given: Given
    made_at: float
    "When its nonce was made."
    algorithm: str
    tag: bytes


class Authenticator:
    """Challenges and judges; holds the counts of nonces and of failures, and nothing about users."""

    def __init__(
        self, users: UserSource, policy: Policy, key: bytes, *, max_nonces: int = MAX_NONCES, since: float = 0.0
    ) -> None:
        """`since` is when this process began: what was counted before is not known, so older nonces are stale."""
        self._since = int(since * 1000) / 1000  # as exact as the time in a nonce
        self._users = users
        self._policy = policy
        self._key = key
        self._nonces = NonceMaker(key, policy.realm, policy.nonce_lifetime_s)
        self._counts = NonceCounts(max_nonces)
        self.failures = Failures()
        self._tags: dict[str, bytes] = {}
        self._made = 0
        self._repetitions = Repetitions()
        self._nobody = {name: hash_text(name, b"nobody:" + key) for name in (MD5, SHA_256)}
        self._challenges = {(name, stale): self._around_nonce(name, stale) for name in self._nobody for stale in (False, True)}

    @property
    def used_nonces(self) -> int:
        """Return how many nonces are remembered, for metrics."""
        return len(self._counts)

    def judge(
        self,
        request: Request | PlainRegister,
        source: Source,
        name: str,
        now: float,
        *,
        is_at_home: bool = False,
        credentials: Iterable[Given] | None = None,
    ) -> RegistrarUser | Denial:
        """Return the user who asks, or the denial.

        `name` is the user part that the request acts for.  `is_at_home` says that this user is registered over this very flow:
        failures of others behind the same address do not shut it out.  `credentials` are those of Authorization, if no others
        are given.  Raises SipError for credentials that cannot be read.
        """
        claim = self.weigh(
            request, source, now, request.authorization if credentials is None else credentials, is_at_home=is_at_home
        )
        if isinstance(claim, Denial):
            return claim
        given, algorithm = claim.given, claim.algorithm
        user, is_own = self._find(given.username, name)
        ha1 = None if user is None else user.ha1.get(algorithm)
        is_right = check(given, ha1 or self._nobody[algorithm], request.method, request.body)
        if not is_right or user is None or ha1 is None:
            why = "wrong password" if user is not None else "no such user, or not for this address"
            return self.reject(claim, why, now)
        denial = self.accept(claim, now)
        if denial is not None:
            return denial
        if not is_own:
            self._note(given, now)
            return Denial(Why.NOT_ITS_OWN, f"{given.username[:64]!r} asked for {name[:64]!r}", is_failure=True)
        return user

    def weigh(
        self,
        request: Request | PlainRegister,
        source: Source,
        now: float,
        credentials: Iterable[Given],
        *,
        is_at_home: bool = False,
    ) -> Claim | Denial:
        """Return the claim that somebody has to check against a password, or the denial that needs none."""
        policy = self._policy
        tag = self._tag(source.host)
        algorithm = self.algorithm_for(request.user_agent)
        given: Given | None = None
        for one in credentials:
            if one.is_digest and one.realm == policy.realm:
                given = one
                break
        if given is None:
            return self._ask(request, source, algorithm, tag, now)
        made_at = self._nonces.made_at(given.nonce)
        if made_at is None:
            return self._challenge(Why.FOREIGN_NONCE, algorithm, tag, now)
        shut_out = self._shut_out_by(given, is_at_home, now) if len(self.failures) else None
        if shut_out is not None:
            is_news = self.failures.tell(shut_out)
            return Denial(Why.TOO_MANY_FAILURES, f"user {given.username[:64]!r}", is_news=is_news)
        denial = self._judge_form(given, request, algorithm, tag, now)
        if denial is not None:
            if denial.is_failure:
                self._note(given, now)
            return denial
        return Claim(given, made_at, algorithm, tag)

    def reject(self, claim: Claim, fact: str, now: float) -> Denial:
        """Return the denial of a claim whose digest is wrong, and count it."""
        self._note(claim.given, now)
        said = f"user {claim.given.username[:64]!r}: {fact}"
        return self._challenge(Why.WRONG_CREDENTIALS, claim.algorithm, claim.tag, now, said, is_failure=True)

    def accept(self, claim: Claim, now: float) -> Denial | None:
        """Return None for a claim whose digest is right, or the denial because its nonce is too old or was used before."""
        given, made_at, lifetime = claim.given, claim.made_at, self._policy.nonce_lifetime_s
        if made_at < self._since or not made_at - CLOCK_SLACK_S <= now <= made_at + lifetime:
            return self._challenge(Why.STALE_NONCE, claim.algorithm, claim.tag, now, is_stale=True)
        self._counts.expire(now - lifetime - CLOCK_SLACK_S)
        nc = given.nc if given.qop else 1  # without qop nothing is counted, and a nonce serves once
        if not self._counts.accept(given.nonce, nc, made_at):
            return self._challenge(Why.REPLAYED, claim.algorithm, claim.tag, now, f"nc {nc}", is_stale=True)
        return None

    def algorithm_for(self, user_agent: str | None) -> str:
        """Return the algorithm of the one challenge: the policy's choice if every user has it, else MD5."""
        chosen = self._policy.algorithm(user_agent)
        return chosen if chosen in self._users.algorithms and chosen in self._nobody else MD5

    def _find(self, username: str, name: str) -> tuple[RegistrarUser | None, bool]:
        """Return whom these credentials may belong to, and whether that is who the request acts for."""
        wanted = self._users.user(name, self._policy.realm)
        owner = self._users.by_auth_name(username, self._policy.realm)
        if wanted is not None and wanted.auth_name == username:
            return wanted, True
        return owner, False

    def _judge_form(
        self, given: Given, request: Request | PlainRegister, algorithm: str, tag: bytes, now: float
    ) -> Denial | None:
        """Return what is wrong with the credentials that hangs on no user."""
        if given.algorithm != algorithm:
            return self._challenge(Why.OTHER_ALGORITHM, algorithm, tag, now, given.algorithm[:32])
        if given.qop not in (self._policy.qops or (None,)):
            return self._challenge(Why.OTHER_QOP, algorithm, tag, now, (given.qop or "none")[:32])
        if given.uri != request.uri_text and not _is_same(given.uri, request):
            return Denial(Why.URI_DIFFERS, f"digest for {given.uri[:100]!r}", is_failure=True)
        return None

    def _shut_out_by(self, given: Given, is_at_home: bool, now: float) -> bytes | None:
        """Return the key of the count that is full, if one is."""
        host, user = self._keys(given)
        if self.failures.is_over(user, USER_FAILURES, now):
            return user
        return host if not is_at_home and self.failures.is_over(host, HOST_FAILURES, now) else None

    def _note(self, given: Given, now: float) -> None:
        for key in self._keys(given):
            self.failures.note(key, now)

    def _keys(self, given: Given) -> tuple[bytes, bytes]:
        """Return what failures are counted by: the host that was given the nonce, and that host with the name that it claims."""
        host = self._tag_in(given.nonce)
        return host, host + hashlib.blake2b(given.username.encode("utf-8", "surrogateescape"), digest_size=8).digest()

    def _challenge(
        self,
        why: Why,
        algorithm: str,
        tag: bytes,
        now: float,
        fact: str = "",
        *,
        is_stale: bool = False,
        is_failure: bool = False,
    ) -> Denial:
        before, after = self._challenges[algorithm, is_stale]
        return Denial(why, fact, challenge=f"{before}{self._nonce(tag, now)}{after}", is_failure=is_failure)

    def _ask(self, request: Request | PlainRegister, source: Source, algorithm: str, tag: bytes, now: float) -> Denial:
        """Return the challenge to a request without credentials: to its repetition the same, as no transaction keeps it."""
        key = None if request.raw is None else self._repetitions.key(request.raw, source.host, source.port)
        nonce = None if key is None else self._repetitions.find(key, now)
        if nonce is None:
            nonce = self._nonce(tag, now)
            if key is not None:
                self._repetitions.note(key, nonce, now)
        before, after = self._challenges[algorithm, False]
        return Denial(Why.NO_CREDENTIALS, challenge=f"{before}{nonce}{after}")

    def _nonce(self, tag: bytes, now: float) -> str:
        self._made += 1
        salt = hashlib.blake2b(self._made.to_bytes(8, "big"), key=self._key[:64], digest_size=SALT_BYTES - TAG_BYTES).digest()
        return self._nonces.make(now, salt + tag)

    def _around_nonce(self, algorithm: str, is_stale: bool) -> tuple[str, str]:
        """Return a challenge, cut where its nonce goes: all that differs from one to the next."""
        mark = "0" * NONCE_BYTES
        policy = self._policy
        before, _, after = str(
            challenge_for(policy.realm, mark, algorithm=algorithm, qops=policy.qops, is_stale=is_stale)
        ).partition(f'nonce="{mark}"')
        return f'{before}nonce="', f'"{after}'

    def _tag(self, host: str) -> bytes:
        found = self._tags.get(host)
        if found is None:
            if len(self._tags) >= MAX_TAGS:
                self._tags.clear()
            found = hashlib.blake2b(host.encode(), key=self._key[:64], digest_size=TAG_BYTES, person=b"host").digest()
            self._tags[host] = found
        return found

    @staticmethod
    def _tag_in(nonce: str) -> bytes:
        """Return the host's tag in a nonce that is known to be ours."""
        data = base64.urlsafe_b64decode(nonce)
        return data[TIME_BYTES + SALT_BYTES - TAG_BYTES : TIME_BYTES + SALT_BYTES]


def _is_same(text: str, request: Request | PlainRegister) -> bool:
    try:
        return parse_uri(text).matches(request.uri)
    except SipError:
        return False
