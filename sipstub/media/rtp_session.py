"""The RTP of one call, both ways: what to send when, and what is counted of what comes.  RFC 3550.  Pure.

session = RtpSession(Sound.SILENCE, near="192.0.2.7", ssrc=..., sequence=..., timestamp=...)
session.agree(agreement, now)
for data, address in session.due(now): ...        at session.next_at
session.receive(data, source, now)
session.report
"""

from __future__ import annotations

import contextlib
import math

from sipstub.media.agreement import GRID_MS, Address, Agreement
from sipstub.media.control import Control, ntp
from sipstub.media.g711 import RATE_HZ
from sipstub.media.latch import Latch
from sipstub.media.packet import SEQUENCES, STUN_FIRST, TIMESTAMPS, PacketProblem, RtpPacket
from sipstub.media.reception import Reception
from sipstub.media.report import MediaReport
from sipstub.media.rtcp import Sender
from sipstub.media.sound import Sound, payload
from sipstub.media.srtp import Opening, Sealing, SrtpKey
from sipstub.media.telephone_event import NAME as EVENTS
from sipstub.media.telephone_event import Presses, TelephoneEvent

MAX_LATE = 2
"Packets whose time is over that are sent all the same, at once; older ones are skipped, and time goes on without them."
MAX_SENDING_S = 4 * 3600.0
"From the first agreement on; then the call is silent."
UNHEARD_S = 30.0
"So long is sent to an address that is not the one that SIP came from, and from which nothing comes."
GRID_S = GRID_MS / 1000


