"""The process of an SBC whose way leads back to itself, and two that send each call to the other: SIPp is told so at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from pathlib import Path

import pytest
from ports import free_port
from sbc_clients_bench import a_sipp, an_sbc
from sbc_process import an_sbc_process
from sbc_text import sbc_text
from sipp_parts import invites, is_refused

CALLS = 5


def leads_to(port: int, transport: str) -> str:
    """Return the settings of an SBC that sends whatever comes to a port of this machine."""
    groups = {"caller": {}, "there": {"proxies": [f"127.0.0.1:{port}"], "transport": transport}}
    rules = ({"SrcIPGroupName": "caller"},)
    return sbc_text({}, groups, ({"DestIPGroupName": "there"},), rules)


@pytest.mark.needs("sipp")
@pytest.mark.parametrize(("transport", "status"), [("udp", 482), ("tcp", 483)])
def test_an_sbc_that_routes_to_itself_refuses_calls_and_stays_well(transport: str, status: int, tmp_path: Path) -> None:
    """Over UDP it knows its own address at once; over TCP each connection has a port of its own, and Max-Forwards ends it."""

    async def run() -> None:
        port = free_port()
        async with an_sbc_process(tmp_path, port, leads_to(port, transport)):
            parts = (*invites(), *is_refused(status))
            async with a_sipp(tmp_path, "a", "127.0.0.2", free_port("127.0.0.2"), port, *parts, calls=CALLS) as sipp:
                await sipp.ends_well()

    asyncio.run(run())


@pytest.mark.needs("sipp")
def test_two_sbcs_that_send_calls_to_each_other_run_out_of_forwards(tmp_path: Path) -> None:
    async def run() -> None:
        async with contextlib.AsyncExitStack() as running:
            port = free_port()
            (tmp_path / "other").mkdir()
            bench = await running.enter_async_context(an_sbc(leads_to(port, "udp"), tmp_path))
            await running.enter_async_context(an_sbc_process(tmp_path / "other", port, leads_to(bench.port(), "udp")))
            parts = (*invites(), *is_refused(483))
            caller = a_sipp(tmp_path, "a", "127.0.0.2", free_port("127.0.0.2"), bench.port(), *parts, calls=CALLS)
            await (await running.enter_async_context(caller)).ends_well()
            left = Counter(one.max_forwards for one in bench.sent("INVITE", "127.0.0.1"))
            assert left == dict.fromkeys((10, 8, 6, 4, 2, 0), CALLS), "SBCMaxForwardsLimit, one less by each of them"

    asyncio.run(run())
