"""Nobody holds up anybody: slow, silent, oversized, half-open and greedy connections, and floods of datagrams."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import ssl
import warnings

import pytest
from sip_client import Client
from sip_running import Running, a_stub

from sipstub.net.certificate import Certificates
from sipstub.net.limits import STREAM_LIMITS
from sipstub.net.udp import MAX_QUEUED, UdpTransport
from sipstub.sip.message import Response
from sipstub.trace.record import Endpoint

BRIEF = dataclasses.replace(
    STREAM_LIMITS, first_message_s=0.2, message_s=0.2, unsent_s=0.2, handshake_s=0.3, close_s=0.2, idle_s=60.0
)


async def still_serves(stub: Running) -> None:
    async with Client("tcp", stub.port("tcp")) as other:
        assert (await other.ask(other.a_request("OPTIONS"))).status == 200


async def is_closed(phone: Client) -> bool:
    with contextlib.suppress(OSError, ssl.SSLError):
        async with asyncio.timeout(30):
            while await phone.reader.read(65_536):
                pass
    return True


@pytest.mark.parametrize(
    ("said", "reason"),
    [(b"", "said nothing"), (b"REGISTER sip:a SIP/2.0\r\nVia: ", "did not finish a message"), (b"\r\n", "did not finish")],
    ids=["silent", "half a message", "half a ping"],
)
def test_a_connection_that_says_nothing_or_never_finishes_is_closed(said: bytes, reason: str) -> None:
    async def run() -> None:
        limits = dataclasses.replace(BRIEF, first_message_s=60.0) if said else BRIEF
        async with a_stub(limits=limits) as stub, Client("tcp", stub.port("tcp")) as phone:
            await phone.send(said)
            await still_serves(stub)
            assert await is_closed(phone)
            assert reason in stub.net_events[0].fact
            await stub.until(lambda: not len(stub.server.streams))

    asyncio.run(run())


def test_a_connection_that_is_used_stays_open_past_the_time_for_a_first_message() -> None:
    async def run() -> None:
        async with (
            a_stub(limits=BRIEF) as stub,
            Client("tcp", stub.port("tcp")) as phone,
            Client("tcp", stub.port("tcp")) as silent,
        ):
            assert (await phone.ask(phone.a_request("OPTIONS"))).status == 200
            assert await is_closed(silent)
            assert (await phone.ask(phone.a_request("OPTIONS"))).status == 200

    asyncio.run(run())


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"OPTIONS sip:a SIP/2.0\r\nX: " + b"x" * 40_000, None),
        (b"%b\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"%b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", None),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 600 + b"\r\n\r\n", None),
        (b"\r\n" * 200, None),
    ],
    ids=["endless head", "huge body", "no length", "http", "tls to the plain port", "blank lines"],
)
def test_what_cannot_be_framed_is_answered_where_possible_and_the_connection_closed(said: bytes, status: int | None) -> None:
    async def run() -> None:
        async with a_stub() as stub, Client("tcp", stub.port("tcp")) as phone:
            request = phone.a_request("OPTIONS")
            request.headers.remove("Content-Length")
            head = "\r\n".join([request.start_line, *request.headers.texts()]).encode()
            with contextlib.suppress(ConnectionError):
                await phone.send(said.replace(b"%b", head))
            if status is not None:
                answer = await phone.receive()
                assert isinstance(answer, Response) and answer.status == status
            assert await is_closed(phone)
            await still_serves(stub)
            assert stub.net_events

    asyncio.run(run())


def test_a_peer_that_asks_and_does_not_read_is_dropped_and_keeps_little_memory() -> None:
    limits = dataclasses.replace(BRIEF, unsent_bytes=4096)

    async def run() -> None:
        async with a_stub(limits=limits) as stub:
            greedy = socket.socket()
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(greedy, ("127.0.0.1", stub.port("tcp")))
            async with Client("tcp", stub.port("tcp")) as phone:
                request = bytes(phone.a_request("OPTIONS"))
            with contextlib.suppress(OSError):
                async with asyncio.timeout(120):  # the system keeps megabytes of answers for it first
                    while not stub.net_events:
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(loop.sock_sendall(greedy, request * 50), 0.1)
            await stub.until(lambda: stub.net_events)
            assert "does not read" in stub.net_events[0].fact
            await still_serves(stub)
            greedy.close()

    asyncio.run(run())


def test_connections_are_counted_of_one_address_and_in_all(certificates: Certificates) -> None:
    limits = dataclasses.replace(STREAM_LIMITS, connections_per_host=2)

    async def run() -> None:
        async with a_stub(limits=limits, certificates=certificates) as stub:
            async with contextlib.AsyncExitStack() as open_ones:
                first = await open_ones.enter_async_context(Client("tcp", stub.port("tcp")))
                second = await open_ones.enter_async_context(Client("tls", stub.port("tls"), ca=certificates.ca))
                assert (await second.ask(second.a_request("OPTIONS"))).status == 200
                third = await open_ones.enter_async_context(Client("tcp", stub.port("tcp")))
                assert await is_closed(third)
                assert "2 connections from this address" in stub.net_events[0].fact
                assert (await first.ask(first.a_request("OPTIONS"))).status == 200
            await stub.until(lambda: not len(stub.server.streams))
            await still_serves(stub)

    asyncio.run(run())


def test_the_last_place_of_all_connections_is_given_to_nobody_else() -> None:
    limits = dataclasses.replace(STREAM_LIMITS, connections=1)

    async def run() -> None:
        async with a_stub(limits=limits) as stub:
            async with Client("tcp", stub.port("tcp")) as first:
                assert (await first.ask(first.a_request("OPTIONS"))).status == 200
                async with Client("tcp", stub.port("tcp")) as second:
                    assert await is_closed(second)
            await stub.until(lambda: not len(stub.server.streams))
            await still_serves(stub)

    asyncio.run(run())


def test_a_handshake_that_never_ends_is_ended_and_counted_among_the_connections(certificates: Certificates) -> None:
    limits = dataclasses.replace(BRIEF, connections_per_host=2)

    async def run() -> None:
        async with a_stub(limits=limits, certificates=certificates) as stub:
            slow = Client("tcp", stub.port("tls"))
            async with slow, Client("tcp", stub.port("tls")):
                await slow.send(b"\x16\x03\x01")
                async with Client("tcp", stub.port("tls")) as third:
                    assert await is_closed(third)
                assert await is_closed(slow)
            await stub.until(lambda: stub.server.streams.counts.failed_handshakes == 2)
            assert {event.fact for event in stub.net_events} >= {"connection closed: TLS handshake: took too long"}
            async with Client("tls", stub.port("tls"), ca=certificates.ca) as phone:
                assert (await phone.ask(phone.a_request("OPTIONS"))).status == 200

    asyncio.run(run())


def an_old_client(certificates: Certificates) -> ssl.SSLContext:
    """Return what a phone of old firmware speaks."""
    found = ssl.create_default_context(cafile=str(certificates.ca))
    found.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        found.maximum_version = ssl.TLSVersion.TLSv1_1
    return found


def distrust(port: int) -> None:
    """Shake hands as somebody who does not know our authority, and says so, which clients of asyncio do not."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock, contextlib.suppress(ssl.SSLError):
        ssl.create_default_context().wrap_socket(sock, server_hostname="localhost").close()


