"""Many real programs at one stub at a time, each led through scenarios of session timers in real time, and judged."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foreign_phone import free_port
from sip_running import PASSWORD, Program, Running, a_program, a_stub
from sipp_clients import SippClient
from sipp_script import OVER_S, xml

from sipstub.registrar.binding import Binding, Change
from sipstub.sip.params import NO_PARAMS
from sipstub.stimulus.director import Director
from sipstub.stimulus.run import Run
from sipstub.stimulus.session_plan import SessionPlan, session_plan
from sipstub.verify.expectation import Expectation, Expectations, Subject
from sipstub.verify.report.document import PhoneReport
from sipstub.verify.run import Circumstances, verify

HOUR_S = 3600.0
WAIT_S = 240.0
"Longest wait for one client; the longest scenario takes 140 s."
PATIENCE_S = 60.0
"A client may take so much longer than its scenarios usually do."


def expected(
    name: str, *, is_on: bool = True, expires: int = 90, refresher: str = "uac", addresses: tuple[str, ...] = ()
) -> Expectations:
    """Return what a file with these timers says of account 1; `addresses` is where the phone is known to be."""
    said = {"account-enabled": "on", "user-name": name, "password": PASSWORD, "session-timer": "on" if is_on else "off"}
    said |= {"session-expires": str(expires), "session-refresher": refresher} if is_on else {}
    items = tuple(Expectation(setting, value, setting, account=1) for setting, value in said.items())
    return Expectations(Subject(name, addresses=addresses), items)


@dataclass
class Outcome:
    """What came of one client."""

    run: Run
    problem: str
    "What the program did not like; empty if all went as in its script."
    ladder: str
    report: PhoneReport

    @property
    def said(self) -> dict[str, tuple[str, str]]:
        """Verdict, and what was seen, of each rule about session timers."""
        return {one.rule: (str(one.verdict), one.seen) for one in self.report.findings if one.rule.startswith("session-")}

    @property
    def bad(self) -> dict[str, tuple[str, str]]:
        """The same of what is wrong or odd."""
        return {rule: said for rule, said in self.said.items() if said[0] in ("FAIL", "WARN")}


@dataclass
class Bench:
    """The stub, its director, and what was recorded."""

    stub: Running
    director: Director

    def bound(self, name: str, host: str, port: int) -> None:
        """Have a user agent that does not register at our registrar."""
        aor, now = self.director.aor(name), self.stub.server.now
        binding = Binding(
            aor, "one", f"sip:{name}@{host}:{port}", NO_PARAMS, "bound", 1, now, now, now + HOUR_S, flow=f"udp {host}:{port}"
        )
        assert self.stub.stub.registrar.restore([binding], now) == 1

    async def registered(self, name: str) -> None:
        await self.stub.change(Change.CREATED, name, limit_s=60.0)

    def plan(self, phone: Expectations, *scenarios: str) -> SessionPlan:
        whole = session_plan(phone, has_person=True)
        steps = tuple(step for step in whole.steps if step.scenario is not None and step.scenario.name in scenarios)
        assert len(steps) == len(scenarios), "its timer settings do not want these"
        return SessionPlan(steps)

    async def lead(
        self, phone: Expectations, plan: SessionPlan, dial: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> Run:
        """Lead a client through its plan; `dial` makes it call."""
        run = self.director.run(phone, plan.steps, self.stub.server.now, waits_turn=False)
        self.stub.server.burst_ended()
        dialled = 0

        def has_changed() -> bool:
            return run.is_done or ("dial" in run.waits_for and len(run.results) >= dialled)

        try:
            async with asyncio.timeout(plan.usual_s + PATIENCE_S):
                while not run.is_done:
                    await self.stub.until(has_changed, WAIT_S)
                    if not run.is_done and dial is not None:
                        dialled = len(run.results) + 1
                        await dial()
        except TimeoutError:
            self.director.stop(run, self.stub.server.now)  # what it waited for is in its results
            self.stub.server.burst_ended()
        return run

    async def gave_up(self, name: str, caller: Program) -> None:
        """Wait no longer for another call of a program that has ended without one."""
        await caller.process.wait()
        aor = self.director.aor(name)
        for run in self.director.runs:
            if aor in run.stage.aors.values() and not self.director.is_in_call([aor]) and "dial" in run.waits_for:
                self.director.stop(run, self.stub.server.now)
                self.stub.server.burst_ended()
                self.stub.wake()


async def play(bench: Bench, client: SippClient, home: Path, host: str) -> Played:
    """Lead one SIPp through its scenario; return when that was over, and what SIPp had to say."""
    phone = expected(client.name, refresher=client.refresher, addresses=(host,))
    plan = bench.plan(phone, client.scenario)
    (home / "script.xml").write_text(xml(client.name, *client.script))
    own, media = free_port(), free_port()
    stub = f"127.0.0.1:{bench.stub.port('udp')}"
    command = ("sipp", "-sf", "script.xml", "-s", client.name, "-i", host, "-p", str(own), "-mp", str(media), "-m", "1")
    command += ("-ap", PASSWORD, "-auth_uri", f"100@{stub}")
    command += ("-timeout", str(OVER_S), "-timeout_error", "-nostdin", "-trace_err", "-error_file", "errors.txt", stub)

    async def ends(sipp: Program) -> str:
        code = await sipp.ends()
        errors = home / "errors.txt"
        return "" if code == 0 else errors.read_text() if errors.exists() else f"exit code {code}: {sipp.output[-2000:]!r}"

    if not client.dials:
        async with a_program(*command, home=home) as sipp:
            bench.bound(client.name, host, own)
            run = await bench.lead(phone, plan)
            return phone, run, time.time(), await ends(sipp)
    async with contextlib.AsyncExitStack() as stack:
        started: list[Program] = []

        async def dial() -> None:
            started.append(await stack.enter_async_context(a_program(*command, home=home)))
            watching.append(asyncio.create_task(bench.gave_up(client.name, started[-1])))

        watching: list[asyncio.Task[None]] = []
        run = await bench.lead(phone, plan, dial)
        for task in watching:
            task.cancel()
        return phone, run, time.time(), await ends(started[0]) if started else "it was never asked to call"


async def play_all(clients: Sequence[SippClient], home: Path) -> dict[str, Outcome]:
    """Lead all of them at a time, and judge them by one recording."""
    async with a_stub(names=tuple(client.name for client in clients)) as stub:
        bench = Bench(stub, Director(stub.stub))

        async def one(client: SippClient, host: str) -> Played:
            own = home / client.name
            own.mkdir()
            return await play(bench, client, own, host)

        # Each has an address of its own, as phones have: some never say who they are.
        played = await asyncio.gather(*(one(client, f"127.0.2.{at}") for at, client in enumerate(clients, 1)))
        return judged(stub, played)


Played = tuple[Expectations, Run, float, str]
"A phone, its run, when that was over, and what its program did not like."


def judged(stub: Running, played: Sequence[Played]) -> dict[str, Outcome]:
    """Return what came of each, by one recording of all of them."""
    circumstances = {
        phone.subject.name: Circumstances(stimuli=run.stimuli, until=until, held=run.held) for phone, run, until, _ in played
    }
    verified = verify([phone for phone, *_ in played], stub.recorder.messages(), circumstances, now=time.time())
    ladders = verified.texts()
    return {
        phone.subject.name: Outcome(run, problem, ladders.get(phone.subject.name, ""), report)
        for (phone, run, _, problem), report in zip(played, verified.report.phones, strict=True)
    }
