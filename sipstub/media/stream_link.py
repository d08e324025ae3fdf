"""The sockets of a relay of MSRP: read at a bounded rate, written as fast as the other end reads.

Who floods is read no faster than ALLOWANCE in PERIOD_S, who does not read has no more than `msrp_flow.HIGH_WATER` kept for it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sipstub.media.fingerprint import fits
from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.msrp_flow import HIGH_WATER
from sipstub.media.stream_tls import TlsTube

if TYPE_CHECKING:
    from sipstub.media.stream_sockets import StreamSockets

READ_BYTES = 16 * 1024
"Of one connection in one go."
PERIOD_S = 0.1
ALLOWANCE = 50
"Reads of one connection, and connections of one port, in PERIOD_S: 8 MB a second."
LINGER_S = 5.0
"How long a connection that was said goodbye to may take what it was sent before."
BUFFER_BYTES = 64 * 1024
"Of the system, each way."
KEEPALIVE_S = 30
"Silence after which the system asks whether the other end is still there."
GONE_MS = 60_000
"How long it may acknowledge nothing."


class Source(ABC):
    """A socket that is read at a bounded rate."""

    def __init__(self, sockets: StreamSockets, sock: socket.socket, end: MsrpEnd) -> None:
        self.sockets, self.socket, self.end = sockets, sock, end
        self.number = sock.fileno()
        self.is_gone = False
        self._is_watched = False
        self._period_end = 0.0
        self._left = 0
        self._mask = 0

    @property
    def wanted(self) -> int:
        return select.EPOLLIN

    def may_read(self, now: float) -> bool:
        if now >= self._period_end:
            self._period_end, self._left = now + PERIOD_S, ALLOWANCE
        if self._left == 0:
            self.sockets.rest(self, self._period_end)
            return False
        self._left -= 1
        return True

    def update(self) -> None:
        """Have the reader wait for what is wanted now."""
        wanted = self.wanted & ~(select.EPOLLIN if self.sockets.is_resting(self) else 0)
        if wanted != self._mask and self._is_watched:
            self._mask = wanted
            self.sockets.poll.modify(self.number, wanted)

    def enter(self) -> None:
        self._mask, self._is_watched = self.wanted, True
        self.sockets.poll.register(self.number, self._mask)
        self.sockets.entries[self.number] = self

    def leave(self) -> None:
        """Wait for nothing any more: what is broken would be told of again and again."""
        if self._is_watched:
            self._is_watched = False
            self.sockets.poll.unregister(self.number)

    def abort(self) -> None:
        """Be gone at once."""
        if not self.is_gone:
            self.leave()
            self.is_gone = True
            self.sockets.forget(self)
            self.socket.close()

    @abstractmethod
    def ready(self, events: int, now: float) -> None:
        """Do what the socket is ready for, by the events of epoll."""


class Link(Source):
    """A `StreamLink`."""

    def __init__(
        self, sockets: StreamSockets, sock: socket.socket, end: MsrpEnd, *, is_open: bool, tube: TlsTube | None = None
    ) -> None:
        """`is_open` says whether it was opened by the other end; with a `tube` TLS is spoken."""
        super().__init__(sockets, sock, end)
        self._tube = tube
        self._is_ours = not is_open
        self._is_told = is_open
        "Whether the end knows of it."
        self._out = bytearray()
        self._is_open = is_open
        self._is_read = True
        self._is_leaving = self._was_full = False
        self.gone_at = 0.0
        sock.setblocking(False)
        options = (
            (socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES),
            (socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_MS),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        )
        with contextlib.suppress(OSError):
            for option in options:
                sock.setsockopt(*option)
        self.enter()

    @property
    def wanted(self) -> int:
        reads = select.EPOLLIN if self._is_open and self._is_read else 0
        return reads | (select.EPOLLOUT if self._out or not self._is_open else 0)

    @property
    def waiting(self) -> int:
        return len(self._out)

    def send(self, data: bytes) -> None:
        if self.is_gone or self._is_leaving:
            return
        if self._tube is None:
            self._out += data
        else:
            self._tube.write(data)
            self._out += self._tube.take()
        self._write()

    def pause(self) -> None:
        self._is_read = False
        self.update()

    def resume(self) -> None:
        self._is_read = True
        self.update()

    def close(self) -> None:
        if self.is_gone or self._is_leaving:
            return
        self._is_leaving = self._is_read = True
        self.gone_at = self.sockets.loop.time() + LINGER_S
        self.sockets.leaving(self)
        if self._tube is not None:
            self._tube.goodbye()
            self._out += self._tube.take()
        self._write()

    def ready(self, events: int, now: float) -> None:
        if not self._is_open:
            self._opened(now)
            return
        if events & select.EPOLLOUT:
            self._write()
            if self._was_full and len(self._out) < HIGH_WATER // 2 and not self.is_gone:
                self._was_full = False
                self.end.drained(self, now)
        if self.is_gone:
            return
        if events & select.EPOLLIN and (self._is_read or self._is_leaving):
            self._read(now)
        elif events & (select.EPOLLHUP | select.EPOLLERR):  # both ways: what waits can go nowhere
            self._out.clear()
            self.leave()
            self._ended(now)

    def _opened(self, now: float) -> None:
        try:
            problem = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.socket.getpeername()
        except OSError:
            if not problem:
                return  # an event of who had this number before
        if problem:
            self.end.ended(self, now)
            self.abort()
            return
        self._is_open = True
        self.update()
        if self._tube is None:
            self._is_told = True
            self.end.connected(self, now)
        else:
            self._heard(b"", now)

    def _write(self) -> None:
        while self._out and self._is_open:
            try:
                count = self.socket.send(memoryview(self._out)[:HIGH_WATER])
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # reading tells what of
                self._out.clear()
                break
            del self._out[:count]
        self._was_full |= len(self._out) >= HIGH_WATER
        if self._is_leaving and not self._out:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
        self.update()

    def _read(self, now: float) -> None:
        if not self.may_read(now):
            return
        try:
            data = self.socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._ended(now)
        elif not self._is_leaving:
            self._heard(data, now)

    def _heard(self, data: bytes, now: float) -> None:
        """Take what came, which TLS may have to be taken off."""
        tube = self._tube
        if tube is not None:
            try:
                data = tube.feed(data)
            except ssl.SSLError:
                self._broken(now)
                return
            finally:
                self._out += tube.take()
                self._write()
            if self.is_gone:
                return
            if tube.is_up and not self._is_told:
                if not fits(tube.certificate, self.end.fingerprints):
                    self._broken(now)
                    return
                self._is_told = True
                self.end.connected(self, now)
        if data and self._is_told and not self._is_leaving:
            self.end.received_from(self, data, now)
        if tube is not None and tube.is_ended and not self.is_gone and not self._is_leaving:
            self._ended(now)

    def _broken(self, now: float) -> None:
        self.end.ended(self, now)
        self.abort()

    def _ended(self, now: float) -> None:
        if self._is_leaving:
            self.abort()
            return
        self.pause()
        self.end.ended(self, now)
