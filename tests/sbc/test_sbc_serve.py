"""`sipstub serve --sbc FILE` as a person starts it, and the site that the reference shows."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner
from http_server import http_server, ok
from ports import free_port
from sip_client import Client
from sip_running import PASSWORD, a_stub

from sipstub.net.sbc_file import SbcFileProblem, bind_interfaces, read_sbc_file
from sipstub.sbc.settings.reading import read_settings
from sipstub.sbc.site import site_of
from sipstub.serve_command import serve_command
from sipstub.sip.message import Request
from sipstub.trace.ladder.flow import Arrow, flow_of
from sipstub.trace.opening import open_recording

LOOK_S = 0.02
DOC = Path(__file__).parents[2] / "docs" / "reference" / "sbc.md"
SITE = """
[settings]
SBCRandomizeExpires = 0
SBCUserRegistrationTime = 77

[[ProxySet]]
ProxyName = "pbx"

[[ProxyIp]]
ProxySetId = "pbx"
IpAddress = "127.0.0.1:{port}"

[[IPGroup]]
Name = "phones"
Type = "user"

[[IPGroup]]
Name = "pbx"
ProxySetName = "pbx"

[[Classification]]
SrcIPGroupName = "phones"

[[IP2IPRouting]]
SrcIPGroupName = "phones"
DestIPGroupName = "pbx"
"""


async def serving(folder: Path, *options: str) -> asyncio.subprocess.Process:
    """Start the command, and return when it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", "from sipstub.cli import main; main()", "serve", "--ready-file", "ready", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=folder, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while b"users of realm" not in (line := await process.stdout.readline()):
            assert line, await process.stderr.read() if process.stderr else ""
        while not (folder / "ready").exists():
            await asyncio.sleep(LOOK_S)
    return process


async def ended(process: asyncio.subprocess.Process) -> str:
    """Stop the command; return what it said."""
    process.send_signal(signal.SIGTERM)
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    return errors.decode()


