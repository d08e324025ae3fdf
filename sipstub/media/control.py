"""The RTCP of one call: a report every five seconds, a goodbye, and what the other side reports of us.  RFC 3550 section 6.

Pure.  With two members the interval is the shortest that the RFC allows (section 6.2), so it does not grow.
"""

from __future__ import annotations

from sipstub.media.agreement import Address
from sipstub.media.packet import PacketProblem
from sipstub.media.reception import Reception
from sipstub.media.rtcp import Block, Goodbye, Report, RtcpPacket, Sender, SourceName, compound, parse_compound

INTERVAL_S = 5.0
FIRST_S = 2.5
"Until the first report: half of it (RFC 3550 section 6.2)."
NTP = 1 << 32
UNITS = 1 << 16
MIDDLE = 1 << 32
FULL = 256
LONGEST_TRIP_S = 60.0
"A round trip that took longer was not one."


class Control:
    """One call."""

    def __init__(self, ssrc: int, name: str) -> None:
        """`name` is the canonical one, the same for all that we send (RFC 3550 section 6.5.1)."""
        self.next_at: float | None = None
        "When `report` has something to say."
        self.named: Address | None = None
        "Where the other side's description says that reports go."
        self.heard = 0
        "Compounds that came."
        self.strange = 0
        self.block: Block | None = None
        "What the other side said last of us."
        self.round_trip_s: float | None = None
        self._ssrc = ssrc
        self._name = name
        self._last: tuple[int, float] | None = None
        self._before: tuple[int, int, int] = (0, 0, 0)

    def begin(self, named: Address | None, now: float) -> None:
        """Report from now on, to that address."""
        self.named = named
        if self.next_at is None and named is not None:
            self.next_at = now + FIRST_S

    def stop(self) -> None:
        """Say nothing more."""
        self.next_at = None

    def report(self, now: float, source: Reception | None, sender: Sender | None) -> bytes:
        """Return the compound that is due: SR if anything was sent since the last one, else RR, and our name."""
        self.next_at = now + INTERVAL_S
        return compound(self._packets(now, source, sender))

    def goodbye(self, now: float, source: Reception | None, sender: Sender | None) -> bytes:
        """Return the last compound."""
        self.next_at = None
        return compound([*self._packets(now, source, sender), Goodbye((self._ssrc,))])

    def _packets(self, now: float, source: Reception | None, sender: Sender | None) -> list[RtcpPacket]:
        blocks = (self._block(source, now),) if source is not None else ()
        return [Report(self._ssrc, sender, blocks), SourceName(self._ssrc, self._name)]

    def _block(self, source: Reception, now: float) -> Block:
        """Return the block of RFC 3550 section 6.4.1 and appendix A.3."""
        ssrc, expected, lost = self._before
        if ssrc != source.ssrc:
            expected = lost = 0
        more, missing = source.expected - expected, source.lost - lost
        self._before = source.ssrc, source.expected, source.lost
        fraction = min(max(missing, 0) * FULL // more, FULL - 1) if more > 0 else 0
        last, delay = 0, 0
        if self._last is not None:
            last, delay = self._last[0], min(int((now - self._last[1]) * UNITS), MIDDLE - 1)
        return Block(source.ssrc, fraction, source.lost, source.highest % MIDDLE, source.jitter, last, delay)

    def receive(self, data: bytes, now: float) -> None:
        """Take a datagram of the other side."""
        try:
            packets = parse_compound(data)
        except PacketProblem:
            self.strange += 1
            return
        self.heard += 1
        for packet in packets:
            if not isinstance(packet, Report):
                continue
            if packet.sender is not None:
                self._last = packet.sender.time >> 16 & (MIDDLE - 1), now
            for block in packet.blocks:
                if block.ssrc == self._ssrc:
                    self.block = block
                    self._measure(block, now)

    def _measure(self, block: Block, now: float) -> None:
        if block.last:
            trip = ((ntp(now) >> 16) - block.last - block.delay) % MIDDLE / UNITS
            if trip < LONGEST_TRIP_S:
                self.round_trip_s = trip


def ntp(now: float) -> int:
    """Return a time as SR has it; of a clock that does not know the date it says how long that goes (RFC 3550 section 6.4.1)."""
    return int(now * NTP) % (NTP * NTP)
