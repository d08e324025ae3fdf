"""A network that loses and doubles packets makes no honest phone a liar, and hides no mutant whose message arrives."""

from __future__ import annotations

import pytest
from full_file import MODELS, a_lab, everything
from model_files import MAC, files_of
from wire_lab import Lab

from sipstub.phone.disobey import MUTANTS
from sipstub.verify.judge import judge
from sipstub.verify.stimulus import EVERY
from sipstub.verify.verdict import Verdict

SEEDS = range(4)
SHARES = {
    "one in twenty lost": (0.05, 0.0),
    "one in seven lost": (0.15, 0.0),
    "one in ten doubled": (0.0, 0.1),
    "both": (0.1, 0.1),
}
STILL_CAUGHT = {
    "wrong-display-name": "display-name",
    "ignores-t1": "timer-t1",
    "ignores-t2": "timer-t2",
    "wrong-keepalive-spacing": "keepalive-interval",
    "repeats-cseq": "cseq",
    "never-answers-options": "answers-requests",
}
"Mutants whose rules make allowance for losses, and one that needs none."


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("share", SHARES)
def test_an_honest_phone_is_not_accused_when_packets_are_lost_or_doubled(share: str, seed: int) -> None:
    lost, doubled = SHARES[share]
    lab = everything(Lab(files_of("T46G", "udp"), MODELS["T46G"], MAC, seed=seed, lost=lost, doubled=doubled))
    found = judge(lab.expectations, lab.facts(), EVERY)
    assert [finding for finding in found if finding.verdict in (Verdict.FAIL, Verdict.WARN)] == []


@pytest.mark.parametrize("name", STILL_CAUGHT)
def test_a_mutant_is_caught_all_the_same(name: str) -> None:
    lab = a_lab(MUTANTS[name].shows_with, disobey=(name,))
    lab.lost = 0.05
    everything(lab)
    failed = {finding.rule for finding in judge(lab.expectations, lab.facts(), EVERY) if finding.verdict is Verdict.FAIL}
    assert failed == {STILL_CAUGHT[name]}
