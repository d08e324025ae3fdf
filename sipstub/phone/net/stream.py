"""The connections of one phone: opened when there is something to send, kept, and read until they close."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from collections.abc import Callable
from typing import cast

from sipstub.sip.framing import PONG, Frame, KeepAlive, StreamFramer
from sipstub.transaction.sending import Hop, Sending

MAX_CONNECTIONS = 16
"Of one phone, both ways."
MAX_WAITING = 32
"Messages that wait for one connection to be opened."
CONNECT_S = 8.0
UNSENT_BYTES = 256 * 1024

Received = Callable[[bytes, Hop, tuple[str, int]], None]
"Message, where it came from, and the own end of the connection."


class _Connection(asyncio.Protocol):
    def __init__(self, streams: PhoneStreams, transport: str) -> None:
        self.streams = streams
        self.transport = transport
        self.wire: asyncio.Transport | None = None
        self.framer = StreamFramer()
        self.hop = Hop(transport, "", 0)
        self.local = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername") or ("", 0)
        self.local = (transport.get_extra_info("sockname") or ("", 0))[:2]
        self.streams.opened(self, peer[0], peer[1])

    def data_received(self, data: bytes) -> None:
        for found in self.framer.feed(data):
            if isinstance(found, Frame):
                self.streams.received(found.data, self.hop, self.local)
            elif found is KeepAlive.PING:
                self.send(PONG)
        if self.framer.error is not None and self.wire is not None:
            self.wire.abort()
        self.streams.burst_ended()

    def send(self, data: bytes) -> bool:
        if self.wire is None or self.wire.is_closing() or self.wire.get_write_buffer_size() > UNSENT_BYTES:
            return False
        self.wire.write(data)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.wire = None
        self.streams.closed(self)


class PhoneStreams:
    """TCP and TLS of one phone."""

    def __init__(
        self,
        host: str,
        received: Received,
        burst_ended: Callable[[], None],
        failed: Callable[[Sending], None],
        lost: Callable[[Hop], None],
        tls: ssl.SSLContext | None,
    ) -> None:
        """`failed` gets back what could not be sent, `lost` the peer of a connection that closed."""
        self._host = host
        self.received = received
        self.burst_ended = burst_ended
        self._failed = failed
        self._lost = lost
        self._tls = tls
        self._numbers = itertools.count(1)
        self._open: dict[int, _Connection] = {}
        self._opening: dict[Hop, list[Sending]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._is_closing = False

    async def listen(self, sock: socket.socket) -> None:
        """Accept connections over TCP."""
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(lambda: _Connection(self, "TCP"), sock=sock))

    def opened(self, connection: _Connection, host: str, port: int) -> None:
        """Take a connection that is ready."""
        if self._is_closing or len(self._open) >= MAX_CONNECTIONS:
            if connection.wire is not None:
                connection.wire.abort()
            return
        connection.hop = Hop(connection.transport, host, port, next(self._numbers))
        self._open[connection.hop.socket] = connection

    def closed(self, connection: _Connection) -> None:
        """Forget a connection."""
        if self._open.pop(connection.hop.socket, None) is not None and not self._is_closing:
            self._lost(connection.hop)

    def local_of(self, hop: Hop) -> tuple[str, int]:
        """Return the own end of the connection to a peer."""
        found = self._found(hop)
        return found.local if found is not None else (self._host, 0)

    def _found(self, hop: Hop) -> _Connection | None:
        if hop.socket:
            return self._open.get(hop.socket)
        return next((one for one in self._open.values() if one.hop[:3] == hop[:3] and one.wire is not None), None)

    def send(self, sending: Sending) -> bool:
        """Send over the connection of that number or to that peer, opened if there is none; False if that cannot be."""
        hop = sending.hop
        found = self._found(hop)
        if found is not None:
            return found.send(sending.data)
        waiting = self._opening.get(hop)
        if waiting is not None:
            waiting.append(sending)
            return len(waiting) <= MAX_WAITING
        if hop.socket or self._is_closing or (hop.transport == "TLS" and self._tls is None):
            return False
        self._opening[hop] = [sending]
        task = asyncio.get_running_loop().create_task(self._connect(hop))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _connect(self, hop: Hop) -> None:
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(self, hop.transport),
                    hop.host,
                    hop.port,
                    local_addr=(self._host, 0),
                    ssl=self._tls if hop.transport == "TLS" else None,
                    server_hostname="" if hop.transport == "TLS" else None,
                )
        except (OSError, ssl.SSLError, TimeoutError):
            connection = None
        finally:
            waiting = self._opening.pop(hop)
        for sending in waiting:
            if connection is None or not connection.send(sending.data):
                self._failed(sending)
        self.burst_ended()

    async def close(self) -> None:
        """Close everything."""
        self._is_closing = True
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._open.values()):
            if connection.wire is not None:
                connection.wire.abort()
        self._open.clear()
        await asyncio.sleep(0)
