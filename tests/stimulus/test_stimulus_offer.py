"""A call without an offer makes the phone say what it would offer: settings of media show without anybody who dials."""

from __future__ import annotations

import pytest
from stimulus_lab import Desk

from sipstub.phone.agent.incoming import Answering
from sipstub.phone.disobey import MUTANTS
from sipstub.stimulus.placed_call import Ringing
from sipstub.stimulus.plan import plan_for
from sipstub.stimulus.run import Run
from sipstub.verify.finding import Finding
from sipstub.verify.stimulus import EVERY, PASSIVE, Stimulus
from sipstub.verify.verdict import Verdict

BY_OFFER = {"codec-order", "codec-payload", "ptime", "srtp", "rtp-port", "dtmf-payload", "reliable-provisional"}
CAUGHT_BY = {
    "wrong-codec-order": "codec-order",
    "codec-missing": "codec-order",
    "codec-though-off": "codec-order",
    "wrong-codec-payload": "codec-payload",
    "wrong-ptime": "ptime",
    "ptime-though-off": "ptime",
    "no-telephone-event": "dtmf",
    "wrong-dtmf-payload": "dtmf-payload",
    "no-srtp": "srtp",
    "srtp-though-off": "srtp",
    "100rel-though-off": "reliable-provisional",
}
NOBODY = EVERY - {Stimulus.CALL_OUT, Stimulus.DIGIT}


def called(desk: Desk, answering: Answering = Answering.ANSWER) -> Run:
    """Lead the phone through registration and a call to it, which somebody or something picks up or does not."""
    desk.boot()
    assert desk.lab.agent is not None
    desk.lab.agent.answering = answering
    return desk.finish(desk.begin({Stimulus.REGISTER, Stimulus.CALL_IN}))


def told(desk: Desk, run: Run) -> dict[str, Finding]:
    return {finding.rule: finding for finding in desk.findings(run)}


@pytest.mark.parametrize("srtp", ["0", "1", "2"])
def test_an_honest_phone_that_picks_up_passes_by_the_offer_in_its_answer(srtp: str) -> None:
    desk = Desk({"account.1.srtp_encryption": srtp}, has_person=False)
    found = told(desk, called(desk))
    assert {rule for rule in BY_OFFER if found[rule].verdict is Verdict.PASS} == BY_OFFER
    assert {found[rule].label for rule in BY_OFFER} == {"200 to INVITE"} and all(found[rule].number for rule in BY_OFFER)
    assert desk.is_as_before


@pytest.mark.parametrize(("name", "rule"), CAUGHT_BY.items())
def test_a_mutant_is_caught_by_the_offer_in_its_answer(name: str, rule: str) -> None:
    desk = Desk(MUTANTS[name].shows_with, disobey=(name,), has_person=False)
    found = told(desk, called(desk))
    assert {other for other in {*BY_OFFER, "dtmf"} if found[other].verdict is Verdict.FAIL} == {rule}
    honest = Desk(MUTANTS[name].shows_with, has_person=False)
    assert told(honest, called(honest))[rule].verdict is Verdict.PASS


def test_a_phone_that_does_not_name_100rel_in_its_answer_is_warned_of_only() -> None:
    desk = Desk(disobey=("no-100rel",), has_person=False)
    assert told(desk, called(desk))["reliable-provisional"].verdict is Verdict.WARN


def test_a_phone_that_nobody_picks_up_shows_nothing_and_is_accused_of_nothing() -> None:
    desk = Desk(has_person=False)
    run = called(desk, Answering.RING)
    assert not run.results[-1].is_given
    found = told(desk, run)
    assert {found[rule].verdict for rule in BY_OFFER} == {Verdict.SKIPPED}
    assert found["codec-order"].seen.endswith("wants call-out or call-in")


def test_an_answer_to_an_offer_is_no_offer_of_the_phone() -> None:
    desk = Desk({"account.1.srtp_encryption": "0"}, has_person=False).boot()
    assert desk.lab.agent is not None
    desk.lab.agent.answering = Answering.ANSWER
    call = desk.director.call(desk.aor(), desk.now, Ringing(hold_s=1.0))
    desk.lab.run(5.0)
    assert call is not None and call.status == 200
    run = desk.finish(desk.begin(PASSIVE & {Stimulus.REGISTER}))
    assert told(desk, run)["codec-order"].verdict is Verdict.SKIPPED


def test_a_call_without_an_offer_is_placed_only_where_nobody_dials() -> None:
    file = Desk().lab.expectations
    (step,) = [step for step in plan_for(file, NOBODY) if step.stimulus is Stimulus.CALL_IN]
    assert step.wants_offer and set(step.rules) == BY_OFFER
    assert not [step for step in plan_for(file) if step.stimulus is Stimulus.CALL_IN]
