"""The sockets of a relay: one reader for all, each read at a bounded rate, and all given back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest
from media_lab import no_descriptors_left

from sipstub.media.connect_tone import PACKET_S
from sipstub.media.packet import RtpPacket
from sipstub.media.port import PortRange
from sipstub.media.relay_end import RelayEnd
from sipstub.media.relay_engine import ALLOWANCE, CATCHING_UP, RelayEngine
from sipstub.media.relay_terms import ControlMode, Mediation, RelayTerms
from sipstub.media.rtcp import Report, parse_compound

RANGE = PortRange(18_000, 18_999)


@contextlib.asynccontextmanager
async def an_engine(limit: int = 8) -> AsyncIterator[RelayEngine]:
    engine = RelayEngine(RANGE, limit=limit)
    engine.start()
    try:
        yield engine
    finally:
        engine.close()
        assert not engine.ends


def a_side(host: str = "127.0.0.1") -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    sock.setblocking(False)
    return sock


def tied(engine: RelayEngine, one: socket.socket, other: socket.socket) -> tuple[RelayEnd, RelayEnd]:
    """Return the ends of a call between two sockets."""
    host = one.getsockname()[0]
    ends = engine.open(host), engine.open(host)
    near, far = ends
    assert near is not None and far is not None
    for end, sock in ((near, one), (far, other)):
        address = sock.getsockname()[:2]
        end.name(RelayTerms(address, address, {8: "PCMA/8000"}))
        end.tell({8: "PCMA/8000"})
    near.tie(far)
    return near, far


async def heard(sock: socket.socket) -> bytes:
    async with asyncio.timeout(10):
        return await asyncio.get_running_loop().sock_recv(sock, 4096)


def packet(number: int) -> bytes:
    return bytes(RtpPacket(8, number, 160 * number, 7, b"\xd5" * 160))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_datagrams_pass_between_two_sides_and_ports_are_given_back(host: str) -> None:
    async def run() -> None:
        with a_side(host) as one, a_side(host) as other:
            async with an_engine() as engine:
                near, far = tied(engine, one, other)
                one.sendto(packet(5), (near.port.host, near.port.port))
                assert RtpPacket.parse(await heard(other)).payload == b"\xd5" * 160
                other.sendto(packet(9), (far.port.host, far.port.port))
                assert RtpPacket.parse(await heard(one)).ssrc == near.out.ssrc
                near.close()
                near.close()
                assert len(engine.ends) == 1
            for end in (near, far):  # closed by the engine too
                with a_side(host) as probe, socket.socket(probe.family, socket.SOCK_DGRAM) as again:
                    again.bind((host, end.port.port))

    asyncio.run(run())


def test_a_flood_is_read_no_faster_than_allowed_and_holds_up_nobody() -> None:
    async def run() -> None:
        with a_side() as one, a_side() as other, a_side() as quiet, a_side() as friend:
            async with an_engine() as engine:
                near, _ = tied(engine, one, other)
                calm, _ = tied(engine, quiet, friend)
                for number in range(3 * ALLOWANCE):
                    one.sendto(packet(number), (near.port.host, near.port.port))
                quiet.sendto(packet(1), (calm.port.host, calm.port.port))
                await heard(friend)
                assert near.received <= ALLOWANCE
                for _ in range(ALLOWANCE + 1):  # it is read again when its time is over
                    await heard(other)
                assert near.received > ALLOWANCE

    asyncio.run(run())


def test_what_waited_while_everything_else_took_long_is_caught_up_with() -> None:
    """A flood of requests may keep the loop busy for many packets' time: each turn of the relay then makes up for it."""

    async def run() -> None:
        async with an_engine() as engine:
            one, other = a_side(), a_side()
            end, _ = tied(engine, one, other)
            for _ in range(2):
                before = end.received
                for number in range(2 * CATCHING_UP):
                    one.sendto(packet(number), ("127.0.0.1", end.port.port))
                time.sleep(2 * PACKET_S)  # the loop stands still meanwhile
                while end.received == before:
                    await asyncio.sleep(0)
                assert end.received == before + CATCHING_UP, "and then others have their turn"
                while end.received < before + 2 * CATCHING_UP:
                    await asyncio.sleep(0)
            one.close()
            other.close()

    asyncio.run(run())


def test_there_are_no_more_ends_than_allowed() -> None:
    async def run() -> None:
        async with an_engine(limit=1) as engine:
            assert engine.open("127.0.0.1") is not None
            assert engine.open("127.0.0.1") is None
            assert engine.refused == 1

    asyncio.run(run())


def test_an_end_that_no_socket_is_left_for_has_no_ports() -> None:
    async def run() -> None:
        async with an_engine() as engine:
            with no_descriptors_left():
                assert engine.open("127.0.0.1") is None
            assert engine.refused == 1
            assert engine.open("127.0.0.1") is not None

    asyncio.run(run())


def test_an_engine_that_does_not_run_has_no_ports() -> None:
    assert RelayEngine(RANGE).open("127.0.0.1") is None


def test_reports_are_made_by_the_timer_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipstub.media.relay_end.FIRST_S", 0.01)

    async def run() -> None:
        with a_side() as one, a_side() as other:
            async with an_engine() as engine:
                _, far = tied(engine, one, other)
                far.mediation, far.control_mode = Mediation.MEDIATE, ControlMode.GENERATE
                report = parse_compound(await heard(other))[0]
                assert isinstance(report, Report) and report.ssrc == far.out.ssrc

    asyncio.run(run())
