"""How a plan goes on, waits and ends: never during a call, few phones at a time, and everything restored on every exit."""

from __future__ import annotations

import pytest
from stimulus_lab import SECOND, Desk

from sipstub.sip.message import Request
from sipstub.stimulus.director import MAX_AT_ONCE, Director, StimulusProblem
from sipstub.stimulus.placed_call import Ringing
from sipstub.stimulus.plan import plan_for
from sipstub.stimulus.run import LONGEST_CALL_S, Run, StepEnd
from sipstub.verify.expectation import Expectation, Expectations, Subject
from sipstub.verify.stimulus import PASSIVE, Stimulus
from sipstub.verify.verdict import Verdict


def ends(run: Run) -> dict[Stimulus, StepEnd]:
    return {result.step.stimulus: result.end for result in run.results}


def test_a_run_says_what_a_person_has_to_do() -> None:
    desk = Desk()
    run = desk.begin({*PASSIVE, Stimulus.CALL_OUT, Stimulus.DIGIT})
    desk.boot()
    desk.finish(run)
    assert "waiting for a call from the phone: dial 100 on account 1" in desk.said
    assert "waiting for a digit: press 5" in desk.said
    assert ends(run)[Stimulus.DIGIT] is StepEnd.DONE


def test_a_call_that_nobody_makes_is_given_up_and_its_rules_are_left_alone() -> None:
    desk = Desk(has_person=False)
    run = desk.begin({*PASSIVE, Stimulus.CALL_OUT})
    desk.boot()
    desk.finish(run)
    result = next(one for one in run.results if one.step.stimulus is Stimulus.CALL_OUT)
    assert (result.end, result.is_given) == (StepEnd.GIVEN_UP, False)
    assert "dial 100" in result.waited_for
    assert Stimulus.CALL_OUT not in run.stimuli


def test_a_call_that_is_refused_at_once_is_not_waited_for_any_longer_and_what_it_said_is_judged() -> None:
    desk = Desk(disobey=("session-offer-word",))
    run = desk.begin({*PASSIVE, Stimulus.CALL_OUT, Stimulus.DIGIT})
    desk.boot()
    desk.finish(run)
    asked, pressed = (
        next(one for one in run.results if one.step.stimulus is kind) for kind in (Stimulus.CALL_OUT, Stimulus.DIGIT)
    )
    assert (asked.end, asked.is_given, pressed.is_given) == (StepEnd.DONE, True, False)
    assert all(one.until - one.at < 20 < one.step.limit_s for one in (asked, pressed))
    assert any("its call was refused with 400" in said for said in desk.said)
    assert Stimulus.CALL_OUT in run.stimuli and Stimulus.DIGIT not in run.stimuli


def test_a_phone_that_is_in_a_call_is_left_alone_until_it_is_over() -> None:
    desk = Desk().boot()
    busy = True
    desk.director = Director(desk.lab.stub, is_busy=lambda aor: busy)
    run = desk.begin({Stimulus.REGISTER, Stimulus.CHECK_SYNC})
    desk.until(run, Stimulus.CHECK_SYNC)
    for _ in range(30):
        desk.second(run)
    assert run.waits_for == "waiting until its call is over"
    assert desk.director.acts.all() == ()
    busy = False
    desk.finish(run)
    assert ends(run)[Stimulus.CHECK_SYNC] is StepEnd.DONE


def test_a_step_is_left_out_when_the_call_does_not_end() -> None:
    desk = Desk().boot()
    desk.director = Director(desk.lab.stub, is_busy=lambda aor: True)
    run = desk.begin({Stimulus.REGISTER, Stimulus.CHECK_SYNC})
    desk.finish(run)
    result = run.results[-1]
    assert (result.step.stimulus, result.end, result.is_given) == (Stimulus.CHECK_SYNC, StepEnd.LEFT_OUT, False)
    assert desk.now - run.began_at > LONGEST_CALL_S
    assert desk.is_as_before


def test_a_call_that_begins_while_a_step_waits_is_respected_too() -> None:
    desk = Desk()
    busy = False
    desk.director = Director(desk.lab.stub, is_busy=lambda aor: busy)
    steps = tuple(step for step in plan_for(desk.lab.expectations) if step.stimulus is Stimulus.CHECK_SYNC)
    run = desk.director.run(desk.lab.expectations, steps, desk.now)
    desk.second(run)
    assert run.waits_for == "waiting for it to register"
    busy = True
    desk.boot(30.0)
    desk.second(run)
    assert "in a call" in run.waits_for and desk.director.acts.all() == ()
    busy = False
    desk.second(run)
    assert [act.kind for act in desk.director.acts.all()] == [Stimulus.CHECK_SYNC]


def test_options_is_asked_of_a_phone_in_a_call_too() -> None:
    desk = Desk().boot(30.0)
    desk.director = Director(desk.lab.stub, is_busy=lambda aor: True)
    assert desk.director.options(desk.aor(), desk.now)


