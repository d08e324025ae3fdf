"""A whole plan with an honest phone: every rule that its file binds can be judged, none fails, and nothing is left behind."""

from __future__ import annotations

import pytest
from stimulus_lab import AT_REST_S, SECOND, Desk, but, odd

from sipstub.phone.disobey import MUTANTS
from sipstub.stimulus.plan import plan_for
from sipstub.stimulus.run import StepEnd
from sipstub.stimulus.step import printed
from sipstub.verify.stimulus import PASSIVE, Stimulus
from sipstub.verify.verdict import Verdict

ALLOWED = {
    "local-tls-port": "no account uses TLS",
    "local-port": "over TCP and TLS the port is the system's",
    "keepalive": "the setting is about UDP",
    "keepalive-interval": "the setting is about UDP",
    "rport": "the setting is about UDP",
    "timer-t1": "requests are repeated over UDP only",
    "timer-t2": "requests are repeated over UDP only",
}
"Rules that an honest phone over a stream may leave without a PASS, and why."
USUAL = {"local-tls-port": ALLOWED["local-tls-port"]}


@pytest.mark.parametrize(
    ("model", "transport"), [("T46G", "udp"), ("T19P E2", "tcp"), ("CP860", "tls"), ("T23G", "udp"), ("T48G", "tls")]
)
def test_an_honest_phone_shows_all_that_its_file_says(model: str, transport: str) -> None:
    desk = Desk(SECOND if transport == "udp" else {}, model=model, transport=transport)
    run = desk.begin()
    desk.lab.boot()
    desk.finish(run)
    assert [result.end for result in run.results] == [StepEnd.DONE] * len(run.steps)
    assert all(result.is_given for result in run.results)
    allowed = ALLOWED if transport != "udp" else USUAL
    assert but(odd(desk.findings(run)), allowed) == {}
    assert desk.is_as_before


def test_nothing_is_kept_of_a_plan_once_its_transactions_are_over() -> None:
    desk = Desk()
    before = len(desk.lab.stub.core.layer)
    run = desk.begin({*PASSIVE, Stimulus.CALL_OUT})
    desk.lab.boot()
    desk.finish(run)
    desk.director.close(desk.now)
    assert desk.lab.agent is not None
    desk.lab.agent.stop()
    desk.lab.run(AT_REST_S)
    assert desk.is_as_before
    assert len(desk.lab.stub.core.layer) == before


def test_a_plan_names_what_is_done_how_long_it_takes_and_what_it_shows() -> None:
    steps = plan_for(Desk().lab.expectations)
    assert [step.stimulus for step in steps][:2] == [Stimulus.REGISTER, Stimulus.IDLE]
    text = printed(steps)
    assert "refuse     about" in text and "retry-interval" in text and "disturbs" in text
    assert all(0 < step.usual_s <= step.limit_s for step in steps)


def test_a_plan_without_leave_to_disturb_only_waits() -> None:
    steps = plan_for(Desk().lab.expectations, PASSIVE)
    assert {step.stimulus for step in steps} == set(PASSIVE)


@pytest.mark.parametrize(
    ("mutant", "rule"),
    [
        ("never-fails-over", "retry-count"),
        ("no-retry", "retry-interval"),
        ("ignores-423", "register-too-brief"),
        ("ignores-t2", "timer-t2"),
        ("wrong-dtmf-info", "dtmf-info-type"),
        ("ignores-check-sync", "check-sync"),
        ("never-answers-options", "answers-requests"),
        ("changes-call-id", "register-call-id"),
        ("anonymous-though-off", "anonymous-call"),
    ],
)
def test_a_phone_that_disobeys_is_caught_by_what_is_done_to_it_and_by_one_rule_alone(mutant: str, rule: str) -> None:
    desk = Desk(MUTANTS[mutant].shows_with, disobey=(mutant,))
    run = desk.begin()
    desk.lab.boot()
    desk.finish(run)
    assert {one.rule for one in desk.findings(run) if one.verdict in (Verdict.FAIL, Verdict.WARN)} == {rule}
    assert desk.is_as_before


def test_a_caller_who_hides_is_answered_by_the_way_that_the_call_came() -> None:
    desk = Desk({"account.1.anonymous_call": "1"})
    run = desk.begin({Stimulus.REGISTER, Stimulus.CALL_OUT})
    desk.lab.boot()
    desk.finish(run)
    assert [result.end for result in run.results] == [StepEnd.DONE, StepEnd.DONE]
    assert next(one for one in desk.findings(run) if one.rule == "anonymous-call").verdict is Verdict.PASS


def test_a_phone_that_takes_another_call_id_has_not_restarted_until_it_fetches_its_files() -> None:
    desk = Desk(disobey=("changes-call-id",))
    run = desk.begin({Stimulus.REGISTER, Stimulus.BOOT})
    desk.lab.boot()
    desk.finish(run)
    booted = next(result for result in run.results if result.step.stimulus is Stimulus.BOOT)
    assert len(desk.lab.boots) == 2 and booted.until > desk.lab.boots[-1]
