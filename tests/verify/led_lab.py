"""A phone that a director leads through its plan, as `verify --stimulate` does; somebody dials and presses when told to."""

from __future__ import annotations

import itertools

from full_file import silence
from wire_lab import GRANTED_S, Lab

from sipstub.stimulus.director import Director
from sipstub.stimulus.plan import plan_for
from sipstub.stimulus.run import Run

LONGEST_S = 4_000.0
AFTER_CHECK_SYNC_S = 200.0
"Until then a start counts as what check-sync brought about."


def led(lab: Lab) -> Lab:
    """Let the phone live through its whole plan, then through a longer silence, and start it once more."""
    tokens = itertools.count(1)
    director = Director(lab.stub, token=lambda: f"director{next(tokens)}", key=lambda: "k" * 40)
    lab.boot()
    run = director.run(lab.expectations, plan_for(lab.expectations), lab.now)
    end = lab.now + LONGEST_S
    while not run.is_done and lab.now < end:
        lab.run(1.0)
        if lab.fetches[-1].at > run.stage.fetched_at:
            run.fetched(lab.fetches[-1].at)
        act(lab, run)
    director.close(lab.now)
    lab.run(AFTER_CHECK_SYNC_S)
    silence(lab)
    return lab.boot().run(GRANTED_S)


def act(lab: Lab, run: Run) -> None:
    """Do what the run waits for, as a person would."""
    if lab.agent is None or run.step is None:
        return
    calls = [call for line in lab.agent.lines for call in line.calls]
    if "dial" in run.waits_for and not calls:
        lab.agent.call(run.step.accounts[0], "100", lab.now)
    if "press" in run.waits_for:
        for call in calls:
            call.press("5", lab.now)
