"""The fleet of the demo shares out the calls of session timers: every kind that fits is made, and no phone has too many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.cli.demo_sessions import left_out, played, session_rows, uncaught
from provisioner.runtime.demo_calls import BUDGET_S, CLOSER_S, SETUP_S, shared_out
from provisioner.runtime.session_calls import SessionCalls
from sipstub.scenario.brief import SCENARIOS
from sipstub.stimulus.session_plan import SessionPlan
from sipstub.verify.expectation import Expectation, Expectations, Subject
from sipstub.verify.finding import Finding
from sipstub.verify.report.document import PhoneReport, Report
from sipstub.verify.verdict import Verdict


def a_phone(number: int, *, accounts: int = 1, expires: int = 1800, refresher: str = "uac", timer: str = "on") -> Expectations:
    values = {"account-enabled": "on", "session-timer": timer, "session-expires": str(expires), "session-refresher": refresher}
    items = [
        Expectation(name, value, name, "a.cfg", at, account=account)
        for account in range(1, accounts + 1)
        for at, (name, value) in enumerate(values.items(), 1)
    ]
    return Expectations(Subject(f"phone-{number}", f"00156520000{number:x}", "T46G"), tuple(items))


def plans(phones: list[Expectations], closely: set[str] = frozenset()) -> dict[str, SessionPlan]:  # type: ignore[assignment]
    calls = SessionCalls.read(shared_out(phones, closely).as_json())
    assert calls is not None, "they travel as JSON"
    return {phone.subject.name: calls.plan(phone, has_person=True) for phone in phones}


def names(plan: SessionPlan) -> list[str]:
    return [step.scenario.name for step in plan.steps if step.scenario is not None]


def spent(plan: SessionPlan) -> float:
    return sum(step.scenario.usual_s + step.scenario.linger_s + SETUP_S for step in plan.steps if step.scenario is not None)


def test_ten_phones_play_every_scenario_that_fits_and_none_has_more_than_its_time() -> None:
    phones = [a_phone(number) for number in range(8)] + [a_phone(8, refresher="uas"), a_phone(9, timer="off")]
    found = plans(phones)
    assert all(spent(plan) <= BUDGET_S for plan in found.values())
    done = {name for plan in found.values() for name in names(plan)}
    fitting = {name for name, one in SCENARIOS.items() if one.usual_s + one.linger_s + SETUP_S <= BUDGET_S}
    assert fitting - done <= {"refreshed-as-caller"}, "the one phone that leaves refreshing to others shows its longest call"
    assert all(sum(SCENARIOS[name].intervals > 0 for name in names(plan)) <= 1 for plan in found.values())


def test_the_phone_with_the_shortest_interval_is_waited_for_until_it_refreshes_as_caller() -> None:
    found = plans([a_phone(1), a_phone(2), a_phone(3, expires=90)])
    assert "refreshes-as-caller" in names(found["phone-3"])


def test_a_phone_with_more_accounts_gets_fewer_calls_since_more_is_done_to_it_anyway() -> None:
    found = plans([a_phone(1, accounts=3)])
    assert spent(found["phone-1"]) <= BUDGET_S - 2 * 20


def test_a_phone_that_breaks_timers_is_asked_of_every_rule_that_there_is_time_for() -> None:
    (plan,) = plans([a_phone(1)], {"001565200001"}).values()
    assert BUDGET_S < spent(plan) <= CLOSER_S
    fed = {rule for step in plan.steps for rule in step.rules}
    assert fed >= {"session-refresh-time", "session-refresh-gone", "session-answer", "session-takes-refresh", "session-too-short"}


def test_what_was_left_out_is_counted_and_what_nobody_played_is_named() -> None:
    found = plans([a_phone(1)])
    made, missing = len(found["phone-1"].steps), len(found["phone-1"].left_out)
    assert played(found).startswith(f"{made} calls with 1 phone")
    text = left_out(found)
    assert f"{missing} of {made + missing} calls" in text and "peer-without-timer" in text
    assert left_out({"a": SessionPlan(())}) == ""


def a_finding(rule: str, verdict: Verdict, seen: str, account: int = 1) -> Finding:
    return Finding(rule, verdict, "wanted", "a.toml:1", seen, rule, account=account)


GOOD = [
    a_finding("session-timer", Verdict.PASS, "offered"),
    a_finding("session-refresh-time", Verdict.PASS, "after 45.0 s of 90 s"),
    a_finding("session-expires", Verdict.PASS, "90"),
    a_finding("session-answer-refresher", Verdict.INCONCLUSIVE, "no call"),
    a_finding("display-name", Verdict.PASS, "Anna"),
]


def reported(*phones: tuple[str, list[Finding]]) -> Report:
    return Report(0.0, tuple(PhoneReport(name, "", "", "", "", "registered udp", 3, tuple(found)) for name, found in phones))


def test_each_account_has_a_row_for_each_setting_with_what_tells_most_of_it() -> None:
    rows = session_rows(reported(("anna", GOOD)), {})
    assert rows == [
        ("anna", "session-timer", "wanted", "after 45.0 s of 90 s", "PASS 2"),
        ("", "session-expires", "wanted", "90", "PASS 1"),
    ]


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.WARN])
def test_a_rule_that_was_broken_has_a_row_of_its_own_above_the_others(verdict: Verdict) -> None:
    rows = session_rows(reported(("anna", [*GOOD, a_finding("session-expiry", verdict, "no BYE")])), {})
    assert rows[0] == ("anna", "session-expiry", "wanted", "no BYE", str(verdict))
    assert rows[1][:2] == ("", "session-timer") and rows[1][4] == f"{verdict} 1, PASS 2"
    assert rows[1][3] == "after 45.0 s of 90 s", "what is right is told of the setting"


def test_accounts_of_one_phone_are_told_apart() -> None:
    found = [*GOOD, *(replace(one, account=2) for one in GOOD)]
    assert [row[0] for row in session_rows(reported(("anna", found)), {})] == ["anna 1", "", "anna 2", ""]


def test_a_phone_that_was_told_to_disobey_and_did_not_show_it_is_named() -> None:
    bad = [*GOOD, a_finding("session-expiry", Verdict.FAIL, "no BYE")]
    assert uncaught(reported(("anna", GOOD), ("ben", bad)), ["anna", "ben"]) == ["anna"]
