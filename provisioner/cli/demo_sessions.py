"""What the demo says of session timers: what each account should do, what it did in calls, and what there was no time for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from provisioner.cli.listing import count_of

if TYPE_CHECKING:
    from sipstub.stimulus.session_plan import SessionPlan
    from sipstub.stimulus.step import Step
    from sipstub.verify.finding import Finding
    from sipstub.verify.report.document import PhoneReport, Report

SETTINGS = frozenset({"session-timer", "session-expires", "session-refresher"})

MOST_TELLING = (
    "session-refresh-time",
    "session-expiry",
    "session-refresh-refused",
    "session-refresh-gone",
    "session-takes-refresh",
    "session-refresh-role",
    "session-answer-refresher",
)
"Of rules about one setting with the same verdict the first of these stands for all; then the first in the report."

Rows = list[tuple[str, str, str, str, str]]


def is_of_timers(finding: Finding) -> bool:
    """Return whether a finding is about a setting of session timers."""
    from sipstub.verify.rules import RULES

    return finding.rule in RULES and RULES[finding.rule].setting in SETTINGS


def session_rows(report: Report, plans: Mapping[str, SessionPlan]) -> Rows:
    """Return account, setting, expected, seen, verdicts, and the calls that were made; each rule that was broken has a row."""
    from sipstub.verify.rules import RULES
    from sipstub.verify.verdict import Verdict

    rows: Rows = []
    for phone in report.phones:
        found = [one for one in phone.worst_first() if is_of_timers(one)]
        told = [one for one in found if one.verdict not in (Verdict.INCONCLUSIVE, Verdict.SKIPPED)]
        accounts = sorted({one.account or 0 for one in told})
        for account in accounts:
            head = f"{phone.name} {account}" if len(accounts) > 1 else phone.name
            mine = [one for one in told if (one.account or 0) == account]
            for one in [one for one in mine if one.verdict in (Verdict.FAIL, Verdict.WARN)]:
                rows.append((head, one.rule, one.expected, one.seen, str(one.verdict)))
                head = ""
            for setting in sorted(SETTINGS, reverse=True):
                of_it = [one for one in mine if RULES[one.rule].setting == setting]
                if of_it:
                    best = min(of_it, key=_rank)
                    rows.append((head, setting, best.expected, best.seen, _counts(of_it)))
                    head = ""
            calls = [step.scenario.name for step in _steps(plans, phone) if step.scenario and step.accounts == (account,)]
            if calls:
                rows.append(("", "calls", ", ".join(calls), "", ""))
    return rows


def _rank(finding: Finding) -> tuple[int, int]:
    from sipstub.verify.verdict import Verdict

    order = (Verdict.PASS, Verdict.INFO)
    place = order.index(finding.verdict) if finding.verdict in order else len(order)
    return place, MOST_TELLING.index(finding.rule) if finding.rule in MOST_TELLING else len(MOST_TELLING)


def _counts(findings: Sequence[Finding]) -> str:
    from sipstub.verify.verdict import WORST_FIRST

    counts = Counter(one.verdict for one in findings)
    return ", ".join(f"{verdict} {counts[verdict]}" for verdict in WORST_FIRST if counts[verdict])


def _steps(plans: Mapping[str, SessionPlan], phone: PhoneReport) -> Sequence[Step]:
    return plans[phone.name].steps if phone.name in plans else ()


def played(plans: Mapping[str, SessionPlan]) -> str:
    """Return how many calls were made, for the line above the table."""
    with_calls = [plan for plan in plans.values() if plan.steps]
    calls = count_of(sum(len(plan.steps) for plan in with_calls), "call")
    return f"{calls} with {count_of(len(with_calls), 'phone')}, shared out among them; 90 s last 90 s"


def left_out(plans: Mapping[str, SessionPlan]) -> str:
    """Return what was not played at all, and how many calls of the others were made; empty where nothing was left out."""
    done = {step.scenario.name for plan in plans.values() for step in plan.steps if step.scenario is not None}
    missing = [one for plan in plans.values() for one in plan.left_out]
    if not missing:
        return ""
    made = sum(len(plan.steps) for plan in plans.values())
    never = dict.fromkeys(one.scenario for one in missing if one.scenario not in done)
    text = f"left out for want of time: {len(missing)} of {made + len(missing)} calls of session timers"
    return f"{text}; {', '.join(never)} with any phone" if never else text


def uncaught(report: Report, disobeying: Sequence[str]) -> list[str]:
    """Return the phones that were told to act against their file, and of which nothing was found."""
    from sipstub.verify.verdict import Verdict

    bad = {phone.name for phone in report.phones for one in phone.findings if one.verdict in (Verdict.FAIL, Verdict.WARN)}
    return [name for name in disobeying if name not in bad]
