"""baresip and linphone behind the SBC register at our registrar and call each other, by TLS on one leg and UDP on the other."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from foreign_phone import BARESIP_MODULES
from ports import free_port
from sbc_clients_bench import a_sipp, an_sbc
from sbc_text import sbc_text
from sip_running import PASSWORD, REALM, a_program, a_stub
from sipp_parts import hears
from sipp_script import called

from sipstub.net.certificate import Certificates

CONFIG = (
    "sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\nsip_cafile {ca}\nmodule_path {modules}\nmodule g711.so\n"
    "module aubridge.so\nmodule_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{control}\n"
    "audio_source aubridge,a\naudio_player aubridge,a\naudio_alert aubridge,a\n"
)


def the_site(registrar: int, callee: str = "") -> str:
    """Return phones that register elsewhere and call each other, or a server that knows who has 200."""
    groups: dict[str, dict[str, object]] = {"phones": {"Type": "user"}, "pbx": {"proxies": [f"127.0.0.1:{registrar}"]}}
    if callee:
        groups["there"] = {"proxies": [callee]}
    routes = (
        {"RequestType": "register", "DestIPGroupName": "pbx"},
        {"DestIPGroupName": "there" if callee else "phones"},
    )
    return sbc_text({"SBCRandomizeExpires": 0}, groups, routes, ({"SrcIPGroupName": "phones"},))


def baresip_home(home: Path, name: str, transport: str, port: int, ca: Path) -> int:
    """Write its files; return the port of its remote control."""
    home.mkdir()
    control = free_port()
    (home / "config").write_text(CONFIG.format(ca=ca, modules=BARESIP_MODULES, control=control))
    (home / "accounts").write_text(
        f"<sip:{name}@127.0.0.1:{port};transport={transport}>;auth_pass={PASSWORD};regint=60;mwi=no;answermode=auto\n"
    )
    return control


async def tell(control: int, command: str, params: str = "") -> None:
    """Have a baresip do something, by a netstring with JSON."""
    text = json.dumps({"command": command, "params": params})
    _, writer = await asyncio.open_connection("127.0.0.1", control)
    writer.write(f"{len(text)}:{text},".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@pytest.mark.needs("sipp", "baresip")
@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_baresip_registers_and_calls_through_the_sbc(transport: str, tmp_path: Path, certificates: Certificates) -> None:
    """SIPp is called over UDP in any case."""

    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            callee = free_port("127.0.0.3")
            text = the_site(registrar.port("udp"), f"127.0.0.3:{callee}")
            bench = await running.enter_async_context(an_sbc(text, tmp_path, certificates=certificates))
            sipp = await running.enter_async_context(
                a_sipp(tmp_path, "b", "127.0.0.3", callee, bench.port(), *called(""), *hears("BYE"))
            )
            port = bench.port(transport)
            control = baresip_home(tmp_path / "phone", "100", transport, port, certificates.ca)
            await running.enter_async_context(a_program("baresip", "-f", str(tmp_path / "phone"), home=tmp_path / "phone"))
            await bench.until(lambda: len(bench.sbc.users) == 1)
            await tell(control, "dial", f"sip:200@127.0.0.1:{port}")
            await bench.until(lambda: [one for one in bench.sbc.relays if one.is_connected])
            await bench.until(lambda: all(leg.unacked is None for one in bench.sbc.relays for leg in one.legs))
            assert len(bench.relays.ends) == 2, "media through the SBC, a port for each side"
            (user,) = bench.sbc.users
            assert user.hop.transport == transport.upper()
            await tell(control, "hangup")
            await sipp.ends_well()
            await bench.until(lambda: bench.is_free)

    asyncio.run(run())


@pytest.mark.needs("baresip", "linphone-daemon")
def test_baresip_calls_linphone_over_tls_and_udp(tmp_path: Path, certificates: Certificates) -> None:
    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            text = the_site(registrar.port("udp"))
            bench = await running.enter_async_context(an_sbc(text, tmp_path, certificates=certificates))
            port = bench.port("tls")
            control = baresip_home(tmp_path / "phone", "100", "tls", port, certificates.ca)
            await running.enter_async_context(a_program("baresip", "-f", str(tmp_path / "phone"), home=tmp_path / "phone"))
            home = linphone_home(tmp_path / "linphone", bench.port("udp"))
            command = ("linphone-daemon", "--config", str(home / "rc"), "--auto-answer")
            await running.enter_async_context(a_program(*command, home=home, goodbye=b"quit\n"))
            await bench.until(lambda: len(bench.sbc.users) == 2)
            await tell(control, "dial", f"sip:101@127.0.0.1:{port}")
            await bench.until(lambda: [one for one in bench.sbc.relays if one.is_connected])
            assert {user.hop.transport for user in bench.sbc.users} == {"TLS", "UDP"}
            await tell(control, "hangup")
            await bench.until(lambda: bench.is_free)

    asyncio.run(run())


def linphone_home(home: Path, port: int) -> Path:
    """Write the file of a linphone that is 101."""
    for part in (".local/share/linphone", ".config/linphone"):
        (home / part).mkdir(parents=True)
    (home / "rc").write_text(
        "[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\nuse_ipv6=0\ndefault_proxy=0\n\n[rtp]\naudio_rtp_port=-1\n\n"
        f"[proxy_0]\nreg_proxy=<sip:127.0.0.1:{port};transport=udp>\nreg_identity=sip:101@127.0.0.1\nreg_expires=60\n"
        f"reg_sendregister=1\n\n[auth_info_0]\nusername=101\npasswd={PASSWORD}\nrealm={REALM}\n"
    )
    return home
