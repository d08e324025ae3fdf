"""One TCP or TLS connection: frames in, bytes out, pings answered, and a verdict on how slow it is.

RFC 3261 section 18.3, RFC 5626 section 3.5.1.  Who reads slower than he asks is not read from either (and so cannot make us keep
more); `overdue` says when patience ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Protocol, cast

from sipstub.net.address import endpoint_at
from sipstub.net.limits import StreamLimits
from sipstub.sip.error import SipError
from sipstub.sip.framing import PING, PONG, Frame, KeepAlive, StreamFramer
from sipstub.trace.record import Endpoint

KEEPALIVE_IDLE_S = 60
KEEPALIVE_EVERY_S = 15
KEEPALIVE_TRIES = 4
"With the two before it: a phone that lost its power is noticed after two minutes."
UNACKNOWLEDGED_MS = 30_000


class ConnectionOwner(Protocol):
    """Who holds the connections."""

    limits: StreamLimits

    def opened(self, connection: StreamConnection) -> None:
        """Take a connection that is ready, handshake included."""

    def received(self, connection: StreamConnection, data: bytes) -> None:
        """Take one message, or a keep-alive."""

    def answered_ping(self, connection: StreamConnection) -> None:
        """Note that a pong went out."""

    def broken(self, connection: StreamConnection, error: SipError) -> None:
        """Take what is wrong with the stream; it is closed when this returns."""

    def burst_ended(self) -> None:
        """Send what there is to send."""

    def closed(self, connection: StreamConnection) -> None:
        """Forget the connection."""


class StreamConnection(asyncio.Protocol):
    """The protocol of one connection."""

    def __init__(self, owner: ConnectionOwner, peer: Endpoint, clock: Callable[[], float], *, is_outbound: bool) -> None:
        """`is_outbound` says whether it was us who called."""
        self._owner = owner
        self._clock = clock
        self._wire: asyncio.Transport | None = None
        self._framer = StreamFramer()
        self.is_outbound = is_outbound
        self.peer = peer
        self.local = Endpoint(peer.transport, "", 0)
        self.was_made = False
        "Whether it got as far as being ready, handshake included."
        self.opened_at = clock()
        self.heard_at = self.opened_at
        "When the last byte came."
        self.has_spoken = False
        "Whether a whole message or a keep-alive came."
        self.partial_since: float | None = None
        "Since when a message is incomplete."
        self.unsent_since: float | None = None
        "Since when the peer leaves too much unread."
        self.close_reason = ""
        "Why we closed it; empty if the peer did."

    @property
    def is_open(self) -> bool:
        """Return whether something can be sent."""
        return self._wire is not None and not self._wire.is_closing()

    def send(self, data: bytes) -> bool:
        """Send bytes; False if the connection is gone or its peer does not read."""
        if self._wire is None or self._wire.is_closing() or self.unsent_since is not None:
            return False
        self._wire.write(data)
        return True

    def ping(self) -> bool:
        """Send a keep-alive; its answer is told to the owner."""
        self._framer.expects_pong = True
        return self.send(PING)

    def close(self, reason: str) -> None:
        """Close after what was written has gone."""
        self.close_reason = self.close_reason or reason
        if self._wire is not None:
            self._wire.close()

    def abort(self, reason: str) -> None:
        """Drop the connection now."""
        self.close_reason = self.close_reason or reason
        if self._wire is not None:
            self._wire.abort()

    def overdue(self, now: float) -> str:
        """Return why patience is over, or nothing."""
        limits = self._owner.limits
        if self.unsent_since is not None and now - self.unsent_since > limits.unsent_s:
            return "does not read what it is sent"
        if self.partial_since is not None and now - self.partial_since > limits.message_s:
            return f"did not finish a message within {limits.message_s:g} s"
        if not self.has_spoken and not self.is_outbound and now - self.opened_at > limits.first_message_s:
            return f"said nothing within {limits.first_message_s:g} s"
        if now - self.heard_at > limits.idle_s:
            return f"idle for {limits.idle_s:g} s"
        return ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        wire = cast(asyncio.Transport, transport)
        self._wire = wire
        self.was_made = True
        sock = wire.get_extra_info("socket")
        watch_for_silence(sock)
        try:
            self.local = endpoint_at(self.peer.transport, sock.getsockname())
        except OSError:  # gone already
            wire.abort()
            return
        wire.set_write_buffer_limits(high=self._owner.limits.unsent_bytes)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Cut into messages and hand them on."""
        self.heard_at = now = self._clock()
        framer = self._framer
        for found in framer.feed(data):
            self.has_spoken = True
            if isinstance(found, Frame):
                self._owner.received(self, found.data)
            elif found is KeepAlive.PING:
                self._owner.received(self, PING)
                if self.send(PONG):
                    self._owner.answered_ping(self)
            else:
                self._owner.received(self, PONG)
        if framer.error is not None:
            self._owner.broken(self, framer.error)
            self.close(framer.error.fact)
        if not framer.pending_bytes:
            self.partial_since = None
        elif self.partial_since is None:
            self.partial_since = now
        self._owner.burst_ended()

    def eof_received(self) -> bool:
        """Close, as nothing more comes that could want an answer here."""
        return False

    def pause_writing(self) -> None:
        """Stop reading from a peer that does not read."""
        self.unsent_since = self._clock()
        if self._wire is not None:
            with contextlib.suppress(RuntimeError):
                self._wire.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        self.unsent_since = None
        if self._wire is not None:
            with contextlib.suppress(RuntimeError):
                self._wire.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget."""
        self._wire = None
        if error is not None and not self.close_reason:
            self.close_reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        self._owner.closed(self)


def watch_for_silence(sock: socket.socket) -> None:
    """Have the kernel notice a peer that went without a word."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_EVERY_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_TRIES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
