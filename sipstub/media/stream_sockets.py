"""The TCP sockets of relays of MSRP, in the reader and the timer of a `RelayEngine`.

Who floods is read no faster than ALLOWANCE in PERIOD_S, who does not read has no more than `msrp_flow.HIGH_WATER` kept for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import select
import socket
from collections.abc import Iterable

from sipstub.media.agreement import Address
from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.msrp_flow import HIGH_WATER
from sipstub.media.port import open_listener, own_address

READ_BYTES = 16 * 1024
"Of one connection in one go."
AT_ONCE = 4
"Connections taken of one port in one go."
PERIOD_S = 0.1
ALLOWANCE = 50
"Reads of one connection, and connections of one port, in PERIOD_S: 8 MB a second."
LINGER_S = 5.0
"How long a connection that was said goodbye to may take what it was sent before."
BUFFER_BYTES = 64 * 1024
"Of the system, each way."
KEEPALIVE_S = 30
"Silence after which the system asks whether the other end is still there."
SESSION_BYTES = 10
"Of chance in what names a session: 80 bits, as RFC 4975 section 14.1 asks for."
GONE_MS = 60_000
"How long it may acknowledge nothing."


class _Source:
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

    def ready(self, events: int, now: float) -> None:
        raise NotImplementedError


class _Listener(_Source):
    """A `StreamPort`."""

    def __init__(self, sockets: StreamSockets, sock: socket.socket, advertised: str) -> None:
        address = sock.getsockname()
        self._own = address[0]
        self.host: str = advertised or address[0]
        self.port: int = address[1]
        end = MsrpEnd(self, secrets.token_hex(SESSION_BYTES))
        super().__init__(sockets, sock, end)
        self.enter()

    def ready(self, events: int, now: float) -> None:
        for _ in range(AT_ONCE):
            if self.is_gone or not self.may_read(now):
                return
            try:
                sock, _ = self.socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptors left: those who wait, wait
                self.sockets.rest(self, now + PERIOD_S)
                return
            self.end.accepted(_Link(self.sockets, sock, self.end, is_open=True), now)

    def connect(self, address: Address, end: MsrpEnd) -> _Link | None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        with contextlib.ExitStack() as unwinding:
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
                unwinding.callback(sock.close)
                sock.setblocking(False)
                own = self._own if (":" in self._own) is (":" in address[0]) else own_address(address[0])
                sock.bind((own, 0))
                with contextlib.suppress(BlockingIOError):
                    sock.connect(address)
            except (OSError, OverflowError):
                return None
            unwinding.pop_all()
            return _Link(self.sockets, sock, end, is_open=False)

    def wake(self, end: MsrpEnd) -> None:
        self.sockets.loop.call_soon(self._woken)

    def _woken(self) -> None:
        if not self.is_gone:
            self.end.on_timer(self.sockets.loop.time())

    def close(self) -> None:
        self.abort()
        for link in self.sockets.leaving_of(self.end):
            link.abort()


class _Link(_Source):
    """A `StreamLink`."""

    def __init__(self, sockets: StreamSockets, sock: socket.socket, end: MsrpEnd, *, is_open: bool) -> None:
        super().__init__(sockets, sock, end)
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
        if not self.is_gone and not self._is_leaving:
            self._out += data
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
        self.end.connected(self, now)

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
            self.end.received_from(self, data, now)

    def _ended(self, now: float) -> None:
        if self._is_leaving:
            self.abort()
            return
        self.pause()
        self.end.ended(self, now)


class StreamSockets:
    """All of one engine."""

    def __init__(self, loop: asyncio.AbstractEventLoop, poll: select.epoll) -> None:
        self.loop, self.poll = loop, poll
        self.entries: dict[int, _Source] = {}
        self._resting: dict[_Source, float] = {}
        self._leaving: set[_Link] = set()

    @property
    def is_busy(self) -> bool:
        """Return whether there is any socket."""
        return bool(self.entries)

    @property
    def ends(self) -> tuple[MsrpEnd, ...]:
        """Return what is open."""
        return tuple(entry.end for entry in self.entries.values() if isinstance(entry, _Listener))

    def open(self, near: str, own: str, numbers: Iterable[int], advertised: str) -> MsrpEnd | None:
        """Return an end that listens at the first of these ports that is free; None where none is."""
        sock = open_listener(near, own, numbers)
        return _Listener(self, sock, advertised).end if sock is not None else None

    def ready(self, number: int, events: int, now: float) -> None:
        """Serve a socket once."""
        entry = self.entries.get(number)
        if entry is not None:
            entry.ready(events, now)

    def on_timer(self, now: float) -> None:
        """Read again what was left alone; see to what takes too long."""
        for entry in [entry for entry, until in self._resting.items() if until <= now]:
            del self._resting[entry]
            entry.update()
        for link in [link for link in self._leaving if link.gone_at <= now]:
            link.abort()
        for end in self.ends:
            end.on_timer(now)

    def is_resting(self, entry: _Source) -> bool:
        """Return whether a socket was read enough for now."""
        return entry in self._resting

    def rest(self, entry: _Source, until: float) -> None:
        """Leave a socket alone until then."""
        self._resting[entry] = until
        entry.update()

    def leaving(self, link: _Link) -> None:
        """Take note of a connection that was said goodbye to."""
        self._leaving.add(link)

    def leaving_of(self, end: MsrpEnd) -> tuple[_Link, ...]:
        """Return those of an end."""
        return tuple(link for link in self._leaving if link.end is end)

    def forget(self, entry: _Source) -> None:
        """Drop a socket that is about to be closed."""
        del self.entries[entry.number]
        self._resting.pop(entry, None)
        if isinstance(entry, _Link):
            self._leaving.discard(entry)

    def close(self) -> None:
        """Give everything back."""
        for end in self.ends:
            end.close()
        for entry in tuple(self.entries.values()):
            entry.abort()
