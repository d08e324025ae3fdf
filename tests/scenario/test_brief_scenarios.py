"""The brief form of every scenario, in simulated time: it tells what it says it does, as soon as it can be told."""

from __future__ import annotations

import pytest
from scenario_lab import Bench, timer, told

from sipstub.scenario.all import SCENARIOS as WHOLE
from sipstub.scenario.brief import SCENARIOS
from sipstub.scenario.scenario import PhoneTimer, Scenario
from sipstub.stimulus.run import StepEnd
from sipstub.stimulus.session_plan import session_plan
from sipstub.verify.verdict import Verdict

KINDS = {
    PhoneTimer(True, 60, "uac"): timer(expires=60),
    PhoneTimer(True, 1800, "uas"): timer(refresher=1),
    PhoneTimer(False, 1800, "uac"): timer(enable=0),
}


def played(scenario: Scenario, *disobey: str) -> Bench:
    settings = next(file for kind, file in KINDS.items() if scenario.wants(kind))
    bench = Bench(settings, disobey=disobey)
    plan = session_plan(bench.desk.lab.expectations, has_person=True, is_brief=True, only=[(1, scenario.name)])
    bench.run = bench.desk.director.run(bench.desk.lab.expectations, plan.steps, bench.desk.now)
    bench.desk.finish(bench.run)
    bench.desk.lab.run(40.0)
    return bench


def test_there_is_a_brief_form_of_every_scenario_and_none_takes_longer() -> None:
    assert set(SCENARIOS) == set(WHOLE)
    for name, brief in SCENARIOS.items():
        assert brief.usual_s <= WHOLE[name].usual_s and brief.longest_s <= WHOLE[name].longest_s + 0.1, name
        assert set(brief.rules) <= set(WHOLE[name].rules), name


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_it_feeds_every_rule_that_it_names_in_the_time_that_it_says(scenario: Scenario) -> None:
    bench = played(scenario)
    assert bench.ended == {scenario.name: StepEnd.DONE}
    assert not [one for one in bench.findings if one.verdict is Verdict.FAIL], told(bench.findings)
    for rule in scenario.rules:
        assert bench.said[rule] in ("PASS", "INFO", "WARN"), (rule, told(bench.findings))
    assert bench.run.results[0].until - bench.run.results[0].at <= scenario.usual_s + 6.0


@pytest.mark.parametrize(
    ("name", "mutant", "rule"),
    [
        ("refreshes-as-caller", "session-no-refresh", "session-refresh-time"),
        ("refreshes-as-callee", "session-refresh-past-end", "session-refresh-time"),
        ("refreshed-soon", "session-refuses-update", "session-takes-refresh"),
        ("refreshed-soon", "session-changes-origin", "session-answer-origin"),
        ("roles-swapped", "session-deaf-to-swap", "session-refresh-time"),
        ("silent-as-callee", "session-never-ends", "session-expiry"),
        ("refresh-481", "session-deaf-to-481", "session-refresh-gone"),
        ("refresh-408", "session-deaf-to-timeout", "session-refresh-gone"),
        ("refresh-491", "session-ends-on-491", "session-refresh-refused"),
        ("refresh-500", "session-ends-on-500", "session-refresh-refused"),
        ("too-short", "session-422-without-min-se", "session-too-short"),
        ("open", "session-answer-lowered", "session-answer"),
        ("offer-refused", "session-retry-without-min-se", "session-retry"),
    ],
)
def test_a_phone_that_breaks_what_it_shows_is_found_although_it_is_brief(name: str, mutant: str, rule: str) -> None:
    assert played(SCENARIOS[name], mutant).said[rule] == "FAIL"
