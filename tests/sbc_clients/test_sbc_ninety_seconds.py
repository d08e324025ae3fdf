"""Sessions of 90 s in real time: a side that stops refreshing ends the call on both legs, a side that cannot is refreshed.

Real time by nature, so all of it goes side by side: 60 s (RFC 4028 section 10: a third of the interval before its end).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from real_phones import a_baresip, both_talk, phones_and_a_pbx
from sbc_clients_bench import Bench, an_sbc
from sip_running import a_stub
from sipp_parts import asks, calls, hears
from sipp_play import of, play
from sipp_script import Part, called, wait

from sipstub.sip.message import Request

INTERVAL_S = 90
ENDS_S = 60
LASTS_S = 100
OWN, OBSERVED = {"SBCSessionExpiresMode": 3}, {"SBCSessionExpiresMode": 1}
TIMER = ("Supported: timer", "Session-Expires: 90;refresher=uac")
LAZY = "Session-Expires: 90;refresher=uas\nRequire: timer"
"What a callee says that should refresh, and will not."


def lasted_s(bench: Bench) -> float:
    """Return how long a call was up: from the first 200 to an INVITE to the first BYE, which the SBC says."""
    messages = bench.recorder.messages()
    begun = next(one.at for one in messages if one.is_inbound and b" 200 OK" in one.data[:16] and b" INVITE\r\n" in one.data)
    byes = [one for one in messages if isinstance(one.message, Request) and one.message.method == "BYE"]
    assert byes and not byes[0].is_inbound, "nobody else ends it"
    assert len({one.data for one in byes}) == 2, "one on each leg"
    return byes[0].at - begun


async def expires(
    folder: Path, caller: Iterable[Part], callee: Iterable[Part], profiles: Mapping[str, Mapping[str, int]]
) -> None:
    """Have a call that is ended by the SBC."""
    folder.mkdir()
    bench = await play(folder, {"a": caller, "b": callee}, {"SBCSessionExpires": 90}, profiles, lasts_s=LASTS_S)
    assert ENDS_S - 1 <= lasted_s(bench) < INTERVAL_S


async def is_kept_up(folder: Path) -> None:
    """Have two baresips talk, which know of no session timers: the SBC refreshes the caller, and they go on talking."""
    folder.mkdir()
    async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
        text = phones_and_a_pbx(registrar.port("udp"), {"SBCSessionExpires": INTERVAL_S}, **OWN)
        bench = await running.enter_async_context(an_sbc(text, folder))
        phones = [
            await running.enter_async_context(a_baresip(folder / name, name, bench.port(), speech_s=LASTS_S))
            for name in ("100", "101")
        ]
        await bench.until(lambda: len(bench.sbc.users) == 2)
        await phones[0].tell("dial", f"sip:101@127.0.0.1:{bench.port()}")
        await phones[0].says("CALL_ESTABLISHED")
        await bench.until(lambda: len(bench.sent("INVITE", "127.0.0.1")) == 2, LASTS_S)
        call, refresh = bench.sent("INVITE", "127.0.0.1")
        assert refresh.session_expires is not None and refresh.session_expires.seconds == INTERVAL_S
        assert refresh.call_id != call.call_id, "on the other leg"
        await bench.until(lambda: all(leg.unacked is None for call in bench.sbc.relays for leg in call.legs))
        await both_talk(bench)
        assert all("CALL_CLOSED" not in phone.events for phone in phones)
        await phones[0].tell("hangup")
        await bench.until(lambda: bench.is_free)


@pytest.mark.needs("sipp", "baresip")
def test_sessions_of_ninety_seconds_end_where_a_side_stops_refreshing_and_go_on_where_the_sbc_does(tmp_path: Path) -> None:
    async def run() -> None:
        ends, bye = of(called(""), hears("BYE")), list(hears("BYE"))
        lazy = of(called(LAZY), bye)
        honest = of(calls(*TIMER), wait(INTERVAL_S / 2), asks("UPDATE", *TIMER), bye)
        agreed = of(called("Session-Expires: 90;refresher=uac\nRequire: timer"), bye)
        await asyncio.gather(
            expires(tmp_path / "caller", of(calls(*TIMER), bye), ends, {"a": OWN}),
            expires(tmp_path / "callee", of(calls(), bye), lazy, {"b": OWN}),
            expires(tmp_path / "one-of-both", honest, lazy, {"a": OWN, "b": OWN}),
            expires(tmp_path / "observed", of(calls(*TIMER), bye), agreed, {"a": OBSERVED, "b": OBSERVED}),
            is_kept_up(tmp_path / "kept"),
        )

    asyncio.run(run())
