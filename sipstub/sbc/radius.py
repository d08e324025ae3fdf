"""RADIUS as far as a digest needs it: Access-Request with the attributes of draft-sterman-aaa-sip-01, and its answer.  Pure.

RFC 2865 for the packet, RFC 2869 section 5.14 for the Message-Authenticator that a server may ask for.
"""

from __future__ import annotations

import hashlib
import hmac

from sipstub.sip.credentials import Credentials

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT = 1, 2, 3
USER_NAME, NAS_IDENTIFIER, MESSAGE_AUTHENTICATOR = 1, 32, 80
DIGEST_RESPONSE, DIGEST_ATTRIBUTES = 206, 207
REALM, NONCE, METHOD, URI, QOP, ALGORITHM, BODY_DIGEST, CNONCE, NONCE_COUNT, DIGEST_USER = range(1, 11)
"Sub-attributes of Digest-Attributes."
HEAD_BYTES, AUTHENTICATOR_BYTES = 20, 16
MAX_VALUE_BYTES, MAX_PACKET_BYTES = 253, 4096


def digest_attributes(credentials: Credentials, method: str, body: bytes, nas: str) -> tuple[tuple[int, bytes], ...] | None:
    """Return the attributes that ask whether credentials are right; None where one does not fit into RADIUS."""
    parts = [(REALM, credentials.realm), (NONCE, credentials.nonce), (METHOD, method), (URI, credentials.uri)]
    if credentials.qop:
        parts.append((QOP, credentials.qop))
    parts.append((ALGORITHM, credentials.algorithm))
    if credentials.qop == "auth-int":
        hashed = hashlib.sha256 if credentials.algorithm.startswith("SHA-256") else _md5
        parts.append((BODY_DIGEST, hashed(body).hexdigest()))
    if credentials.qop:
        parts += [(CNONCE, credentials.cnonce), (NONCE_COUNT, credentials.nc_text)]
    parts.append((DIGEST_USER, credentials.username))
    found = [(USER_NAME, _bytes(credentials.username)), (NAS_IDENTIFIER, _bytes(nas))]
    found.append((DIGEST_RESPONSE, _bytes(credentials.response)))
    found += [(DIGEST_ATTRIBUTES, bytes((kind, len(value) + 2)) + value) for kind, value in _encoded(parts) if len(value) <= 251]
    if len(found) != len(parts) + 3 or any(not value or len(value) > MAX_VALUE_BYTES for _, value in found):
        return None
    return tuple(found)


def access_request(number: int, authenticator: bytes, secret: bytes, attributes: tuple[tuple[int, bytes], ...]) -> bytes:
    """Return the packet; `authenticator` is 16 random bytes.  Message-Authenticator comes first, as newer servers want it."""
    body = b"".join(bytes((kind, len(value) + 2)) + value for kind, value in attributes)
    blank = bytes((MESSAGE_AUTHENTICATOR, 18)) + bytes(16)
    head = bytes((ACCESS_REQUEST, number)) + (HEAD_BYTES + len(blank) + len(body)).to_bytes(2, "big") + authenticator
    mac = hmac.digest(secret, head + blank + body, "md5")
    return head + blank[:2] + mac + body


def read_answer(data: bytes, number: int, authenticator: bytes, secret: bytes) -> bool | None:
    """Return whether access is granted; None for a packet that is no answer to that request, or of somebody else's."""
    if not HEAD_BYTES <= len(data) <= MAX_PACKET_BYTES or data[1] != number or data[0] not in (ACCESS_ACCEPT, ACCESS_REJECT):
        return None
    length = int.from_bytes(data[2:4], "big")
    if not HEAD_BYTES <= length <= len(data):
        return None
    wanted = _md5(data[:4] + authenticator + data[HEAD_BYTES:length] + secret).digest()
    return data[0] == ACCESS_ACCEPT if hmac.compare_digest(wanted, data[4:HEAD_BYTES]) else None


def _md5(data: bytes) -> hashlib._Hash:
    return hashlib.md5(data, usedforsecurity=False)  # what RADIUS prescribes


def _encoded(parts: list[tuple[int, str]]) -> list[tuple[int, bytes]]:
    return [(kind, _bytes(text)) for kind, text in parts]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
