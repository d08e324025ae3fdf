"""Which scenarios a phone gets, how long they take, and what is left out for want of time or of a person."""

from __future__ import annotations

import pytest
from scenario_lab import Bench, timer

from sipstub.stimulus.session_plan import NO_PERSON, NO_TIME, NOT_ITS, SessionPlan, session_plan
from sipstub.verify.expectation import Expectations


def phone(**of: int) -> Expectations:
    return Bench(timer(**of)).desk.lab.expectations


def names(plan: SessionPlan) -> list[str]:
    return [step.scenario.name for step in plan.steps if step.scenario is not None]


def test_without_a_person_the_calls_from_the_phone_are_left_out_and_said_to_be() -> None:
    plan = session_plan(phone())
    assert not any(step.wants_person for step in plan.steps) and len(plan.steps) >= 10
    assert {one.why for one in plan.left_out} == {NO_PERSON}
    assert {one.scenario for one in plan.left_out} == {"offer", "offer-refused", "refreshes-as-caller", "peer-without-timer"}


def test_the_role_of_the_file_decides_about_the_calls_of_the_phone() -> None:
    assert "refreshes-as-caller" in names(session_plan(phone(refresher=0), has_person=True))
    plan = names(session_plan(phone(refresher=1), has_person=True))
    assert "silent-as-caller" in plan and "refreshed-as-caller" in plan and "refreshes-as-caller" not in plan


def test_a_phone_without_timers_is_called_twice_and_asked_to_call_once() -> None:
    assert names(session_plan(phone(enable=0), has_person=True)) == ["offer", "timer-off", "timer-off-required"]


def test_an_interval_under_90_seconds_is_warned_of() -> None:
    assert session_plan(phone(expires=30)).warnings == ("account 1 offers 30 s: a strict peer answers 422 to less than 90 s",)
    assert session_plan(phone(expires=90)).warnings == ()


@pytest.mark.parametrize("limit", [0, 9, 60, 120, 300, 600, 3600])
def test_a_quick_plan_fits_its_limit_and_says_what_it_leaves_out(limit: int) -> None:
    whole, plan = session_plan(phone()), session_plan(phone(), quick_s=limit)
    assert plan.usual_s <= limit
    late = [one.scenario for one in plan.left_out if one.why == NO_TIME]
    assert sorted(names(plan) + late) == sorted(names(whole))
    if limit >= whole.usual_s:
        assert names(plan) == names(whole)


def test_named_scenarios_are_played_and_no_others_and_what_the_file_does_not_want_is_said() -> None:
    plan = session_plan(phone(refresher=0), has_person=True, names=("silent-as-callee", "silent-as-caller", "open"))
    assert names(plan) == ["open", "silent-as-callee"]
    assert [(one.scenario, one.why) for one in plan.left_out] == [("silent-as-caller", NOT_ITS)]


def test_a_quick_plan_takes_what_feeds_most_rules() -> None:
    assert "refreshes-as-callee" in names(session_plan(phone(), quick_s=120))
    fed = {rule for step in session_plan(phone(), quick_s=480).steps for rule in step.rules}
    assert {"session-refresh-time", "session-expiry", "session-too-short", "session-answer", "session-refresh-gone"} <= fed
