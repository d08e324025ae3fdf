"""The second half of the demo: every phone registers with its file, calls and is asked, and each setting is judged.

The job is that of `provisioner verify --all --stimulate --session-timers --dial` at the running server.  The phones are virtual,
and so are the people who dial; calls of session timers are shared out among the phones, and what takes minutes is
left out and named.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from provisioner.catalogue.catalogue import Catalogue
from provisioner.errors import EnvironmentProblem
from provisioner.expectations.observables import Observables
from provisioner.runtime.demo_calls import shared_out
from provisioner.runtime.session_calls import SessionCalls
from provisioner.runtime.verify_run import VerifyOptions, VerifyRun
from provisioner.runtime.verify_stimuli import Pace, steps_for
from provisioner.runtime.verify_subject import Subjects, Tested
from provisioner.runtime.verify_through import Through
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.job_table import JobState, JobTable
from provisioner.state.reading import Reading
from provisioner.state.source import PublishedSource
from provisioner.state.verdict_table import VerdictTable
from sipstub.phone.agent.call import Call
from sipstub.phone.agent.event import CallState
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.disobey import MUTANTS
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone
from sipstub.stimulus.conversation import NUMBER
from sipstub.stimulus.plan import WAIT_RULE
from sipstub.stimulus.session_plan import SessionPlan
from sipstub.verify.case import FIRST_SERVER
from sipstub.verify.expectation import Expectations
from sipstub.verify.run import Verified
from sipstub.verify.stimulus import EVERY, Stimulus

USUAL_S = 105
"How long all of the demo takes, as it is said at its beginning."
LIMIT_S = 120.0
"After so long what is not done yet is left."
POLL_S = 0.5
JOURNAL_S = 20.0
"Time for the journal to tell of the fetches."
CLAIM_S = 30.0
GRANT_S = 14
"What phones are granted: they renew after half of that."
WATCH_S = 1.0
KEY = "5"
TIMERS = "session"
"What mutants are called that show in calls which are kept up."
QUICK = frozenset({Stimulus.REGISTER, Stimulus.OPTIONS, Stimulus.CALL_IN, Stimulus.CALL_OUT, Stimulus.DIGIT, Stimulus.CHECK_SYNC})


def is_about_timers(mutants: Iterable[str]) -> bool:
    """Return whether what these mutants do wrong shows in calls that are kept up."""
    return any(MUTANTS[name].shows_when == TIMERS for name in mutants)


@dataclass(frozen=True, slots=True)
class Device:
    """One virtual phone that has booted."""

    phone: Phone
    url: str
    disobey: tuple[str, ...] = ()
    "Names of mutants."
    source: str | None = None
    "Address that it sends from; None for its own."

    @property
    def breaks_timers(self) -> bool:
        """Return whether it was told to keep session timers wrongly."""
        return is_about_timers(self.disobey)


@dataclass(slots=True)
class Person:
    """Who dials at one phone, once for each step that wants it, and presses a key in the call."""

    running: RunningPhone
    _call: Call | None = None
    _dialled_for: int = -1
    _pressed_for: int = -1

    def do(self, told: Mapping[str, Any]) -> None:
        """Do what the job waits for."""
        agent, step, number = self.running.agent, told["step"], told["done"]
        if agent is None:
            return
        # What the job tells is a moment old: a call that has ended is no reason to dial again, since that would be in the way.
        is_wanted = step == Stimulus.CALL_OUT or (step == Stimulus.SESSION and told.get("wants_person"))
        if is_wanted and self._dialled_for != number and not self._is_up:
            self._dialled_for = number
            self._call = agent.call(told["accounts"][0], NUMBER, self.running.now)
        elif step == Stimulus.DIGIT and self._pressed_for != number and self._is_up:
            self._pressed_for = number
            assert self._call is not None
            self._call.press(KEY, self.running.now)
        self.running.settle()

    @property
    def _is_up(self) -> bool:
        return self._call is not None and self._call.state is CallState.ANSWERED


@dataclass(slots=True)
class Show:
    """Asks the server that runs on a state folder about phones that are switched on meanwhile."""

    state: StateFolder
    observables: Observables
    catalogue: Catalogue
    host: str
    "Address of the server: phones that register elsewhere are left alone."
    show: Callable[[Any], str] = str
    "Writes a stored origin as people type it."
    plays: Callable[[Sequence[Expectations], Collection[str]], SessionCalls] = shared_out
    "Which calls of session timers each phone gets; the MACs of those that are looked at more closely stand beside them."
    stimulates: bool = True
    "Whether each phone is asked and refused too."
    through: Through | None = None
    "The SBC that phones find at that server."
    notes: list[str] = field(default_factory=list)
    plans: dict[str, SessionPlan] = field(default_factory=dict)
    "Calls of session timers with each phone, by name."

    async def judge(self, devices: Sequence[Device]) -> Verified | None:
        """Switch the phones on, do what is quick to each, and return the findings; None where no phone registers here."""
        database, source = Database.open(self.state), PublishedSource(self.state)
        reading = Reading(database, source)
        subjects = Subjects(source, reading, self.observables, self.catalogue, self.show)
        phones = await self._fetched(subjects, [device.phone.identity.mac for device in devices])
        macs = [phone.mac for phone in phones]
        elsewhere = len(devices) - len(macs)
        if elsewhere:
            what = "1 phone registers" if elsewhere == 1 else f"{elsewhere} phones register"
            self.notes.append(f'{what} elsewhere, so only the files were looked at: server = "@stub" in a line names this server')
        if not macs:
            return None
        devices = [device for device in devices if device.phone.identity.mac in macs]
        pace = _pace([phone.expectations for phone in phones if phone.expectations is not None])
        program = f"provisioner {version('provisioner')}"
        known = [phone.expectations for phone in phones if phone.expectations is not None]
        sessions = self.plays(known, {device.phone.identity.mac for device in devices if device.breaks_timers})
        self.plans = {phone.subject.name: sessions.plan(phone, has_person=True) for phone in known}
        options = VerifyOptions(
            LIMIT_S,
            WATCH_S,
            program,
            stimulates=self.stimulates,
            has_person=True,
            pace=pace,
            sessions=sessions,
            through=self.through,
        )
        run = VerifyRun(JobTable(database), VerdictTable(database), subjects, reading, options)
        run.ask(macs, time.time())
        run.limit_s = LIMIT_S + longest_s(self.plans.values())
        try:
            await self._watch(run, devices)
        except BaseException:
            run.cancel(time.time())
            raise
        verified = await asyncio.to_thread(run.finish, time.time())
        self.notes += run.notes
        return verified

    async def _fetched(self, subjects: Subjects, macs: Sequence[str]) -> list[Tested]:
        """Return the phones that should register here, once the server knows what each fetched."""
        deadline = time.monotonic() + JOURNAL_S
        while True:
            phones = await asyncio.to_thread(subjects.look, macs)
            if all(len(phone.hashes) > 1 for phone in phones) or time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL_S)
        return [phone for phone in phones if phone.expectations is None or self._is_here(phone.expectations)]

    def _is_here(self, phone: Expectations) -> bool:
        return any(phone.text("server-address", account, FIRST_SERVER) == self.host for account in phone.enabled)

    async def _watch(self, run: VerifyRun, devices: Sequence[Device]) -> None:
        deadline = time.monotonic() + CLAIM_S
        while (await asyncio.to_thread(run.poll, time.time())).job is JobState.WAITING:
            if time.monotonic() > deadline:
                raise EnvironmentProblem("the SIP process of the demo took no job", code="job-not-taken")
            await asyncio.sleep(POLL_S)
        async with contextlib.AsyncExitStack() as stack:
            phones = [
                RunningPhone(
                    device.phone,
                    device.url,
                    RunOptions(seed=seed, disobey=device.disobey, answering=Answering.ANSWER, source=device.source),
                )
                for seed, device in enumerate(devices)
            ]
            await asyncio.gather(*(stack.enter_async_context(phone) for phone in phones))
            people = {phone.phone.identity.mac: Person(phone) for phone in phones}
            while not (await asyncio.to_thread(run.poll, time.time())).is_over:
                told = run.job.progress.get("phones", {}) if run.job is not None else {}
                for mac, person in people.items():
                    if mac in told:
                        person.do(told[mac])
                await asyncio.sleep(POLL_S)


def longest_s(plans: Iterable[SessionPlan]) -> float:
    """Return how long the calls with one phone take where it does nothing of what is expected."""
    return max((sum(step.scenario.longest_s for step in plan.steps if step.scenario is not None) for plan in plans), default=0.0)


def _pace(phones: Sequence[Expectations]) -> Pace:
    """Return what is left out: a 503 too where a file says how long to wait after it."""
    steps = [step for phone in phones for step in steps_for(phone, boots=False, stimulates=True, has_person=True)]
    waits = any(step.stimulus is Stimulus.REFUSE and WAIT_RULE in step.rules for step in steps)
    return Pace(EVERY - (QUICK if waits else QUICK | {Stimulus.REFUSE}), GRANT_S, are_virtual=True)
