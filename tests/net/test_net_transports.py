"""The same over every transport: register, subscribe, keep-alives, answers that find their way, IPv6."""

from __future__ import annotations

import asyncio
import socket

import pytest
from sip_client import Client
from sip_running import Running, a_stub

from sipstub.net.certificate import Certificates
from sipstub.registrar.binding import Change
from sipstub.sip.message import Request, Response

TRANSPORTS = ("udp", "tcp", "tls")


def a_client(stub: Running, transport: str, certificates: Certificates, host: str = "127.0.0.1") -> Client:
    return Client(transport, stub.port(transport), host, certificates.ca)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_phone_registers_over_every_transport_and_both_families(transport: str, host: str, certificates: Certificates) -> None:
    async def run() -> None:
        async with a_stub(host=host, certificates=certificates) as stub, a_client(stub, transport, certificates, host) as phone:
            response = await phone.register()
            assert response.status == 200
            assert response.via.received == host
            made = await stub.change(Change.CREATED, "100", transport)
            assert made.binding.flow.endswith(f":{phone.local_port}")
            assert [one.is_inbound for one in stub.recorder.messages()] == [True, False, True, False]
            assert {one.local.port for one in stub.recorder.messages()} == {stub.port(transport)}

    asyncio.run(run())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_subscription_is_notified_over_the_way_it_came(transport: str, certificates: Certificates) -> None:
    async def run() -> None:
        async with a_stub(certificates=certificates) as stub, a_client(stub, transport, certificates) as phone:
            headers = (
                ("Contact", f"<sip:100@127.0.0.1:{phone.local_port}>"),
                ("Event", "message-summary"),
                ("Expires", 600),
            )
            response = await phone.ask_with_digest("SUBSCRIBE", headers=headers)
            assert response.status == 200
            notify = await phone.receive()
            assert isinstance(notify, Request) and notify.method == "NOTIFY"
            assert b"Messages-Waiting: no" in notify.body
            assert notify.via.port == stub.port(transport)
            await phone.send(bytes(_ok(notify)))
            await stub.until(lambda: stub.messages(inbound=True, starts=b"SIP/2.0 200"))
            assert len(stub.stub.others.notifier) == 1

    asyncio.run(run())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_repeated_request_gets_the_same_answer_and_changes_nothing(transport: str, certificates: Certificates) -> None:
    async def run() -> None:
        async with a_stub(certificates=certificates) as stub, a_client(stub, transport, certificates) as phone:
            request = bytes(phone.a_request("OPTIONS"))
            first = await phone.ask(request)
            second = await phone.ask(request)
            if transport == "udp":  # streams lose nothing, so there a repetition is a new request (timer J is zero)
                assert first.to_bytes() == second.to_bytes()
            assert (first.status, second.status) == (200, 200)

    asyncio.run(run())


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_ping_is_answered_with_a_pong_between_messages(transport: str, certificates: Certificates) -> None:
    async def run() -> None:
        async with a_stub(certificates=certificates) as stub, a_client(stub, transport, certificates) as phone:
            await phone.send(b"\r\n\r\n")
            assert await phone.exactly(2) == b"\r\n"
            await phone.send(b"\r\n\r\n" + bytes(phone.a_request("OPTIONS")))
            assert await phone.exactly(2) == b"\r\n"
            assert isinstance(await phone.receive(), Response)
            assert stub.stub.core.counts.keep_alives == 2
            assert [one.data for one in stub.messages(inbound=False)][:2] == [b"\r\n"] * 2

    asyncio.run(run())


@pytest.mark.parametrize("keep_alive", [b"\r\n\r\n", b"\r\n", b"\0\0\0\0"])
def test_a_keep_alive_over_udp_is_taken_without_a_word(keep_alive: bytes) -> None:
    async def run() -> None:
        async with a_stub() as stub, Client("udp", stub.port("udp")) as phone:
            await phone.send(keep_alive)
            assert (await phone.ask(phone.a_request("OPTIONS"))).status == 200
            assert len(stub.messages(inbound=False)) == 1
            assert stub.stub.core.counts.malformed == 0

    asyncio.run(run())


def test_a_message_that_comes_in_small_pieces_and_two_in_one_are_the_same_messages() -> None:
    async def run() -> None:
        async with a_stub() as stub, Client("tcp", stub.port("tcp")) as phone:
            for byte in bytes(phone.a_request("OPTIONS")):
                await phone.send(bytes((byte,)))
            assert isinstance(await phone.receive(), Response)
            await phone.send(bytes(phone.a_request("OPTIONS")) + bytes(phone.a_request("OPTIONS")))
            assert [type(await phone.receive()) for _ in range(2)] == [Response, Response]

    asyncio.run(run())


def test_without_rport_the_answer_goes_to_the_port_of_via_and_the_address_that_it_came_from() -> None:
    async def run() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
            elsewhere.setblocking(False)
            elsewhere.bind(("127.0.0.1", 0))
            async with a_stub() as stub, Client("udp", stub.port("udp")) as phone:
                request = phone.a_request("OPTIONS", rport=False)
                request.headers.set("Via", f"SIP/2.0/UDP 192.0.2.77:{elsewhere.getsockname()[1]};branch=z9hG4bKelsewhere")
                await phone.send(bytes(request))
                data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(elsewhere, 4096), 30)
                assert b";received=127.0.0.1" in data

    asyncio.run(run())


def test_an_answer_whose_connection_is_gone_goes_to_where_via_says_that_the_sender_listens() -> None:
    async def run() -> None:
        arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrived.set_result(await reader.readuntil(b"\r\n\r\n"))
            writer.close()

        listening = await asyncio.start_server(take, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        async with a_stub() as stub:
            late: list[object] = []

            class Slow:
                methods = ("MESSAGE",)

                def handle(self, one: object, now: float) -> None:
                    late.append(one)

                def next_timer(self) -> None: ...

                def on_timer(self, now: float) -> None: ...

            stub.stub.core.add(Slow())
            async with Client("tcp", stub.port("tcp")) as phone:
                request = phone.a_request("MESSAGE")
                request.headers.set("Via", f"SIP/2.0/TCP 127.0.0.1:{port};branch=z9hG4bKgone")
                await phone.send(bytes(request))
                await stub.until(lambda: late)
            await stub.until(lambda: not len(stub.server.streams))
            one = late[0]
            from sipstub.sip.answer import answer

            stub.stub.core.respond(one.transaction, answer(one.request, 200, to_tag="t"), stub.server.now)  # type: ignore[attr-defined]
            stub.server.burst_ended()
            assert (await asyncio.wait_for(arrived, 30)).startswith(b"SIP/2.0 200 OK")
        listening.close()
        await listening.wait_closed()

    asyncio.run(run())


def test_a_request_to_a_phone_takes_the_connection_that_it_registered_over() -> None:
    async def run() -> None:
        async with a_stub() as stub, Client("tcp", stub.port("tcp")) as phone:
            await phone.register()
            binding = stub.changes[0].binding
            request = phone.a_request("OPTIONS")
            request.headers.remove("Via")
            hop = stub.stub.core.hop_to(binding)
            stub.stub.core.request(request, hop, stub.server.now)
            stub.server.burst_ended()
            asked = await phone.receive()
            assert isinstance(asked, Request) and asked.method == "OPTIONS"
            assert len(stub.server.streams) == 1

    asyncio.run(run())


def _ok(request: Request) -> Response:
    from sipstub.sip.answer import answer

    return answer(request, 200)
