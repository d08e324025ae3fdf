"""Packets out of pcap and pcapng files: either byte order, any time resolution, cut off anywhere.

A damaged file gives the packets before the damage, and a note.  Blocks of no interest are skipped.  At most MAX_PACKETS are read.
pcap: magic numbers of microseconds, nanoseconds; pcapng: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from sipstub.trace.pcapng_writer import (
    APPLICATION,
    BYTE_ORDER,
    COPY,
    INTERFACE,
    OPTION_APPLICATION,
    OPTION_FLAGS,
    OPTION_PACKET_ID,
    OPTION_RESOLUTION,
    PACKET,
    SECTION,
)
from sipstub.trace.recording import CaptureProblem, Notes

MAX_PACKETS = 2_000_000
MAX_PACKET_BYTES = 1 * 2**20
MAX_BLOCK_BYTES = 16 * 2**20
MAX_INTERFACES = 1_024
MAX_OPTIONS = 256

SIMPLE_PACKET, OLD_PACKET = 3, 2
OPTION_OFFSET = 14
_PCAP_MAGICS = {0xA1B2C3D4: 1_000_000, 0xA1B23C4D: 1_000_000_000}
_ENDS: dict[str, Literal["big", "little"]] = {">": "big", "<": "little"}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet as it was captured."""

    number: int
    "From 1, as tshark counts."
    at: float
    "Unix time in seconds."
    link_type: int
    data: bytes
    is_cut: bool = False
    "Whether the capture kept only its beginning."
    is_inbound: bool | None = None
    "Of a file of ours: towards the stub."
    packet_id: int | None = None
    "Of a file of ours: the number of the message."


@dataclass(slots=True)
class _Interface:
    link_type: int
    snap_length: int
    units: int = 1_000_000
    "Of a second."
    offset_s: int = 0


