"""A phone whose call is refused with 422: it calls once more or not, or somebody dials again; nobody waits for minutes."""

from __future__ import annotations

import pytest
from scenario_lab import Bench, timer, told

from sipstub.phone.agent.call import Call
from sipstub.scenario.all import SCENARIOS
from sipstub.stimulus.run import StepEnd
from sipstub.verify.tolerance import TOLERANCE

NAME = "offer-refused"
SOON_S = TOLERANCE.absence + TOLERANCE.edge_s + SCENARIOS[NAME].linger_s + 5.0
"The window of the rule, the pause after it, and a second for each message on its way."


def begun(*disobey: str) -> Bench:
    """Return a phone that is about to be asked to dial."""
    bench = Bench(timer(), disobey=disobey)
    desk = bench.desk
    bench.run = desk.director.run(desk.lab.expectations, bench.plan(NAME).steps, desk.now)
    desk.has_person = False
    desk.second(bench.run)
    return bench


def dialled(bench: Bench) -> Call:
    agent = bench.desk.lab.agent
    assert agent is not None
    return agent.call(1, "100", bench.desk.now)


def until_refused(bench: Bench) -> None:
    for _ in range(10):
        bench.desk.second(bench.run)
        if "refused with 422" in bench.run.waits_for:
            return
    raise AssertionError(f"nobody was refused: {bench.run.waits_for}")


def spent(bench: Bench) -> float:
    (result,) = bench.run.results
    assert result.end is StepEnd.DONE and result.is_given, result
    return result.until - result.at


def test_a_phone_that_gives_up_is_told_of_in_seconds() -> None:
    bench = Bench(timer(), disobey=("session-ignores-422",)).play(NAME)
    assert spent(bench) <= SOON_S
    (found,) = [one for one in bench.findings if one.rule == "session-retry"]
    assert (found.verdict, found.seen) == ("WARN", "no call after 422"), told([found])
    assert any("refused with 422" in said for said in bench.desk.said)
    assert bench.desk.is_as_before and not bench.desk.director.calls.conducts


def test_somebody_who_dials_again_in_vain_does_not_make_it_longer() -> None:
    bench = begun("session-ignores-422")
    dialled(bench)
    until_refused(bench)
    bench.desk.lab.run(5.0)
    dialled(bench)
    bench.desk.finish(bench.run)
    assert spent(bench) <= SOON_S
    assert bench.said["session-retry"] == "WARN"


def test_a_call_that_was_given_up_while_it_rang_is_no_obstacle_to_the_next() -> None:
    bench = Bench(timer())
    desk = bench.desk
    bench.run = desk.director.run(desk.lab.expectations, bench.plan("offer").steps, desk.now)
    desk.director.calls.ring_s = 30.0
    first = dialled(bench)
    desk.has_person = False
    desk.second(bench.run)
    desk.second(bench.run)
    first.hang_up(desk.now)
    desk.second(bench.run)
    desk.second(bench.run)
    assert "dial" in bench.run.waits_for
    desk.director.calls.ring_s = 1.0
    dialled(bench)
    desk.finish(bench.run)
    assert spent(bench) <= 30.0 and bench.said["session-timer"] == "PASS"
    assert len(bench.run.held) == 1


def test_a_phone_that_is_gone_after_the_refusal_is_not_accused() -> None:
    bench = begun("session-ignores-422")
    dialled(bench)
    until_refused(bench)
    bench.desk.lab.lost = 1.0
    bench.desk.finish(bench.run)
    assert spent(bench) <= SOON_S
    assert bench.said["session-retry"] == "INCONCLUSIVE"


@pytest.mark.parametrize("mutant", ["session-retry-not-raised", "session-retry-old-cseq", "session-retry-new-call-id"])
def test_a_phone_that_calls_once_more_and_wrongly_is_told_of_as_soon(mutant: str) -> None:
    bench = Bench(timer(), disobey=(mutant,)).play(NAME)
    assert spent(bench) <= SOON_S + SCENARIOS[NAME].longest_s
    assert bench.said["session-retry"] in ("FAIL", "WARN")


def test_a_call_that_cannot_be_read_is_told_of_as_soon() -> None:
    bench = Bench(timer(), disobey=("session-offer-word",)).play("refreshes-as-caller")
    assert spent(bench) <= SOON_S
    assert bench.said["session-headers"] == "FAIL"
    assert any("refused with 400" in said for said in bench.desk.said)
