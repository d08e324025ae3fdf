"""All media of one process: ports from a range, and one timer of the loop for every call.

engine = MediaEngine(PortRange.parse("16384-17407"), Sound.SILENCE)
engine.start()
Director(stub, media=engine)
engine.close()
"""

from __future__ import annotations

import asyncio
import secrets

from sipstub.media.port import PortRange, advertised_to, open_pair
from sipstub.media.rtp_session import RtpSession
from sipstub.media.sound import Sound
from sipstub.media.udp_line import UdpLine

MAX_SESSIONS = 256
"Calls with media at a time; further ones have none."


class MediaEngine:
    """A `sipstub.media.place.MediaPlace` over UDP."""

    def __init__(
        self, ports: PortRange, sound: Sound = Sound.SILENCE, *, advertised: str = "", limit: int = MAX_SESSIONS
    ) -> None:
        """`advertised` is the name or address that phones use for us, if not the one that ports are bound at."""
        self.ports = ports
        self.sound = sound
        self.refused = 0
        "Calls that got no ports."
        self._advertised = advertised
        self._limit = limit
        self._lines: set[UdpLine] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._armed: tuple[float, asyncio.TimerHandle] | None = None

    @property
    def is_on(self) -> bool:
        """Return whether there are ports to have."""
        return self._loop is not None

    @property
    def lines(self) -> tuple[UdpLine, ...]:
        """Return what is open."""
        return tuple(self._lines)

    def start(self) -> None:
        """Begin, in the loop that runs."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Give all ports back."""
        for line in self.lines:
            line.close()
        if self._armed is not None:
            self._armed[1].cancel()
            self._armed = None
        self._loop = None

    def open(self, near: str, own: str = "", port: int = 0) -> UdpLine | None:
        """Return a pair of ports; see `MediaPlace`."""
        if self._loop is None:
            return None
        tries = [port] if port else self.ports.pairs()
        pair = open_pair(near, own, tries) if len(self._lines) < self._limit else None
        if pair is None:
            self.refused += 1
            return None
        session = RtpSession(
            self.sound,
            near=near,
            ssrc=secrets.randbits(32),
            sequence=secrets.randbits(16),
            timestamp=secrets.randbits(32),
            name=f"stub@{pair[0].getsockname()[0]}",
        )
        advertised = advertised_to(near, self._advertised)
        line = UdpLine(pair, session, advertised, self._loop, self._arm, self._lines.discard)
        self._lines.add(line)
        return line

    # Time

    def _arm(self) -> None:
        wanted = min((line.next_at for line in self._lines if line.next_at is not None), default=None)
        if self._loop is None or wanted is None:
            return
        if self._armed is not None:
            if self._armed[0] <= wanted:
                return
            self._armed[1].cancel()
        self._armed = (wanted, self._loop.call_at(wanted, self._on_timer))

    def _on_timer(self) -> None:
        self._armed = None
        assert self._loop is not None
        now = self._loop.time()
        for line in self.lines:
            due = line.next_at
            if due is not None and due <= now:
                line.on_timer(now)
        self._arm()
