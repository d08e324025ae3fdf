"""The engine over sockets of loopback: one timer, ports from a range that all come back, and floods that cost nobody time."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest
from media_lab import RANGE, a_packet, agreed, an_engine, assert_free, no_descriptors_left, sdp
from ports import free_port

from sipstub.media.agreement import Agreement, agree
from sipstub.media.engine import MediaEngine
from sipstub.media.packet import RtpPacket
from sipstub.media.place import NO_MEDIA
from sipstub.media.port import PortProblem, PortRange, bind_pair
from sipstub.media.sound import Sound
from sipstub.media.udp_line import MAX_IN_PERIOD, PERIOD_S, UdpLine

HOST = "127.0.0.1"


def to(port: int, host: str = HOST, *lines: str) -> Agreement:
    found = agree(sdp("::1" if ":" in host else HOST), sdp(host, port, "0 101", *lines))
    assert found is not None
    return found


def free_range(pairs: int) -> PortRange:
    """Return a range in which every pair is free just now."""
    low = free_port(HOST, 2 * pairs)
    return PortRange(low, low + 2 * pairs - 1)


class Ear(asyncio.DatagramProtocol):
    """Hears packets, and when."""

    def __init__(self) -> None:
        self.packets: list[RtpPacket] = []
        self.enough = asyncio.Event()
        self.wanted = 10
        self.sources: set[tuple[str, int]] = set()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.packets.append(RtpPacket.parse(data))
        self.sources.add(address[:2])
        if len(self.packets) >= self.wanted:
            self.enough.set()


async def an_ear(host: str = HOST) -> tuple[Ear, asyncio.DatagramTransport, int]:
    transport, ear = await asyncio.get_running_loop().create_datagram_endpoint(Ear, local_addr=(host, 0))
    return ear, transport, transport.get_extra_info("sockname")[1]


@pytest.mark.parametrize("host", [HOST, "::1"])
def test_packets_leave_from_the_port_that_is_named(host: str) -> None:
    async def run() -> None:
        async with an_engine(Sound.TONE) as engine:
            ear, transport, port = await an_ear(host)
            line = engine.open(host)
            assert line is not None
            assert (line.host, line.port % 2) == (host, 0)
            line.agree(to(port, host))
            async with asyncio.timeout(10):
                await ear.enough.wait()
            report = line.close()
            transport.close()
            assert ear.sources == {(host, line.port)}
            assert report.sent >= 10
            assert [packet.sequence for packet in ear.packets] == [
                (ear.packets[0].sequence + at) % 65_536 for at in range(len(ear.packets))
            ]

    asyncio.run(run())


def test_two_calls_speak_with_each_other_on_one_timer() -> None:
    async def run() -> None:
        async with an_engine() as engine:
            one, two = engine.open(HOST), engine.open(HOST)
            assert one is not None and two is not None
            one.agree(to(two.port))
            two.agree(to(one.port))
            async with asyncio.timeout(10):
                while min(one.session.report.received, two.session.report.received) < 10:
                    assert one.next_at == two.next_at or abs((one.next_at or 0) - (two.next_at or 0)) < 0.03
                    await asyncio.sleep(0)
            for line in (one, two):
                report = line.close()
                assert (report.lost, report.strange, report.foreign) == (0, 0, 0)
                assert line.close() == report, "twice does no harm"

    asyncio.run(run())


def test_each_call_has_ports_of_its_own_and_gives_them_back() -> None:
    async def run() -> None:
        ports = free_range(4)
        async with an_engine(ports=ports) as engine:
            lines = [engine.open(HOST) for _ in range(4)]
            assert sorted(line.port for line in lines if line is not None) == list(range(ports.low, ports.high, 2))
            assert engine.open(HOST) is None
            assert engine.refused == 1
            assert lines[0] is not None
            lines[0].close()
            again = engine.open(HOST)
            assert again is not None and again.port == lines[0].port
            for line in (*lines[1:], again):
                assert line is not None
                line.close()

    asyncio.run(run())


def test_ports_of_others_are_passed_by() -> None:
    async def run() -> None:
        ports = free_range(2)
        taken = bind_pair(HOST, ports.low)
        assert taken is not None
        taken[0].close()  # of the first pair only the port of RTCP is taken
        async with an_engine(ports=ports) as engine:
            line = engine.open(HOST)
            assert line is not None and line.port == ports.low + 2
            assert engine.open(HOST) is None
            line.close()
        taken[1].close()

    asyncio.run(run())


def test_there_are_no_more_calls_than_the_limit() -> None:
    async def run() -> None:
        async with an_engine(limit=2) as engine:
            lines = [engine.open(HOST) for _ in range(3)]
            assert [line is None for line in lines] == [False, False, True]
            for line in lines[:2]:
                assert line is not None
                line.close()

    asyncio.run(run())


def test_an_engine_that_ends_takes_back_the_ports_of_calls_that_go_on() -> None:
    async def run() -> list[int]:
        engine = MediaEngine(RANGE)
        assert engine.open(HOST) is None, "not before it has begun"
        engine.start()
        lines = [engine.open(HOST) for _ in range(5)]
        for line in lines:
            assert line is not None
            line.agree(to(9))
        engine.close()
        assert engine.open(HOST) is None
        assert not engine.is_on
        return [line.port for line in lines if line is not None]

    ports = asyncio.run(run())
    assert len(ports) == 5
    for port in ports:
        assert_free(HOST, port)


async def flooded(line: UdpLine, count: int) -> None:
    """Send as fast as can be: one half while the loop stands still, the other through its turns."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(count):
            sock.sendto(a_packet(number), (HOST, line.port))
            if number > count / 2 and number % 20 == 0:
                await asyncio.sleep(0)


