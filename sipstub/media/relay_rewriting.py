"""A stream that is rebuilt on its way: one SSRC, and numbers and timestamps that go on whoever speaks.  RFC 3550 section 7.2.

Gaps of the source stay gaps: what was lost before us is seen behind us.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from sipstub.media.packet import SEQUENCES, TIMESTAMPS, WORD_BYTES
from sipstub.media.rtcp import Block, Goodbye, OtherPacket, Report, RtcpPacket, Sender, SourceName

CLOCK_HZ = 8000
"Of the timestamps where a source takes over from another one; that of G.711, and near enough for the rest."
FEEDBACK = range(205, 207)
"RTCP of RFC 4585, which names two sources."
HALF = SEQUENCES // 2


class RebuiltStream:
    """What goes out of one port, as one source."""

    def __init__(self, ssrc: int, sequence: int, timestamp: int) -> None:
        """`sequence` and `timestamp` are those of the first packet."""
        self.ssrc = ssrc
        self.source: int | None = None
        "SSRC of who speaks now."
        self.sequence_offset = 0
        self.timestamp_offset = 0
        self._of: object = None
        self._next_sequence = sequence
        self._last_timestamp = timestamp
        self._last_at: float | None = None

    def place(self, of: object, ssrc: int, sequence: int, timestamp: int, now: float) -> tuple[int, int]:
        """Return number and timestamp of a packet as it goes out; `of` is who it came from."""
        if ssrc != self.source or of is not self._of:
            passed = 0 if self._last_at is None else max(1, int((now - self._last_at) * CLOCK_HZ))
            self.sequence_offset = (self._next_sequence - sequence) % SEQUENCES
            self.timestamp_offset = (self._last_timestamp + passed - timestamp) % TIMESTAMPS
            self.source, self._of = ssrc, of
        placed = (sequence + self.sequence_offset) % SEQUENCES
        if (placed - self._next_sequence) % SEQUENCES < HALF:
            self._next_sequence = (placed + 1) % SEQUENCES
            self._last_timestamp = (timestamp + self.timestamp_offset) % TIMESTAMPS
            self._last_at = now
        return placed, (timestamp + self.timestamp_offset) % TIMESTAMPS

    def timestamp_at(self, now: float) -> int:
        """Return the timestamp of this moment."""
        passed = 0 if self._last_at is None else int((now - self._last_at) * CLOCK_HZ)
        return (self._last_timestamp + passed) % TIMESTAMPS


def rebuilt_control(packet: RtcpPacket, going: RebuiltStream, coming: RebuiltStream) -> RtcpPacket:
    """Return a packet of RTCP about rebuilt streams: what goes is named as `going`, what was heard of `coming` as its source."""

    def ours(ssrc: int) -> int:
        return going.ssrc if ssrc == going.source else ssrc

    def theirs(ssrc: int) -> int:
        return coming.source if ssrc == coming.ssrc and coming.source is not None else ssrc

    def block(one: Block) -> Block:
        if one.ssrc != coming.ssrc or coming.source is None:
            return one
        highest = one.highest & ~(SEQUENCES - 1) | (one.highest - coming.sequence_offset) % SEQUENCES
        return Block(coming.source, one.fraction, one.lost, highest, one.jitter, one.last, one.delay)

    if isinstance(packet, Report):
        sender = packet.sender
        if sender is not None and packet.ssrc == going.source:
            sender = Sender(sender.time, (sender.timestamp + going.timestamp_offset) % TIMESTAMPS, sender.packets, sender.octets)
        return Report(ours(packet.ssrc), sender, tuple(map(block, packet.blocks)))
    if isinstance(packet, SourceName):
        return SourceName(ours(packet.ssrc), packet.name)
    if isinstance(packet, Goodbye):
        return Goodbye(tuple(map(ours, packet.sources)))
    return _other(packet, ours, theirs)


def _other(packet: OtherPacket, ours: Callable[[int], int], theirs: Callable[[int], int]) -> OtherPacket:
    """Return a kind that is not read here with the sources at its beginning named anew."""
    data, wants = packet.data, 3 if packet.kind in FEEDBACK else 2
    if len(data) < wants * WORD_BYTES:
        return packet
    (source,) = struct.unpack_from("!I", data, WORD_BYTES)
    head = data[:WORD_BYTES] + struct.pack("!I", ours(source))
    if packet.kind in FEEDBACK:
        (about,) = struct.unpack_from("!I", data, 2 * WORD_BYTES)
        head += struct.pack("!I", theirs(about))
    return OtherPacket(packet.kind, head + data[len(head) :])
