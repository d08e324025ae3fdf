"""A Kamailio over UDP that stops and comes back while baresips are registered at it through the SBC, and call each other.

Over UDP nobody says that nobody is there: it is found out by OPTIONS, or by each request for itself.  A T1 of 30 ms makes that
1.9 s; the rest is real time by nature.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from kamailio_server import HOST, PASSWORD, answers, kamailio
from ports import free_port
from real_phones import Baresip, a_baresip, both_talk
from sbc_clients_bench import Bench, an_sbc
from sbc_text import sbc_text

from sipstub.sbc.register_attempt import LMI, LMI_TYPE
from sipstub.sip.message import Response
from sipstub.transaction.timing import Timing

TIMING = Timing(t1_s=0.03, t2_s=0.4)
ASKED_S, SURVIVED_S, KEPT_S = 4, 3, 6
"What the phones ask for, what they are told while the registrar is away, and what it is asked for: its clock ticks in seconds."


def the_site(port: int, *, is_kept_alive: bool) -> str:
    """Return phones before a Kamailio, and the phones themselves as the way out where it is away."""
    how = {"EnableProxyKeepAlive": "using-options", "ProxyKeepAliveTime": 5} if is_kept_alive else {}
    values = {
        "SBCProxyRegistrationTime": KEPT_S,
        "SBCSurvivabilityRegistrationTime": SURVIVED_S,
        "SBCEnableSurvivabilityNotice": 1,
        "SBCRandomizeExpires": 0,
    }
    routes = (
        {"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"},
        {"SrcIPGroupName": "phones", "DestIPGroupName": "phones", "AltRouteOptions": 1},
        {"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"},
    )
    groups = {"phones": {"Type": "user"}, "pbx": {"proxies": [f"{HOST}:{port}"], "set": how}}
    return sbc_text(values, groups, routes, ({"SrcIPGroupName": "phones"},))


def told(bench: Bench, since: int) -> list[Response]:
    """Return the 200s to REGISTER that phones got since then."""
    answers = [one.message for one in bench.recorder.messages()[since:] if not one.is_inbound and one.peer.host == "127.0.0.1"]
    return [one for one in answers if isinstance(one, Response) and one.status == 200 and one.cseq.method == "REGISTER"]


def is_there(bench: Bench) -> bool:
    """Return whether both phones are registered with the registrar's consent."""
    return len(bench.sbc.users) == 2 and not any(user.is_survivor for user in bench.sbc.users)


async def talk(bench: Bench, one: Baresip, legs: int) -> None:
    """Have one phone call the other, over so many legs, and hang up."""
    before = one.events.count("CALL_CLOSED")
    await one.tell("dial", f"sip:101@127.0.0.1:{bench.port()}")
    await bench.until(lambda: bench.sbc.dialogs == legs and all(call.is_connected for call in bench.sbc.relays))
    await both_talk(bench)
    await one.tell("hangup")
    await one.says("CALL_CLOSED", times=before + 1)
    await bench.until(lambda: bench.is_free)


async def survived(folder: Path, *, is_kept_alive: bool) -> None:
    """Play it with OPTIONS to the registrar, or without."""
    folder.mkdir()
    port = free_port(HOST)
    async with contextlib.AsyncExitStack() as running:
        text = the_site(port, is_kept_alive=is_kept_alive)
        bench = await running.enter_async_context(an_sbc(text, folder, timing=TIMING))
        async with kamailio(folder, port=port):
            await answers(port)
            phones = [
                await running.enter_async_context(a_baresip(folder / name, name, bench.port(), regint=ASKED_S, password=PASSWORD))
                for name in ("100", "101")
            ]
            await bench.until(lambda: is_there(bench))
            await talk(bench, phones[0], legs=4)
        since = len(bench.recorder.messages())
        await bench.until(lambda: len(bench.sbc.users) == 2 and all(user.is_survivor for user in bench.sbc.users))
        for answered in told(bench, since)[-2:]:
            assert answered.body == LMI and answered.headers.get("content-type") == LMI_TYPE
            assert [contact.expires_s for contact in answered.contacts] == [SURVIVED_S]
        await talk(bench, phones[0], legs=2)
        since = len(bench.recorder.messages())
        async with kamailio(folder, port=port):
            await bench.until(lambda: is_there(bench))
            last = told(bench, since)[-1]
            assert not last.body and [contact.expires_s for contact in last.contacts] == [ASKED_S]
            await talk(bench, phones[0], legs=4)


@pytest.mark.needs("kamailio", "baresip")
def test_phones_outlive_a_registrar_that_is_silent(tmp_path: Path) -> None:
    async def run() -> None:
        await asyncio.gather(
            survived(tmp_path / "asked", is_kept_alive=True), survived(tmp_path / "unasked", is_kept_alive=False)
        )

    asyncio.run(run())
