"""baresip knows no session timers: what the stub makes of that, and what the report says, with baresip in either role."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from foreign_phone import BARESIP_MODULES, free_port
from sip_running import PASSWORD, Program, a_program, a_stub
from timer_bench import Bench, Outcome, Played, expected, judged

from sipstub.scenario.conduct import Conduct
from sipstub.session_timer.setting import UAC, TimerSettings
from sipstub.stimulus.call import CallState
from sipstub.stimulus.director import Director
from sipstub.stimulus.placed_call import Ringing
from sipstub.stimulus.run import StepEnd

pytestmark = pytest.mark.needs("baresip")

CONFIG = (
    "sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\nmodule_path {modules}\nmodule g711.so\nmodule aubridge.so\n"
    "module_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{port}\n"
    "audio_source aubridge,a\naudio_player aubridge,a\naudio_alert aubridge,a\n"
)
INTERVAL_S = 12
"Of the stub alone, which baresip never hears of: the half of it is waited for."


@dataclass
class Baresip:
    """One that runs, the port of its remote control, and that of the stub."""

    program: Program
    port: int
    stub: int

    async def dial(self) -> None:
        """Have it call, by a netstring with JSON."""
        text = json.dumps({"command": "dial", "params": f"sip:100@127.0.0.1:{self.stub}"})
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{len(text)}:{text},".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def a_baresip(bench: Bench, name: str, home: Path) -> AsyncIterator[Baresip]:
    home.mkdir()
    port = free_port()
    (home / "config").write_text(CONFIG.format(modules=BARESIP_MODULES, port=port))
    (home / "accounts").write_text(
        f"<sip:{name}@127.0.0.1:{bench.stub.port('udp')};transport=udp>;auth_pass={PASSWORD};regint=60;mwi=no;answermode=auto\n"
    )
    async with a_program("baresip", "-f", str(home), home=home) as program:
        await bench.registered(name)
        yield Baresip(program, port, bench.stub.port("udp"))


CLIENTS = {
    # name: its file, scenarios
    "without": (expected("without", is_on=False), ("offer", "timer-off")),
    "told-to": (expected("told-to"), ("open", "offer")),
}


async def play_all(root: Path) -> dict[str, Outcome]:
    async with a_stub(names=tuple(CLIENTS)) as stub:
        bench = Bench(stub, Director(stub.stub))

        async def one(name: str) -> Played:
            phone, scenarios = CLIENTS[name]
            async with a_baresip(bench, name, root / name) as baresip:
                run = await bench.lead(phone, bench.plan(phone, *scenarios), baresip.dial)
                return phone, run, stub.server.now, ""

        return judged(stub, await asyncio.gather(*(one(name) for name in CLIENTS)))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return asyncio.run(play_all(tmp_path_factory.mktemp("baresip")))


def test_a_phone_whose_file_has_no_timers_is_told_of_and_not_accused(played: dict[str, Outcome]) -> None:
    found = played["without"]
    assert [result.end for result in found.run.results] == [StepEnd.DONE] * 2, found.ladder
    assert found.bad == {}, found.ladder
    assert found.said["session-off"] == ("INFO", "200 without Session-Expires")
    assert found.said["session-timer"][0] == found.said["session-stays"][0] == "PASS"


def test_one_whose_file_asks_for_timers_fails_where_it_calls_and_where_it_is_called(played: dict[str, Outcome]) -> None:
    found = played["told-to"]
    told = {rule: seen for rule, (verdict, seen) in found.bad.items() if verdict == "FAIL"}
    assert told == {"session-timer": "neither", "session-answer": "no Session-Expires"}, found.ladder
    assert found.said["session-stays"][0] == "PASS"


def test_the_stub_refreshes_a_peer_without_timers_by_itself_and_the_call_stays(tmp_path: Path) -> None:
    async def run() -> None:
        async with a_stub(names=("peer",)) as stub:
            bench = Bench(stub, Director(stub.stub))
            timer = TimerSettings(expires_s=INTERVAL_S, refresher=UAC, refreshes_alone=True)
            async with a_baresip(bench, "peer", tmp_path / "peer"):
                how = Ringing(ring_s=15.0, hold_s=60.0, conduct=Conduct(timer))
                call = bench.director.call(bench.director.aor("peer"), stub.server.now, how)
                stub.server.burst_ended()
                assert call is not None

                def refreshes() -> list[bytes]:
                    sent = [one.data for one in stub.messages(inbound=False)]
                    inside = [data for data in sent if b";tag=" in data.partition(b"\nTo:")[2].partition(b"\r")[0]]
                    return [data for data in inside if data.startswith((b"UPDATE", b"INVITE"))]

                await stub.until(refreshes)
                await stub.until(lambda: call.keeper is not None and not call.keeper.negotiation.ours)
                assert call.state is CallState.ANSWERED
                (one,) = refreshes()
                assert b"Session-Expires: " in one and b"Require: timer" not in one
                bench.director.close(stub.server.now)
                stub.server.burst_ended()
                await stub.until(lambda: call.is_ended)

    asyncio.run(run())