@pytest.mark.parametrize("stimulus", [Stimulus.REFUSE, Stimulus.SILENCE])
def test_a_phone_whose_user_wants_to_call_is_answered_at_once(stimulus: Stimulus) -> None:
    desk = Desk(has_person=False).boot(30.0)
    run = desk.begin({Stimulus.REGISTER, stimulus})
    desk.until(run, stimulus)
    assert not desk.director.gate.silence_of(desk.aor()) or stimulus is Stimulus.SILENCE
    while stimulus is Stimulus.SILENCE and not run.acts:
        desk.second(run)
    agent = desk.lab.agent
    assert agent is not None
    agent.call(1, "100", desk.now)
    desk.lab.run(1.0)
    invites = [one for one in desk.lab.facts().requests if one.method == "INVITE"]
    assert invites and all(one.answers for one in invites)
    result = next(one for one in run.results if one.step.stimulus is stimulus)
    assert (result.end, result.waited_for) == (StepEnd.GIVEN_UP, "its user made a call")


def test_a_run_that_is_stopped_in_the_middle_restores_everything() -> None:
    desk = Desk(SECOND)
    run = desk.begin()
    desk.boot(30.0)
    desk.until(run, Stimulus.SILENCE)
    while not run.acts or run.acts[-1].kind is not Stimulus.SILENCE:
        desk.second(run)
    desk.director.close(desk.now)
    assert desk.is_as_before and run.is_done
    assert {result.end for result in run.results[-1:]} == {StepEnd.LEFT_OUT}
    desk.lab.run(300.0)
    binding = desk.lab.stub.registrar.bindings(desk.aor(), desk.now)[0]
    assert binding.expires_at - binding.updated_at == 120, "it is granted again what the registrar grants"


def test_a_call_of_a_run_that_is_stopped_is_hung_up() -> None:
    desk = Desk()
    run = desk.begin({Stimulus.REGISTER, Stimulus.CALL_OUT, Stimulus.DIGIT})
    desk.boot()
    desk.until(run, Stimulus.DIGIT)
    assert desk.director.calls.open
    desk.director.stop(run, desk.now)
    desk.lab.run(1.0)
    agent = desk.lab.agent
    assert agent is not None and not [call for line in agent.lines for call in line.calls]
    assert desk.is_as_before


def test_a_call_that_was_placed_beside_the_plan_is_hung_up_with_it_too() -> None:
    desk = Desk().boot(30.0)
    run = desk.begin({Stimulus.REGISTER})
    placed = desk.director.call(desk.aor(), desk.now, Ringing(ring_s=500.0, is_secure=True))
    desk.lab.run(2.0)
    desk.director.stop(run, desk.now)
    desk.lab.run(1.0)
    assert placed is not None and placed.ended_by == "cancelled"


def test_a_phone_that_is_registered_with_both_servers_is_left_silent_by_the_first_until_its_timers_show() -> None:
    desk = Desk({"account.1.fallback.redundancy_type": "0"})
    run = desk.begin({Stimulus.REGISTER, Stimulus.SILENCE})
    desk.boot(30.0)
    desk.finish(run)
    (act,) = [act for act in run.acts if act.kind is Stimulus.SILENCE]
    assert act.until is not None and act.until - act.at > 15.0
    assert {one.verdict for one in desk.findings(run) if one.rule in ("timer-t1", "timer-t2")} == {Verdict.PASS}


def test_a_phone_that_registered_for_long_is_restarted_where_that_is_allowed() -> None:
    desk = Desk().boot(30.0)
    run = desk.begin({Stimulus.REGISTER, Stimulus.REFUSE}, may_restart=True)
    desk.finish(run)
    assert next(act.what for act in run.acts) == "NOTIFY check-sync;reboot=true: 200"
    assert len(desk.lab.boots) == 2 and run.boots
    assert ends(run) == {Stimulus.REGISTER: StepEnd.DONE, Stimulus.REFUSE: StepEnd.DONE}


def test_the_short_grant_is_over_with_the_run() -> None:
    desk = Desk()
    run = desk.begin({Stimulus.REGISTER})
    desk.boot(30.0)
    binding = desk.lab.stub.registrar.bindings(desk.aor(), desk.now)[0]
    assert binding.expires_at - binding.updated_at == 60
    desk.finish(run)
    desk.lab.run(60.0)
    binding = desk.lab.stub.registrar.bindings(desk.aor(), desk.now)[0]
    assert binding.expires_at - binding.updated_at == 120


def test_one_phone_is_in_one_run_at_a_time() -> None:
    desk = Desk()
    desk.begin(PASSIVE)
    with pytest.raises(StimulusProblem, match="under way"):
        desk.begin(PASSIVE)


