"""baresip and linphone behind the SBC register at our registrar and call each other, by TLS on one leg and UDP on the other."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from ports import free_port
from real_phones import a_baresip, a_linphone, phones_and_a_pbx
from sbc_clients_bench import a_sipp, an_sbc
from sbc_text import sbc_text
from sip_running import a_stub
from sipp_parts import hears
from sipp_script import called

from sipstub.net.certificate import Certificates


def the_site(registrar: int, callee: str) -> str:
    """Return phones that register elsewhere, and a server that knows who has 200."""
    groups = {"phones": {"Type": "user"}, "pbx": {"proxies": [f"127.0.0.1:{registrar}"]}, "there": {"proxies": [callee]}}
    routes = ({"RequestType": "register", "DestIPGroupName": "pbx"}, {"DestIPGroupName": "there"})
    return sbc_text({"SBCRandomizeExpires": 0}, groups, routes, ({"SrcIPGroupName": "phones"},))


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
            phone = a_baresip(tmp_path / "phone", "100", port, transport=transport, ca=certificates.ca)
            baresip = await running.enter_async_context(phone)
            await bench.until(lambda: len(bench.sbc.users) == 1)
            await baresip.tell("dial", f"sip:200@127.0.0.1:{port}")
            await bench.until(lambda: [one for one in bench.sbc.relays if one.is_connected])
            await bench.until(lambda: all(leg.unacked is None for one in bench.sbc.relays for leg in one.legs))
            assert len(bench.relays.ends) == 2, "media through the SBC, a port for each side"
            (user,) = bench.sbc.users
            assert user.hop.transport == transport.upper()
            await baresip.tell("hangup")
            await sipp.ends_well()
            await bench.until(lambda: bench.is_free)

    asyncio.run(run())


@pytest.mark.needs("baresip", "linphone-daemon")
def test_baresip_calls_linphone_over_tls_and_udp(tmp_path: Path, certificates: Certificates) -> None:
    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            text = phones_and_a_pbx(registrar.port("udp"))
            bench = await running.enter_async_context(an_sbc(text, tmp_path, certificates=certificates))
            port = bench.port("tls")
            phone = a_baresip(tmp_path / "phone", "100", port, transport="tls", ca=certificates.ca)
            baresip = await running.enter_async_context(phone)
            await running.enter_async_context(a_linphone(tmp_path / "linphone", "101", bench.port("udp")))
            await bench.until(lambda: len(bench.sbc.users) == 2)
            await baresip.tell("dial", f"sip:101@127.0.0.1:{port}")
            await bench.until(lambda: [one for one in bench.sbc.relays if one.is_connected])
            assert {user.hop.transport for user in bench.sbc.users} == {"TLS", "UDP"}
            await baresip.tell("hangup")
            await bench.until(lambda: bench.is_free)

    asyncio.run(run())