def test_a_phone_registers_through_the_command(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as registrar:
            (tmp_path / "sbc.toml").write_text(SITE.format(port=registrar.port("udp")))
            process = await serving(tmp_path, "--sbc", "sbc.toml", "--sip", "127.0.0.1:0")
            try:
                port = int((tmp_path / "ready").read_text().splitlines()[0].rpartition(":")[2])
                async with Client("udp", port) as phone:
                    ok = await phone.register()
                    assert (ok.status, ok.expires) == (200, 77)
                    asked = await phone.ask_with_digest("REGISTER")
                    assert asked.status == 200 and f"<sip:100@127.0.0.1:{phone.local_port}" in (
                        asked.headers.get("contact") or ""
                    )
                    refused = await phone.ask_with_digest("REGISTER", password="wrong")
                    assert refused.status == 401
            finally:
                said = await ended(process)
            assert PASSWORD not in said

    asyncio.run(run())


def test_the_registrar_runs_beside_the_sbc(tmp_path: Path) -> None:
    async def run() -> None:
        ours, far = free_port(), free_port()
        interface = '\n[[SIPInterface]]\nInterfaceName = "lan"\nNetworkInterface = "127.0.0.1"\nTCPPort = 0\nTLSPort = 0\n'
        interface += f"UDPPort = {ours}\n"
        (tmp_path / "sbc.toml").write_text(SITE.format(port=far) + interface)
        (tmp_path / "password").write_text(PASSWORD + "\n")
        options = ("--sip", f"127.0.0.1:{far}", "--user", "100:password", "--record", "all.pcapng")
        process = await serving(tmp_path, "--sbc", "sbc.toml", *options)
        try:
            async with Client("udp", ours) as phone:
                assert (await phone.register()).expires == 77
        finally:
            said = await ended(process)
        assert f" at sip:FEU1_1_1@127.0.0.1:{ours}" in said, "what the registrar says of the SBC"
        names = {f"127.0.0.1:{ours}": "SBC", f"127.0.0.1:{far}": "registrar"}
        flow = flow_of(open_recording(tmp_path / "all.pcapng"), names=names)
        assert [party.name for party in flow.parties] == ["100", "SBC", "registrar"]
        drawn = [(row.source, row.target, row.text[:3], row.repeats, row.leg) for row in flow.rows if isinstance(row, Arrow)]
        tried = [(0, 1, "REG", 1, "1a"), (1, 2, "REG", 1, "1b")]
        refused, let_in = ([(2, 1, status, 1, "1b"), (1, 0, status, 1, "1a")] for status in ("401", "200"))
        assert drawn == [*tried, *refused, *tried, *let_in], "one arrow each, though SBC and registrar both recorded it"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[settings]\nSBCMinSE = -1\n", "1 errors in"),
        ("[[IPGroup]]\nName = 'a'\n[[IP2IPRouting]]\nSrcIPGroupName = 'a'\n", "has no destination"),
        (
            "[[ProxySet]]\nProxyName = 'a'\n[[ProxyIp]]\nProxySetId = 'a'\nIpAddress = 'pbx.example'\n",
            "not the address of a proxy",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "sbc.toml"
    file.write_text(text.replace("'", '"'))
    result = CliRunner().invoke(serve_command, ["--sbc", str(file), "--sip", "127.0.0.1:0"])
    assert result.exit_code != 0 and problem in str(result.exception)


def test_a_registrar_beside_an_sbc_without_interfaces_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sbc.toml").write_text(SITE.format(port=5060))
    (tmp_path / "password").write_text("secret\n")
    options = ["--sbc", str(tmp_path / "sbc.toml"), "--sip", "127.0.0.1:0", "--user", f"100:{tmp_path / 'password'}"]
    result = CliRunner().invoke(serve_command, options)
    assert isinstance(result.exception, SbcFileProblem) and "SIPInterface" in str(result.exception)


def test_interfaces_are_bound_and_port_0_is_not(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "sbc.ini"
    file.write_text(
        "[ SIPInterface ]\nFORMAT Index = InterfaceName, NetworkInterface, UDPPort, TCPPort, TLSPort;\n"
        f'SIPInterface 0 = "lan", "127.0.0.1", {port}, {port}, 0;\n[ \\SIPInterface ]\n'
    )
    told: list[str] = []
    listening = bind_interfaces(read_sbc_file(file, told.append))
    try:
        assert [one.socket.getsockname()[1] for one in listening] == [port, port] and not any(one.is_tls for one in listening)
    finally:
        for one in listening:
            one.socket.close()


def test_the_site_in_the_reference_can_be_served() -> None:
    blocks = re.findall(r"(?:^    .*\n|^\n)+", DOC.read_text("utf-8"), re.MULTILINE)
    (example,) = [block for block in blocks if "[[IPGroup]]" in block]
    reading = read_settings(textwrap.dedent(example).encode(), "sbc.toml")
    assert not reading.errors, reading.errors
    site = site_of(reading.settings)
    assert [group.name for group in site.groups] == ["phones", "pbx"] and len(site.routing) == 2


def test_each_side_sees_the_interface_that_faces_it(tmp_path: Path) -> None:
    """Two SIP Interfaces: what goes to a server leaves by its own, and names it in Via and Contact."""
    lan, wan = free_port(), free_port()
    rows = "".join(
        f'\n[[SIPInterface]]\nInterfaceName = "{name}"\nNetworkInterface = "127.0.0.1"\nUDPPort = {port}\n'
        "TCPPort = 0\nTLSPort = 0\n"
        for name, port in (("lan", lan), ("wan", wan))
    )

    async def run() -> None:
        async with a_stub() as registrar:
            text = rows + SITE.format(port=registrar.port("udp"))
            text = text.replace('ProxyName = "pbx"', 'ProxyName = "pbx"\nSBCIPv4SIPInterfaceName = "wan"')
            text = text.replace("[[Classification]]", '[[Classification]]\nSrcSIPInterfaceName = "lan"')
            (tmp_path / "sbc.toml").write_text(text)
            process = await serving(tmp_path, "--sbc", "sbc.toml")
            try:
                async with Client("udp", lan) as phone:
                    assert (await phone.register()).status == 200
                async with Client("udp", wan) as stranger:
                    assert (await stranger.ask(stranger.a_request("REGISTER"))).status == 403, "no phones on that side"
            finally:
                await ended(process)
            (binding,) = registrar.stub.registrar.location
            assert binding.contact == f"sip:FEU1_1_1@127.0.0.1:{wan};transport=udp"
            assert {one.peer.port for one in registrar.messages(inbound=True)} == {wan}

    asyncio.run(run())


def test_the_file_is_read_again_at_a_hangup_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as registrar:
            file = tmp_path / "sbc.toml"
            good = SITE.format(port=registrar.port("udp"))
            file.write_text(good)
            process = await serving(tmp_path, "--sbc", "sbc.toml", "--sip", "127.0.0.1:0")
            said = b""

            async def again(text: str, word: bytes) -> None:
                nonlocal said
                file.write_text(text)
                process.send_signal(signal.SIGHUP)
                assert process.stderr is not None
                async with asyncio.timeout(20):
                    while word not in said:
                        said += await process.stderr.readline()
                said = b""

            try:
                port = int((tmp_path / "ready").read_text().splitlines()[0].rpartition(":")[2])

                async def granted() -> int | None:
                    async with Client("udp", port) as phone:  # from a port of its own, so that the registrar is asked
                        return (await phone.register()).expires

                assert await granted() == 77
                await again(good.replace("77", "55"), b"was read again")
                assert await granted() == 55
                await again(good.replace("77", "-5"), b"the settings stay as they are")
                assert await granted() == 55
                await again(good.replace("77", "66\nNumOfSubscribes = 1"), b"NumOfSubscribes counts after a restart")
                assert await granted() == 66
            finally:
                await ended(process)

    asyncio.run(run())


ROUTED = """
[[HTTPRemoteServices]]
Name = "router"
Path = "{url}"
HTTPType = "routing"

[[IPGroup]]
Name = "phones"
Type = "user"

[[IPGroup]]
Name = "pbx"
ProxySetName = "pbx"

[[ProxySet]]
ProxyName = "pbx"

[[ProxyIp]]
ProxySetId = "pbx"
IpAddress = "127.0.0.1:{port}"

[[Classification]]
SrcIPGroupName = "phones"

[[IP2IPRouting]]
SrcIPGroupName = "phones"
DestType = "routing-server"
"""


def test_the_command_asks_a_routing_server(tmp_path: Path) -> None:
    async def run() -> None:
        async with http_server(lambda said: ok({"routes": [{"ipGroup": "pbx"}]})) as router, Client("udp", 0) as pbx:
            (tmp_path / "sbc.toml").write_text(ROUTED.format(url=router.url, port=pbx.local_port))
            process = await serving(tmp_path, "--sbc", "sbc.toml", "--sip", "127.0.0.1:0")
            try:
                port = int((tmp_path / "ready").read_text().splitlines()[0].rpartition(":")[2])
                async with Client("udp", port) as phone:
                    await phone.send(phone.a_request("MESSAGE", user="200", body=b"hello").to_bytes())
                    got = await pbx.receive()
                    assert isinstance(got, Request) and got.body == b"hello" and len(router.asked) == 1
            finally:
                await ended(process)

    asyncio.run(run())
