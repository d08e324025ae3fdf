"""RTP packets, read and written.  RFC 3550 section 5.1.  Payloads are left as they are."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sipstub.errors import SipstubError

VERSION = 2
HEADER_BYTES = 12
WORD_BYTES = 4
MAX_SOURCES = 15
"The count of contributing sources has four bits."
MAX_EXTENSION_WORDS = 65_535
SEQUENCES = 1 << 16
TIMESTAMPS = 1 << 32
STUN_FIRST = range(4)
"First byte of STUN on such a port (RFC 7983 section 7)."
RTCP_TYPES = range(192, 224)
"Second byte of RTCP on a port that has both (RFC 5761 section 4)."

_HEADER = struct.Struct("!BBHII")


class PacketProblem(SipstubError):
    """A datagram that is no RTP, or no RTCP."""

    code = "bad-rtp"


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One packet."""

    payload_type: int
    sequence: int
    "Modulo 2^16."
    timestamp: int
    "In units of the codec's clock, modulo 2^32."
    ssrc: int
    payload: bytes = b""
    is_marked: bool = False
    "The marker bit: with voice, the first packet after silence."
    sources: tuple[int, ...] = ()
    "Contributing sources, of a mixer."
    extension: tuple[int, bytes] | None = None
    "What the profile says it is, and its bytes."

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Return the packet without its padding; raises PacketProblem."""
        if len(data) < HEADER_BYTES:
            raise PacketProblem(f"RTP of {len(data)} bytes, the header has {HEADER_BYTES}")
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        if first >> 6 != VERSION:
            raise PacketProblem(f"RTP of version {first >> 6}")
        if second in RTCP_TYPES:
            raise PacketProblem("RTCP where RTP was expected")
        at = HEADER_BYTES + (first & 0x0F) * WORD_BYTES
        sources: tuple[int, ...] = ()
        if first & 0x0F:
            _hold(data, at)
            sources = struct.unpack_from(f"!{first & 0x0F}I", data, HEADER_BYTES)
        extension = None
        if first & 0x10:
            _hold(data, at + WORD_BYTES)
            kind, words = struct.unpack_from("!HH", data, at)
            at += WORD_BYTES
            _hold(data, at + words * WORD_BYTES)
            extension = kind, data[at : at + words * WORD_BYTES]
            at += words * WORD_BYTES
        end = len(data)
        if first & 0x20:
            padding = data[-1]
            if not 0 < padding <= end - at:
                raise PacketProblem(f"RTP with {padding} bytes of padding in {end - at}")
            end -= padding
        return cls(second & 0x7F, sequence, timestamp, ssrc, data[at:end], bool(second & 0x80), sources, extension)

    def __bytes__(self) -> bytes:
        first = VERSION << 6 | len(self.sources) | (0x10 if self.extension is not None else 0)
        second = self.payload_type | (0x80 if self.is_marked else 0)
        head = _HEADER.pack(first, second, self.sequence, self.timestamp, self.ssrc)
        if not self.sources and self.extension is None:
            return head + self.payload
        middle = struct.pack(f"!{len(self.sources)}I", *self.sources)
        if self.extension is not None:
            kind, content = self.extension
            middle += struct.pack("!HH", kind, len(content) // WORD_BYTES) + content
        return head + middle + self.payload


def _hold(data: bytes, needed: int) -> None:
    if len(data) < needed:
        raise PacketProblem(f"RTP of {len(data)} bytes, its header wants {needed}")
