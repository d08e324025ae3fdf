"""RTCP packets: sender and receiver reports, the name of a source, its goodbye.  RFC 3550 section 6.

A datagram is a compound of several; kinds that are not known here keep their bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from sipstub.media.packet import RTCP_TYPES, VERSION, WORD_BYTES, PacketProblem

SR, RR, SDES, BYE = 200, 201, 202, 203
CNAME = 1
MAX_BLOCKS = 31
"The count has five bits."
MAX_PACKETS = 64
"Of one compound."
MAX_NAME_BYTES = 255
BLOCK_BYTES = 24
SHORT = struct.Struct("!BBH")
SIGNED_24 = 1 << 23

_SENDER = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class Block:
    """What somebody says of a source that it hears."""

    ssrc: int
    fraction: int
    "Lost since the report before, of 256."
    lost: int
    "Ever; negative if packets came more than once."
    highest: int
    "Number of the last packet, with how often it went round in the upper 16 bits."
    jitter: int
    "In units of the clock."
    last: int = 0
    "The middle 32 bits of the time of the last sender report that came; 0 for none."
    delay: int = 0
    "Since that came, in 1/65536 s."

    def __bytes__(self) -> bytes:
        lost = max(min(self.lost, SIGNED_24 - 1), -SIGNED_24) & 0xFFFFFF
        return _BLOCK.pack(self.ssrc, self.fraction << 24 | lost, self.highest, self.jitter, self.last, self.delay)


@dataclass(frozen=True, slots=True)
class Sender:
    """What a source says of itself."""

    time: int
    "64 bits as NTP has them: seconds in the upper 32, since 1900 or since anything that does not change."
    timestamp: int
    "The same moment in units of the codec's clock."
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Report:
    """SR with a sender, RR without."""

    ssrc: int
    sender: Sender | None = None
    blocks: tuple[Block, ...] = ()

    def __bytes__(self) -> bytes:
        kind = RR if self.sender is None else SR
        body = struct.pack("!I", self.ssrc)
        if self.sender is not None:
            body += _SENDER.pack(self.sender.time, self.sender.timestamp, self.sender.packets, self.sender.octets)
        return _packed(kind, len(self.blocks), body + b"".join(map(bytes, self.blocks)))


@dataclass(frozen=True, slots=True)
class SourceName:
    """SDES of one source with its canonical name, and nothing else that may be in it."""

    ssrc: int
    name: str

    def __bytes__(self) -> bytes:
        text = self.name.encode()[:MAX_NAME_BYTES]
        body = struct.pack("!IBB", self.ssrc, CNAME, len(text)) + text
        return _packed(SDES, 1, body + bytes(WORD_BYTES - len(body) % WORD_BYTES))


@dataclass(frozen=True, slots=True)
class Goodbye:
    """BYE."""

    sources: tuple[int, ...]

    def __bytes__(self) -> bytes:
        return _packed(BYE, len(self.sources), struct.pack(f"!{len(self.sources)}I", *self.sources))


@dataclass(frozen=True, slots=True)
class OtherPacket:
    """A kind that is not read here."""

    kind: int
    data: bytes
    "The whole packet."

    def __bytes__(self) -> bytes:
        return self.data


RtcpPacket = Report | SourceName | Goodbye | OtherPacket


def compound(packets: Iterable[RtcpPacket]) -> bytes:
    """Return the datagram."""
    return b"".join(map(bytes, packets))


def parse_compound(data: bytes) -> tuple[RtcpPacket, ...]:
    """Return the packets of a datagram; raises PacketProblem for what is no RTCP (RFC 3550 appendix A.2)."""
    found: list[RtcpPacket] = []
    at = 0
    while at < len(data):
        if len(data) - at < WORD_BYTES or len(found) >= MAX_PACKETS:
            raise PacketProblem(f"RTCP with {len(data) - at} bytes behind {len(found)} packets")
        first, kind, words = SHORT.unpack_from(data, at)
        end = at + (words + 1) * WORD_BYTES
        if first >> 6 != VERSION or kind not in RTCP_TYPES or end > len(data):
            raise PacketProblem(f"no RTCP at byte {at}")
        if first & 0x20 and end < len(data):
            raise PacketProblem("RTCP with padding before its last packet")
        if not found and kind not in (SR, RR):
            raise PacketProblem(f"RTCP begins with packet type {kind}")
        found.append(_parse(kind, first & 0x1F, data[at:end]))
        at = end
    if not found:
        raise PacketProblem("RTCP of no bytes")
    return tuple(found)


def _parse(kind: int, count: int, data: bytes) -> RtcpPacket:
    try:
        if kind in (SR, RR):
            return _report(kind, count, data)
        if kind == BYE:
            return Goodbye(struct.unpack_from(f"!{count}I", data, WORD_BYTES))
        if kind == SDES and count == 1:
            ssrc, item, size = struct.unpack_from("!IBB", data, WORD_BYTES)
            if item == CNAME and len(data) >= 10 + size:
                return SourceName(ssrc, data[10 : 10 + size].decode("utf-8", "replace"))
    except struct.error:
        raise PacketProblem(f"RTCP packet type {kind} of {len(data)} bytes") from None
    return OtherPacket(kind, data)


def _report(kind: int, count: int, data: bytes) -> Report:
    (ssrc,) = struct.unpack_from("!I", data, WORD_BYTES)
    at = 2 * WORD_BYTES
    sender = None
    if kind == SR:
        sender = Sender(*_SENDER.unpack_from(data, at))
        at += _SENDER.size
    blocks = []
    for number in range(count):
        source, losses, highest, jitter, last, delay = _BLOCK.unpack_from(data, at + number * BLOCK_BYTES)
        lost = losses & 0xFFFFFF
        lost -= 2 * SIGNED_24 if lost >= SIGNED_24 else 0
        blocks.append(Block(source, losses >> 24, lost, highest, jitter, last, delay))
    return Report(ssrc, sender, tuple(blocks))


def _packed(kind: int, count: int, body: bytes) -> bytes:
    return SHORT.pack(VERSION << 6 | count, kind, len(body) // WORD_BYTES) + body
