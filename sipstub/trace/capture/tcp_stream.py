"""The two directions of each TCP connection, in order: late segments wait, doubled bytes go, missing ones are told (RFC 9293).

At most MAX_HALVES directions are followed, the longest silent go first; each holds at most MAX_HELD segments and MAX_HELD_BYTES
behind a hole.  Then, and at the end of the connection or the capture, the hole is given up.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_HALVES = 20_000
MAX_HELD = 256
MAX_HELD_BYTES = 256 * 1024
MAX_BEHIND = 4 * 2**20
"A segment further behind or ahead than this belongs to another connection of the same ports."

_FIN, _SYN, _RST = 1, 2, 4
_ROUND = 2**32


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of a connection."""

    source: str
    source_port: int
    target: str
    target_port: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that follow those of the chunk before, unless some are missing."""

    way: Way
    at: float
    data: bytes
    missing: int = 0
    "How many bytes before these the capture does not have."
    begins: bool = False
    "Whether this is the first chunk of a connection."
    is_from_start: bool = False
    "Of a first chunk: whether the capture saw the connection begin."


@dataclass(slots=True)
class _Half:
    next: int
    is_from_start: bool
    is_new: bool = True
    latest: float = 0.0
    "When the newest byte in order was captured: what waited for it arrived no sooner."
    held: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    held_bytes: int = 0


class TcpStreams:
    """Feed it segments in the order of the capture."""

    def __init__(self) -> None:
        self._halves: OrderedDict[Way, _Half] = OrderedDict()

    def feed(self, source: str, target: str, segment: bytes, at: float) -> Iterator[Chunk]:
        """Yield what is in order now."""
        head = (segment[12] >> 4) * 4 if len(segment) >= 20 else 0
        if head < 20 or len(segment) < head:
            return
        way = Way(source, int.from_bytes(segment[:2], "big"), target, int.from_bytes(segment[2:4], "big"))
        number, flags, payload = int.from_bytes(segment[4:8], "big"), segment[13], segment[head:]
        half = self._halves.get(way)
        if flags & _SYN:
            number = (number + 1) % _ROUND
            if half is None or half.next != number:
                if half is not None:
                    yield from _give_up(way, half)
                half = self._follow(way, _Half(number, is_from_start=True))
        if payload:
            if half is None:
                half = self._follow(way, _Half(number, is_from_start=False))
            elif abs(_distance(half.next, number)) > MAX_BEHIND:
                yield from _give_up(way, half)
                half = self._follow(way, _Half(number, is_from_start=False))
            else:
                self._halves.move_to_end(way)
            yield from _take(way, half, number, payload, at)
        if flags & (_FIN | _RST) and half is not None:
            end = (number + len(payload)) % _ROUND
            if flags & _RST or _distance(half.next, end) <= 0:  # a FIN may overtake what it ends
                yield from _give_up(way, half)
                self._halves.pop(way, None)

    def finish(self) -> Iterator[Chunk]:
        """Yield what waits behind holes that nobody filled."""
        for way, half in self._halves.items():
            yield from _give_up(way, half)
        self._halves.clear()

    def _follow(self, way: Way, half: _Half) -> _Half:
        self._halves[way] = half
        self._halves.move_to_end(way)
        if len(self._halves) > MAX_HALVES:
            self._halves.popitem(last=False)
        return half


def _take(way: Way, half: _Half, number: int, payload: bytes, at: float) -> Iterator[Chunk]:
    ahead = _distance(half.next, number)
    if ahead > 0:
        before = half.held.get(number)
        if before is None or len(before[0]) < len(payload):
            half.held[number] = (payload, at)
            half.held_bytes += len(payload) - (len(before[0]) if before else 0)
        if len(half.held) > MAX_HELD or half.held_bytes > MAX_HELD_BYTES:
            yield from _give_up(way, half)
        return
    if -ahead < len(payload):
        yield _next(way, half, payload[-ahead:], at)
        yield from _drain(way, half)


def _next(way: Way, half: _Half, data: bytes, at: float, missing: int = 0) -> Chunk:
    half.latest = at = max(half.latest, at)
    chunk = Chunk(way, at, data, missing, half.is_new, half.is_new and half.is_from_start)
    half.is_new = False
    half.next = (half.next + missing + len(data)) % _ROUND
    return chunk


def _drain(way: Way, half: _Half) -> Iterator[Chunk]:
    """Yield what was held and has its turn."""
    while half.held:
        number = min(half.held, key=lambda held: _distance(half.next, held))
        ahead = _distance(half.next, number)
        if ahead > 0:
            return
        data, at = half.held.pop(number)
        half.held_bytes -= len(data)
        if -ahead < len(data):
            yield _next(way, half, data[-ahead:], at)


def _give_up(way: Way, half: _Half) -> Iterator[Chunk]:
    """Yield all that is held, holes and all."""
    for number in sorted(half.held, key=lambda held: _distance(half.next, held)):
        data, at = half.held[number]
        ahead = _distance(half.next, number)
        if -ahead < len(data):
            yield _next(way, half, data[max(0, -ahead) :], at, max(0, ahead))
    half.held.clear()
    half.held_bytes = 0


def _distance(begin: int, end: int) -> int:
    """Return how far `end` is behind `begin` in sequence space, negative if it is before."""
    return (end - begin + _ROUND // 2) % _ROUND - _ROUND // 2
