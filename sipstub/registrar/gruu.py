"""Globally routable URIs of one phone (RFC 5627): a public one by instance, temporary ones that name nobody.

A temporary GRUU is an opaque text under our key, so that only one entry per instance is kept however many were handed out.  It
ends with the last binding of its instance, or when the phone comes back with another Call-ID.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sipstub.registrar.binding import Binding, BindingChange
from sipstub.sip.params import NO_PARAMS
from sipstub.sip.uri import SipUri, escape, parse_uri, unescape

PREFIX = "tgruu."
ID_BYTES, COUNT_BYTES, MAC_BYTES = 10, 5, 10


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a GRUU means."""

    aor: str
    instance: str


class Gruus:
    """Makes and resolves them; empty while `is_on` is false."""

    def __init__(self, key: bytes, is_on: bool) -> None:
        self._key = hashlib.blake2b(key, person=b"gruu").digest()
        self._is_on = is_on
        self._owners: dict[bytes, Owner] = {}
        self._ids: dict[Owner, tuple[bytes, str]] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._owners)

    def apply(self, change: BindingChange, live: Sequence[Binding]) -> None:
        """Follow a change of bindings; `live` are those of the address after it."""
        binding = change.binding
        if not self._is_on or not binding.instance:
            return
        owner = Owner(binding.aor, binding.instance)
        if not any(one.instance == binding.instance for one in live):
            self._forget(owner)
            return
        if change.is_removal:
            return
        known = self._ids.get(owner)
        if known is not None and known[1] == binding.call_id:
            return
        self._forget(owner)
        self._count += 1
        text = f"{binding.aor}\0{binding.instance}\0{binding.call_id}\0{self._count}"
        id = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), key=self._key, digest_size=ID_BYTES).digest()
        self._ids[owner] = (id, binding.call_id)
        self._owners[id] = owner

    def params(self, binding: Binding) -> str:
        """Return `pub-gruu` and a new `temp-gruu` as parameters of a contact, nothing if its phone names no instance."""
        known = self._ids.get(Owner(binding.aor, binding.instance))
        aor = parse_uri(binding.aor)
        if known is None or not isinstance(aor, SipUri):
            return ""
        public = replace(aor, params=aor.params.set("gr", escape(binding.instance).replace("%3A", ":")))
        self._count += 1
        head = known[0] + self._count.to_bytes(COUNT_BYTES, "big")
        opaque = base64.b32encode(head + self._mac(head)).decode().lower().rstrip("=")
        temporary = replace(aor, user=PREFIX + opaque, params=aor.params.set("gr"))
        return str(NO_PARAMS.set("pub-gruu", str(public)).set("temp-gruu", str(temporary)))

    def resolve(self, uri: SipUri, aor: str) -> Owner | None:
        """Return whom a GRUU means, None for a URI that is none; `aor` is the key of its address.

        A GRUU that is not known any more gives an owner who has no binding.
        """
        if not self._is_on or "gr" not in uri.params:
            return None
        value = uri.params.get("gr")
        if value:
            return Owner(aor, unescape(value))
        user = uri.user or ""
        found = self._read(user[len(PREFIX) :]) if user.startswith(PREFIX) else None
        return found or Owner(aor, "")

    def _read(self, opaque: str) -> Owner | None:
        try:
            data = base64.b32decode(opaque.upper() + "=" * (-len(opaque) % 8))
        except ValueError:
            return None
        head, mac = data[: ID_BYTES + COUNT_BYTES], data[ID_BYTES + COUNT_BYTES :]
        if not hmac.compare_digest(mac, self._mac(head)):
            return None
        return self._owners.get(head[:ID_BYTES])

    def _forget(self, owner: Owner) -> None:
        known = self._ids.pop(owner, None)
        if known is not None:
            del self._owners[known[0]]

    def _mac(self, head: bytes) -> bytes:
        return hmac.digest(self._key, head, "sha256")[:MAC_BYTES]
