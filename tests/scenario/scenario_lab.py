"""A phone in simulated time that is led through the scenarios of session timers; somebody at the phone dials and picks up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from full_file import MAC, MODELS, a_file
from stimulus_lab import Desk

from sipstub.phone.agent.incoming import Answering
from sipstub.stimulus.run import Run, StepEnd
from sipstub.stimulus.session_plan import SessionPlan, session_plan
from sipstub.verify.facts import Facts
from sipstub.verify.finding import Finding
from sipstub.verify.judge import judge
from sipstub.verify.rules import RULES
from sipstub.verify.stimulus import EVERY, Stimulus

SESSION_RULES = {rule.name for rule in RULES.values() if rule.stimulus is Stimulus.SESSION}
STIMULI = EVERY | {Stimulus.SESSION}


def timer(expires: int = 1800, refresher: int = 0, enable: int = 1) -> dict[str, str]:
    """Return the lines of a file about the session timer of account 1."""
    at = "account.1.session_timer."
    return {f"{at}enable": str(enable), f"{at}expires": str(expires), f"{at}refresher": str(refresher)}


@dataclass
class Bench:
    """One phone, led through its plan."""

    settings: dict[str, str]
    model: str = "T46G"
    transport: str = "udp"
    disobey: tuple[str, ...] = ()
    desk: Desk = field(init=False)
    run: Run = field(init=False)

    def __post_init__(self) -> None:
        self.desk = Desk(
            {"account.1.srtp_encryption": "0"}, self.settings, model=self.model, transport=self.transport, disobey=self.disobey
        )
        self.desk.boot()
        assert self.desk.lab.agent is not None
        self.desk.lab.agent.answering = Answering.ANSWER

    def plan(self, *names: str) -> SessionPlan:
        """Return what is done to it; only these scenarios if any are named."""
        plan = session_plan(self.desk.lab.expectations, has_person=True)
        if not names:
            return plan
        steps = tuple(step for step in plan.steps if step.scenario is not None and step.scenario.name in names)
        assert len(steps) == len(names), f"{names} are not all for this phone"
        return SessionPlan(steps)

    def play(self, *names: str) -> Bench:
        """Lead it through."""
        desk = self.desk
        self.run = desk.director.run(desk.lab.expectations, self.plan(*names).steps, desk.now)
        desk.finish(self.run)
        desk.lab.run(40.0)
        return self

    @property
    def facts(self) -> Facts:
        from dataclasses import replace

        return replace(self.desk.lab.facts(), held=frozenset(self.run.held))

    @property
    def findings(self) -> list[Finding]:
        """Return what the rules about session timers say."""
        found = judge(self.desk.lab.expectations, self.facts, STIMULI)
        return [one for one in found if one.rule in SESSION_RULES or one.rule.startswith("session-")]

    @property
    def said(self) -> dict[str, str]:
        return {one.rule: str(one.verdict) for one in self.findings}

    @property
    def ended(self) -> dict[str, StepEnd]:
        return {result.step.scenario.name: result.end for result in self.run.results if result.step.scenario is not None}


def told(findings: Iterable[Finding]) -> list[str]:
    return [f"{one.rule}: {one.verdict}, expected {one.expected}, seen {one.seen} #{one.number}" for one in findings]


__all__ = ["MAC", "MODELS", "Bench", "a_file", "timer", "told"]
