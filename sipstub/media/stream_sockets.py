"""The ports and connections of relays of MSRP, over TCP and TLS, in the reader and the timer of a `RelayEngine`."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import select
import socket
from collections.abc import Iterable

from sipstub.media.agreement import Address
from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.port import open_listener, own_address
from sipstub.media.stream_link import PERIOD_S, Link, Source
from sipstub.media.stream_tls import TlsIdentity

AT_ONCE = 4
"Connections taken of one port in one go."
MAX_LEAVING = 8
"Connections of one end that were said goodbye to and are still there; one more, and the oldest has to go."
SESSION_BYTES = 10
"Of chance in what names a session: 80 bits, as RFC 4975 section 14.1 asks for."


class _Listener(Source):
    """A `StreamPort`."""

    def __init__(self, sockets: StreamSockets, sock: socket.socket, advertised: str, identity: TlsIdentity | None) -> None:
        """With an `identity` TLS is spoken."""
        address = sock.getsockname()
        self._identity = identity
        self.fingerprint = identity.fingerprint if identity is not None else ""
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
            tube = self._identity.tube(is_server=True) if self._identity is not None else None
            self.end.accepted(Link(self.sockets, sock, self.end, is_open=True, tube=tube), now)

    def connect(self, address: Address, end: MsrpEnd) -> Link | None:
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
            tube = self._identity.tube(is_server=False) if self._identity is not None else None
            return Link(self.sockets, sock, end, is_open=False, tube=tube)

    def wake(self, end: MsrpEnd) -> None:
        self.sockets.loop.call_soon(self._woken)

    def _woken(self) -> None:
        if not self.is_gone:
            self.end.on_timer(self.sockets.loop.time())

    def close(self) -> None:
        self.abort()
        for link in self.sockets.leaving_of(self.end):
            link.abort()


class StreamSockets:
    """All of one engine."""

    def __init__(self, loop: asyncio.AbstractEventLoop, poll: select.epoll) -> None:
        self.loop, self.poll = loop, poll
        self.entries: dict[int, Source] = {}
        self._resting: dict[Source, float] = {}
        self._leaving: dict[Link, None] = {}
        self._identity: TlsIdentity | None = None

    @property
    def is_busy(self) -> bool:
        """Return whether there is any socket."""
        return bool(self.entries)

    @property
    def ends(self) -> tuple[MsrpEnd, ...]:
        """Return what is open."""
        return tuple(entry.end for entry in self.entries.values() if isinstance(entry, _Listener))

    def open(self, near: str, own: str, numbers: Iterable[int], advertised: str, *, is_secure: bool) -> MsrpEnd | None:
        """Return an end that listens at the first of these ports that is free; None where none is."""
        if is_secure and self._identity is None:
            try:
                self._identity = TlsIdentity()
            except OSError:  # no descriptors left
                return None
        sock = open_listener(near, own, numbers)
        if sock is None:
            return None
        return _Listener(self, sock, advertised, self._identity if is_secure else None).end

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

    def is_resting(self, entry: Source) -> bool:
        """Return whether a socket was read enough for now."""
        return entry in self._resting

    def rest(self, entry: Source, until: float) -> None:
        """Leave a socket alone until then."""
        self._resting[entry] = until
        entry.update()

    def leaving(self, link: Link) -> None:
        """Take note of a connection that was said goodbye to."""
        self._leaving[link] = None
        for old in self.leaving_of(link.end)[:-MAX_LEAVING]:
            old.abort()

    def leaving_of(self, end: MsrpEnd) -> tuple[Link, ...]:
        """Return those of an end, the oldest first."""
        return tuple(link for link in self._leaving if link.end is end)

    def forget(self, entry: Source) -> None:
        """Drop a socket that is about to be closed."""
        del self.entries[entry.number]
        self._resting.pop(entry, None)
        if isinstance(entry, Link):
            self._leaving.pop(entry, None)

    def close(self) -> None:
        """Give everything back."""
        for end in self.ends:
            end.close()
        for entry in tuple(self.entries.values()):
            entry.abort()
