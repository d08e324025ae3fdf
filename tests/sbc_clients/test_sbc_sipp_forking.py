"""Two SIPp phones of one user: a call rings at both, one answers, and the other is told that it is no more wanted."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from ports import free_port
from sbc_clients_bench import a_sipp, all_end_well, an_sbc
from sbc_text import sbc_text
from sip_running import PASSWORD, a_stub
from sipp_parts import asks, calls, hears, registers, rings_until_cancelled
from sipp_script import called

PHONES = {"first": "127.0.0.2", "second": "127.0.0.4"}


@pytest.mark.needs("sipp")
def test_a_call_rings_at_both_phones_of_a_user(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            text = sbc_text(
                {"SBCRandomizeExpires": 0},
                {
                    "phones": {"Type": "user", "EnableSBCClientForking": 1},
                    "pbx": {"proxies": [f"127.0.0.1:{registrar.port('udp')}"]},
                    "outside": {},
                },
                ({"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"}, {"DestIPGroupName": "phones"}),
                ({"SrcIPGroupName": "outside", "SrcAddress": "127.0.0.3"}, {"SrcIPGroupName": "phones"}),
            )
            bench = await running.enter_async_context(an_sbc(text, tmp_path))
            ports = {name: free_port(host) for name, host in PHONES.items()}
            for name, host in PHONES.items():
                folder = tmp_path / f"{name}-registers"
                folder.mkdir()
                secret = ("-ap", PASSWORD)
                async with a_sipp(folder, "100", host, ports[name], bench.port(), *registers(), more=secret) as phone:
                    await phone.ends_well()
            assert len(bench.sbc.users) == 2
            scripts = {"first": rings_until_cancelled(), "second": [*called(""), *hears("BYE")]}
            sipps = [
                await running.enter_async_context(a_sipp(tmp_path, name, host, ports[name], bench.port(), *scripts[name]))
                for name, host in PHONES.items()
            ]
            caller = [*calls(uri="sip:100@[remote_ip]:[remote_port]"), *asks("BYE")]
            port = free_port("127.0.0.3")
            sipps.append(await running.enter_async_context(a_sipp(tmp_path, "a", "127.0.0.3", port, bench.port(), *caller)))
            await all_end_well(*sipps)

    asyncio.run(run())
