"""All TCP and TLS connections of one program: accepted, opened, found again, bounded.

Requests to a phone go over the connection that it opened (RFC 5923), answers over the one that the request came on; where that is
gone a new one is opened.  Each connection has a number, by which transactions know it.  The bounds are in `limits.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sipstub.net.address import endpoint_at, transport_of
from sipstub.net.connection import StreamConnection
from sipstub.net.limits import STREAM_LIMITS, StreamLimits
from sipstub.net.tls import handshake_problem
from sipstub.sip.error import SipError
from sipstub.sip.framing import PONG
from sipstub.trace.record import Endpoint, Transport

MAX_ACCEPTS = 64
"Connections taken from one listening socket before the loop goes on."
ACCEPT_PAUSE_S = 1.0
"When descriptors have run out."


class StreamUser(Protocol):
    """Who reads and is told."""

    def received(self, data: bytes, connection: StreamConnection) -> None:
        """Take a message or a keep-alive."""

    def sent(self, data: bytes, connection: StreamConnection) -> None:
        """Know what went out."""

    def broken(self, connection: StreamConnection, error: SipError) -> None:
        """Answer what can be answered; the connection closes."""

    def burst_ended(self) -> None:
        """Send what there is to send."""

    def closed(self, connection: StreamConnection) -> None:
        """Know that a connection is gone."""

    def refused(self, peer: Endpoint, reason: str) -> None:
        """Know that a connection came to nothing: too many, or no handshake."""

    def unsent(self, tags: list[object], peer: Endpoint) -> None:
        """Know that a connection could not be opened, and the tags of what was to go over it."""


@dataclass(slots=True)
class StreamCounts:
    """What happened to connections."""

    accepted: int = 0
    refused: int = 0
    "Too many, at once or of one host."
    failed_handshakes: int = 0
    overdue: int = 0
    "Closed for being too slow."
    unopened: int = 0
    "Of ours, refused or timed out."


@dataclass(slots=True)
class _Opening:
    messages: list[tuple[bytes, object]]
    task: asyncio.Task[None]


class Streams:
    """The connections, by number and by peer."""

    def __init__(
        self,
        user: StreamUser,
        *,
        numbers: Callable[[], int],
        limits: StreamLimits = STREAM_LIMITS,
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
    ) -> None:
        """`numbers` gives each connection its own; without `client_tls` none is opened over TLS."""
        self.limits = limits
        self.counts = StreamCounts()
        self.server_tls = server_tls
        "Exchange it for one with a new certificate; open connections keep theirs."
        self._client_tls = client_tls
        self._user = user
        self._numbers = numbers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listening: list[tuple[socket.socket, Transport]] = []
        self._open: dict[int, StreamConnection] = {}
        self._number_of: dict[StreamConnection, int] = {}
        self._by_peer: dict[Endpoint, int] = {}
        self._per_host: Counter[str] = Counter()
        self._handshaking: set[asyncio.Task[None]] = set()
        self._opening: dict[Endpoint, _Opening] = {}
        self._tick: asyncio.TimerHandle | None = None
        self._is_closing = False

    def __len__(self) -> int:
        return len(self._open)

    @property
    def connections(self) -> list[StreamConnection]:
        """Return the open connections."""
        return list(self._open.values())

    def start(self, loop: asyncio.AbstractEventLoop, listening: list[tuple[socket.socket, bool]]) -> None:
        """Begin to accept on these sockets; the flag says whether TLS is spoken there."""
        self._loop = loop
        for sock, is_tls in listening:
            sock.setblocking(False)
            entry = (sock, transport_of(sock, is_tls=is_tls))
            self._listening.append(entry)
            loop.add_reader(sock, self._acceptable, *entry)
        self._tick = loop.call_later(self.limits.tick_s, self._look_over)

    async def close(self) -> None:
        """Accept no more, close everything, and return when it is closed."""
        self._is_closing = True
        loop = self._loop
        if loop is None:
            return
        if self._tick is not None:
            self._tick.cancel()
        for sock, _ in self._listening:
            loop.remove_reader(sock)
            sock.close()
        tasks = [*self._handshaking, *(opening.task for opening in self._opening.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._open.values()):
            connection.close("the server ends")
        deadline = loop.time() + self.limits.close_s
        while self._open and loop.time() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self._open.values()):
            connection.abort("the server ends")
        await asyncio.sleep(0)
        self._loop = None

    def number_of(self, connection: StreamConnection) -> int:
        """Return the number of a connection, 0 if it is gone."""
        return self._number_of.get(connection, 0)

    def connection(self, number: int) -> StreamConnection | None:
        """Return the connection with that number."""
        return self._open.get(number)

    def connection_to(self, peer: Endpoint) -> StreamConnection | None:
        """Return an open connection whose other end has that very address."""
        return self._open.get(self._by_peer.get(peer, 0))

    def send(self, data: bytes, peer: Endpoint, number: int = 0, tag: object = None) -> bool:
        """Send over that connection, or over one to that peer, which is opened if `number` is 0.

        False means that it is lost for certain; what fails later is told by `unsent`, with the `tag`.
        """
        if number:
            return self._write(data, self._open.get(number))
        found = self.connection_to(peer)
        if found is not None and found.is_open:
            return self._write(data, found)
        return self._open_for(data, peer, tag)

    def _write(self, data: bytes, connection: StreamConnection | None) -> bool:
        if connection is None or not connection.send(data):
            return False
        self._user.sent(data, connection)
        return True

    # What connections tell

    def opened(self, connection: StreamConnection) -> None:
        """Take a connection that is ready."""
        if self._is_closing:
            connection.abort("the server ends")
            return
        number = self._numbers()
        self._open[number] = connection
        self._number_of[connection] = number
        self._by_peer[connection.peer] = number

    def received(self, connection: StreamConnection, data: bytes) -> None:
        """Pass on."""
        if connection in self._number_of:
            self._user.received(data, connection)

    def answered_ping(self, connection: StreamConnection) -> None:
        """Pass on."""
        self._user.sent(PONG, connection)

    def broken(self, connection: StreamConnection, error: SipError) -> None:
        """Pass on."""
        self._user.broken(connection, error)

    def burst_ended(self) -> None:
        """Pass on."""
        self._user.burst_ended()

    def closed(self, connection: StreamConnection) -> None:
        """Forget the connection."""
        number = self._number_of.get(connection, 0)
        if not connection.is_outbound:
            self._leave(connection.peer.host)
        if number:
            self._user.closed(connection)
            del self._number_of[connection], self._open[number]
            if self._by_peer.get(connection.peer) == number:
                del self._by_peer[connection.peer]

    # Accepting

    def _acceptable(self, listening: socket.socket, transport: Transport) -> None:
        assert self._loop is not None
        for _ in range(MAX_ACCEPTS):
            try:
                sock, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptors left: those who wait, wait
                self._loop.remove_reader(listening)
                self._loop.call_later(ACCEPT_PAUSE_S, self._accept_again, listening, transport)
                return
            peer = endpoint_at(transport, address)
            refusal = self._refusal(peer.host)
            if refusal:
                sock.close()
                self.counts.refused += 1
                self._user.refused(peer, refusal)
                continue
            sock.setblocking(False)
            self._per_host[peer.host] += 1
            self.counts.accepted += 1
            connection = StreamConnection(self, peer, self._loop.time, is_outbound=False)
            task = self._loop.create_task(self._shake_hands(sock, connection))
            self._handshaking.add(task)
            task.add_done_callback(functools.partial(self._shaken, sock, connection))

    def _accept_again(self, listening: socket.socket, transport: Transport) -> None:
        if self._loop is not None and not self._is_closing:
            self._loop.add_reader(listening, self._acceptable, listening, transport)

    def _refusal(self, host: str) -> str:
        if self._per_host[host] >= self.limits.connections_per_host:
            return f"{self.limits.connections_per_host} connections from this address"
        if len(self._open) + len(self._handshaking) >= self.limits.connections:
            return f"{self.limits.connections} connections"
        return ""

    async def _shake_hands(self, sock: socket.socket, connection: StreamConnection) -> None:
        context = self.server_tls if connection.peer.transport == "tls" else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                sock,
                ssl=context,
                ssl_handshake_timeout=self.limits.handshake_s if context else None,
                ssl_shutdown_timeout=self.limits.close_s if context else None,
            )
            problem = "" if connection.was_made else handshake_problem(ConnectionResetError())
        except (OSError, ssl.SSLError) as error:
            problem = handshake_problem(error)
        if problem:  # asyncio says nothing at all of a peer that closes in the middle
            self.counts.failed_handshakes += 1
            self._user.refused(connection.peer, problem)

    def _shaken(self, sock: socket.socket, connection: StreamConnection, task: asyncio.Task[None]) -> None:
        self._handshaking.discard(task)
        if not connection.was_made:  # nobody else will say that it is closed
            self._leave(connection.peer.host)
        if task.cancelled() and not connection.was_made:
            sock.close()

    def _leave(self, host: str) -> None:
        self._per_host[host] -= 1
        if self._per_host[host] <= 0:
            del self._per_host[host]

    # Opening

    def _open_for(self, data: bytes, peer: Endpoint, tag: object) -> bool:
        loop = self._loop
        if loop is None or self._is_closing or (peer.transport == "tls" and self._client_tls is None):
            return False
        opening = self._opening.get(peer)
        if opening is not None:
            if len(opening.messages) >= self.limits.waiting_messages:
                return False
            opening.messages.append((data, tag))
            return True
        if len(self._opening) >= self.limits.connecting or len(self._open) >= self.limits.connections:
            return False
        self._opening[peer] = _Opening([(data, tag)], loop.create_task(self._connect(peer)))
        return True

    async def _connect(self, peer: Endpoint) -> None:
        loop = asyncio.get_running_loop()
        context = self._client_tls if peer.transport == "tls" else None
        connection: StreamConnection | None = None
        try:
            async with asyncio.timeout(self.limits.connect_s):
                _, connection = await loop.create_connection(
                    lambda: StreamConnection(self, peer, loop.time, is_outbound=True),
                    peer.host,
                    peer.port,
                    ssl=context,
                    server_hostname=peer.host if context else None,
                    ssl_shutdown_timeout=self.limits.close_s if context else None,
                )
        except (OSError, ssl.SSLError, TimeoutError, UnicodeError):
            self.counts.unopened += 1
        finally:
            waiting = self._opening.pop(peer).messages
        if connection is None or not connection.was_made:
            self._user.unsent([tag for _, tag in waiting], peer)
            return
        lost = [tag for data, tag in waiting if not self._write(data, connection)]
        if lost:
            self._user.unsent(lost, peer)

    # Time

    def _look_over(self) -> None:
        loop = self._loop
        if loop is None:
            return
        now = loop.time()
        for connection in list(self._open.values()):
            reason = connection.overdue(now)
            if reason:
                self.counts.overdue += 1
                self._user.refused(connection.peer, reason)
                with contextlib.suppress(RuntimeError):
                    connection.abort(reason)
        self._tick = loop.call_later(self.limits.tick_s, self._look_over)
