"""What came from one source: received, expected, lost, jitter.  RFC 3550 sections 6.4.1, A.1, A.3 and A.8.

A source is believed from its first packet on: there is a call, and who takes part in it is known by address.
"""

from __future__ import annotations

from sipstub.media.packet import SEQUENCES, TIMESTAMPS, RtpPacket

MAX_DROPOUT = 3000
"A larger gap is a source that began anew, if the next packet follows on it."
MAX_MISORDER = 100
"A packet so much older is late; an older one is a source that began anew."
JITTER_GAIN = 16


class Reception:
    """Counts of one source."""

    def __init__(self, packet: RtpPacket, clock_hz: int) -> None:
        """Begin with the first packet, which is not counted yet."""
        self.ssrc = packet.ssrc
        self.clock_hz = clock_hz
        self.received = 0
        self.late = 0
        "Came after one with a higher number, or more than once."
        self.restarts = 0
        "The numbers jumped, and went on from there."
        self._jitter = 0.0
        self._transit: int | None = None
        self._earlier = (0, 0)
        self._bad: int | None = None
        self._begin(packet.sequence)

    def _begin(self, sequence: int) -> None:
        self._base = self._highest = sequence
        self._cycles = 0
        self._since = 0

    def take(self, packet: RtpPacket, now: float, *, is_timed: bool = True) -> bool:
        """Count a packet that came at `now`, in seconds; return False for one that is left out until the next follows on it.

        Packets of telephone-event all have the timestamp of their beginning: they say nothing about jitter.
        """
        gap = (packet.sequence - self._highest) % SEQUENCES
        if gap < MAX_DROPOUT:
            if packet.sequence < self._highest:
                self._cycles += SEQUENCES
            self.late += gap == 0 and self._since > 0
            self._highest = packet.sequence
        elif gap <= SEQUENCES - MAX_MISORDER:
            if packet.sequence != self._bad:
                self._bad = (packet.sequence + 1) % SEQUENCES
                return False
            self._earlier = (self._earlier[0] + self.expected, self._earlier[1] + self._since)
            self.restarts += 1
            self._transit = None
            self._begin(packet.sequence)
        else:
            self.late += 1
        self._bad = None
        self.received += 1
        self._since += 1
        if is_timed:
            self._measure(packet.timestamp, now)
        return True

    def _measure(self, timestamp: int, now: float) -> None:
        arrival = int(now * self.clock_hz)
        transit = (arrival - timestamp) % TIMESTAMPS
        if self._transit is not None:
            change = (transit - self._transit + TIMESTAMPS // 2) % TIMESTAMPS - TIMESTAMPS // 2
            self._jitter += (abs(change) - self._jitter) / JITTER_GAIN
        self._transit = transit

    @property
    def highest(self) -> int:
        """Return the highest number, with how often it went round in its upper bits."""
        return self._cycles + self._highest

    @property
    def expected(self) -> int:
        """Return how many packets there should be since the numbers last began anew."""
        return self.highest - self._base + 1

    @property
    def lost(self) -> int:
        """Return how many did not come; packets that came twice can hide others, never below zero here."""
        expected, received = self._earlier
        return max(0, expected + self.expected - received - self._since)

    @property
    def jitter(self) -> int:
        """Return the jitter between arrivals, in units of the clock, as RTCP says it."""
        return int(self._jitter)

    @property
    def jitter_ms(self) -> float:
        """Return the jitter in milliseconds."""
        return self._jitter * 1000 / self.clock_hz
