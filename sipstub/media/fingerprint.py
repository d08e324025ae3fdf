"""Fingerprints of certificates, as `a=fingerprint` says them.  RFC 8122 section 5."""

from __future__ import annotations

import hashlib

HASHES = {"sha-1": "sha1", "sha-224": "sha224", "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}
"Of fingerprints that count; MD5 and MD2 must not (section 5)."

Fingerprint = tuple[str, bytes]
"Name of a hash as in HASHES, and what it comes to."


def read_fingerprint(text: str) -> Fingerprint | None:
    """Return the value of `a=fingerprint`; None where it cannot be held against anything."""
    name, _, value = text.strip().partition(" ")
    try:
        digest = bytes.fromhex(value.strip().replace(":", ""))
    except ValueError:
        return None
    known = HASHES.get(name.lower())
    return (name.lower(), digest) if known and len(digest) == hashlib.new(known).digest_size else None


def fits(certificate: bytes, fingerprints: tuple[Fingerprint, ...]) -> bool:
    """Return whether a certificate, in DER, has one of these."""
    return any(hashlib.new(HASHES[name], certificate).digest() == digest for name, digest in fingerprints)
