"""A fax that calls, as real RTP of SIPp: who is asked for T.38, who for G.711, and who for nothing.  Two seconds a call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from ports import free_port
from sbc_clients_bench import Sipp, a_sipp, all_end_well, an_sbc
from sbc_text import sbc_text
from sipp_parts import asks, calls, hears
from sipp_script import Part, called
from test_sbc_media_fax import CNG

FAX = "SBCRemoteRenegotiateOnFaxDetection"
HOSTS = {"plain": "127.0.0.2", "asked": "127.0.0.3", "takes": "127.0.0.4", "refuses": "127.0.0.5", "left": "127.0.0.6"}
PROFILES = {"asked": {FAX: 2}, "takes": {FAX: 1}, "refuses": {FAX: 1}}
NUMBERS = {"takes": "1", "refuses": "2", "left": "4"}
T38 = ("body", "m=image [1-9][0-9]* udptl t38")
SPOKEN_MS = 2000


def speaks(sound: Path, first_ms: int = 0) -> Part:
    """Play it, over and over, from then on."""
    return (
        f'  <pause milliseconds="{first_ms}"/>\n  <nop><action><exec rtp_stream="{sound},-1,8,PCMA/8000"/></action></nop>\n'
        f'  <pause milliseconds="{SPOKEN_MS}"/>\n'
    )


def falls_silent() -> Part:
    return '  <nop><action><exec rtp_stream="pause"/></action></nop>\n'


def a_call(to: str, *parts: Part) -> list[Part]:
    """Call somebody with A-law at a port that SIPp speaks from, do this, and hang up."""
    found = [*calls(uri=f"sip:{NUMBERS[to]}00@[remote_ip]:[remote_port]"), *parts, falls_silent(), *asks("BYE")]
    return [one.replace("m=audio 6000 RTP/AVP 0 8", "m=audio [rtpstream_audio_port] RTP/AVP 8") for one in found]


def takes_t38() -> Iterable[Part]:
    """Be asked for T.38, and take it."""
    asked, said, *rest = hears("INVITE", T38, has_body=True)
    yield from (asked, said.replace("m=audio 6000 RTP/AVP 0 8", "m=image 6004 udptl t38"), *rest)


def refuses_t38() -> Iterable[Part]:
    """Be asked for T.38, not know it, and be asked for G.711 without silence suppression."""
    yield from hears("INVITE", T38, status="488 Not Acceptable Here")
    yield from hears("INVITE", ("body", "m=audio [1-9][0-9]* RTP/AVP 8"), ("body", "a=silenceSupp:off"), has_body=True)


async def play(folder: Path, scripts: dict[str, Iterable[Part]], **values: int) -> dict[str, int]:
    """Have SIPp play these around one SBC; who is called listens first.  Return how many INVITEs each got.

    SIPp itself passes over one that it does not expect.
    """
    ports = {name: free_port(host) for name, host in HOSTS.items()}
    groups = {name: {"proxies": [f"{host}:{ports[name]}"], "profile": PROFILES.get(name, {})} for name, host in HOSTS.items()}
    routes = [{"DestUsernamePrefix": f"{number}*", "DestIPGroupName": name} for name, number in NUMBERS.items()]
    folder.mkdir()
    async with an_sbc(sbc_text(values, groups, routes), folder) as bench, contextlib.AsyncExitStack() as running:
        sipps: list[Sipp] = []
        for name, parts in sorted(scripts.items(), key=lambda one: one[0] not in NUMBERS):
            sipp = a_sipp(folder, name, HOSTS[name], ports[name], bench.port(), *parts, more=("-mp", str(free_port())))
            sipps.append(await running.enter_async_context(sipp))
        await all_end_well(*sipps)
    return {name: len(bench.sent("INVITE", HOSTS[name])) for name in scripts}


@pytest.mark.needs("sipp")
def test_a_fax_that_sipp_plays_is_heard_and_its_legs_are_asked_as_their_profiles_say(tmp_path: Path) -> None:
    sound = tmp_path / "cng"
    sound.write_bytes(CNG)
    silence = tmp_path / "silence"
    silence.write_bytes(b"\xd5" * len(CNG))

    async def run() -> list[dict[str, int]]:
        return await asyncio.gather(
            play(
                tmp_path / "takes",
                {"plain": a_call("takes", speaks(sound)), "takes": [*called(""), *takes_t38(), *hears("BYE")]},
            ),
            play(
                tmp_path / "refuses",
                {"plain": a_call("refuses", speaks(sound)), "refuses": [*called(""), *refuses_t38(), *hears("BYE")]},
            ),
            play(
                tmp_path / "caller",
                {"asked": a_call("left", speaks(sound), *takes_t38()), "left": [*called(""), *hears("BYE")]},
            ),
            play(
                tmp_path / "nobody",
                {"plain": a_call("left", speaks(sound)), "left": [*called(""), *hears("BYE")]},
            ),
            play(
                tmp_path / "voice",
                {"plain": a_call("takes", speaks(silence)), "takes": [*called(""), *hears("BYE")]},
            ),
            play(
                tmp_path / "late",
                {"plain": a_call("takes", speaks(sound, first_ms=1500)), "takes": [*called(""), *hears("BYE")]},
                SBCFaxDetectionTimeout=1,
            ),
        )

    takes, refuses, caller, nobody, voice, late = asyncio.run(run())
    assert takes == {"plain": 0, "takes": 2}
    assert refuses == {"plain": 0, "refuses": 3}
    assert caller == {"asked": 1, "left": 1}
    assert nobody == {"plain": 0, "left": 1}
    assert voice == late == {"plain": 0, "takes": 1}
