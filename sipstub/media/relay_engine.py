"""The sockets of all calls that pass through: one reader for all of them, one timer, ports from ranges.

    engine = RelayEngine(PortRange.parse("20000-23999")); engine.start()
    end = engine.open(near="192.0.2.7")
    engine.close()

No call may take the others' time: of each socket one datagram is read at a time, which is all that a call has there as a rule,
CATCHING_UP where everything else took long, and not more than ALLOWANCE in PERIOD_S, then it is left alone until that is over.
What comes meanwhile waits in the system's buffer, and is lost where that is full.  Sockets of MSRP, over TCP, are in
`stream_sockets.py`.
"""

from __future__ import annotations

import asyncio
import secrets
import select
import socket
from dataclasses import dataclass

from sipstub.media.agreement import Address
from sipstub.media.connect_tone import PACKET_S
from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.port import Pair, PortRange, advertised_to, is_sent, open_pair
from sipstub.media.relay_end import RelayEnd
from sipstub.media.stream_sockets import StreamSockets

MAX_ENDS = 2048
"Pairs of ports at a time: 1024 calls of one line."
MAX_STREAMS = 512
"Ends of MSRP at a time: 256 calls."
MAX_DATAGRAM = 2048
MAX_READY = 64
"Sockets that are served in one go, before everything else has its turn again."
CATCHING_UP = 16
"Datagrams of one socket in one go after everything else took longer than a packet lasts, as in a flood of requests."
PERIOD_S = 0.1
ALLOWANCE = 50
"Datagrams of one socket in PERIOD_S: 500 a second, ten times a call of 20 ms."
DEFAULT_RANGE = "20000-23999"


@dataclass(slots=True)
class _Socket:
    socket: socket.socket
    end: RelayEnd
    is_control: bool
    period_end: float = 0.0
    left: int = 0


class _Pair:
    """A `RelayPort` of two sockets."""

    def __init__(self, engine: RelayEngine, sockets: Pair, advertised: str) -> None:
        self._engine = engine
        self._rtp, self._rtcp = sockets
        address = self._rtp.getsockname()
        self.host: str = advertised or address[0]
        self.port: int = address[1]
        self.is_open = True

    def send(self, data: bytes, address: Address) -> bool:
        return self.is_open and is_sent(self._rtp, data, address)

    def send_control(self, data: bytes, address: Address) -> bool:
        return self.is_open and is_sent(self._rtcp, data, address)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._engine.forget(self, (self._rtp, self._rtcp))
            self._rtp.close()
            self._rtcp.close()


