"""The sockets of one call: read no faster than a call speaks, written at once."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import replace

from sipstub.media.agreement import Agreement
from sipstub.media.port import COUNT_DROPPED
from sipstub.media.report import MediaReport
from sipstub.media.rtp_session import RtpSession

PERIOD_S = 0.1
MAX_IN_PERIOD = 20
"Datagrams of one call that are read in that time, 200 in a second; then its socket is left alone until the time is over."
MAX_DATAGRAM = 2048
"Longer ones are cut off: no audio is so long."
MAX_ANCILLARY = 64

_COUNT = struct.Struct("=I")


class UdpLine:
    """A pair of ports with one session."""

    def __init__(
        self,
        sockets: tuple[socket.socket, socket.socket],
        session: RtpSession,
        advertised: str,
        loop: asyncio.AbstractEventLoop,
        wake: Callable[[], None],
        closed: Callable[[UdpLine], None],
    ) -> None:
        """`wake` is called when a timer of the line has changed, `closed` once, when its ports are free again."""
        self._rtp, self._rtcp = sockets
        address = self._rtp.getsockname()
        self.host: str = advertised or address[0]
        self.port: int = address[1]
        self.session = session
        self.dropped = 0
        "Datagrams that the system dropped."
        self.resumes_at: float | None = None
        "When it is read again; None while it is read."
        self._loop = loop
        self._wake = wake
        self._closed = closed
        self._report: MediaReport | None = None
        self._period_end = 0.0
        self._left = 0
        loop.add_reader(self._rtp, self._readable)

    @property
    def next_at(self) -> float | None:
        """Return when `on_timer` wants to be called."""
        times = [time for time in (self.session.next_at, self.resumes_at) if time is not None]
        return min(times, default=None)

    def agree(self, agreement: Agreement) -> None:
        """Send and receive by this from now on."""
        if self._report is None:
            self.session.agree(agreement, self._loop.time())
            self._wake()

    def on_timer(self, now: float) -> None:
        """Send what is due; read again what was left alone."""
        if self.resumes_at is not None and now >= self.resumes_at:
            self.resumes_at = None
            self._loop.add_reader(self._rtp, self._readable)
        for data, address in self.session.due(now):
            try:
                self._rtp.sendto(data, address)
            except (OSError, OverflowError):  # lost on the way
                self.session.unsent += 1

    def _readable(self) -> None:
        now = self._loop.time()
        if now >= self._period_end:
            self._period_end, self._left = now + PERIOD_S, MAX_IN_PERIOD
        while self._left:
            try:
                data, ancillary, _, source = self._rtp.recvmsg(MAX_DATAGRAM, MAX_ANCILLARY)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error of something sent before
                self._left -= 1
                continue
            self._left -= 1
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == COUNT_DROPPED and len(value) == _COUNT.size:
                    self.dropped = _COUNT.unpack(value)[0]
            self.session.receive(data, (source[0], source[1]), now)
        self._loop.remove_reader(self._rtp)
        self.resumes_at = self._period_end
        self._wake()

    def close(self) -> MediaReport:
        """Give the ports back, once, and return what came of the call."""
        if self._report is None:
            self._loop.remove_reader(self._rtp)
            self._rtp.close()
            self._rtcp.close()
            self._report = replace(self.session.report, dropped=self.dropped)
            self.session.next_at = self.resumes_at = None
            self._closed(self)
        return self._report