def test_a_failed_handshake_is_told_with_its_reason(certificates: Certificates) -> None:
    async def run() -> None:
        async with a_stub(certificates=certificates) as stub:
            async with Client("tcp", stub.port("tls")) as plain:
                await plain.send(bytes(plain.a_request("OPTIONS")))
                await is_closed(plain)
            await stub.until(lambda: len(stub.net_events) == 1)
            with contextlib.suppress(OSError, ssl.SSLError):
                await asyncio.open_connection(
                    "127.0.0.1", stub.port("tls"), ssl=an_old_client(certificates), server_hostname="localhost"
                )
            await stub.until(lambda: len(stub.net_events) == 2)
            await asyncio.to_thread(distrust, stub.port("tls"))
            await stub.until(lambda: len(stub.net_events) == 3)
            facts = [event.fact.removeprefix("connection closed: TLS handshake: ") for event in stub.net_events]
            assert facts == [
                "the peer does not speak TLS",
                "the peer speaks only an older TLS than is allowed here",
                "the peer does not trust our certificate authority",
            ]

    asyncio.run(run())


def test_old_tls_is_spoken_only_if_it_is_allowed(certificates: Certificates) -> None:
    async def run() -> None:
        old = an_old_client(certificates)
        async with a_stub(certificates=certificates, tls_minimum="1.0") as stub:
            _, writer = await asyncio.open_connection("127.0.0.1", stub.port("tls"), ssl=old, server_hostname="localhost")
            assert writer.get_extra_info("ssl_object").version() in ("TLSv1", "TLSv1.1")
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())


def test_a_flood_of_datagrams_does_not_keep_streams_waiting() -> None:
    async def run() -> None:
        async with a_stub() as stub, Client("tcp", stub.port("tcp")) as phone, Client("udp", stub.port("udp")) as flood:
            noise = b"\0" * 400 + b"x"
            for _ in range(500):
                await flood.send(noise)
            assert (await phone.ask(phone.a_request("OPTIONS"))).status == 200
            await stub.until(lambda: stub.stub.core.counts.malformed == 500)
            assert stub.messages(inbound=False, starts=b"SIP/2.0 4") == []

    asyncio.run(run())


class FullSocket:
    """A socket whose kernel buffer is full until it is told otherwise."""

    def __init__(self) -> None:
        self.real = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.real.bind(("127.0.0.1", 0))
        self.is_full = True
        self.sent: list[bytes] = []
        self.family = self.real.family

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def sendto(self, data: bytes, address: object) -> int:
        if self.is_full:
            raise BlockingIOError
        self.sent.append(data)
        return len(data)


def test_datagrams_wait_in_order_when_the_kernel_is_full_and_are_dropped_when_too_many_wait() -> None:
    async def run() -> None:
        full = FullSocket()
        transport = UdpTransport(full, lambda *_: None, lambda: None)  # type: ignore[arg-type]
        transport.start(asyncio.get_running_loop())
        peer = Endpoint("udp", "127.0.0.1", 9)
        for number in range(MAX_QUEUED + 5):
            assert transport.send(b"%d" % number, peer)
        assert transport.counts.dropped == 5
        full.is_full = False
        async with asyncio.timeout(30):
            while len(full.sent) < MAX_QUEUED:
                await asyncio.sleep(0)
        assert full.sent == [b"%d" % number for number in range(MAX_QUEUED)]
        assert transport.send(b"next", peer) and full.sent[-1] == b"next"
        transport.close()

    asyncio.run(run())


def test_a_datagram_that_can_never_be_sent_is_told_at_once() -> None:
    async def run() -> None:
        async with a_stub() as stub:
            assert not stub.server._udp[0].send(b"x" * 70_000, Endpoint("udp", "127.0.0.1", 9))

    asyncio.run(run())