class RtpSession:
    """One call."""

    def __init__(self, sound: Sound, *, near: str, ssrc: int, sequence: int, timestamp: int, name: str = "") -> None:
        """`near` is where the call's SIP comes from; the numbers are random (RFC 3550 section 5.1), `name` is for RTCP."""
        self.ssrc = ssrc
        self.control = Control(ssrc, name)
        self.next_at: float | None = None
        "When `due` has something to send."
        self.sent = 0
        self.skipped = 0
        self.unsent = 0
        "Of those sent, what the system would not take."
        self.foreign = 0
        self.stun = 0
        self.strange = 0
        self.agreement: Agreement | None = None
        self._sound = sound
        self._near = near
        self._sequence = sequence
        self._timestamp = timestamp
        self._is_marked = True
        self._octets = 0
        self._keys: tuple[SrtpKey, SrtpKey] | None = None
        self._sealing: Sealing | None = None
        self._opening: Opening | None = None
        self._paused_at: float | None = None
        self._sent_before = 0
        self._began_at: float | None = None
        self._named_at = 0.0
        self._latch = Latch(None)
        self._payload = b""
        self._sent_as = ""
        self._why_silent = "the call was not answered"
        self._source: Reception | None = None
        self._past = (0, 0)
        self._heard: list[str] = []
        self._presses = Presses()
        self._first_at: float | None = None
        self._last_at: float | None = None

    # What was agreed on

    def agree(self, agreement: Agreement, now: float) -> None:
        """Send and receive by this from now on."""
        before = self._latch.named
        self._latch.name(agreement.target)
        if self._latch.named != before:
            self._named_at = now
        if self._began_at is None:
            self._began_at = now
        self.agreement = agreement
        if agreement.keys != self._keys:  # else both go on counting their packets
            self._keys = agreement.keys
            self._sealing = Sealing(self._keys[0]) if self._keys is not None else None
            self._opening = Opening(self._keys[1]) if self._keys is not None else None
        self._why_silent = agreement.why_silent
        if agreement.speaks:
            self._payload = payload(self._sound, agreement.codec, agreement.ptime_ms)
            self._sent_as = agreement.codec + (" over SRTP" if agreement.is_secure else "")
            self._start(agreement, now)
        else:
            self._pause()
        if agreement.is_secure:
            self.control.stop()  # it would have to be SRTCP
        else:
            self.control.begin(agreement.rtcp, now)

    def _pause(self) -> None:
        """Send nothing for now; time goes on."""
        self._paused_at = self.next_at if self.next_at is not None else self._paused_at
        self.next_at = None

    def _start(self, agreement: Agreement, now: float) -> None:
        """Send from the next moment of the grid on: one timer wakes up for all calls."""
        assert self._began_at is not None
        if self.next_at is None and self._latch.target is not None and now < self._began_at + MAX_SENDING_S:
            self._why_silent = ""
            self.next_at = math.ceil(now / GRID_S) * GRID_S
            self._is_marked = True
            if self._paused_at is not None:
                silent = round((self.next_at - self._paused_at) * RATE_HZ)
                self._timestamp = (self._timestamp + max(silent, 0)) % TIMESTAMPS
                self._paused_at = None

    # Sending

    def due(self, now: float) -> list[tuple[bytes, Address]]:
        """Return what has to be sent by now, oldest first."""
        agreement, target = self.agreement, self._latch.target
        if self.next_at is None or agreement is None or target is None or now < self.next_at:
            return []
        if not self._may_send(target, now):
            return []
        step_s = agreement.ptime_ms / 1000
        late = int((now - self.next_at) / step_s + 1e-6)
        if late > MAX_LATE:
            self._skip(late, agreement.ptime_ms)
            late = 0
        return [self._packet(agreement, target) for _ in range(late + 1)]

    def _may_send(self, target: Address, now: float) -> bool:
        """Return whether the bounds allow to send there; else nothing is sent any more until something comes."""
        assert self._began_at is not None
        is_heard = self._latch.is_heard or self.control.heard
        if now >= self._began_at + MAX_SENDING_S:
            why = f"{MAX_SENDING_S / 3600:.0f} hours are over"
        elif target[0] != self._near and not is_heard and now >= self._named_at + UNHEARD_S:
            why = f"nothing came from {target[0]}"
        else:
            return True
        self._why_silent = why
        self._pause()
        self.control.stop()
        return False

    def _skip(self, packets: int, ptime_ms: int) -> None:
        assert self.next_at is not None
        self.skipped += packets
        self._timestamp = (self._timestamp + packets * ptime_ms * RATE_HZ // 1000) % TIMESTAMPS
        self.next_at += packets * ptime_ms / 1000
        self._is_marked = True

    def _packet(self, agreement: Agreement, target: Address) -> tuple[bytes, Address]:
        assert self.next_at is not None
        made = RtpPacket(agreement.payload_type, self._sequence, self._timestamp, self.ssrc, self._payload, self._is_marked)
        self._sequence = (self._sequence + 1) % SEQUENCES
        self._timestamp = (self._timestamp + agreement.ptime_ms * RATE_HZ // 1000) % TIMESTAMPS
        self.next_at += agreement.ptime_ms / 1000
        self._is_marked = False
        self.sent += 1
        self._octets += len(self._payload)
        data = bytes(made)
        return data if self._sealing is None else self._sealing.seal(data), target

    # RTCP

    def due_control(self, now: float) -> list[tuple[bytes, Address]]:
        """Return the report that has to be sent by now, if there is one."""
        at, target = self.control.next_at, self._control_target
        if at is None or now < at or (target is not None and not self._may_send(target, now)):
            return []
        data = self.control.report(now, self._source, self._sender(now))
        self._sent_before = self.sent
        return [(data, target)] if target is not None else []

    def goodbye(self, now: float) -> list[tuple[bytes, Address]]:
        """Return the last report, if there was ever to be one; nothing is sent after it."""
        target, begun = self._control_target, self.control.next_at is not None
        data = self.control.goodbye(now, self._source, self._sender(now))
        self._pause()
        return [(data, target)] if begun and target is not None else []

    def _sender(self, now: float) -> Sender | None:
        """Return what we say of ourselves, if we sent anything since the report before."""
        if self.sent == self._sent_before or self.next_at is None:
            return None
        timestamp = (self._timestamp + round((now - self.next_at) * RATE_HZ)) % TIMESTAMPS
        return Sender(ntp(now), timestamp, self.sent % TIMESTAMPS, self._octets % TIMESTAMPS)

    @property
    def _control_target(self) -> Address | None:
        target = self._latch.target
        if target is None or target == self._latch.named:
            return self.control.named
        return target[0], target[1] + 1

    def receive_control(self, data: bytes, source: Address, now: float) -> None:
        """Take a datagram of RTCP; it counts only from the host that packets go to."""
        target = self._control_target
        if target is not None and source[0] == target[0]:
            self.control.receive(data, now)

    # Receiving

    def receive(self, data: bytes, source: Address, now: float) -> None:
        """Take a datagram; what does not belong to the call is counted apart."""
        if data[:1] and data[0] in STUN_FIRST:
            self.stun += 1
            return
        payloads = self.agreement.payloads if self.agreement is not None else {}
        try:
            packet = RtpPacket.parse(data if self._opening is None else self._opening.open(data))
            codec = payloads[packet.payload_type]
        except (PacketProblem, KeyError):
            self.strange += 1
            return
        if not self._latch.take(source):
            self.foreign += 1
            return
        if self.next_at is None and self.agreement is not None and self.agreement.speaks:
            self._start(self.agreement, now)  # now there is an address, or it is known that somebody is there
        is_event = codec.name.lower() == EVENTS
        if self._source is None or self._source.ssrc != packet.ssrc:
            self._settle()
            self._source = Reception(packet, codec.clock_hz)
        if not self._source.take(packet, now, is_timed=not is_event):
            return
        self._first_at = now if self._first_at is None else self._first_at
        self._last_at = now
        if is_event:
            self._take_event(packet)
        elif codec.name not in self._heard:  # no more than were agreed on
            self._heard.append(codec.name)

    def _take_event(self, packet: RtpPacket) -> None:
        with contextlib.suppress(PacketProblem):  # too short to be an event; it was counted as a packet
            self._presses.take(TelephoneEvent.parse(packet.payload), packet.timestamp)

    def _settle(self) -> None:
        """Add up a source that another one follows."""
        if self._source is not None:
            self._past = (self._past[0] + self._source.received, self._past[1] + self._source.lost)

    @property
    def source(self) -> Reception | None:
        """Return what came from the source that is heard now."""
        return self._source

    @property
    def report(self) -> MediaReport:
        """Return the counts until now."""
        source, block = self._source, self.control.block
        return MediaReport(
            sent=self.sent - self.unsent,
            received=self._past[0] + (source.received if source is not None else 0),
            lost=self._past[1] + (source.lost if source is not None else 0),
            jitter_ms=source.jitter_ms if source is not None else 0.0,
            codec=self._sent_as if self.sent else "",
            heard=tuple(self._heard),
            keys=self._presses.keys,
            first_at=self._first_at,
            last_at=self._last_at,
            skipped=self.skipped,
            foreign=self.foreign,
            stun=self.stun,
            strange=self.strange,
            told_lost=block.lost if block is not None else None,
            round_trip_s=self.control.round_trip_s,
            why_silent="" if self.sent else self._why_silent,
        )
