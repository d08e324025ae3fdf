"""The calls of session timers in a job: what is planned for each phone, and how long that takes side by side."""

from __future__ import annotations

import heapq
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sipstub.stimulus.director import MAX_AT_ONCE
from sipstub.stimulus.session_plan import SessionPlan, session_plan
from sipstub.verify.expectation import Expectations

WIDTH = 120
"Of a printed plan."

FORMAT = "provisioner-session-plan-1"


@dataclass(frozen=True, slots=True)
class SessionCalls:
    """That they are wanted, which, and for how long at most."""

    quick_s: float | None = None
    "Only what fits so many seconds of each phone; None for all."
    names: tuple[str, ...] = ()
    "Only scenarios that are called so; all if empty."
    shares: Mapping[str, Collection[tuple[int, str]]] | None = None
    "What is played with each phone, by MAC: account and scenario, which is played in its brief form; None for all of it."

    def plan(self, phone: Expectations, *, has_person: bool) -> SessionPlan:
        """Return the calls with one phone."""
        if self.shares is None:
            return session_plan(phone, has_person=has_person, quick_s=self.quick_s, names=self.names)
        return session_plan(phone, has_person=has_person, is_brief=True, only=self.shares.get(phone.subject.mac, ()))

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        shares = None if self.shares is None else {mac: [list(one) for one in share] for mac, share in self.shares.items()}
        return {"quick_s": self.quick_s, "names": list(self.names), "shares": shares}

    @classmethod
    def read(cls, values: Mapping[str, Any] | None) -> SessionCalls | None:
        """Return what `as_json` gave; None for None."""
        if values is None:
            return None
        shares = values.get("shares")
        read = shares and {mac: tuple((int(account), str(name)) for account, name in share) for mac, share in shares.items()}
        return cls(values.get("quick_s"), tuple(values.get("names", ())), read)


def wall_clock_s(plans: Sequence[SessionPlan]) -> float:
    """Return how long all of it takes, MAX_AT_ONCE phones side by side."""
    busy: list[float] = []
    for plan in plans:
        start = heapq.heappop(busy) if len(busy) >= MAX_AT_ONCE else 0.0
        heapq.heappush(busy, start + plan.usual_s)
    return max(busy, default=0.0)


def printed(plans: Mapping[str, SessionPlan]) -> str:
    """Return the plans of phones, by name, as lines for people; phones with the same calls share theirs."""
    alike: dict[tuple[object, ...], list[str]] = {}
    for name, plan in plans.items():
        calls = tuple((step.accounts, step.scenario.name if step.scenario is not None else "") for step in plan.steps)
        alike.setdefault((calls, plan.left_out, plan.warnings), []).append(name)
    lines: list[str] = []
    for names in alike.values():
        lines += _lines(", ".join(names), plans[names[0]], "each " if len(names) > 1 else "")
    whole = wall_clock_s(list(plans.values()))
    lines.append(f"on the clock about {spoken(whole)}: phones side by side, {MAX_AT_ONCE} at a time; nothing was done")
    return "\n".join(lines)


def plans_as_json(plans: Mapping[str, SessionPlan], missing: Mapping[str, str]) -> dict[str, Any]:
    """Return the same for scripts; `missing` are phones whose files are not known, with the reason."""
    phones = [
        {
            "phone": name,
            "seconds": plan.usual_s,
            "calls": [
                {
                    "scenario": step.scenario.name if step.scenario is not None else None,
                    "account": step.accounts[0],
                    "seconds": step.usual_s,
                    "at_most_seconds": step.limit_s,
                    "wants_person": step.wants_person,
                    "what": step.text,
                }
                for step in plan.steps
            ],
            "left_out": [
                {"scenario": one.scenario, "account": one.account, "seconds": one.usual_s, "why": one.why}
                for one in plan.left_out
            ],
            "warnings": list(plan.warnings),
        }
        for name, plan in plans.items()
    ]
    not_planned = [{"phone": name, "why": why} for name, why in missing.items()]
    whole = wall_clock_s(list(plans.values()))
    return {"format": FORMAT, "seconds": whole, "side_by_side": MAX_AT_ONCE, "phones": phones, "not_planned": not_planned}


def _lines(names: str, plan: SessionPlan, each: str) -> list[str]:
    """Return the plan of phones with the same one; the accounts are named where there are several."""
    accounts = {*(step.accounts[0] for step in plan.steps), *(one.account for one in plan.left_out)}
    several = len(accounts) > 1
    calls = "1 call" if len(plan.steps) == 1 else f"{len(plan.steps)} calls"
    lines = [f"{names}: {each}{calls}, about {spoken(plan.usual_s)}" if plan.steps else f"{names}: no calls"]
    for number, step in enumerate(plan.steps, 1):
        called = step.scenario.name if step.scenario is not None else ""
        hand = "  (dial)" if step.wants_person else ""
        where = f"account {step.accounts[0]}  " if several else ""
        lines.append(f"  {number:>2}. {where}{called:<20} {step.usual_s:>4.0f} s  {step.text}{hand}")
    reasons: dict[str, list[str]] = {}
    for one in plan.left_out:
        account = f"account {one.account}, " if several else ""
        reasons.setdefault(one.why, []).append(f"{one.scenario} ({account}{one.usual_s:.0f} s)")
    for why, left in reasons.items():
        head = f"  left out: {why}: "
        lines += textwrap.wrap(", ".join(left), WIDTH, initial_indent=head, subsequent_indent="    ", break_on_hyphens=False)
    return lines + [f"  warning: {warning}" for warning in plan.warnings]


def spoken(seconds: float) -> str:
    """Return a duration for people: `13 min 40 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
