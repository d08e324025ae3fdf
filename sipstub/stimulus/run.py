"""The walk of one phone through its plan, step by step.  Pure: it is woken by what the phone does, and by time."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sipstub.stimulus.act import Act
from sipstub.stimulus.call import Call
from sipstub.stimulus.conversation import CallingIn, CallingOut, Pressing
from sipstub.stimulus.disturbance import Booting, Refusing, Silencing, Syncing
from sipstub.stimulus.keeping import Keeping
from sipstub.stimulus.performance import LOOK_S, Asking, Idling, Performance, Registering
from sipstub.stimulus.problem import StimulusProblem
from sipstub.stimulus.stage import Stage
from sipstub.stimulus.step import Step
from sipstub.verify.stimulus import PASSIVE, Stimulus

MAX_STEPS = 256
LONGEST_CALL_S = 300.0
"Time that a step waits for a phone to end its call; then it is left out."

IN_THE_WAY = frozenset({Stimulus.REFUSE, Stimulus.SILENCE})
"What ends at once when the phone's user makes a call."


class StepEnd(enum.StrEnum):
    """How a step ended."""

    DONE = "done"
    GIVEN_UP = "given up"
    "Its time was over."
    LEFT_OUT = "left out"
    "It was never begun: the phone was in a call, or the run was stopped."


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came of one step."""

    step: Step
    end: StepEnd
    is_given: bool
    "Whether the stimulus came about."
    at: float
    until: float
    waited_for: str = ""
    "What was missing when it was given up."


_PERFORMANCES: dict[Stimulus, Callable[[Stage, Step, float], Performance]] = {
    Stimulus.REGISTER: Registering,
    Stimulus.IDLE: Idling,
    Stimulus.OPTIONS: Asking,
    Stimulus.CALL_IN: CallingIn,
    Stimulus.CALL_OUT: CallingOut,
    Stimulus.DIGIT: Pressing,
    Stimulus.BOOT: Booting,
    Stimulus.REFUSE: Refusing,
    Stimulus.SILENCE: Silencing,
    Stimulus.CHECK_SYNC: Syncing,
    Stimulus.SESSION: Keeping,
}


