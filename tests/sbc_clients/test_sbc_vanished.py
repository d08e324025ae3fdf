"""A real phone that stands still in its call, and comes back when the call is over; media over a wire that loses packets.

With a T1 of 30 ms nobody waits longer than 1.9 s for an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import pytest
from lossy_relay import a_lossy_relay
from ports import free_port
from real_phones import a_baresip, both_talk, phones_and_a_pbx
from sbc_clients_bench import a_sipp, an_sbc
from sbc_text import sbc_text
from sip_running import a_stub
from sipp_parts import hears
from sipp_script import called

from sipstub.transaction.timing import Timing

TIMING = Timing(t1_s=0.03, t2_s=0.4)
EVERY = 5
"Of this many datagrams one is lost, on each way."
SPOKEN = 60
LATE = 10
"Packets that may be on their way when a call ends."


@pytest.mark.needs("baresip")
@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_a_phone_that_stands_still_does_not_keep_the_call_of_the_other(method: str, tmp_path: Path) -> None:
    """Asked to be held it gives no answer, which ends the call; hung up on it hears that when it is awake again."""

    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            bench = await running.enter_async_context(an_sbc(phones_and_a_pbx(registrar.port("udp")), tmp_path, timing=TIMING))
            port = bench.port()
            one, two = [await running.enter_async_context(a_baresip(tmp_path / name, name, port)) for name in ("100", "101")]
            await bench.until(lambda: len(bench.sbc.users) == 2)
            await one.tell("dial", f"sip:101@127.0.0.1:{port}")
            await bench.until(lambda: [call for call in bench.sbc.relays if call.is_connected])
            await both_talk(bench)
            two.program.process.send_signal(signal.SIGSTOP)
            await one.tell("hold" if method == "INVITE" else "hangup")
            await one.says("CALL_CLOSED")
            await bench.until(lambda: bench.is_free)
            assert len(bench.sent("BYE", "127.0.0.1")) == (2 if method == "INVITE" else 1), "who waited in vain is told"
            two.program.process.send_signal(signal.SIGCONT)
            await two.says("CALL_CLOSED")
            await one.tell("dial", f"sip:101@127.0.0.1:{port}")
            await one.says("CALL_ESTABLISHED", times=2)
            await both_talk(bench)
            await one.tell("hangup")
            await bench.until(lambda: bench.is_free)
            two.program.process.kill()  # it would wait for the ACK to its late 200

    asyncio.run(run())


@pytest.mark.needs("baresip", "sipp")
def test_what_a_wire_loses_of_media_the_sbc_does_not_make_worse(tmp_path: Path) -> None:
    """SIPp sends back what it hears, over a wire that loses every fifth packet on each way."""

    async def run() -> None:
        async with a_stub() as registrar, contextlib.AsyncExitStack() as running:
            sip, media = free_port("127.0.0.3"), free_port("127.0.0.3")
            wire = a_lossy_relay("127.0.0.13", "127.0.0.13", ("127.0.0.3", media), EVERY)
            near, far = await running.enter_async_context(wire)
            groups = {
                "phones": {"Type": "user"},
                "pbx": {"proxies": [f"127.0.0.1:{registrar.port('udp')}"]},
                "there": {"proxies": [f"127.0.0.3:{sip}"]},
            }
            routes = ({"RequestType": "register", "DestIPGroupName": "pbx"}, {"DestIPGroupName": "there"})
            text = sbc_text({"SBCRandomizeExpires": 0}, groups, routes, ({"SrcIPGroupName": "phones"},))
            bench = await running.enter_async_context(an_sbc(text, tmp_path))
            place = (("c=IN IP4 [local_ip]", "c=IN IP4 127.0.0.13"), ("m=audio 6000", f"m=audio {near.port}"))
            parts = [*called(""), *hears("BYE")]
            for old, new in place:
                parts = [part.replace(old, new) for part in parts]
            echo = ("-rtp_echo", "-mi", "127.0.0.3", "-mp", str(media))
            sipp = await running.enter_async_context(a_sipp(tmp_path, "b", "127.0.0.3", sip, bench.port(), *parts, more=echo))
            phone = await running.enter_async_context(a_baresip(tmp_path / "100", "100", bench.port()))
            await bench.until(lambda: len(bench.sbc.users) == 1)
            await phone.tell("dial", f"sip:200@127.0.0.1:{bench.port()}")
            await phone.says("CALL_RTPESTAB")
            await both_talk(bench, SPOKEN)
            ends = sorted(bench.relays.ends, key=lambda end: -end.received)
            await phone.tell("hangup")
            await sipp.ends_well()
            said, heard = await phone.packets()
            inside, outside = ends
            assert said - LATE <= inside.received <= said and inside.received - outside.sent <= 2
            assert near.lost and far.lost
            assert near.came - LATE <= outside.sent <= near.came + LATE
            back = far.came - far.lost
            assert back - LATE <= outside.received <= back and back - 2 * LATE <= heard <= back

    asyncio.run(run())
