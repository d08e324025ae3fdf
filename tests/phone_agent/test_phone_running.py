"""The phone on sockets: its own address and ports, boots, resyncs, many at once, and our own registrar on the other side."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest
from phone_wire import BASE, T46G, settings
from provisioning_server import Provisioning, provisioning
from stub_server import HOST, StubServer, stub_server

from sipstub.net.certificate import Certificates, keep_certificates
from sipstub.phone.agent.event import Registered, RegistrationFailed, Resync
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.net.address import PhoneAddressProblem, bind, own_host
from sipstub.phone.net.fleet import RunningFleet
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone
from sipstub.sip.message import Request
from sipstub.transaction.sending import Hop

PATIENCE_S = 40.0
MAC = "001565ab0001"
LOOPBACK = "127.171.0.1"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return keep_certificates(tmp_path_factory.mktemp("certificates"), (HOST,), now=time.time())


def told(stub: StubServer, transport: str = "udp", user: str = "1001", **more: str) -> dict[str, str]:
    kind = {"udp": "0", "tcp": "1", "tls": "2"}[transport]
    return {
        "account.1.user_name": user,
        "account.1.auth_name": "",
        "account.1.sip_server.1.address": HOST,
        "account.1.sip_server.1.port": str(stub.port(transport)),
        "account.1.sip_server.1.transport_type": kind,
        "account.1.reg_fail_retry_interval": "1",
        **{name.replace("__", "."): value for name, value in more.items()},
    }


def a_running(changes: dict[str, str], mac: str = MAC, options: RunOptions | None = None) -> RunningPhone:
    phone = Phone(PhoneIdentity.of(mac, T46G), memory=PhoneMemory(effective=settings(changes)))
    return RunningPhone(phone, None, options or RunOptions(seed=1))


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_the_phone_registers_from_its_own_address_at_our_registrar(transport: str, certificates: Certificates) -> None:
    async def scenario() -> None:
        async with stub_server(["1001"], certificates=certificates) as stub, a_running(told(stub, transport)) as running:
            assert await running.registered(PATIENCE_S)
            request = stub.got("REGISTER", LOOPBACK)[-1]
            port = 5061 if transport == "tls" else 5060
            assert f"@{LOOPBACK}:{port};line=" in str(request.contacts)
            assert request.via.transport == transport.upper()
            if transport == "udp":
                assert {one.peer.port for one in stub.recorder.messages()} == {5060}
            assert await running.leave(PATIENCE_S)
            assert stub.got("REGISTER")[-1].expires == 0

    asyncio.run(scenario())


def test_the_port_of_the_file_is_the_port_of_the_socket() -> None:
    async def scenario() -> None:
        async with stub_server(["1001"]) as stub, a_running(told(stub, sip__listen_port="5090")) as running:
            assert await running.registered(PATIENCE_S)
            assert {one.peer.port for one in stub.recorder.messages()} == {5090}

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_replaced_and_said() -> None:
    async def scenario() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((LOOPBACK, 5060))
            async with stub_server(["1001"]) as stub, a_running(told(stub)) as running:
                assert await running.registered(PATIENCE_S)
                port = stub.recorder.messages()[0].peer.port
                assert port != 5060
                assert running.notes == [f"port 5060 of {LOOPBACK} is taken; the phone listens on {port}"]
                assert f"@{LOOPBACK}:{port};" in str(stub.got("REGISTER")[0].contacts)

    asyncio.run(scenario())


def test_towards_another_network_the_way_there_chooses_the_address() -> None:
    assert own_host(LOOPBACK, ["127.0.0.1", "127.0.0.2"]) == LOOPBACK
    assert own_host(LOOPBACK, ["127.0.0.1"], "127.0.0.77") == "127.0.0.77"
    assert own_host(LOOPBACK, ["::1"]) == "::1"


def test_an_address_that_is_not_ours_is_a_problem() -> None:
    with pytest.raises(PhoneAddressProblem, match="cannot listen"):
        bind("192.0.2.1", {"UDP": {5060}})


def test_a_server_that_is_not_there_fails_over_tcp_at_once() -> None:
    async def scenario() -> None:
        with socket.socket() as closed:
            closed.bind((HOST, 0))
            changes = {
                "account.1.sip_server.1.address": HOST,
                "account.1.sip_server.1.port": str(closed.getsockname()[1]),
                "account.1.sip_server.1.transport_type": "1",
            }
            async with a_running(changes) as running:
                assert await running.until(lambda: bool(running.events), PATIENCE_S)
                assert running.events == [RegistrationFailed(1, 1, 503, 30.0)]

    asyncio.run(scenario())


def test_a_restarted_registrar_is_found_again_over_tcp() -> None:
    async def scenario() -> None:
        async with stub_server(["1001"]) as stub, a_running(told(stub, "tcp")) as running:
            assert await running.registered(PATIENCE_S)
            for connection in stub.server.streams.connections:
                connection.abort("test")
            assert await running.until(lambda: sum(isinstance(one, Registered) for one in running.events) == 2, PATIENCE_S)

    asyncio.run(scenario())


def files(stub: StubServer, **more: str) -> bytes:
    told_now = {**BASE, **told(stub), **{name.replace("__", "."): value for name, value in more.items()}}
    return ("#!version:1.0.0.1\n" + "".join(f"{name} = {value}\n" for name, value in told_now.items())).encode()


def check_sync(running: RunningPhone, event: str) -> None:
    """Let a NOTIFY come in as from the server."""
    assert running.agent is not None
    request = Request(
        "NOTIFY",
        f"sip:1001@{LOOPBACK}",
        [
            ("Via", f"SIP/2.0/UDP {HOST}:9;branch=z9hG4bK{len(running.events)}"),
            ("From", "<sip:server@127.0.0.1>;tag=1"),
            ("To", "<sip:1001@127.0.0.1>"),
            ("Call-ID", f"sync-{len(running.events)}"),
            ("CSeq", "1 NOTIFY"),
            ("Contact", "<sip:server@127.0.0.1:9>"),
            ("Event", event),
        ],
    )
    running.agent.receive(request.to_bytes(), Hop("UDP", HOST, 9, 5060), running.now)
    running.settle()


def boots(running: RunningPhone, count: int) -> bool:
    return len(running.reports) == count and running.agent is not None


def test_check_sync_fetches_the_files_and_a_changed_one_is_obeyed(tmp_path: Path) -> None:
    async def scenario(server: Provisioning) -> None:
        async with stub_server(["1001"]) as stub:
            server.files[f"/{MAC}.cfg"] = files(stub, sip__notify_reboot_enable="0")
            phone = Phone(PhoneIdentity.of(MAC, T46G))
            async with RunningPhone(phone, server.url, RunOptions(seed=3)) as running:
                assert await running.registered(PATIENCE_S)
                before = running.agent
                check_sync(running, "check-sync")
                assert await running.until(lambda: boots(running, 2), PATIENCE_S)
                assert running.agent is before  # nothing changed, so nothing is disturbed
                server.files[f"/{MAC}.cfg"] = files(stub, sip__notify_reboot_enable="0", account__1__display_name="New Name")
                check_sync(running, "check-sync")
                assert await running.until(lambda: boots(running, 3) and running.agent is not before, PATIENCE_S)
                assert await running.registered(PATIENCE_S)
                assert stub.got("REGISTER")[-1].from_.display == "New Name"
                check_sync(running, "check-sync;reboot=true")
                assert await running.until(lambda: boots(running, 4) and running.agent is not None, PATIENCE_S)
                assert await running.registered(PATIENCE_S)
                assert [one.is_reboot for one in running.events if isinstance(one, Resync)] == [False, False, True]

    async def whole() -> None:
        async with provisioning() as server:
            await scenario(server)

    asyncio.run(whole())


def test_a_check_sync_that_comes_while_the_phone_boots_is_followed_after_that(tmp_path: Path) -> None:
    async def whole() -> None:
        async with provisioning() as server, stub_server(["1001"]) as stub:
            server.files[f"/{MAC}.cfg"] = files(stub, sip__notify_reboot_enable="0")
            async with RunningPhone(Phone(PhoneIdentity.of(MAC, T46G)), server.url, RunOptions(seed=3)) as running:
                assert await running.registered(PATIENCE_S)
                check_sync(running, "check-sync")
                await asyncio.sleep(0)  # now it boots, up to its first wait
                for _ in range(2):  # before that is over, and one boot for both
                    check_sync(running, "check-sync")
                assert await running.until(lambda: boots(running, 3), PATIENCE_S)
                assert running._resync is not None
                await running._resync
                assert len(running.reports) == 3

    asyncio.run(whole())


def test_a_hundred_phones_boot_and_register_in_one_process(certificates: Certificates) -> None:
    count = 100

    async def scenario() -> None:
        users = [str(2000 + number) for number in range(count)]
        async with stub_server(users, certificates=certificates) as stub, provisioning() as server:
            running = []
            for number, user in enumerate(users):
                mac = f"001565ac{number + 1:04x}"
                transport = ("udp", "tcp", "tls")[number % 3]
                text = {**BASE, **told(stub, transport, user)}
                lines = "".join(f"{name} = {value}\n" for name, value in text.items())
                server.files[f"/{mac}.cfg"] = b"#!version:1.0.0.1\n" + lines.encode()
                running.append(RunningPhone(Phone(PhoneIdentity.of(mac, T46G)), server.url, RunOptions(seed=number)))
            async with RunningFleet(running) as fleet:
                assert await fleet.registered(60.0) == count
                assert len({one.peer.host for one in stub.recorder.messages()}) == count
                assert await fleet.leave(30.0) == count

    asyncio.run(scenario())


def test_switching_off_leaves_no_socket_behind() -> None:
    async def scenario() -> None:
        async with stub_server(["1001"]) as stub:
            for _ in range(3):  # the same address and port each time
                async with a_running(told(stub)) as running:
                    assert await running.registered(PATIENCE_S)
                    assert running.notes == []

    asyncio.run(scenario())
