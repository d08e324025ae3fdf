"""A Kamailio that stops and comes back: phones stay registered, call each other meanwhile, and are led to it again."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
import sipp_script
from kamailio_server import HOST, PASSWORD, answers, kamailio
from ports import free_port
from sbc_clients_bench import Bench, a_sipp, all_end_well, an_sbc
from sbc_text import sbc_text
from sipp_parts import asks, calls, hears, registers
from sipp_script import Part, called

PHONES = {"100": "127.0.0.2", "200": "127.0.0.3"}
SECRET = ("-ap", PASSWORD)
SURVIVED_S = 45


class Phones:
    """Two of SIPp, at the same addresses all the time; each of their acts is a process."""

    def __init__(self, folder: Path, bench: Bench) -> None:
        self.bench = bench
        self.ports = {name: free_port(host) for name, host in PHONES.items()}
        self._folder = folder
        self._acts = 0

    async def act(self, **scripts: list[Part]) -> None:
        """Have them play their parts at the same time, the one that is called first."""
        self._acts += 1
        folder = self._folder / str(self._acts)
        folder.mkdir()
        async with contextlib.AsyncExitStack() as running:
            sipps = [
                a_sipp(folder, name, PHONES[name], self.ports[name], self.bench.port(), *parts, more=SECRET)
                for name, parts in ((key.removeprefix("p"), value) for key, value in scripts.items())
            ]
            await all_end_well(*[await running.enter_async_context(sipp) for sipp in sipps])
        await self.bench.until(lambda: self.bench.is_free)


def the_site(port: int) -> str:
    """Return phones before a Kamailio, and the phones themselves as the way out where it is away."""
    return sbc_text(
        {"SBCSurvivabilityRegistrationTime": SURVIVED_S, "SBCRandomizeExpires": 0},
        {"phones": {"Type": "user"}, "pbx": {"proxies": [f"{HOST}:{port}"], "transport": "tcp"}},
        (
            {"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"},
            {"SrcIPGroupName": "phones", "DestIPGroupName": "phones", "AltRouteOptions": 1},
            {"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"},
        ),
        ({"SrcIPGroupName": "phones"},),
    )


@pytest.mark.needs("sipp", "kamailio")
def test_phones_outlive_their_registrar(tmp_path: Path) -> None:
    async def run() -> None:
        port = free_port(HOST)
        async with an_sbc(the_site(port), tmp_path) as bench:
            phones = Phones(tmp_path, bench)
            register = list(registers())
            by_kamailio = [*sipp_script.calls("Subject: by the registrar"), *sipp_script.answered(), *asks("BYE")]
            among_them = [*calls(uri="sip:100@[remote_ip]:[remote_port]"), *asks("BYE")]
            is_called = [*called(""), *hears("BYE")]
            async with kamailio(tmp_path, port=port):
                await answers(port)
                await phones.act(p100=register, p200=register)
                await phones.act(p100=is_called, p200=by_kamailio)
            alone = list(registers(is_challenged=False))
            await phones.act(p100=alone, p200=alone)
            assert all(user.is_survivor for user in bench.sbc.users)
            await phones.act(p100=is_called, p200=among_them)
            async with kamailio(tmp_path, port=port):
                await answers(port)
                await phones.act(p100=register, p200=register)
                await phones.act(p100=is_called, p200=by_kamailio)

    asyncio.run(run())
