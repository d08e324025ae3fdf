"""Action URIs: who may send them by the file, what they ask, and a running phone that dials because of one."""

from __future__ import annotations

import asyncio
import base64

import pytest
from phone_wire import T46G, settings
from ports import free_port
from stub_server import HOST, StubServer, stub_server

from sipstub.phone.format.cfg import parse_cfg
from sipstub.phone.format.effective import Effective, apply_files
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.memory import PhoneMemory
from sipstub.phone.net.remote_control import MAX_HEAD, RemoteControl
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.remote_access import Dial, Press, RemoteAccess, account_of, read_target
from sipstub.phone.virtual import Phone

PATIENCE_S = 40.0
USERS = [(1, "1001"), (3, "1003")]


def said(*lines: str) -> Effective:
    body = "\n".join(["#!version:1.0.0.1", *lines, ""]).encode()
    return apply_files(Effective(), [("mac", parse_cfg(body))])


@pytest.mark.parametrize(
    ("allowed", "host", "is_let"),
    [
        ("any", "10.1.0.5", True),
        ("Any", "10.1.0.5", True),
        ("10.1.0.5", "10.1.0.5", True),
        ("10.1.0.4, 10.1.0.5", "10.1.0.5", True),
        ("10.1.*.*", "10.1.9.9", True),
        ("10.1.*", "10.1.9.9", False),
        ("10.1.0.5", "10.1.0.50", False),
        ("", "10.1.0.5", False),
        ("anyone", "10.1.0.5", False),
    ],
)
def test_the_file_says_who_may_control_the_phone(allowed: str, host: str, is_let: bool) -> None:
    access = RemoteAccess.of(said(f"features.action_uri_limit_ip = {allowed}"))
    assert (access.refusal(host) == "") is is_let


@pytest.mark.parametrize("line", ["features.action_uri.enable = 0", "wui.http_enable = 0"])
def test_what_is_switched_off_lets_nobody(line: str) -> None:
    access = RemoteAccess.of(said("features.action_uri_limit_ip = any", line))
    assert "is 0 in its file" in access.refusal("10.1.0.5")


def test_name_password_and_port_are_those_of_the_file_and_the_password_is_not_shown() -> None:
    access = RemoteAccess.of(
        said("security.user_name.admin = boss", "security.user_password = boss:s3cret!", "network.port.http = 8080")
    )
    assert (access.user, access.password, access.port) == ("boss", "s3cret!", 8080)
    assert "s3cret" not in repr(access)
    factory = RemoteAccess.of(said())
    assert (factory.user, factory.password, factory.port) == ("admin", "admin", 80)
    assert [RemoteAccess.of(said(f"network.port.http = {text}")).port for text in ("0", "70000", "x")] == [80, 80, 80]


@pytest.mark.parametrize(
    "wanted", [Dial("100"), Dial("*43#", "1001@127.0.0.1"), Dial("+4930123", "a b@x"), Press("5"), Press("#")]
)
def test_what_is_asked_is_read_as_it_was_meant(wanted: Dial | Press) -> None:
    assert read_target(wanted.target) == wanted


@pytest.mark.parametrize(
    "target",
    ["/", "/servlet", "/servlet?key=", "/servlet?key=Reboot", "/servlet?key=number=", "/servlet?key=number=abc",
     "/servlet?key=number=" + "1" * 65, "/other?key=5", "/servlet?number=100", "/servlet?phonecfg=get"],
)  # fmt: skip
def test_what_is_no_such_request_does_nothing(target: str) -> None:
    assert read_target(target) is None


def test_the_account_is_that_of_the_line_else_the_first() -> None:
    assert [account_of(line, USERS) for line in ("1003@x", "1001", "9@x", "")] == [3, 1, 1, 1]
    assert account_of("1001@x", []) is None


def basic(user: str, password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() + "\r\n"


async def asked(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(data)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /servlet?key=number=100 HTTP/1.1\r\n" + basic("admin", "pw") + "\r\n", 200),
        ("GET /servlet?key=number=100 HTTP/1.1\r\n\r\n", 401),
        ("GET /servlet?key=number=100 HTTP/1.1\r\n" + basic("admin", "admin") + "\r\n", 401),
        ("GET /servlet?key=number=100 HTTP/1.1\r\nAuthorization: Basic ???\r\n\r\n", 401),
        ("GET /servlet?key=number=100 HTTP/1.1\r\nAuthorization: Digest x\r\n\r\n", 401),
        ("GET /index.html HTTP/1.1\r\n" + basic("admin", "pw") + "\r\n", 404),
        ("POST /servlet?key=number=100 HTTP/1.1\r\n" + basic("admin", "pw") + "\r\n", 405),
        ("hello\r\n\r\n", 400),
        ("GET /" + "x" * (2 * MAX_HEAD), 0),
        ("GET /serv", 0),
    ],
)
def test_a_listener_obeys_who_knows_the_password_and_survives_everybody_else(head: str, status: int) -> None:
    obeyed: list[Dial | Press] = []

    async def scenario() -> bytes:
        access = RemoteAccess(True, ("any",), 0, "admin", "pw")
        control = await RemoteControl.listening(HOST, access, obeyed.append)
        assert control._server is not None
        port = control._server.sockets[0].getsockname()[1]
        try:
            if status:
                return await asked(port, head.encode())
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(head.encode())
            writer.write_eof()
            found = await asyncio.wait_for(reader.read(), PATIENCE_S)
            writer.close()
            return found
        finally:
            await control.close()

    found = asyncio.run(scenario())
    assert found.startswith(f"HTTP/1.1 {status} ".encode()) if status else found == b""
    assert obeyed == ([Dial("100")] if status == 200 else [])


def test_who_is_not_named_by_the_file_is_refused() -> None:
    access = RemoteAccess(True, ("10.9.9.9",), 0, "admin", "pw")
    control = RemoteControl(access, lambda wanted: pytest.fail("it obeyed"))
    assert control._take(b"GET /servlet?key=5 HTTP/1.1\r\n\r\n", HOST) == 403


def a_phone(stub: StubServer, port: int, **more: str) -> RunningPhone:
    changes = {
        "account.1.user_name": "1001",
        "account.1.auth_name": "",
        "account.1.sip_server.1.address": HOST,
        "account.1.sip_server.1.port": str(stub.port("udp")),
        "account.1.sip_server.1.transport_type": "0",
        "network.port.http": str(port),
        **more,
    }
    effective = settings(changes)
    phone = Phone(PhoneIdentity.of("001565ab0041", T46G), memory=PhoneMemory(effective=effective))
    return RunningPhone(phone, None, RunOptions(seed=1))


def test_a_running_phone_dials_when_it_is_asked_to_and_listens_only_if_its_file_lets_somebody() -> None:
    port = free_port("0.0.0.0")  # free at each address of the phone

    async def scenario() -> None:
        async with stub_server(["1001"]) as stub:
            async with a_phone(stub, port, **{"features.action_uri_limit_ip": "any"}) as running:
                assert await running.registered(PATIENCE_S)
                host = running._place.host
                reader, writer = await asyncio.open_connection(host, port)
                target = Dial("100", f"1001@{HOST}").target
                writer.write(f"GET {target} HTTP/1.1\r\n{basic('admin', 'admin')}\r\n".encode())
                assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
                writer.close()
                assert await running.until(lambda: bool(stub.got("INVITE", host)), PATIENCE_S)
            async with a_phone(stub, port) as running:
                assert await running.registered(PATIENCE_S)
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection(host, port)

    asyncio.run(scenario())
