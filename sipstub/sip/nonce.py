"""Nonces that need no table: the time, some salt, and an HMAC over both.  RFC 7616 section 3.3, RFC 3261 section 22.4.

Key, salt and `now` are arguments.  A nonce says nothing but when it was made; who has the key can tell if it made it.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Protocol

MIN_KEY_BYTES = 16
BLOCK_BYTES = 64
"Of SHA-256."
SALT_BYTES = 8
TIME_BYTES = 6
MAC_BYTES = 16
NONCE_BYTES = TIME_BYTES + SALT_BYTES + MAC_BYTES
CLOCK_SLACK_S = 1.0
"A nonce from further in the future was made before the clock was set back; it is stale."

_INNER_PAD = bytes(code ^ 0x36 for code in range(256))
_OUTER_PAD = bytes(code ^ 0x5C for code in range(256))


class Hash(Protocol):
    """What hashlib makes."""

    def copy(self) -> Hash:
        """Return one that goes on from here."""
        ...

    def update(self, data: bytes, /) -> None:
        """Take more."""

    def digest(self) -> bytes:
        """Return the hash of all that was taken."""
        ...


class Age(enum.Enum):
    """What becomes of a request with such a nonce."""

    FRESH = "fresh"
    STALE = "stale"
    "Ours, but too old: challenge again with stale=true, and the phone does not ask its user."
    FOREIGN = "foreign"
    "Not made with this key, or for another realm: challenge again."


@dataclass(frozen=True, slots=True)
class NonceMaker:
    """Makes and judges the nonces of one realm."""

    key: bytes
    "At least MIN_KEY_BYTES, kept secret; a new one makes all nonces foreign."
    realm: str = ""
    lifetime_s: float = 300.0

    _inner: Hash = field(init=False, repr=False, compare=False)
    _outer: Hash = field(init=False, repr=False, compare=False)
    "The hashes of HMAC (RFC 2104) with the key in them: to go on from a copy costs a third of beginning anew."

    def __post_init__(self) -> None:
        if len(self.key) < MIN_KEY_BYTES:
            raise ValueError(f"a key of {len(self.key)} bytes, at least {MIN_KEY_BYTES} are wanted")
        key = (hashlib.sha256(self.key).digest() if len(self.key) > BLOCK_BYTES else self.key).ljust(BLOCK_BYTES, b"\0")
        object.__setattr__(self, "_inner", hashlib.sha256(key.translate(_INNER_PAD)))
        object.__setattr__(self, "_outer", hashlib.sha256(key.translate(_OUTER_PAD)))

    def __repr__(self) -> str:
        return f"NonceMaker(realm={self.realm!r}, lifetime_s={self.lifetime_s})"

    def make(self, now: float, salt: bytes) -> str:
        """Return a nonce; with fresh salt it is a fresh one even at the same moment.  Salt is cut or filled to SALT_BYTES."""
        head = int(now * 1000).to_bytes(TIME_BYTES, "big") + salt[:SALT_BYTES].rjust(SALT_BYTES, b"\0")
        return base64.urlsafe_b64encode(head + self._mac(head)).decode()

    def made_at(self, nonce: str) -> float | None:
        """Return when this nonce was made, in seconds, or None for one that is not ours."""
        if len(nonce) != NONCE_BYTES * 4 // 3 or not nonce.isascii():
            return None
        try:
            data = base64.b64decode(nonce, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        head = data[: TIME_BYTES + SALT_BYTES]
        if not hmac.compare_digest(self._mac(head), data[TIME_BYTES + SALT_BYTES :]):
            return None
        return int.from_bytes(head[:TIME_BYTES], "big") / 1000

    def judge(self, nonce: str, now: float) -> Age:
        """Return what to do about this nonce."""
        made = self.made_at(nonce)
        if made is None:
            return Age.FOREIGN
        return Age.FRESH if made - CLOCK_SLACK_S <= now <= made + self.lifetime_s else Age.STALE

    def _mac(self, head: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(head + self.realm.encode("utf-8", "surrogateescape"))
        outer.update(inner.digest())
        return outer.digest()[:MAC_BYTES]