class Run:
    """One phone, one plan."""

    def __init__(self, stage: Stage, steps: Sequence[Step], now: float, *, has_turn: Callable[[Run], bool]) -> None:
        """`has_turn` says whether this phone may be disturbed now, many others being disturbed at the same time."""
        self.stage = stage
        self.steps = tuple(steps[:MAX_STEPS])
        self.began_at = now
        self.results: list[StepResult] = []
        self.ended_at: float | None = None
        self._has_turn = has_turn
        self._performance: Performance | None = None
        self._waits_since: float | None = None
        self._waits_for = ""
        self._look_at = now

    @property
    def name(self) -> str:
        """Return the phone's name."""
        return self.stage.expectations.subject.name

    @property
    def is_done(self) -> bool:
        """Return whether nothing more will be done."""
        return self.ended_at is not None

    @property
    def step(self) -> Step | None:
        """Return the step that is under way or next."""
        return self.steps[len(self.results)] if len(self.results) < len(self.steps) and not self.is_done else None

    @property
    def waits_for(self) -> str:
        """Return what has to happen, for people; empty if nothing has to."""
        if self.is_done:
            return ""
        return self._waits_for or (self._performance.waits_for if self._performance is not None else "")

    @property
    def stimuli(self) -> frozenset[Stimulus]:
        """Return what came about, for `Circumstances.stimuli`."""
        given = {result.step.stimulus for result in self.results if result.is_given}
        if self._performance is not None and self._performance.is_given:
            given.add(self._performance.step.stimulus)
        if self.stage.boots:
            given |= {Stimulus.BOOT}
        return frozenset(PASSIVE | given | {act.kind for act in self.acts if act.kind is Stimulus.CHECK_SYNC})

    @property
    def boots(self) -> tuple[float, ...]:
        """Return when the phone was known to start, for `Circumstances.boots`."""
        return tuple(self.stage.boots)

    @property
    def held(self) -> dict[str, str]:
        """Return the calls that were kept up for session timers: the name of the scenario by Call-ID."""
        return dict(self.stage.held)

    @property
    def acts(self) -> tuple[Act, ...]:
        """Return what was done to the phone."""
        return self.stage.director.acts.of(self.stage.aors.values(), self.began_at)

    # What it hears

    def wake(self, now: float) -> None:
        """Look again as soon as time passes."""
        self._look_at = min(self._look_at, now)

    def call_changed(self, call: Call, now: float) -> None:
        """Take note of a call with the phone."""
        if self.stage.call is None or self.stage.call.is_ended:
            self.stage.call = call
        self.wake(now)

    def interrupt(self, now: float) -> None:
        """Take note that the phone's user wants to call: what is in the way of that is over."""
        performance = self._performance
        if performance is not None and performance.step.stimulus in IN_THE_WAY:
            performance.waits_for = "its user made a call"
            self._finish(StepEnd.GIVEN_UP, now)

    def fetched(self, now: float) -> None:
        """Take note that the phone asked for a file; whoever runs a provisioning server tells."""
        self.stage.fetched(now)
        self.wake(now)

    # Time

    def next_timer(self) -> float | None:
        """Return when `on_timer` wants to be called."""
        return None if self.is_done else self._look_at

    def on_timer(self, now: float) -> None:
        """Go on as far as possible."""
        if self.is_done or now < self._look_at:
            return
        while not self.is_done and self._goes_on(now):
            pass
        self._look_at = now + LOOK_S
        if self._performance is not None:
            self._look_at = max(now, min(self._look_at, self._performance.ends_at))

    def _goes_on(self, now: float) -> bool:
        """Return whether there is more to do at once."""
        step = self.step
        if step is None:
            self.ended_at = now
            return False
        if self._performance is None and not self._begins(step, now):
            return False
        performance = self._performance
        if performance is None:
            return True
        try:
            is_over = performance.look(now)
        except StimulusProblem as problem:  # its user began a call meanwhile, or there are too many orders
            performance.waits_for, is_over = problem.message, False
        if not is_over and now < performance.ends_at:
            return False
        self._finish(StepEnd.DONE if is_over else StepEnd.GIVEN_UP, now)
        return True

    def _begins(self, step: Step, now: float) -> bool:
        """Begin a step, or leave it out, and return True; or wait for the phone to be free."""
        if step.stimulus.is_disturbing:
            why = self._hindrance(step)
            if why:
                self._waits_since = self._waits_since if self._waits_since is not None else now
                self._waits_for = why
                if now < self._waits_since + LONGEST_CALL_S or not self.stage.director.is_in_call(self.stage.aors.values()):
                    return False
                self.results.append(StepResult(step, StepEnd.LEFT_OUT, False, now, now, why))
                self._waits_since, self._waits_for = None, ""
                return True
        self._waits_since, self._waits_for = None, ""
        self._performance = self._made(step, now)
        with contextlib.suppress(StimulusProblem):
            self._performance.begin(now)
        return True

    def _hindrance(self, step: Step) -> str:
        """Return why the phone may not be disturbed now."""
        if step.stimulus is not Stimulus.DIGIT and self.stage.director.is_in_call(self.stage.aors.values()):
            return "waiting until its call is over"
        return "" if self._has_turn(self) else "waiting for its turn: enough other phones are disturbed"

    def _made(self, step: Step, now: float) -> Performance:
        following = self.steps[len(self.results) + 1 :][:1]
        if step.stimulus is Stimulus.CALL_OUT:
            is_next = bool(following) and following[0].stimulus is Stimulus.DIGIT and following[0].accounts == step.accounts
            return CallingOut(self.stage, step, now, digit_follows=is_next)
        return _PERFORMANCES[step.stimulus](self.stage, step, now)

    def _finish(self, end: StepEnd, now: float) -> None:
        performance = self._performance
        assert performance is not None
        performance.end(now)
        waited_for = performance.waits_for if end is not StepEnd.DONE else ""
        self.results.append(StepResult(performance.step, end, performance.is_given, performance.began_at, now, waited_for))
        self._performance = None

    def stop(self, now: float) -> None:
        """End at once, with everything undone; steps that did not begin are left out."""
        if self.is_done:
            return
        if self._performance is not None:
            self._finish(StepEnd.GIVEN_UP, now)
        while (step := self.step) is not None:
            self.results.append(StepResult(step, StepEnd.LEFT_OUT, False, now, now))
        self.ended_at = now
