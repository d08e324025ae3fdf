"""G.711 both ways through a relay, for many calls at once: packets on time, and how many of them come out on the other side.

Ten calls share the sockets of their phones, so that the source of load is cheap; the relay tells calls by its own ports.  Each
call has its turn once in 20 ms, all turns are spread over that time.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from dataclasses import dataclass

PACKET_S = 0.02
PAYLOAD = bytes(range(160))
"20 ms of G.711."
SLICE_S = 0.001
DRAIN_S = 0.2
"For what is still on its way at the end."
CALLS_ON_SOCKET = 10
"A system that is asked for no more has room for half a second of their packets."
MAX_READY = 256
MAX_LATE_S = 0.1
"Who is so late leaves turns out, rather than send them all at once."

_HEADER = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class Ends:
    """The ports of a relay for one call."""

    caller: int
    "Where the caller sends to."
    callee: int


class Phones:
    """The sockets of callers and callees."""

    def __init__(self, calls: int) -> None:
        count = -(-calls // CALLS_ON_SOCKET)
        self._callers, self._callees = [_phone() for _ in range(count)], [_phone() for _ in range(count)]
        self._by_number = {sock.fileno(): sock for sock in (*self._callers, *self._callees)}
        self._poll = select.epoll()
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)

    def of(self, call: int) -> tuple[socket.socket, socket.socket]:
        """Return the sockets of caller and callee."""
        at = call // CALLS_ON_SOCKET
        return self._callers[at], self._callees[at]

    def heard(self) -> int:
        """Return how many whole packets have come."""
        found, wanted = 0, len(PAYLOAD) + _HEADER.size
        for number, _ in self._poll.poll(0, MAX_READY):
            with contextlib.suppress(BlockingIOError):
                while True:
                    found += len(self._by_number[number].recv(2048)) == wanted
        return found

    def close(self) -> None:
        """Close them."""
        self._poll.close()
        for sock in self._by_number.values():
            sock.close()


def stream(phones: Phones, calls: list[Ends], seconds: float) -> tuple[int, int]:
    """Send for so long; return how many packets were sent, and how many came out."""
    turns = [(phones.of(number)[0], ("127.0.0.1", one.caller), number) for number, one in enumerate(calls)]
    turns += [(phones.of(number)[1], ("127.0.0.1", one.callee), number + len(calls)) for number, one in enumerate(calls)]
    begun = time.monotonic()
    sent = came = done = 0
    while (passed := time.monotonic() - begun) < seconds:
        due = int(passed / PACKET_S * len(turns))
        done = max(done, due - int(MAX_LATE_S / PACKET_S * len(turns)))
        for turn in range(done, due):
            sock, address, source = turns[turn % len(turns)]
            number = turn // len(turns)
            with contextlib.suppress(BlockingIOError):
                sock.sendto(_HEADER.pack(0x80, 0, number & 0xFFFF, number * 160 & 0xFFFFFFFF, source + 1) + PAYLOAD, address)
                sent += 1
        done = max(done, due)
        came += phones.heard()
        time.sleep(max(0.0, SLICE_S - (time.monotonic() - begun - passed)))
    time.sleep(DRAIN_S)
    return sent, came + phones.heard()


def _phone() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock
