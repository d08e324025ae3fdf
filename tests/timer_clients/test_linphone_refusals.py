"""linphone where its refreshes are refused, where the other side refreshes, and where timers are off: what it does wrong is told.

Every line of docs/reference/session-timers-seen.md that test_linphone_timers.py leaves out; real time, all side by side.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from foreign_phone import linphone
from sip_running import a_program, a_stub
from timer_bench import Bench, Outcome, Played, expected, judged

from sipstub.stimulus.director import Director

pytestmark = pytest.mark.needs("linphone-daemon")

RETRIED = ("session-refresh-refused", "session-refresh-time", "session-stays")
SETTINGS = "session_expires_enabled={}\nsession_expires_value=90\nsession_expires_refresher_value=2\n"


@dataclass(frozen=True)
class Client:
    """One linphone."""

    scenarios: tuple[str, ...]
    bad: dict[str, tuple[str, str]] = field(default_factory=dict)
    "By rule: verdict, and how what was seen begins."
    good: tuple[str, ...] = ()
    is_on: bool = True


CLIENTS = {
    "gone": Client(("refresh-481",), {"session-refresh-gone": ("FAIL", "the call goes on after 481")}),
    "late": Client(("refresh-408",), {"session-refresh-gone": ("FAIL", "the call goes on after 408")}),
    "deaf": Client(("refresh-unanswered",), {"session-refresh-gone": ("FAIL", "the call goes on after no answer")}),
    "busy": Client(("refresh-500",), good=RETRIED),
    "glare": Client(("refresh-491",), good=RETRIED),
    "taken": Client(
        ("refreshed-soon",),
        {"session-answer": ("FAIL", "no timer in Require"), "session-answer-origin": ("FAIL", "o=taken ")},
        ("session-takes-refresh", "session-stays"),
    ),
    "swapped": Client(
        ("roles-swapped",),
        {"session-answer": ("WARN", "no timer in Require"), "session-refresh-time": ("FAIL", "none within 90 s")},
        ("session-takes-refresh", "session-stays"),
    ),
    "plain": Client(("peer-without-timer",), good=("session-timer", "session-refresher", "session-stays")),
    "without": Client(("offer", "timer-off"), good=("session-timer", "session-stays"), is_on=False),
}


async def play(bench: Bench, name: str, home: Path) -> Played:
    client = CLIENTS[name]
    home.mkdir()
    phone = expected(name, is_on=client.is_on)
    command = linphone(home, "udp", bench.stub.port("udp"), home / "nobody.pem")
    text = (home / "rc").read_text().replace("sip:100@", f"sip:{name}@").replace("username=100", f"username={name}")
    text = text.replace("[sip]\n", "[sip]\n" + SETTINGS.format(int(client.is_on)))
    (home / "rc").write_text(text + "\n[rtp]\naudio_rtp_port=-1\nnortp_timeout=3600\n")
    async with a_program(*command.command, "--auto-answer", home=home, goodbye=command.goodbye) as program:
        await bench.registered(name)
        pipe = program.process.stdin
        assert pipe is not None

        async def dial() -> None:
            pipe.write(b"call sip:100@127.0.0.1\n")
            await pipe.drain()

        run = await bench.lead(phone, bench.plan(phone, *client.scenarios), dial)
        return phone, run, bench.stub.server.now, ""


async def play_all(root: Path) -> dict[str, Outcome]:
    async with a_stub(names=tuple(CLIENTS)) as stub:
        bench = Bench(stub, Director(stub.stub))
        return judged(stub, await asyncio.gather(*(play(bench, name, root / name) for name in CLIENTS)))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return asyncio.run(play_all(tmp_path_factory.mktemp("linphones")))


@pytest.mark.parametrize("name", CLIENTS)
def test_what_linphone_does_is_told_by_the_rules_about_it_and_by_no_other(name: str, played: dict[str, Outcome]) -> None:
    client, found = CLIENTS[name], played[name]
    told = {rule: verdict for rule, (verdict, _) in found.bad.items()}
    assert told == {rule: verdict for rule, (verdict, _) in client.bad.items()}, found.ladder
    for rule, (_, seen) in client.bad.items():
        assert found.bad[rule][1].startswith(seen)
    assert {rule: found.said[rule][0] for rule in client.good} == dict.fromkeys(client.good, "PASS"), found.ladder


def test_with_its_timers_off_it_takes_none_and_that_is_information(played: dict[str, Outcome]) -> None:
    assert played["without"].said["session-off"] == ("INFO", "200 without Session-Expires")