class RelayEngine:
    """All of one process."""

    def __init__(self, ports: PortRange, *, advertised: str = "", limit: int = MAX_ENDS, stream_limit: int = MAX_STREAMS) -> None:
        """`advertised` is the name or address that phones use for us, if not the one that ports are bound at."""
        self.ports = ports
        self.refused = 0
        "Ends that got no ports."
        self._advertised = advertised
        self._limit = limit
        self._stream_limit = stream_limit
        self._ends: dict[_Pair, RelayEnd] = {}
        self._sockets: dict[int, _Socket] = {}
        self._paused: dict[int, float] = {}
        self._poll: select.epoll | None = None
        self._streams: StreamSockets | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._turn_at = 0.0

    @property
    def ends(self) -> tuple[RelayEnd, ...]:
        """Return what is open."""
        return tuple(self._ends.values())

    @property
    def streams(self) -> tuple[MsrpEnd, ...]:
        """Return the ends of MSRP that are open."""
        return self._streams.ends if self._streams is not None else ()

    @property
    def sockets(self) -> int:
        """Return how many sockets there are, connections of MSRP included."""
        return len(self._sockets) + (len(self._streams.entries) if self._streams is not None else 0)

    def start(self) -> None:
        """Begin, in the loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._poll = select.epoll()
        self._streams = StreamSockets(self._loop, self._poll)
        self._loop.add_reader(self._poll.fileno(), self._readable)

    def close(self) -> None:
        """Give all ports back."""
        for end in self.ends:
            end.close()
        if self._streams is not None:
            self._streams.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._loop is not None and self._poll is not None:
            self._loop.remove_reader(self._poll.fileno())
            self._poll.close()
        self._loop = self._poll = self._streams = None

    def open(self, near: str, own: str = "", ports: PortRange | None = None) -> RelayEnd | None:
        """Return an end towards `near`, bound at our address `own`, in a range; None where there is nothing free."""
        if self._loop is None or self._poll is None:
            return None
        sockets = open_pair(near, own, (ports or self.ports).pairs()) if len(self._ends) < self._limit else None
        if sockets is None:
            self.refused += 1
            return None
        pair = _Pair(self, sockets, advertised_to(near, self._advertised))
        end = RelayEnd(pair, secrets.randbits(32), secrets.randbits(16), secrets.randbits(32))
        self._ends[pair] = end
        for sock, is_control in zip(sockets, (False, True), strict=True):
            self._sockets[sock.fileno()] = _Socket(sock, end, is_control)
            self._poll.register(sock.fileno(), select.EPOLLIN)
        self._arm()
        return end

    def open_stream(self, near: str, own: str = "", ports: PortRange | None = None, *, is_secure: bool = False) -> MsrpEnd | None:
        """Return an end of MSRP towards `near` that listens at a port of a range, for TLS if it `is_secure`; None without one."""
        if self._streams is None:
            return None
        numbers = (ports or self.ports).pairs() if len(self._streams.ends) < self._stream_limit else ()
        end = self._streams.open(near, own, numbers, advertised_to(near, self._advertised), is_secure=is_secure)
        self.refused += end is None
        self._arm()
        return end

    def forget(self, pair: _Pair, sockets: Pair) -> None:
        """Read a pair no more."""
        del self._ends[pair]
        for sock in sockets:
            number = sock.fileno()
            del self._sockets[number]
            if self._paused.pop(number, None) is None and self._poll is not None:
                self._poll.unregister(number)

    # What comes

    def _readable(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        is_late, self._turn_at = now - self._turn_at > PACKET_S, now
        for _ in range(CATCHING_UP if is_late else 1):
            if not self._serve(now):
                return

    def _serve(self, now: float) -> bool:
        """Read each socket that has something once, and return whether there was any."""
        assert self._poll is not None
        ready = self._poll.poll(0, MAX_READY)
        for number, events in ready:
            entry = self._sockets.get(number)
            if entry is not None:
                self._read(number, entry, now)
            elif self._streams is not None:
                self._streams.ready(number, events, now)
        return bool(ready)

    def _read(self, number: int, entry: _Socket, now: float) -> None:
        if now >= entry.period_end:
            entry.period_end, entry.left = now + PERIOD_S, ALLOWANCE
        elif entry.left == 0:
            assert self._poll is not None
            self._poll.unregister(number)
            self._paused[number] = entry.period_end
            return
        entry.left -= 1
        try:
            data, source = entry.socket.recvfrom(MAX_DATAGRAM)
        except OSError:  # an ICMP error of something sent before, or a datagram that came to nothing
            return
        if entry.is_control:
            entry.end.receive_control(data, source[:2], now)
        else:
            entry.end.receive(data, source[:2], now)

    # Time

    @property
    def _is_busy(self) -> bool:
        return bool(self._ends) or (self._streams is not None and self._streams.is_busy)

    def _arm(self) -> None:
        if self._timer is None and self._loop is not None and self._is_busy:
            self._timer = self._loop.call_later(PERIOD_S, self._on_timer)

    def play(self, end: RelayEnd) -> None:
        """Have the tone of an end go out in its time."""
        if self._loop is not None and end.is_playing:
            end.on_tone(self._loop.time())
            self._loop.call_later(PACKET_S, self.play, end)

    def _on_timer(self) -> None:
        """Read again what was left alone, and have reports sent."""
        self._timer = None
        assert self._loop is not None and self._poll is not None
        now = self._loop.time()
        for number in [number for number, until in self._paused.items() if until <= now]:
            del self._paused[number]
            self._poll.register(number, select.EPOLLIN)
        for end in self.ends:
            if end.control_mode:
                end.begin_reports(now)
                end.on_timer(now)
        if self._streams is not None:
            self._streams.on_timer(now)
        self._arm()
