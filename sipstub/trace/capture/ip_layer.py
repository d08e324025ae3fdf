"""From IP packets to datagrams of UDP and TCP: both versions, fragments put together, padding cut.  RFC 791, 8200.

At most MAX_DATAGRAMS unfinished ones wait, each for MAX_WAIT_S of the capture's time.  Where fragments overlap, the first wins.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache

from sipstub.trace.recording import Notes

MAX_DATAGRAMS = 256
MAX_FRAGMENTS = 512
"Of one datagram."
MAX_DATAGRAM_BYTES = 65_535
MAX_WAIT_S = 60.0
MAX_EXTENSIONS = 8

_FRAGMENT, _AUTHENTICATION = 44, 51
_EXTENSIONS = frozenset({0, 43, 60, 135, _AUTHENTICATION})


@dataclass(frozen=True, slots=True)
class Datagram:
    """What one IP packet, or all its fragments, carried."""

    protocol: int
    source: str
    target: str
    payload: bytes
    is_cut: bool = False
    "Whether its end is missing in the capture."


@dataclass(slots=True)
class _Pieces:
    since: float
    parts: dict[int, bytes] = field(default_factory=dict)
    size: int | None = None


@dataclass(frozen=True, slots=True)
class _Slice:
    """A packet behind its headers."""

    protocol: int
    source: bytes
    target: bytes
    payload: bytes
    is_cut: bool
    fragment: tuple[int, int, bool] | None = None
    "Identification, offset, whether more follow."


class IpLayer:
    """Feed it packets in the order of the capture."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._waiting: OrderedDict[tuple[bytes, bytes, int, int], _Pieces] = OrderedDict()

    def feed(self, packet: bytes, at: float) -> Datagram | None:
        """Return the datagram that is complete now, if one is."""
        found = _slice_4(packet) if packet[0] >> 4 == 4 else _slice_6(packet)
        if found is None:
            return None
        payload = found.payload
        if found.fragment is not None:
            whole = self._gather(found, at)
            if whole is None:
                return None
            payload = whole
        return Datagram(found.protocol, address_text(found.source), address_text(found.target), payload, found.is_cut)

    def finish(self) -> None:
        """Note what stayed incomplete."""
        for _ in self._waiting:
            self._notes.add("a fragmented datagram lacks pieces")
        self._waiting.clear()

    def _gather(self, piece: _Slice, at: float) -> bytes | None:
        number, offset, has_more = piece.fragment or (0, 0, False)
        key = (piece.source, piece.target, piece.protocol, number)
        while self._waiting and at - next(iter(self._waiting.values())).since > MAX_WAIT_S:
            self._lose()
        pieces = self._waiting.get(key)
        if pieces is None:
            if len(self._waiting) >= MAX_DATAGRAMS:
                self._lose()
            pieces = self._waiting[key] = _Pieces(at)
        if len(pieces.parts) >= MAX_FRAGMENTS or offset + len(piece.payload) > MAX_DATAGRAM_BYTES or piece.is_cut:
            del self._waiting[key]
            self._notes.add("a fragmented datagram is damaged")
            return None
        pieces.parts.setdefault(offset, piece.payload)
        if not has_more:
            pieces.size = offset + len(piece.payload)
        whole = _joined(pieces)
        if whole is not None:
            del self._waiting[key]
        return whole

    def _lose(self) -> None:
        self._waiting.popitem(last=False)
        self._notes.add("a fragmented datagram lacks pieces")


def _joined(pieces: _Pieces) -> bytes | None:
    if pieces.size is None or sum(map(len, pieces.parts.values())) < pieces.size:
        return None
    whole = bytearray()
    for offset in sorted(pieces.parts):
        if offset > len(whole):
            return None
        whole += pieces.parts[offset][len(whole) - offset :]
    return bytes(whole[: pieces.size]) if len(whole) >= pieces.size else None


def _slice_4(packet: bytes) -> _Slice | None:
    head = (packet[0] & 15) * 4
    if head < 20 or len(packet) < head:
        return None
    size = int.from_bytes(packet[2:4], "big") or len(packet)  # zero is left by network cards that cut segments themselves
    if size < head:
        return None
    flags = int.from_bytes(packet[6:8], "big")
    offset, has_more = (flags & 0x1FFF) * 8, bool(flags & 0x2000)
    fragment = (int.from_bytes(packet[4:6], "big"), offset, has_more) if offset or has_more else None
    return _Slice(packet[9], packet[12:16], packet[16:20], packet[head:size], len(packet) < size, fragment)


def _slice_6(packet: bytes) -> _Slice | None:
    if len(packet) < 40:
        return None
    stated = int.from_bytes(packet[4:6], "big")
    size = 40 + stated if stated else len(packet)
    protocol, at = packet[6], 40
    fragment: tuple[int, int, bool] | None = None
    for _ in range(MAX_EXTENSIONS):
        if protocol == _FRAGMENT:
            if len(packet) < at + 8:
                return None
            flags = int.from_bytes(packet[at + 2 : at + 4], "big")
            number = int.from_bytes(packet[at + 4 : at + 8], "big")
            protocol, at = packet[at], at + 8
            if flags & 0xFFF9:
                fragment = (number, flags & 0xFFF8, bool(flags & 1))
                break  # whatever follows may stand in another piece
        elif protocol in _EXTENSIONS:
            if len(packet) < at + 2:
                return None
            length = (packet[at + 1] + 2) * 4 if protocol == _AUTHENTICATION else (packet[at + 1] + 1) * 8
            protocol, at = packet[at], at + length
        else:
            break
    if size < at:
        return None
    return _Slice(protocol, packet[8:24], packet[24:40], packet[at:size], len(packet) < size, fragment)


@lru_cache(8192)
def address_text(address: bytes) -> str:
    """Return an address of 4 or 16 bytes as text."""
    return str(ipaddress.ip_address(address))
