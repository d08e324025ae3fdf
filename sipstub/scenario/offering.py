"""Calls that show what is offered and answered; over after a few seconds.

To write another one: copy a value, change its name and its conduct, and put it into SCENARIOS.
"""

from __future__ import annotations

from dataclasses import replace

from sipstub.scenario.conduct import PLAIN, TAKES_ALL, Conduct
from sipstub.scenario.scenario import INTERVAL_S, Caller, PhoneTimer, Scenario, if_off, if_on
from sipstub.session_timer.setting import UAS, TimerSettings

STEP_S = 90
"How much longer an interval the strict peer wants than the phone offers."
SHORT_S = 60
"Under the minimum of RFC 4028 section 4."


def _strict(timer: PhoneTimer) -> Conduct:
    """Return a side that refuses the interval of the phone's file."""
    return Conduct(replace(TAKES_ALL, min_se_s=max(timer.expires_s, INTERVAL_S) + STEP_S))


def _asks(expires_s: int, refresher: str | None = UAS, *, requires: bool = False) -> Conduct:
    """Return a caller with timers, who then does what the phone agreed to."""
    return Conduct(TimerSettings(expires_s=expires_s, refresher=refresher, requires=requires), turns=())


OFFER = Scenario(
    name="offer",
    what="answer a call from it and take its session timer",
    caller=Caller.PHONE,
    wants=lambda timer: True,
    rules=("session-timer", "session-headers", "session-expires", "session-refresher", "session-min-se", "session-short"),
    conduct=lambda timer: PLAIN,
)
RAISED = Scenario(
    name="offer-refused",
    what="refuse its interval with 422 and a longer Min-SE, and answer when it calls once more",
    caller=Caller.PHONE,
    wants=if_on,
    rules=("session-retry", "session-min-se"),
    conduct=_strict,
)
OPEN = Scenario(
    name="open",
    what="call it with a session timer and leave open who refreshes",
    caller=Caller.STUB,
    wants=if_on,
    rules=("session-headers", "session-answer", "session-answer-refresher"),
    conduct=lambda timer: _asks(INTERVAL_S, None),
)
REQUIRED = Scenario(
    name="required",
    what="call it with Require: timer",
    caller=Caller.STUB,
    wants=if_on,
    rules=("session-answer",),
    conduct=lambda timer: _asks(INTERVAL_S, requires=True),
)
TOO_SHORT = Scenario(
    name="too-short",
    what=f"call it with an interval of {SHORT_S} s, which it may refuse with 422",
    caller=Caller.STUB,
    wants=if_on,
    rules=("session-too-short",),
    conduct=lambda timer: _asks(SHORT_S),
    has_422=True,
)
OFF = Scenario(
    name="timer-off",
    what="call it with a session timer although it has none",
    caller=Caller.STUB,
    wants=if_off,
    rules=("session-off",),
    conduct=lambda timer: _asks(INTERVAL_S),
    seconds=10.0,
)
OFF_REQUIRED = Scenario(
    name="timer-off-required",
    what="call it with Require: timer although it has none",
    caller=Caller.STUB,
    wants=if_off,
    rules=("session-off",),
    conduct=lambda timer: _asks(INTERVAL_S, requires=True),
)
SCENARIOS = (OFFER, RAISED, OPEN, REQUIRED, TOO_SHORT, OFF, OFF_REQUIRED)
