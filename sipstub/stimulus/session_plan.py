"""Which scenarios of session timers a phone is led through, and how long that takes on the wall clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sipstub.scenario import brief
from sipstub.scenario.all import SCENARIOS
from sipstub.scenario.scenario import PhoneTimer, Scenario
from sipstub.session_timer.setting import LEAST_S, SUGGESTED_S
from sipstub.stimulus.step import Step
from sipstub.verify.case import number_of
from sipstub.verify.expectation import Expectations
from sipstub.verify.setting import ON
from sipstub.verify.stimulus import Stimulus

SETUP_S = 5.0
"From one call to the next."
PERSON_S = 120.0
"Time that a person has to dial."
REACH_S = 120.0
"Time for a phone to register and to pick up."
NO_PERSON = "somebody has to dial at the phone: say --dial or --action-uri"
NO_TIME = "does not fit the time limit"
NOT_ITS = "its file does not ask for this"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One scenario that is not played."""

    scenario: str
    account: int
    why: str
    usual_s: float


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What is done to one phone, call after call."""

    steps: tuple[Step, ...]
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def usual_s(self) -> float:
        """Return how long it takes on the wall clock, if people dial at once."""
        return sum(step.usual_s for step in self.steps)


def timer_of(phone: Expectations, account: int) -> PhoneTimer:
    """Return what the file says of an account; where it says nothing, what RFC 4028 suggests."""
    expires = number_of(phone.text("session-expires", account))
    return PhoneTimer(
        phone.text("session-timer", account) == ON,
        int(expires) if expires else SUGGESTED_S,
        phone.text("session-refresher", account) or "uac",
    )


Chosen = Collection[tuple[int, str]]
"Accounts and names of scenarios."


def session_plan(
    phone: Expectations,
    *,
    has_person: bool = False,
    quick_s: float | None = None,
    is_brief: bool = False,
    only: Chosen | None = None,
    names: Collection[str] = (),
) -> SessionPlan:
    """Return the calls for each account whose file speaks of session timers; with `names` only the scenarios called so.

    With `quick_s` scenarios are taken while they fit that many seconds: first those that feed most rules which no other has
    fed yet, of equals the shorter one.  `is_brief` takes each scenario in its brief form; `only` names what is played.
    """
    steps: list[Step] = []
    left: list[LeftOut] = []
    warnings: list[str] = []
    for account in phone.enabled:
        if not phone.text("session-timer", account):
            continue
        timer = timer_of(phone, account)
        if timer.is_on and timer.expires_s < LEAST_S:
            warnings.append(f"account {account} offers {timer.expires_s} s: a strict peer answers 422 to less than {LEAST_S} s")
        for scenario in (brief.SCENARIOS if is_brief else SCENARIOS).values():
            if names and scenario.name not in names:
                continue
            if not scenario.wants(timer):
                if names:
                    left.append(LeftOut(scenario.name, account, NOT_ITS, _usual_s(scenario)))
                continue
            if scenario.wants_person and not has_person:
                left.append(LeftOut(scenario.name, account, NO_PERSON, _usual_s(scenario)))
            elif only is not None and (account, scenario.name) not in only:
                left.append(LeftOut(scenario.name, account, NO_TIME, _usual_s(scenario)))
            else:
                steps.append(_step(scenario, account))
    if quick_s is not None:
        kept = _fitting(steps, quick_s)
        left += [
            LeftOut(step.scenario.name, step.accounts[0], NO_TIME, step.usual_s)
            for step in steps
            if step not in kept and step.scenario is not None
        ]
        steps = [step for step in steps if step in kept]
    return SessionPlan(tuple(steps), tuple(left), tuple(warnings))


def _usual_s(scenario: Scenario) -> float:
    return scenario.usual_s + SETUP_S


def _step(scenario: Scenario, account: int) -> Step:
    reach = REACH_S + (PERSON_S if scenario.wants_person else 0.0)
    limit = scenario.longest_s + reach
    return Step(Stimulus.SESSION, (account,), _usual_s(scenario), limit, scenario.rules, scenario)


def _fitting(steps: list[Step], quick_s: float) -> list[Step]:
    """Return the steps that fit: each time the one that feeds most rules that are not fed yet, of equals the shortest."""
    kept: list[Step] = []
    fed: set[tuple[int, str]] = set()
    left = list(steps)
    while left:
        used = sum(step.usual_s for step in kept)
        left = [step for step in left if used + step.usual_s <= quick_s]
        if not left:
            break
        best = max(left, key=lambda step: (len(_feeds(step) - fed), -step.usual_s))
        kept.append(best)
        fed |= _feeds(best)
        left.remove(best)
    return kept


def _feeds(step: Step) -> set[tuple[int, str]]:
    return {(step.accounts[0], rule) for rule in step.rules}
