"""SIPps around one SBC: a calls, b is called, c is called by numbers with 3; each plays its parts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ports import free_port
from sbc_clients_bench import SIPP_S, Bench, Sipp, a_sipp, all_end_well, an_sbc
from sbc_text import sbc_text
from sipp_script import Part

HOSTS = {"a": "127.0.0.2", "b": "127.0.0.3", "c": "127.0.0.4"}
ROUTES = (
    {"DestUsernamePrefix": "3*", "DestIPGroupName": "c"},
    {"SrcIPGroupName": "a", "DestIPGroupName": "b"},
    {"SrcIPGroupName": "c", "DestIPGroupName": "b"},
    {"DestIPGroupName": "c"},
)


async def play(
    folder: Path,
    scripts: Mapping[str, Iterable[Part]],
    values: Mapping[str, int | str] | None = None,
    profiles: Mapping[str, Mapping[str, int]] | None = None,
    calls_of_c: int = 1,
    lasts_s: int = SIPP_S,
) -> Bench:
    """Have SIPp play these parts around one SBC, which is returned; whoever calls, a, begins when the others listen."""
    ports = {name: free_port(host) for name, host in HOSTS.items()}
    groups = {
        name: {"proxies": [f"{host}:{ports[name]}"], "profile": (profiles or {}).get(name, {})} for name, host in HOSTS.items()
    }
    async with an_sbc(sbc_text(values, groups, ROUTES), folder) as bench, contextlib.AsyncExitStack() as running:
        sipps: list[Sipp] = []
        for name, parts in sorted(scripts.items(), reverse=True):
            count = calls_of_c if name == "c" else 1
            sipp = a_sipp(folder, name, HOSTS[name], ports[name], bench.port(), *parts, calls=count, lasts_s=lasts_s)
            sipps.append(await running.enter_async_context(sipp))
        await all_end_well(*sipps)
    return bench


def plays(folder: Path, scripts: Mapping[str, Iterable[Part]], *more: Any, **named: Any) -> Bench:
    """Do so in a loop of its own."""
    return asyncio.run(play(folder, scripts, *more, **named))


def of(*parts: Iterable[Part]) -> list[Part]:
    """Return all parts in one."""
    return [part for each in parts for part in each]
