"""One UDP socket in an event loop: read in bounded bursts, written at once, queued only when the kernel is full.

asyncio's own datagram transports cost several times as much per datagram.  A burst ends after MAX_BURST, so that connections and
timers get their turn.  What does not fit into the queue is dropped and counted, as the network would; transactions send again.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sipstub.net.address import endpoint_at
from sipstub.trace.record import Endpoint

MAX_BURST = 64
"Datagrams read before the loop goes on."
MAX_DATAGRAM = 65_535
MAX_QUEUED = 1_024
"Datagrams that wait for room in the kernel."


@dataclass(slots=True)
class UdpCounts:
    """What did not go well."""

    dropped: int = 0
    "Not sent: the queue was full."
    unsendable: int = 0
    "Not sent: the system refused, as with a datagram too large or a network that is not there."
    unreadable: int = 0
    "Errors while reading."


class UdpTransport:
    """Reads from a bound socket as long as it is open."""

    def __init__(
        self,
        sock: socket.socket,
        receive: Callable[[bytes, Endpoint, UdpTransport], None],
        burst_ended: Callable[[], None],
        *,
        number: int = 0,
    ) -> None:
        """`receive(data, peer, self)` gets each datagram, `burst_ended()` comes after each burst.  `number` is ours in a hop."""
        sock.setblocking(False)
        self._socket = sock
        self._receive = receive
        self._burst_ended = burst_ended
        self.number = number
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: deque[tuple[bytes, Any]] = deque()
        self.local = endpoint_at("udp", sock.getsockname())
        self.is_ipv6 = sock.family == socket.AF_INET6
        self.counts = UdpCounts()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read."""
        self._loop = loop
        loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Stop, and close the socket; what is queued is tried once more."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._loop = None
        for data, address in self._queue:
            try:
                self._socket.sendto(data, address)
            except OSError:
                break
        self._queue.clear()
        self._socket.close()

    def send(self, data: bytes, peer: Endpoint) -> bool:
        """Send or queue one datagram; False if it cannot be sent at all."""
        address = (peer.host, peer.port)
        if not self._queue:
            try:
                self._socket.sendto(data, address)
            except BlockingIOError:
                pass
            except (OSError, OverflowError):
                self.counts.unsendable += 1
                return False
            else:
                return True
        if len(self._queue) >= MAX_QUEUED or self._loop is None:
            self.counts.dropped += 1
            return True  # lost on the way: whoever wants an answer sends again
        if not self._queue:
            self._loop.add_writer(self._socket, self._writable)
        self._queue.append((data, address))
        return True

    def _readable(self) -> None:
        read, receive = self._socket.recvfrom, self._receive
        try:
            for _ in range(MAX_BURST):
                try:
                    data, address = read(MAX_DATAGRAM)
                except (BlockingIOError, InterruptedError):
                    break
                except OSError:  # an ICMP error of something sent before
                    self.counts.unreadable += 1
                    continue
                receive(data, endpoint_at("udp", address), self)
                if self._loop is None:  # closed by what came
                    return
        finally:
            self._burst_ended()

    def _writable(self) -> None:
        while self._queue:
            data, address = self._queue[0]
            try:
                self._socket.sendto(data, address)
            except BlockingIOError:
                return
            except OSError:
                self.counts.unsendable += 1
            self._queue.popleft()
        if self._loop is not None:
            self._loop.remove_writer(self._socket)
