"""Digits and other events within RTP.  RFC 4733 section 2.3.

Each event comes in many packets with one timestamp, the last ones more than once: `Presses` tells of each once.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sipstub.media.packet import PacketProblem

NAME = "telephone-event"
BYTES = 4
KEYS = "0123456789*#ABCD"
"Events 0 to 15 (RFC 4733 section 3.2)."
MAX_PRESSES = 64
"Kept of one call; later ones are only counted."

_EVENT = struct.Struct("!BBH")


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """What one packet says of an event."""

    event: int
    duration: int
    "Until now, in units of the clock."
    volume: int = 10
    "0 to 63, of which more is softer: dBm0 without the sign."
    is_end: bool = False

    @classmethod
    def parse(cls, payload: bytes) -> TelephoneEvent:
        """Return the event of a payload; raises PacketProblem for one that is too short."""
        if len(payload) < BYTES:
            raise PacketProblem(f"an event of {len(payload)} bytes")
        event, rest, duration = _EVENT.unpack_from(payload)
        return cls(event, duration, rest & 0x3F, bool(rest & 0x80))

    def __bytes__(self) -> bytes:
        return _EVENT.pack(self.event, self.volume | (0x80 if self.is_end else 0), self.duration)

    @property
    def key(self) -> str:
        """Return the key of a phone; empty for other events."""
        return KEYS[self.event] if self.event < len(KEYS) else ""


class Presses:
    """The keys that one source was heard to press."""

    def __init__(self) -> None:
        self.keys = ""
        "The first MAX_PRESSES of them."
        self.count = 0
        self._last: int | None = None

    def take(self, event: TelephoneEvent, timestamp: int) -> None:
        """Take one packet; all packets of one press have its timestamp."""
        if timestamp == self._last:
            return
        self._last = timestamp
        self.count += 1
        if len(self.keys) < MAX_PRESSES:
            self.keys += event.key