def test_a_flood_is_not_read_and_what_is_lost_is_counted() -> None:
    async def run() -> None:
        async with an_engine() as engine:
            line = engine.open(HOST)
            assert line is not None
            line.agree(replace(to(9), sends=False))
            loop = asyncio.get_running_loop()
            began = loop.time()
            await flooded(line, 3_000)
            periods = (loop.time() - began) / PERIOD_S + 1
            assert 0 < line.session.report.received <= MAX_IN_PERIOD * (periods + 1)
            assert line.inlet.resumes_at is not None, "its socket is left alone"
            async with asyncio.timeout(20):
                while line.inlet.resumes_at is not None or line.session.report.received + line.inlet.dropped < 3_000:
                    if line.inlet.resumes_at is None:  # the system tells with the next datagram how many it dropped
                        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                            sock.sendto(b"", (HOST, line.port))
                    await asyncio.sleep(0)
            report = line.close()
            assert report.dropped > 500
            assert f"{report.dropped} dropped" in str(report)

    asyncio.run(run())


def test_a_name_or_address_for_phones_stands_in_descriptions_and_ports_are_bound_at_ours() -> None:
    async def run() -> None:
        for advertised, near, said in (
            ("phones.example.com", HOST, "phones.example.com"),
            ("192.0.2.5", HOST, "192.0.2.5"),
            ("192.0.2.5", "::1", "::1"),  # an address of the other family would be of no use
        ):
            async with an_engine(advertised=advertised) as engine:
                line = engine.open(near, "0.0.0.0")
                assert line is not None and line.host == said
                line.close()

    asyncio.run(run())


@pytest.mark.parametrize("own", ["", HOST])
def test_a_call_that_no_socket_is_left_for_has_no_ports(own: str) -> None:
    async def run() -> None:
        async with an_engine() as engine:
            with no_descriptors_left():
                assert engine.open(HOST, own) is None
            assert engine.refused == 1
            line = engine.open(HOST, own)
            assert line is not None
            line.close()

    asyncio.run(run())


def test_an_address_without_a_way_to_it_gets_no_ports() -> None:
    async def run() -> None:
        async with an_engine() as engine:
            assert engine.open("192.0.2.9", "198.51.100.1") is None, "not an address of ours"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "low", "high"), [("16384-17407", 16_384, 17_407), ("16385-17406", 16_386, 17_405), (" 1024-1025 ", 1024, 1025)]
)
def test_a_range_is_cut_to_whole_pairs(text: str, low: int, high: int) -> None:
    found = PortRange.parse(text)
    assert (found.low, found.high) == (low, high)
    assert sorted(found.pairs()) == list(range(low, high, 2))
    assert PortRange.parse(str(found)) == found


@pytest.mark.parametrize(
    "text", ["", "16384", "a-b", "5-10", "20000-10000", "1025-1026", "60000-70000", "-5-10", "١-٢", "1e3-2e3"]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(PortProblem):
        PortRange.parse(text)


def test_without_media_there_is_no_line() -> None:
    assert NO_MEDIA.open(HOST) is None
    assert not NO_MEDIA.is_on
    assert agreed().speaks
