"""Strangers flood the process of an SBC with INVITEs while phones talk through it: nobody who may call notices."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from ports import free_port
from real_phones import a_baresip
from sbc_clients_bench import a_sipp, all_end_well
from sbc_process import an_sbc_process
from sbc_text import sbc_text
from sip_running import a_stub
from sipp_parts import asks, calls, hears, invites, is_refused
from sipp_script import called

STRANGERS, PER_S = 1_000, 1_000
"INVITEs, half of them without an ACK of what they get."
CALLS = 20
LONGEST_S = 60
"A busy machine needs longer."
MOST = 0.8
"Of all packets, which a machine that has no time for this process may lose some of; with time it loses none."


def the_site(registrar: int, ports: dict[str, int]) -> str:
    """Return phones that register elsewhere and call each other, a caller and a callee known by address, and nobody else."""
    groups: dict[str, dict[str, object]] = {"phones": {"Type": "user"}, "pbx": {"proxies": [f"127.0.0.1:{registrar}"]}}
    groups |= {"a": {"proxies": [f"127.0.0.2:{ports['a']}"]}, "b": {"proxies": [f"127.0.0.3:{ports['b']}"]}}
    routes = (
        {"RequestType": "register", "DestIPGroupName": "pbx"},
        {"SrcIPGroupName": "a", "DestIPGroupName": "b"},
        {"DestIPGroupName": "phones"},
    )
    rules = ({"SrcIPGroupName": "phones", "SrcAddress": "127.0.0.1"},)
    return sbc_text({"SBCRandomizeExpires": 0}, groups, routes, rules)


@pytest.mark.needs("sipp", "baresip")
def test_calls_come_about_and_nobody_is_silenced_while_strangers_call(tmp_path: Path) -> None:
    async def run() -> None:
        ports = {name: free_port(host) for name, host in (("a", "127.0.0.2"), ("b", "127.0.0.3"), ("x", "127.0.0.4"))}
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            text = the_site(registrar.port("udp"), ports)
            sbc = await running.enter_async_context(an_sbc_process(tmp_path, free_port(), text))
            one, two = [await running.enter_async_context(a_baresip(tmp_path / name, name, sbc.port)) for name in ("100", "101")]
            for phone in (one, two):
                await phone.registers()
            await one.tell("dial", f"sip:101@127.0.0.1:{sbc.port}")
            await one.says("CALL_RTPESTAB")
            refused = [*invites(), *is_refused(500)]
            rude = [*invites(), '  <recv response="500"/>\n']
            fast = ("-r", str(PER_S // 2), "-l", str(STRANGERS))
            sipps = [
                await running.enter_async_context(
                    a_sipp(
                        tmp_path,
                        name,
                        "127.0.0.4",
                        free_port("127.0.0.4"),
                        sbc.port,
                        *parts,
                        calls=STRANGERS // 2,
                        more=fast,
                        lasts_s=LONGEST_S,
                    )
                )
                for name, parts in (("stranger", refused), ("rude", rude))
            ]
            known = (("b", "127.0.0.3", [*called(""), *hears("BYE")]), ("a", "127.0.0.2", [*calls(), *asks("BYE")]))
            for name, host, parts in known:
                sipp = a_sipp(tmp_path, name, host, ports[name], sbc.port, *parts, calls=CALLS, lasts_s=LONGEST_S)
                sipps.append(await running.enter_async_context(sipp))
            await all_end_well(*sipps)
            await one.tell("hangup")
            await sbc.is_free()
            (said, heard), (told, got) = await one.packets(), await two.packets()
            assert MOST * said <= got <= said and MOST * told <= heard <= told

    asyncio.run(run())
