"""The SBC over sockets, with programs that we did not write on both sides: SIPp, and a REGISTER of ours to our own registrar."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from ports import free_port
from sbc_served import a_served_sbc
from sbc_world import a_site
from sip_client import Client
from sip_running import a_program, a_stub

SIPP_TRANSPORT = {"udp": "u1", "tcp": "t1"}


@pytest.mark.needs("sipp")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_sipp_calls_sipp_through_the_sbc(transport: str, tmp_path: Path) -> None:
    async def run() -> None:
        callee_port = free_port()
        groups = {"a": {}, "b": {"proxies": [f"127.0.0.1:{callee_port}"]}}
        number = {"udp": 0, "tcp": 1}[transport]
        site = a_site({}, groups, ({"SrcIPGroupName": "a", "DestIPGroupName": "b"},), ({"SrcIPGroupName": "a"},), number)
        options = ("-t", SIPP_TRANSPORT[transport], "-i", "127.0.0.1", "-nostdin", "-timeout", "15", "-timeout_error", "-m", "10")
        async with a_served_sbc(site) as (sbc, _, port), contextlib.AsyncExitStack() as running:
            callee = await running.enter_async_context(
                a_program("sipp", "-sn", "uas", "-p", str(callee_port), *options, home=tmp_path)
            )
            caller = await running.enter_async_context(
                a_program(
                    "sipp",
                    "-sn",
                    "uac",
                    "-d",
                    "100",
                    "-r",
                    "20",
                    "-p",
                    str(free_port()),
                    *options,
                    f"127.0.0.1:{port}",
                    home=tmp_path,
                )
            )
            assert await caller.ends() == 0, caller.output[-2000:]
            assert await callee.ends() == 0, callee.output[-2000:]
            assert not sbc.relays and sbc.dialogs == 0

    asyncio.run(run())


def test_a_phone_registers_at_our_registrar_through_the_sbc_with_its_digest() -> None:
    async def run() -> None:
        async with a_stub() as registrar:
            groups = {"phones": {"Type": "user"}, "pbx": {"proxies": [f"127.0.0.1:{registrar.port('udp')}"]}}
            site = a_site(
                {"SBCRandomizeExpires": 0},
                groups,
                ({"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"},),
                ({"SrcIPGroupName": "phones"},),
            )
            async with a_served_sbc(site) as (sbc, _, port):
                for transport in ("udp", "tcp"):
                    async with Client(transport, port) as phone:
                        assert (await phone.register()).status == 200
                    assert len(sbc.users) == 1
                    (user,) = sbc.users
                    assert user.hop.transport == transport.upper(), (
                        "ports and transports do not count by default: it is one phone"
                    )
            (binding,) = registrar.stub.registrar.location
            assert binding.contact == f"sip:FEU1_1_1@127.0.0.1:{port};transport=udp"

    asyncio.run(run())
