"""Sessions on simulated time, and engines whose ports are looked at afterwards."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

from sipstub.media.agreement import Address, Agreement, agree
from sipstub.media.engine import MediaEngine
from sipstub.media.packet import RtpPacket
from sipstub.media.port import PortRange
from sipstub.media.report import MediaReport
from sipstub.media.rtp_session import RtpSession
from sipstub.media.sound import Sound
from sipstub.sip.sdp import Sdp

PHONE: Address = ("192.0.2.7", 11780)
RANGE = PortRange(21_000, 23_999)


def sdp(address: str = "192.0.2.7", port: int = 11780, formats: str = "0 8 101", *lines: str, protocol: str = "RTP/AVP") -> Sdp:
    """Return a description of one audio stream."""
    family = "IP6" if ":" in address else "IP4"
    head = ["v=0", f"o=- 1 1 IN {family} {address}", "s=-", f"c=IN {family} {address}", "t=0 0"]
    body = [f"m=audio {port} {protocol} {formats}", "a=rtpmap:101 telephone-event/8000", *lines]
    return Sdp.parse("\r\n".join([*head, *body]) + "\r\n")


OURS = sdp("192.0.2.1", 16384)


def agreed(*lines: str, address: str = PHONE[0], formats: str = "0 8 101", ours: Sdp = OURS) -> Agreement:
    found = agree(ours, sdp(address, PHONE[1], formats, *lines))
    assert found is not None
    return found


def a_session(sound: Sound = Sound.SILENCE, near: str = PHONE[0]) -> RtpSession:
    return RtpSession(sound, near=near, ssrc=7, sequence=65_534, timestamp=0xFFFF_FFF0)


def a_packet(number: int, payload_type: int = 0, *, ssrc: int = 99, step: int = 160, **more: Any) -> bytes:
    """Return the packet with that number of a call that counts from there."""
    made = RtpPacket(payload_type, number % 65536, number * step % 2**32, ssrc, more.pop("payload", bytes(160)), **more)
    return bytes(made)


@contextlib.asynccontextmanager
async def an_engine(sound: Sound = Sound.SILENCE, ports: PortRange = RANGE, **options: Any) -> AsyncIterator[MediaEngine]:
    """Yield an engine that has started; afterwards nothing of it is open, and every port that it had is free."""
    engine = MediaEngine(ports, sound, **options)
    engine.start()
    had: set[tuple[str, int]] = set()
    opened = engine.open

    def watched(near: str, own: str = "", port: int = 0) -> Any:
        line = opened(near, own, port)
        if line is not None:
            had.add((own or line.host, line.port))
        return line

    engine.open = watched  # type: ignore[method-assign]
    try:
        yield engine
    finally:
        left = engine.lines
        engine.close()
        for host, port in had:
            assert_free(host, port)
        assert left == (), "a call has ended and kept its ports"


def assert_free(host: str, port: int) -> None:
    """Hold that nobody has a pair of ports."""
    for number in (port, port + 1):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((host, number))


@contextlib.contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Have the system give this process no further socket, nor a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_one = os.dup(0)
    os.close(next_one)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_one, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Ledger:
    """A place with two ports for each call, on paper: which calls have them, and what each was told."""

    is_on = True

    def __init__(self, calls: int = 100) -> None:
        self._free = [20_000 + 2 * at for at in range(calls)]
        self.lines: list[Noted] = []

    def open(self, near: str, own: str = "", port: int = 0) -> Noted | None:
        if not self._free:
            return None
        line = Noted(self, self._free.pop(0), near, own, port)
        self.lines.append(line)
        return line

    def give_back(self, port: int) -> None:
        self._free.append(port)

    @property
    def taken(self) -> int:
        return sum(not line.is_closed for line in self.lines)


class Noted:
    """A line of a ledger."""

    host = "127.0.0.1"

    def __init__(self, ledger: Ledger, port: int, near: str, own: str, wanted: int) -> None:
        self.port = port
        self.wanted = wanted
        self.near = near
        self.own = own
        self.agreements: list[Agreement] = []
        self.is_closed = False
        self._ledger = ledger

    def agree(self, agreement: Agreement) -> None:
        assert not self.is_closed
        self.agreements.append(agreement)

    def close(self) -> MediaReport:
        assert not self.is_closed
        self.is_closed = True
        self._ledger.give_back(self.port)
        return MediaReport(sent=len(self.agreements))
