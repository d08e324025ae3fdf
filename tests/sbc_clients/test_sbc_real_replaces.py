"""Linphones connect two others after they have asked, and the third one never hears the word Replaces: the SBC does it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from real_phones import phones_and_a_pbx
from sbc_clients_bench import an_sbc
from sip_running import a_stub
from test_sbc_real_transfers import BOTH_WAYS, REFER, connected, the_call

from sipstub.sbc.reoffer import direction


@pytest.mark.needs("linphone-daemon")
@pytest.mark.parametrize("behavior", [0, 3, 5], ids=[REFER[number] for number in (0, 3, 5)])
def test_the_third_one_is_asked_by_reinvite_alone(behavior: int, tmp_path: Path) -> None:
    """SBCRemoteReplacesBehavior 1: by REFER 0 and 5 the second linphone asks with Replaces, by 3 the SBC ties both calls."""

    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            text = phones_and_a_pbx(registrar.port("udp"), {"SBCReferBehavior": behavior}, SBCRemoteReplacesBehavior=1)
            bench = await running.enter_async_context(an_sbc(text, tmp_path))
            phones = await connected(running, bench, tmp_path)
            call = the_call(bench)
            assert call is not None
            assert {direction(leg.heard_description) for leg in call.legs} == {BOTH_WAYS}, "nobody is held any more"
            sent = bench.sent("INVITE", "127.0.0.1")
            assert not [one for one in sent if one.replaces is not None], "nobody gets it from the SBC"
            assert any(one.to.tag for one in sent), "the third one is asked in its call"
            await phones["102"].tell("terminate")
            await bench.until(lambda: bench.is_free)

    asyncio.run(run())
