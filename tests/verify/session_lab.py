"""A phone that is led through every scenario of session timers, as by `verify --session-timers`; somebody dials and picks up."""

from __future__ import annotations

import itertools
from dataclasses import replace

from led_lab import act
from wire_lab import Lab

from sipstub.phone.agent.incoming import Answering
from sipstub.stimulus.director import Director
from sipstub.stimulus.session_plan import session_plan
from sipstub.verify.facts import Facts

REGISTERED_S = 15.0
LONGEST_S = 6_000.0
AT_REST_S = 40.0
"Longer than 64 * T1: by then nothing of a call is kept."


def kept_up(lab: Lab) -> Facts:
    """Let the phone live through all its calls; return what there was to see."""
    tokens = itertools.count(1)
    director = Director(lab.stub, token=lambda: f"director{next(tokens)}", key=lambda: "k" * 40)
    lab.boot().run(REGISTERED_S)
    assert lab.agent is not None
    lab.agent.answering = Answering.ANSWER
    run = director.run(lab.expectations, session_plan(lab.expectations, has_person=True).steps, lab.now)
    end = lab.now + LONGEST_S
    while not run.is_done:
        assert lab.now < end, f"it still waits: {run.step} {run.waits_for}"
        lab.run(1.0)
        act(lab, run)
    director.close(lab.now)
    lab.run(AT_REST_S)
    return replace(lab.facts(), held=frozenset(run.held))
