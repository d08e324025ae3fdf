"""One step of a plan: a stimulus, for which accounts, how long it takes, and what it is for."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.scenario.scenario import Scenario
from sipstub.verify.stimulus import Stimulus


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to a phone, or waited for."""

    stimulus: Stimulus
    accounts: tuple[int, ...]
    "Whose settings show by it."
    usual_s: float
    "How long it takes where everything goes as expected; after a person did their part, if they have one."
    limit_s: float
    "After so long it is given up."
    rules: tuple[str, ...]
    "What can be judged then."
    scenario: Scenario | None = None
    "Of a call that is kept up for session timers."
    wants_offer: bool = False
    "Of a call to the phone: it comes without an offer, so that the phone makes one."

    @property
    def text(self) -> str:
        """Return what is going to be done, for people."""
        return self.scenario.what if self.scenario is not None else TEXTS[self.stimulus]

    @property
    def wants_person(self) -> bool:
        """Return whether somebody has to do something at the phone."""
        if self.scenario is not None:
            return self.scenario.wants_person
        return self.stimulus in (Stimulus.CALL_OUT, Stimulus.DIGIT)


TEXTS = {
    Stimulus.REGISTER: "wait until it is registered and has renewed that",
    Stimulus.IDLE: "leave it alone and wait for keep-alives",
    Stimulus.OPTIONS: "send OPTIONS to it",
    Stimulus.CALL_IN: "call it, and hang up",
    Stimulus.CALL_OUT: "answer a call from it",
    Stimulus.DIGIT: "wait for a digit in that call",
    Stimulus.BOOT: "restart it by NOTIFY check-sync;reboot=true",
    Stimulus.REFUSE: "refuse its next REGISTER with 503, then with 423",
    Stimulus.SILENCE: "give no answer to it for a while",
    Stimulus.CHECK_SYNC: "send NOTIFY check-sync",
    Stimulus.SESSION: "keep calls up for session timers",
}
"In the order of a plan: a restart comes before what wants the phone to register soon."
ORDER = tuple(TEXTS)


def printed(steps: tuple[Step, ...]) -> str:
    """Return a plan as lines, for people who have to agree to it."""
    lines = []
    for number, step in enumerate(steps, 1):
        mark = "  disturbs" if step.stimulus.is_disturbing else ""
        lines.append(f"{number}. {step.stimulus:<10} about {step.usual_s:.0f} s{mark}  {step.text}")
        lines.append(f"   shows {', '.join(step.rules)}")
    return "\n".join(lines)
