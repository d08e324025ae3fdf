"""One end of a relay: the ports that one side of a call sends to and hears from, tied to an end of the other side.

Pure: packets and time are arguments, what goes out is given to a port.  Packets go to where the side sends from (RFC 4961); see
`Latch`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

from sipstub.media.agreement import Address
from sipstub.media.control import FIRST_S, INTERVAL_S, Control, ntp
from sipstub.media.g711 import transcoded
from sipstub.media.latch import Latch
from sipstub.media.packet import HEADER_BYTES, RTCP_TYPES, SEQUENCES, STUN_FIRST, TIMESTAMPS, VERSION, PacketProblem, RtpPacket
from sipstub.media.reception import Reception
from sipstub.media.relay_rewriting import CLOCK_HZ, RebuiltStream, rebuilt_control
from sipstub.media.relay_terms import ControlMode, Mediation, Passage, RelayTerms, passage
from sipstub.media.rtcp import Sender, compound, parse_compound

MAX_TYPES = 128
_HEADER = struct.Struct("!BBHII")


class RelayPort(Protocol):
    """The sockets of an end."""

    host: str
    "As a description has to say it."
    port: int
    "Of RTP; RTCP has the next one."

    def send(self, data: bytes, address: Address) -> bool:
        """Send from the port of RTP; return whether the system took it."""

    def send_control(self, data: bytes, address: Address) -> bool:
        """Send from the port of RTCP."""

    def close(self) -> None:
        """Give both ports back, once or more often."""


class RelayEnd:
    """One of them."""

    def __init__(self, port: RelayPort, ssrc: int, sequence: int, timestamp: int) -> None:
        self.port = port
        self.peer: RelayEnd | None = None
        self.mediation = Mediation.MEDIATE
        self.control_mode = ControlMode.TRANSPARENT
        self.out = RebuiltStream(ssrc, sequence, timestamp)
        self.received = self.sent = self.transcoded = 0
        self.control_received = self.control_sent = 0
        self.foreign = 0
        "Datagrams from elsewhere."
        self.strange = 0
        "Datagrams that are no RTP, or in a codec that the other side does not take."
        self.unsent = 0
        "Packets for a side that named no address and was not heard yet, or whose line is off."
        self.hears: Callable[[RtpPacket, str, float], None] | None = None
        "Gets what comes, with its codec, as long as somebody wants it."
        self._terms: RelayTerms | None = None
        self._said: dict[int, str] = {}
        self._passages: dict[int, Passage | None] = {}
        self._latch = Latch(None)
        self._control_latch = Latch(None)
        self._control: Control | None = None
        self._reported = 0
        self._octets = 0
        self._tone: list[bytes] = []
        self._tone_type = self._tone_count = 0
        self._active_at: float | None = None
        self._reception: Reception | None = None
        self.next_at: float | None = None
        "When a report of ours is due."

    # What was agreed on

    @property
    def is_on(self) -> bool:
        """Return whether packets pass; not before the first description, nor while the line is refused."""
        return self._terms is not None

    @property
    def target(self) -> Address | None:
        """Return where packets go."""
        return self._latch.target

    def name(self, terms: RelayTerms | None) -> None:
        """Take what the side's description says; None where it refuses the line."""
        self._terms = terms
        self._passages.clear()
        if self.peer is not None:
            self.peer._passages.clear()
        if terms is not None:
            self._latch.name(terms.target)
            self._control_latch.name(terms.control)

    def tell(self, said: dict[int, str]) -> None:
        """Take note of what the side was told: the numbers by which it sends."""
        self._said = dict(list(said.items())[:MAX_TYPES])
        self._passages.clear()

    def tie(self, other: RelayEnd) -> None:
        """Have packets go from one to the other, both ways."""
        self.peer, other.peer = other, self
        self._passages.clear()
        other._passages.clear()

    def close(self) -> None:
        """Give the ports back; nothing passes any more."""
        self._terms = self.peer = self.hears = self.next_at = None
        self._tone = []
        self.port.close()

    # RTP

    def receive(self, data: bytes, source: Address, now: float) -> None:
        """Take a datagram at the port of RTP."""
        peer, terms = self.peer, self._terms
        if peer is None:
            self.unsent += 1
            return
        if terms is not None and terms.is_opaque:
            theirs = peer._terms
            if theirs is None or not theirs.is_opaque:  # the other side still speaks, or is off
                self.strange += 1
            elif self._takes(self._latch, source):
                peer._out(data, now)
            return
        found = self._passage(data)
        if found is None:
            self.strange += 1
            return
        if not self._takes(self._latch, source):
            return
        self._active_at = now
        if self.control_mode or self.hears is not None:
            self._look(data, now)
        peer._pass(data, found, self, now)

    def _passage(self, data: bytes) -> Passage | None:
        if len(data) < HEADER_BYTES or data[0] >> 6 != VERSION or data[0] in STUN_FIRST or data[1] in RTCP_TYPES:
            return None
        number = data[1] & 0x7F
        try:
            return self._passages[number]
        except KeyError:
            theirs = self.peer._terms if self.peer is not None else None
            found = passage(number, self._said, theirs.payloads if theirs is not None else {})
            self._passages[number] = found
            return found

    def _takes(self, latch: Latch, source: Address) -> bool:
        if not latch.take(source):
            self.foreign += 1
            return False
        self.received += latch is self._latch
        return True

    def _pass(self, data: bytes, how: Passage, source: RelayEnd, now: float) -> None:
        """Send a packet of the other end on this one."""
        if self._tone:
            return
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        placed, stamped = self.out.place(source, ssrc, sequence, timestamp, now)
        if how.is_transcoded or self.mediation is Mediation.FORCE:
            self.transcoded += 1
        if self._forwards(source) and not how.is_transcoded and how.payload_type == second & 0x7F:
            self._out(data, now)
            return
        second = second & 0x80 | how.payload_type
        if not how.is_transcoded:
            self._out(_HEADER.pack(first, second, placed, stamped, self.out.ssrc) + data[HEADER_BYTES:], now)
            return
        try:
            packet = RtpPacket.parse(data)
        except PacketProblem:
            source.strange += 1
            return
        head = _HEADER.pack(VERSION << 6, second, placed, stamped, self.out.ssrc)
        self._out(head + transcoded(packet.payload, how.law, how.into), now)

    # A tone of ours

    def play(self, payloads: list[bytes], payload_type: int) -> None:
        """Send these from now on, one with each call of `on_tone`; what comes from the other side is left out meanwhile."""
        self._tone, self._tone_type, self._tone_count = list(reversed(payloads)), payload_type, 0

    @property
    def is_playing(self) -> bool:
        """Return whether some of the tone is left."""
        return bool(self._tone)

    def on_tone(self, now: float) -> None:
        """Send the next 20 ms."""
        if self._tone:
            payload, number = self._tone.pop(), self._tone_count
            self._tone_count += 1
            placed, stamped = self.out.place(self, 0, number % SEQUENCES, number * len(payload) % TIMESTAMPS, now)
            mark = 0x80 if number == 0 else 0
            self._out(_HEADER.pack(VERSION << 6, mark | self._tone_type, placed, stamped, self.out.ssrc) + payload, now)

    def _out(self, data: bytes, now: float) -> None:
        address = self._latch.target
        if address is None or self._terms is None or not self.port.send(data, address):
            self.unsent += 1
            return
        self.sent += 1
        self._octets += max(len(data) - HEADER_BYTES, 0)
        self._active_at = now

    def _look(self, data: bytes, now: float) -> None:
        try:
            packet = RtpPacket.parse(data)
        except PacketProblem:
            return
        if self.control_mode:
            if self._reception is None or self._reception.ssrc != packet.ssrc:
                self._reception = Reception(packet, CLOCK_HZ)
            self._reception.take(packet, now)
            self.begin_reports(now)
        if self.hears is not None:
            self.hears(packet, self._said.get(packet.payload_type, "").partition("/")[0], now)

    # RTCP

    def receive_control(self, data: bytes, source: Address, now: float) -> None:
        """Take a datagram at the port of RTCP."""
        peer = self.peer
        if peer is None or self._terms is None:
            self.unsent += 1
            return
        try:
            packets = None if self._terms.is_secure else parse_compound(data)
        except PacketProblem:
            self.strange += 1
            return
        if not self._takes(self._control_latch, source):
            return
        self.control_received += 1
        if self._control is not None:
            self._control.receive(data, now)
        if packets is None:
            peer._out_control(data)
        elif peer.control_mode is ControlMode.TRANSPARENT:
            peer._out_control(
                data if self._forwards(peer) else compound(rebuilt_control(one, peer.out, self.out) for one in packets)
            )

    def _out_control(self, data: bytes) -> None:
        address = self._control_latch.target
        if address is None or self._terms is None or not self.port.send_control(data, address):
            self.unsent += 1
            return
        self.control_sent += 1

    def begin_reports(self, now: float) -> None:
        """Have reports of our own go out, where this side's mode wants them."""
        terms = self._terms
        if not self.control_mode or self.next_at is not None or terms is None or not terms.is_rtp or terms.is_secure:
            return
        self.next_at = now + FIRST_S

    def on_timer(self, now: float) -> None:
        """Report, if it is time."""
        if self.next_at is None or now < self.next_at:
            return
        if self._terms is None:
            self.next_at = None
            return
        self.next_at = now + INTERVAL_S
        is_active = self._active_at is not None and now - self._active_at <= INTERVAL_S
        if self.control_mode is ControlMode.GENERATE_WHILE_ACTIVE and not is_active:
            return
        out, peer = self.out, self.peer
        ssrc, timestamp = out.ssrc, out.timestamp_at(now)
        if self._forwards(peer) and out.source is not None:  # packets pass as they came: it is their source that is reported of
            ssrc, timestamp = out.source, (timestamp - out.timestamp_offset) % TIMESTAMPS
        if self._control is None or ssrc != self._reported:
            self._control, self._reported = Control(ssrc, f"sbc@{self.port.host}"), ssrc
        sender = Sender(ntp(now), timestamp, self.sent % TIMESTAMPS, self._octets % TIMESTAMPS) if self.sent else None
        self._out_control(self._control.report(now, self._reception, sender))

    def _forwards(self, other: RelayEnd | None) -> bool:
        return self.mediation is Mediation.FORWARD and other is not None and other.mediation is Mediation.FORWARD