def phone(number: int) -> Expectations:
    items = (
        Expectation("user-name", str(number), "account.1.user_name", account=1),
        Expectation("check-sync", "on-request", "sip.notify_reboot_enable"),
    )
    return Expectations(Subject(f"phone-{number}"), items)


def test_no_more_phones_than_the_bound_are_disturbed_at_a_time() -> None:
    desk = Desk()
    director = desk.director
    phones = [phone(number) for number in range(200, 204 + MAX_AT_ONCE)]
    runs = [director.run(one, plan_for(one, {Stimulus.CHECK_SYNC}), desk.now) for one in phones]
    desk.lab.run(2.0)
    waiting = [run for run in runs if "turn" in run.waits_for]
    assert len(runs) - len(waiting) == MAX_AT_ONCE
    for run in runs[:2]:
        director.stop(run, desk.now)
    desk.lab.run(3.0)
    assert len([run for run in runs if "turn" in run.waits_for]) == len(waiting) - 2
    director.close(desk.now)
    assert desk.is_as_before


def test_virtual_phones_need_not_wait_for_their_turn() -> None:
    desk = Desk()
    phones = [phone(number) for number in range(200, 204 + MAX_AT_ONCE)]
    runs = [desk.director.run(one, plan_for(one, {Stimulus.CHECK_SYNC}), desk.now, waits_turn=False) for one in phones]
    desk.lab.run(2.0)
    assert not [run for run in runs if "turn" in run.waits_for]
    desk.director.close(desk.now)
    assert desk.is_as_before


def test_a_run_may_grant_less_than_usual() -> None:
    desk = Desk()
    desk.director.run(desk.lab.expectations, plan_for(desk.lab.expectations, {Stimulus.REGISTER}), desk.now, grant_s=20)
    desk.boot(15.0)
    binding = desk.lab.stub.registrar.bindings(desk.aor(), desk.now)[0]
    assert binding.expires_at - binding.updated_at == 20


@pytest.mark.parametrize(
    ("names_wait", "refusals"), [(True, ["503 to REGISTER", "423 to REGISTER"]), (False, ["423 to REGISTER"])]
)
def test_503_is_only_for_a_phone_whose_file_says_how_long_to_wait_then(names_wait: bool, refusals: list[str]) -> None:
    desk = Desk().boot(15.0)
    file = desk.lab.expectations
    items = tuple(item for item in file.items if names_wait or item.setting != "retry-interval")
    steps = plan_for(Expectations(file.subject, items), {Stimulus.REGISTER, Stimulus.REFUSE})
    assert (steps[-1].usual_s <= 35) is not names_wait
    run = desk.finish(desk.director.run(file, steps, desk.now))
    assert [act.what for act in run.acts if act.kind is Stimulus.REFUSE] == refusals


def test_check_sync_says_reboot_only_where_that_is_meant() -> None:
    desk = Desk().boot(30.0)
    desk.director.check_sync(desk.aor(), desk.now)
    desk.director.check_sync(desk.aor(), desk.now, with_reboot=True)
    desk.lab.run(1.0)
    found = [record.message for record in desk.lab.recorder.messages() if not record.is_inbound]
    events = [one.headers.get("event") for one in found if isinstance(one, Request) and one.method == "NOTIFY"]
    assert events[-2:] == ["check-sync", "check-sync;reboot=true"]
    assert [act.what for act in desk.director.acts.all()] == ["NOTIFY check-sync: 200", "NOTIFY check-sync;reboot=true: 200"]


def test_options_is_answered_and_noted() -> None:
    desk = Desk().boot(30.0)
    assert desk.director.options(desk.aor(), desk.now)
    desk.lab.run(1.0)
    assert [(act.kind, act.what) for act in desk.director.acts.all()] == [(Stimulus.OPTIONS, "OPTIONS: 200")]


def test_a_silent_phone_is_noted_as_such() -> None:
    desk = Desk(disobey=("never-answers-options",)).boot(30.0)
    desk.director.options(desk.aor(), desk.now)
    desk.lab.run(40.0)
    assert [act.what for act in desk.director.acts.all()] == ["OPTIONS: no answer"]


def test_a_phone_rings_and_is_given_up_within_a_plan() -> None:
    desk = Desk().boot(30.0)
    call = desk.director.call(desk.aor(), desk.now, Ringing(ring_s=3.0, is_secure=True))
    assert call is not None
    desk.lab.run(5.0)
    assert call.ended_by == "cancelled"


def test_a_phone_without_accounts_has_nothing_to_wait_for() -> None:
    desk = Desk()
    nobody = Expectations(Subject("bare"), (Expectation("check-sync", "never", "sip.notify_reboot_enable"),))
    run = desk.director.run(nobody, (), desk.now)
    desk.lab.run(2.0)
    assert run.is_done and desk.is_as_before
