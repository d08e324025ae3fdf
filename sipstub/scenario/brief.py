"""The scenarios as they are played where time is short and the phones are quick: each is over once it has told the first time.

Nothing is sped up: an interval of 90 s lasts 90 s.  What is shorter is what the stub waits for: one refresh of the phone,
not two, no time for slow phones to get ready, and its own refreshes at once instead of at half the interval.  A phone that
does not do what is expected is waited for as long as ever.
"""

from __future__ import annotations

from dataclasses import replace

from sipstub.scenario import failing, offering, refreshing
from sipstub.scenario.all import SCENARIOS as WHOLE
from sipstub.scenario.conduct import Conduct
from sipstub.scenario.scenario import INTERVAL_S, PhoneTimer, Scenario

SHOW_S = 2.0
"From the last thing that happens to the end."
LINGER_S = 1.0
REFRESH_AT = 0.5
"Share of the interval at which a phone refreshes, ..."
END_AT = 2 / 3
"... and at which it gives a call up that nobody refreshes."
NEVER_AT = 1.02
"Share at which a refresh that has not come is none, with its edge."
AFTER_S = {"refresh-unanswered": 34.0, "refresh-491": 6.0, "refresh-500": 17.0}
"What a phone does after such an answer comes so much later: RFC 3261 sections 17.1.2.2 and 14.1; the last by trial."


def _until(scenario: Scenario, intervals: float, seconds: float = SHOW_S, *, longest: float | None = None) -> Scenario:
    """Return it with another usual time; `longest`, in intervals, is for a phone that does not do what is expected."""
    longest_s = scenario.longest_s if longest is None else longest * INTERVAL_S + seconds
    patience = max(0.0, (longest_s - seconds) / INTERVAL_S - intervals)
    return replace(scenario, intervals=intervals, seconds=seconds, patience=patience, linger_s=LINGER_S)


def _once(scenario: Scenario) -> Scenario:
    """Return a call that is over after the first refresh of the phone."""
    return replace(_until(scenario, REFRESH_AT, longest=NEVER_AT), refreshes=1)


def _soon(scenario: Scenario, seconds: float) -> Scenario:
    """Return a call in which the stub refreshes at once, so that nothing is learned about roles and ends."""

    def conduct(timer: PhoneTimer) -> Conduct:
        return replace(scenario.conduct(timer), turn_after_s=refreshing.SOON_S)

    return replace(_until(scenario, 0.0, seconds, longest=0.1), conduct=conduct, rules=refreshing.REFRESHED_SOON.rules)


_SWAPPED = _soon(refreshing.SWAPPED, 0.0)
_BRIEF = (
    *(replace(one, seconds=SHOW_S, linger_s=LINGER_S) for one in offering.SCENARIOS),
    _once(refreshing.REFRESHED_BY_CALLER),
    _once(refreshing.REFRESHED_BY_CALLEE),
    replace(refreshing.REFRESHED_SOON, linger_s=LINGER_S),
    _soon(refreshing.TAKES_REFRESHES_AS_CALLER, 2 * refreshing.SOON_S),
    replace(_until(_SWAPPED, REFRESH_AT, refreshing.SOON_S, longest=NEVER_AT), refreshes=1, rules=refreshing.SWAPPED.rules),
    _until(failing.SILENT_TO_CALLEE, END_AT),
    _until(failing.SILENT_TO_CALLER, END_AT),
    *(_until(one, REFRESH_AT, AFTER_S.get(one.name, SHOW_S)) for one in failing.REFUSED),
)
SCENARIOS: dict[str, Scenario] = WHOLE | {scenario.name: scenario for scenario in _BRIEF}
"Those in which nothing is to be saved are as ever."