class PacketFile:
    """Iterate over it once; `notes` and `is_own` are complete afterwards."""

    def __init__(self, stream: BinaryIO, notes: Notes) -> None:
        self._stream = stream
        self._notes = notes
        self._count = 0
        self.is_own = False
        "Whether a stub of ours recorded this."
        self.is_ours = False
        "Whether sipstub wrote this, numbers and directions included."

    @property
    def packets(self) -> int:
        """Return how many were read so far."""
        return self._count

    def __iter__(self) -> Iterator[Packet]:
        magic = self._stream.read(4)
        if magic == SECTION.to_bytes(4, "big"):
            return self._blocks()
        for end, name in _ENDS.items():
            units = _PCAP_MAGICS.get(int.from_bytes(magic, name))
            if units is not None:
                return self._records(end, units)
        if magic[:2] == b"\x1f\x8b":
            raise CaptureProblem("the capture is packed", hint="unpack it first: gunzip FILE")
        raise CaptureProblem("neither pcap nor pcapng", hint="a capture of tcpdump, tshark or dumpcap, or a recording of sipstub")

    def _full(self) -> bool:
        self._count += 1
        if self._count > MAX_PACKETS:
            self._count -= 1
            self._notes.add(f"only the first {MAX_PACKETS} packets were read")
            return True
        return False

    def _records(self, end: str, units: int) -> Iterator[Packet]:
        head = self._stream.read(20)
        if len(head) < 20:
            self._notes.add("the file ends in its first header")
            return
        link_type = struct.unpack(end + "HHiIII", head)[5] & 0xFFFF  # the upper half speaks of frame check sequences
        record = struct.Struct(end + "IIII")
        while head := self._stream.read(16):
            if len(head) < 16:
                self._notes.add("the file ends within a packet")
                return
            seconds, fraction, size, true_size = record.unpack(head)
            if size > MAX_PACKET_BYTES:
                self._notes.add(f"the file is damaged after packet {self._count}")
                return
            data = self._stream.read(size)
            if self._full():
                return
            if len(data) < size:
                self._notes.add("the file ends within a packet")
            yield Packet(self._count, seconds + fraction / units, link_type, data, len(data) < max(size, true_size))
            if len(data) < size:
                return

    def _blocks(self) -> Iterator[Packet]:
        end, kind, interfaces, at = "<", SECTION, list[_Interface](), 0.0
        while True:
            body = self._block_body(end, kind)
            if body is None:
                return
            if kind == SECTION:
                end = "<" if body[:4] == BYTE_ORDER.to_bytes(4, "little") else ">"
                interfaces = []
                writer = _options(body[16:], end).get(OPTION_APPLICATION, b"").decode("utf-8", "replace")
                self.is_own, self.is_ours = writer == APPLICATION, writer in (APPLICATION, COPY)
            elif kind == INTERFACE:
                if len(interfaces) < MAX_INTERFACES:
                    interfaces.append(_interface(body, end))
            elif kind in (PACKET, OLD_PACKET, SIMPLE_PACKET):
                packet = self._packet(kind, body, end, interfaces, at)
                if packet is not None:
                    if self._full():
                        return
                    at = packet.at
                    yield packet
            head = self._stream.read(4)
            if not head:
                return
            if len(head) < 4:
                self._notes.add("the file ends within a block")
                return
            kind = int.from_bytes(head, _ENDS[end])

    def _block_body(self, end: str, kind: int) -> bytes | None:
        """Return the body of a block whose type was read, or None where the file ends or makes no sense."""
        raw = self._stream.read(4)
        begin = b""
        if kind == SECTION:
            begin = self._stream.read(4)
            if BYTE_ORDER not in (int.from_bytes(begin, "little"), int.from_bytes(begin, "big")):
                self._notes.add(f"the file is damaged after packet {self._count}")
                return None
            end = "<" if int.from_bytes(begin, "little") == BYTE_ORDER else ">"
        if len(raw) < 4:
            self._notes.add("the file ends within a block")
            return None
        size = int.from_bytes(raw, _ENDS[end])
        if size < (28 if kind == SECTION else 12) or size % 4 or size > MAX_BLOCK_BYTES:
            self._notes.add(f"the file is damaged after packet {self._count}")
            return None
        body = begin + self._stream.read(size - 12 - len(begin))
        if len(body) < size - 12 or len(tail := self._stream.read(4)) < 4:
            self._notes.add("the file ends within a block")
            return None
        if tail != raw:
            self._notes.add(f"the file is damaged after packet {self._count}")
            return None
        return body

    def _packet(self, kind: int, body: bytes, end: str, interfaces: list[_Interface], before: float) -> Packet | None:
        number, at = self._count + 1, before
        try:
            if kind == SIMPLE_PACKET:  # without a time of its own
                index, head_size = 0, 4
                (true_size,) = struct.unpack_from(end + "I", body)
                size = min(true_size, len(body) - 4, interfaces[0].snap_length or true_size)
            else:
                layout = "IIIII" if kind == PACKET else "HHIIII"
                fields = struct.unpack_from(end + layout, body)
                index, head_size = fields[0], 20
                high, low, size, true_size = fields[-4:]
                interface = interfaces[index]
                at = ((high << 32) | low) / interface.units + interface.offset_s
        except (struct.error, IndexError):
            self._notes.add("a packet of an interface that is not described")
            return None
        data = body[head_size : head_size + min(size, MAX_PACKET_BYTES)]
        is_inbound = packet_id = None
        if self.is_ours and kind == PACKET:
            options = _options(body[head_size + size + -size % 4 :], end)
            direction = int.from_bytes(options.get(OPTION_FLAGS, b""), _ENDS[end]) & 3
            is_inbound = {1: True, 2: False}.get(direction)
            packet_id = int.from_bytes(options.get(OPTION_PACKET_ID, b""), _ENDS[end]) or None
        return Packet(number, at, interfaces[index].link_type, data, len(data) < true_size, is_inbound, packet_id)


def _interface(body: bytes, end: str) -> _Interface:
    if len(body) < 8:
        return _Interface(-1, 0)
    link_type, _, snap_length = struct.unpack_from(end + "HHI", body)
    options = _options(body[8:], end)
    found = _Interface(link_type, snap_length)
    resolution = options.get(OPTION_RESOLUTION, b"")[:1]
    if resolution:
        found.units = 2 ** (resolution[0] & 0x7F) if resolution[0] & 0x80 else 10 ** resolution[0]
    offset = options.get(OPTION_OFFSET, b"")
    if len(offset) == 8:
        found.offset_s = int.from_bytes(offset, _ENDS[end], signed=True)
    return found


def _options(data: bytes, end: str) -> dict[int, bytes]:
    """Return the last value of each option; what is broken ends the list."""
    found: dict[int, bytes] = {}
    at = 0
    for _ in range(MAX_OPTIONS):
        if at + 4 > len(data):
            break
        code, size = struct.unpack_from(end + "HH", data, at)
        if code == 0 or at + 4 + size > len(data):
            break
        found[code] = data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return found
