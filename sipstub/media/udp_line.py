"""The sockets of one call: RTP and RTCP, read at a bounded rate, written at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from sipstub.media.agreement import Agreement
from sipstub.media.inlet import Inlet
from sipstub.media.port import Pair, is_sent
from sipstub.media.report import MediaReport
from sipstub.media.rtp_session import RtpSession

PERIOD_S = 0.1
MAX_IN_PERIOD = 20
"Datagrams of RTP of one call that are read in that time, 200 in a second; then its socket is left alone until the time is over."
CONTROL_PERIOD_S = 1.0
MAX_CONTROL_IN_PERIOD = 4
"The same of RTCP."


class UdpLine:
    """A pair of ports with one session."""

    def __init__(
        self,
        sockets: Pair,
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
        self._loop = loop
        self._wake = wake
        self._closed = closed
        self._report: MediaReport | None = None
        self.inlet = Inlet(self._rtp, loop, (MAX_IN_PERIOD, PERIOD_S), session.receive, wake)
        self._control = Inlet(self._rtcp, loop, (MAX_CONTROL_IN_PERIOD, CONTROL_PERIOD_S), session.receive_control, wake)

    @property
    def next_at(self) -> float | None:
        """Return when `on_timer` wants to be called."""
        session = self.session
        times = (session.next_at, session.control.next_at, self.inlet.resumes_at, self._control.resumes_at)
        return min((time for time in times if time is not None), default=None)

    def agree(self, agreement: Agreement) -> None:
        """Send and receive by this from now on."""
        if self._report is None:
            self.session.agree(agreement, self._loop.time())
            self._wake()

    def on_timer(self, now: float) -> None:
        """Send what is due; read again what was left alone."""
        self.inlet.on_timer(now)
        self._control.on_timer(now)
        for data, address in self.session.due(now):
            if not is_sent(self._rtp, data, address):
                self.session.unsent += 1
        for data, address in self.session.due_control(now):
            is_sent(self._rtcp, data, address)

    def close(self) -> MediaReport:
        """Say goodbye, give the ports back, once, and return what came of the call."""
        if self._report is None:
            for data, address in self.session.goodbye(self._loop.time()):
                is_sent(self._rtcp, data, address)
            self.inlet.close()
            self._control.close()
            self._report = replace(self.session.report, dropped=self.inlet.dropped)
            self._closed(self)
        return self._report
