"""SRTP with the suites that phones have: AES in counter mode, HMAC-SHA1.  RFC 3711, keys from SDP by RFC 4568.

Keys are never derived anew in a call (a rate of 0), there is no MKI, and RTCP is not spoken: SRTCP would be a second one of this.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass

from sipstub.media.packet import HEADER_BYTES, SEQUENCES, WORD_BYTES, PacketProblem
from sipstub.sip.sdp import Crypto

TAG_BYTES = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}
"By suite."
KEY_BYTES, SALT_BYTES, AUTH_BYTES = 16, 14, 20
ENCRYPTION, AUTHENTICATION, SALTING = 0, 1, 2
"Labels of RFC 3711 section 4.3.2."
WINDOW = 64
"Packets behind the newest that are known to have come, or not (RFC 3711 section 3.3.2)."


@dataclass(frozen=True, slots=True)
class SrtpKey:
    """Master key and salt of one direction."""

    master: bytes
    salt: bytes
    tag_bytes: int

    def __repr__(self) -> str:
        return "SrtpKey(***)"


def read_key(crypto: Crypto) -> SrtpKey | None:
    """Return the key of a crypto attribute; None for a suite, or a form, that is not spoken here."""
    tag_bytes = TAG_BYTES.get(crypto.suite)
    method, _, rest = crypto.key_params.split(" ")[0].partition(":")
    text, *more = rest.split("|")
    if tag_bytes is None or method != "inline" or any(":" in part for part in more):
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return SrtpKey(data[:KEY_BYTES], data[KEY_BYTES:], tag_bytes) if len(data) == KEY_BYTES + SALT_BYTES else None


class _Direction:
    """What both directions derive from their key."""

    def __init__(self, key: SrtpKey) -> None:
        self._tag_bytes = key.tag_bytes
        self._key = derived(key, ENCRYPTION, KEY_BYTES)
        self._auth = derived(key, AUTHENTICATION, AUTH_BYTES)
        self._salt = int.from_bytes(derived(key, SALTING, SALT_BYTES)) << 16

    def _crypted(self, payload: bytes, ssrc: int, index: int) -> bytes:
        """Return the payload encrypted, or decrypted: it is the same (section 4.1.1)."""
        start = self._salt ^ ssrc << 64 ^ index << 16
        return _counted(self._key, start, payload)

    def _tag(self, packet: bytes, index: int) -> bytes:
        rounds = struct.pack("!I", index // SEQUENCES & 0xFFFFFFFF)
        return hmac.digest(self._auth, packet + rounds, hashlib.sha1)[: self._tag_bytes]


class Sealing(_Direction):
    """What we send; it has to get every packet once, in the order of their numbers."""

    def __init__(self, key: SrtpKey) -> None:
        super().__init__(key)
        self._last: int | None = None

    def seal(self, packet: bytes) -> bytes:
        """Return a packet of RTP without padding as SRTP."""
        sequence, ssrc = _numbers(packet)
        index = sequence if self._last is None else self._last + (sequence - self._last) % SEQUENCES
        self._last = index
        head = _head_bytes(packet)
        sealed = packet[:head] + self._crypted(packet[head:], ssrc, index)
        return sealed + self._tag(sealed, index)


class Opening(_Direction):
    """What we hear, one source at a time."""

    def __init__(self, key: SrtpKey) -> None:
        super().__init__(key)
        self._ssrc: int | None = None
        self._newest = 0
        self._seen = 0

    def open(self, data: bytes) -> bytes:
        """Return the packet of RTP; raises PacketProblem for one that was not sealed with this key, or came before."""
        if len(data) < HEADER_BYTES + self._tag_bytes:
            raise PacketProblem(f"SRTP of {len(data)} bytes")
        sealed, tag = data[: -self._tag_bytes], data[-self._tag_bytes :]
        sequence, ssrc = _numbers(sealed)
        index = self._index(sequence, ssrc)
        if not hmac.compare_digest(tag, self._tag(sealed, index)):
            raise PacketProblem("SRTP with a wrong tag")
        self._note(ssrc, index)
        head = _head_bytes(sealed)
        return sealed[:head] + self._crypted(sealed[head:], ssrc, index)

    def _index(self, sequence: int, ssrc: int) -> int:
        """Return the whole number of a packet, the nearest to the newest one (section 3.3.1 and appendix A)."""
        if ssrc != self._ssrc:
            return sequence
        near = self._newest + (sequence - self._newest + SEQUENCES // 2) % SEQUENCES - SEQUENCES // 2
        return near if near >= 0 else sequence

    def _note(self, ssrc: int, index: int) -> None:
        """Take note of a packet that is proper; raises PacketProblem if it came before."""
        if ssrc != self._ssrc:
            self._ssrc, self._newest, self._seen = ssrc, index, 1
            return
        ahead = index - self._newest
        if ahead > 0:
            self._newest = index
            self._seen = (self._seen << ahead | 1) & (1 << WINDOW) - 1 if ahead < WINDOW else 1
        elif -ahead >= WINDOW or self._seen >> -ahead & 1:
            raise PacketProblem("SRTP that came before")
        else:
            self._seen |= 1 << -ahead


def derived(key: SrtpKey, label: int, size: int) -> bytes:
    """Return a key of one session (section 4.3.1, with a derivation rate of 0)."""
    start = (int.from_bytes(key.salt) ^ label << 48) << 16
    return _counted(key.master, start, bytes(size))


def _counted(key: bytes, start: int, data: bytes) -> bytes:
    """Return data with the keystream from that counter on laid over it."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # slow to load, and few calls want it

    cipher = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16)))
    return cipher.encryptor().update(data)


def _numbers(packet: bytes) -> tuple[int, int]:
    sequence, ssrc = struct.unpack_from("!2xH4xI", packet)
    return sequence, ssrc


def _head_bytes(packet: bytes) -> int:
    """Return how long the header is, which is not encrypted."""
    at = HEADER_BYTES + (packet[0] & 0x0F) * WORD_BYTES
    if packet[0] & 0x10 and len(packet) >= at + WORD_BYTES:
        at += (1 + struct.unpack_from("!2xH", packet, at)[0]) * WORD_BYTES
    return min(at, len(packet))
