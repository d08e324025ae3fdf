"""A socket that is read no faster than a call speaks: a flood is left to the system, which drops it and costs nobody time."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

from sipstub.media.agreement import Address
from sipstub.media.port import COUNT_DROPPED

MAX_DATAGRAM = 2048
"Longer ones are cut off: no audio is so long."
MAX_ANCILLARY = 64

_COUNT = struct.Struct("=I")


class Inlet:
    """One socket of a call."""

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        rate: tuple[int, float],
        take: Callable[[bytes, Address, float], None],
        wake: Callable[[], None],
    ) -> None:
        """`rate` is how many datagrams are read in so many seconds; then `wake` is called, and `resumes_at` says until when."""
        self.dropped = 0
        "Datagrams that the system dropped, as it said with the last one."
        self.resumes_at: float | None = None
        "When it is read again; None while it is read."
        self._socket = sock
        self._loop = loop
        self._limit, self._period_s = rate
        self._take = take
        self._wake = wake
        self._period_end = 0.0
        self._left = 0
        loop.add_reader(sock, self._readable)

    def on_timer(self, now: float) -> None:
        """Read again what was left alone."""
        if self.resumes_at is not None and now >= self.resumes_at:
            self.resumes_at = None
            self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Read no more, and close the socket."""
        self.resumes_at = None
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        now = self._loop.time()
        if now >= self._period_end:
            self._period_end, self._left = now + self._period_s, self._limit
        while self._left:
            try:
                data, ancillary, _, source = self._socket.recvmsg(MAX_DATAGRAM, MAX_ANCILLARY)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error of something sent before
                self._left -= 1
                continue
            self._left -= 1
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == COUNT_DROPPED and len(value) == _COUNT.size:
                    self.dropped = _COUNT.unpack(value)[0]
            self._take(data, (source[0], source[1]), now)
        self._loop.remove_reader(self._socket)
        self.resumes_at = self._period_end
        self._wake()
