"""The shell around a core: sockets, the clock, one timer, and the recorder, which sees every message in and out.

Bound sockets are given, so that whoever starts this can bind first and drop rights.  Time is seconds since 1970 that never goes
back: it is read once when the loop begins and counted from there.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sipstub.core.core import Core
from sipstub.core.places import Place, Places
from sipstub.net.address import endpoint_of, is_loopback, outward_host
from sipstub.net.connection import StreamConnection
from sipstub.net.limits import STREAM_LIMITS, StreamLimits
from sipstub.net.streams import Streams
from sipstub.net.udp import UdpTransport
from sipstub.sip.error import SipError
from sipstub.trace.record import Endpoint, Recorder, Transport
from sipstub.transaction.sending import Hop, Sending

TICK_S = 0.02
"Timers run out together at multiples of this, so that a thousand calls do not wake us a thousand times; none is early."

_WIRE: dict[str, Transport] = {"UDP": "udp", "TCP": "tcp", "TLS": "tls"}
_NAME: dict[Transport, str] = {"udp": "UDP", "tcp": "TCP", "tls": "TLS"}


@dataclass(frozen=True, slots=True)
class Listening:
    """A bound socket and whether TLS is spoken on it."""

    socket: socket.socket
    is_tls: bool = False


@dataclass(frozen=True, slots=True)
class NetEvent:
    """Something about a connection that a person may want to know."""

    at: float
    peer: Endpoint
    fact: str
    "Without secrets: `TLS handshake: no cipher in common`."


class SipServer:
    """Runs one core until it is closed."""

    def __init__(
        self,
        core: Core,
        listening: Iterable[Listening],
        *,
        recorder: Recorder | None = None,
        limits: StreamLimits = STREAM_LIMITS,
        server_tls: ssl.SSLContext | None = None,
        client_tls: ssl.SSLContext | None = None,
        advertised: str = "",
        tell: Callable[[NetEvent], None] = lambda event: None,
        settled: Callable[[], None] = lambda: None,
    ) -> None:
        """`advertised` is the name or address that phones use for us, if not the one we listen on.

        `tell` gets what connections do wrong; `settled` is called after each burst, when everything was sent.
        """
        self.core = core
        self.recorder = recorder
        self._tell = tell
        self.settled = settled
        "May be set later too, before it starts."
        numbers = itertools.count(1)
        given = list(listening)
        self._udp = [
            UdpTransport(one.socket, self._datagram, self.burst_ended, number=next(numbers))
            for one in given
            if one.socket.type == socket.SOCK_DGRAM
        ]
        self._udp_by_number = {transport.number: transport for transport in self._udp}
        self._listening = [(one.socket, one.is_tls) for one in given if one.socket.type == socket.SOCK_STREAM]
        self.streams = Streams(self, numbers=lambda: next(numbers), limits=limits, server_tls=server_tls, client_tls=client_tls)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._offset_s = 0.0
        self._armed: tuple[float, asyncio.TimerHandle] | None = None
        self._is_flushing = False
        self.locals = [
            *(transport.local for transport in self._udp),
            *(endpoint_of("tls" if is_tls else "tcp", *sock.getsockname()[:2]) for sock, is_tls in self._listening),
        ]
        "Where we listen."
        numbered = [transport.number for transport in self._udp]
        numbered += [0] * (len(self.locals) - len(numbered))
        places = tuple(
            Place(_NAME[local.transport], local.host, local.port, number)
            for local, number in zip(self.locals, numbered, strict=True)
        )
        core.places = Places(places, advertised, outward_host())

    @property
    def now(self) -> float:
        """Return the time that the core lives in."""
        return time.time() if self._loop is None else self._loop.time() + self._offset_s

    async def start(self) -> None:
        """Begin to read, accept and keep time."""
        loop = asyncio.get_running_loop()
        self._offset_s = time.time() - loop.time()
        self._loop = loop
        for transport in self._udp:
            transport.start(loop)
        self.streams.start(loop, self._listening)
        self.burst_ended()

    async def close(self) -> None:
        """Stop reading, send what there is to send, close all sockets."""
        if self._loop is None:
            return
        self.burst_ended()
        if self._armed is not None:
            self._armed[1].cancel()
            self._armed = None
        for transport in self._udp:
            transport.close()
        await self.streams.close()
        self._loop = None

    def burst_ended(self) -> None:
        """Send what the core wants to send, set the timer; whoever made the core do something from outside calls this too."""
        if self._is_flushing:
            return
        self._is_flushing = True
        try:
            while sendings := self.core.to_send():
                for sending in sendings:
                    if not self._send(sending):
                        self.core.on_transport_error(sending, self.now)
            self._arm()
        finally:
            self._is_flushing = False
        self.settled()

    # From UDP

    def _datagram(self, data: bytes, peer: Endpoint, transport: UdpTransport) -> None:
        now = self.now
        if self.recorder is not None:
            self.recorder.keep(True, transport.local, peer, data, now)
        self.core.receive(data, Hop("UDP", peer.host, peer.port, transport.number), now)

    # From streams

    def received(self, data: bytes, connection: StreamConnection) -> None:
        """Take a frame or a keep-alive."""
        now = self.now
        if self.recorder is not None:
            self.recorder.record(True, connection.local, connection.peer, data, now)
        self.core.receive(data, self._hop(connection), now)

    def sent(self, data: bytes, connection: StreamConnection) -> None:
        """Record what went out."""
        if self.recorder is not None:
            self.recorder.record(False, connection.local, connection.peer, data, self.now)

    def broken(self, connection: StreamConnection, error: SipError) -> None:
        """Answer what can be answered before the connection closes."""
        self.core.receive_broken(error, self._hop(connection), self.now)
        self.burst_ended()
        self._tell(NetEvent(self.now, connection.peer, f"stream closed: {error.fact}"))

    def closed(self, connection: StreamConnection) -> None:
        """Let the core know that a flow is gone."""
        self.core.flow_closed(self._hop(connection), self.now)
        if not self._is_flushing:
            self.burst_ended()

    def refused(self, peer: Endpoint, reason: str) -> None:
        """Tell."""
        self._tell(NetEvent(self.now, peer, f"connection closed: {reason}"))

    def unsent(self, tags: list[object], peer: Endpoint) -> None:
        """Let transactions know that they could not be sent."""
        for tag in tags:
            if isinstance(tag, Sending):
                self.core.on_transport_error(tag, self.now)
        self.burst_ended()

    def _hop(self, connection: StreamConnection) -> Hop:
        peer = connection.peer
        return Hop(_NAME[peer.transport], peer.host, peer.port, self.streams.number_of(connection))

    # Out

    def _send(self, sending: Sending) -> bool:
        data, hop = sending.data, sending.hop
        if hop.transport != "UDP":
            return self.streams.send(data, endpoint_of(_WIRE[hop.transport], hop.host, hop.port), hop.socket, sending)
        transport = self._udp_by_number.get(hop.socket) or self._any_udp(hop.host)
        if transport is None:
            return False
        peer = endpoint_of("udp", hop.host, hop.port)
        is_sent = transport.send(data, peer)
        if is_sent and self.recorder is not None:
            self.recorder.keep(False, transport.local, peer, data, self.now)
        return is_sent

    def _any_udp(self, host: str) -> UdpTransport | None:
        """Return a socket that can reach that host: of its family, and on loopback only if the host is."""
        is_ipv6, is_near = ":" in host, is_loopback(host)
        fitting = [transport for transport in self._udp if transport.is_ipv6 is is_ipv6]
        near = [transport for transport in fitting if is_loopback(transport.local.host) is is_near]
        return next(iter(near or fitting), None)

    # Time

    def _arm(self) -> None:
        """Have the core called when it wants to be; an earlier call than wanted does no harm, so a set timer is seldom moved."""
        wanted = self.core.next_timer
        if self._loop is None or wanted is None:
            return
        wanted = math.ceil(wanted / TICK_S) * TICK_S
        if self._armed is not None:
            if self._armed[0] <= wanted:
                return
            self._armed[1].cancel()
        self._armed = (wanted, self._loop.call_at(wanted - self._offset_s, self._on_timer))

    def _on_timer(self) -> None:
        self._armed = None
        try:
            self.core.on_timer(self.now)
        finally:
            self.burst_ended()
