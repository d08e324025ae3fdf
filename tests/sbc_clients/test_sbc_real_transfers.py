"""Phones of others hold and transfer calls through the SBC: their RTP is counted at both sides, and by whom it was spoken."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from real_phones import Baresip, Linphone, a_baresip, a_linphone, both_talk, phones_and_a_pbx
from sbc_clients_bench import Bench, an_sbc
from sip_running import a_stub

from sipstub.sbc.call import Call
from sipstub.sbc.leg import Leg
from sipstub.sbc.reoffer import direction

BOTH_WAYS = b"a=sendrecv"
ANSWER = {b"a=sendonly": b"a=recvonly", b"a=recvonly": b"a=sendonly", b"a=inactive": b"a=inactive"}
"Directions of a hold; baresip 1.0 says recvonly, and both sides are silent."
LATE = 10
"Packets that may be on their way when a call ends or is held."
SILENCE_S = 0.3
"So long we listen to hear nothing: fifteen packets' time."
REFER = {0: "as it is", 1: "marked", 2: "name of the group", 3: "by the SBC", 4: "local host", 5: "ids translated"}
"SBCReferBehavior."


def the_call(bench: Bench) -> Call | None:
    """Return the only call, once it is complete."""
    if len(bench.sbc.relays) != 1:
        return None
    (call,) = bench.sbc.relays
    legs = [leg for leg in call.legs if not leg.is_closed]
    is_quiet = all(leg.unacked is None for leg in call.legs) and len(legs) == 2
    return call if isinstance(call, Call) and call.is_connected and not call.is_over and is_quiet else None


def talkers(bench: Bench) -> set[str]:
    """Return the users that talk in it."""
    call = the_call(bench)
    hops = {leg.hop[:3] for leg in call.legs if not leg.is_closed} if call is not None else ()
    return {str(user.aor.uri).partition("@")[0] for user in bench.sbc.users if user.hop[:3] in hops}


async def connected(running: contextlib.AsyncExitStack, bench: Bench, folder: Path) -> dict[str, Linphone]:
    """Have linphone 100 talk to 101 and to 102, and connect the two with each other; return all three."""
    port = bench.port()
    phones = {
        name: await running.enter_async_context(a_linphone(folder / name, name, port, is_typed=name == "100"))
        for name in ("100", "101", "102")
    }
    await bench.until(lambda: len(bench.sbc.users) == 3)
    typed = phones["100"]
    await typed.tell(f"call sip:101@127.0.0.1:{port}")
    await typed.says("Media streams established with sip:101")
    await typed.tell("pause")
    await typed.says(f"Call 1 with sip:101@127.0.0.1:{port} is now paused")
    await typed.tell(f"call sip:102@127.0.0.1:{port}")
    await typed.says("Media streams established with sip:102")
    await bench.until(lambda: all(one.is_connected for one in bench.sbc.relays))
    await typed.tell("transfer 1 --to-call 2")
    await typed.says(f"Call 2 with sip:102@127.0.0.1:{port} ended")
    await typed.says(f"Call 1 with sip:101@127.0.0.1:{port} ended")
    await bench.until(lambda: the_call(bench))
    assert talkers(bench) == {"sip:101", "sip:102"}
    return phones


async def is_held(bench: Bench, phone: Baresip, theirs: Leg, other: Leg) -> None:
    """Have a phone hold its call and resume it: not a packet passes meanwhile, and all of them afterwards."""
    await phone.tell("hold")
    await bench.until(lambda: direction(theirs.heard_description) != BOTH_WAYS and the_call(bench))
    assert ANSWER[direction(theirs.heard_description)] == direction(other.heard_description), "who is held says so"
    await asyncio.sleep(SILENCE_S)  # what was on its way has come
    before = [end.received for end in bench.relays.ends]
    await asyncio.sleep(SILENCE_S)
    assert [end.received for end in bench.relays.ends] == before
    await phone.tell("resume")
    await bench.until(lambda: direction(theirs.heard_description) == BOTH_WAYS and the_call(bench))
    await both_talk(bench)


@pytest.mark.needs("baresip")
def test_baresip_holds_and_resumes_and_its_media_stop_meanwhile(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            bench = await running.enter_async_context(an_sbc(phones_and_a_pbx(registrar.port("udp")), tmp_path))
            port = bench.port()
            one, two = [await running.enter_async_context(a_baresip(tmp_path / name, name, port)) for name in ("100", "101")]
            await bench.until(lambda: len(bench.sbc.users) == 2)
            await one.tell("dial", f"sip:101@127.0.0.1:{port}")
            await bench.until(lambda: the_call(bench))
            await both_talk(bench)
            call = the_call(bench)
            assert call is not None
            caller, callee = call.legs
            await is_held(bench, one, caller, callee)
            await is_held(bench, two, callee, caller)
            came, went = (sum(getattr(end, what) for end in bench.relays.ends) for what in ("received", "sent"))
            assert came - LATE <= went <= came
            ends = bench.relays.ends
            await one.tell("hangup")
            await bench.until(lambda: bench.is_free)
            (said, heard), (told, got) = await one.packets(), await two.packets()
            assert said - LATE <= got <= said and told - LATE <= heard <= told, "each hears what the other said"
            assert sorted(end.received for end in ends) == pytest.approx(sorted((said, told)), abs=LATE)

    asyncio.run(run())


@pytest.mark.needs("baresip")
@pytest.mark.parametrize("behavior", REFER, ids=REFER.values())
def test_a_baresip_transfers_its_call_to_a_third_one(behavior: int, tmp_path: Path) -> None:
    """SBCReferBehavior, all values: the two that are left talk to each other, and the third is told nothing went wrong."""

    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            text = phones_and_a_pbx(registrar.port("udp"), {"SBCReferBehavior": behavior})
            bench = await running.enter_async_context(an_sbc(text, tmp_path))
            port = bench.port()
            phones = {
                name: await running.enter_async_context(a_baresip(tmp_path / name, name, port)) for name in ("100", "101", "102")
            }
            await bench.until(lambda: len(bench.sbc.users) == 3)
            await phones["100"].tell("dial", f"sip:101@127.0.0.1:{port}")
            await bench.until(lambda: the_call(bench))
            await both_talk(bench)
            await phones["100"].tell("transfer", f"sip:102@127.0.0.1:{port}")
            await phones["100"].says("CALL_CLOSED")
            await bench.until(lambda: the_call(bench))
            assert talkers(bench) == {"sip:101", "sip:102"}
            await both_talk(bench)
            assert "TRANSFER_FAILED" not in phones["101"].events
            passed_on = [one for one in bench.recorder.messages() if one.data.startswith(b"REFER") and not one.is_inbound]
            assert bool(passed_on) is (behavior != 3)
            await phones["102"].tell("hangup")
            await bench.until(lambda: bench.is_free)
            said, heard = await phones["101"].packets(calls=1 if behavior == 3 else 2)
            assert said >= 20 and heard >= 20 - LATE

    asyncio.run(run())


@pytest.mark.needs("linphone-daemon")
@pytest.mark.parametrize("behavior", [0, 1, 3, 5], ids=[REFER[number] for number in (0, 1, 3, 5)])
def test_a_linphone_connects_two_others_after_it_has_asked(behavior: int, tmp_path: Path) -> None:
    """An attended transfer: the call that the third one has is named in Replaces, by ids that only it and the SBC know."""

    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            text = phones_and_a_pbx(registrar.port("udp"), {"SBCReferBehavior": behavior})
            bench = await running.enter_async_context(an_sbc(text, tmp_path))
            phones = await connected(running, bench, tmp_path)
            *_, last = [one for one in bench.sent("INVITE", "127.0.0.1") if one.replaces is not None]
            assert last.replaces is not None
            consulted = [one for one in bench.sent("INVITE", "127.0.0.1") if one.call_id == last.replaces.call_id]
            assert consulted, "Replaces names the call as the third one knows it"
            await phones["102"].tell("terminate")
            await bench.until(lambda: bench.is_free)

    asyncio.run(run())
