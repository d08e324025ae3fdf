"""Calls over a wire that loses datagrams on both sides of the SBC: all of them come about and end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from lossy_relay import a_lossy_relay
from ports import free_port
from sbc_clients_bench import a_sipp, all_end_well, an_sbc
from sbc_text import sbc_text
from sipp_parts import asks, calls, hears
from sipp_script import Part, called

CALLS = 6


def rings_unheard(parts: Iterable[Part]) -> list[Part]:
    """Return the same without need for a 180, which nobody repeats."""
    return [part.replace('response="180"', 'response="180" optional="true"') for part in parts]


@pytest.mark.needs("sipp")
@pytest.mark.parametrize("every", [5, 4])
def test_calls_come_about_although_every_nth_datagram_is_lost(every: int, tmp_path: Path) -> None:
    async def run() -> None:
        async with contextlib.AsyncExitStack() as running:
            b_port = free_port("127.0.0.3")
            b_side = a_lossy_relay("127.0.0.13", "127.0.0.13", ("127.0.0.3", b_port), every)
            to_b, from_b = await running.enter_async_context(b_side)
            text = sbc_text(
                {},
                {"a": {}, "b": {"proxies": [f"127.0.0.13:{to_b.port}"]}},
                ({"SrcIPGroupName": "a", "DestIPGroupName": "b"},),
                ({"SrcIPGroupName": "a"},),
            )
            bench = await running.enter_async_context(an_sbc(text, tmp_path))
            a_side = a_lossy_relay("127.0.0.12", "127.0.0.12", ("127.0.0.1", bench.port()), every)
            from_a, to_sbc = await running.enter_async_context(a_side)
            callee = await running.enter_async_context(
                a_sipp(tmp_path, "b", "127.0.0.3", b_port, from_b.port, *called(""), *hears("BYE"), calls=CALLS)
            )
            caller = await running.enter_async_context(
                a_sipp(
                    tmp_path, "a", "127.0.0.2", free_port("127.0.0.2"), from_a.port, *rings_unheard(calls()), *asks("BYE"),
                    calls=CALLS, server="127.0.0.12",
                )
            )  # fmt: skip
            await all_end_well(caller, callee)
            assert min(one.lost for one in (to_b, from_b, from_a, to_sbc)) > 0, "each way of both wires"

    asyncio.run(run())
