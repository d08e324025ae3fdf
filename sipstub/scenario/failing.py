"""Calls in which the stub falls silent, or refuses the phone's refreshes: what ends a call, and what does not."""

from __future__ import annotations

from sipstub.scenario.conduct import Conduct
from sipstub.scenario.refreshing import LEAVES_IT_TO_PHONE, LOWERS, REFRESHES_ITSELF
from sipstub.scenario.scenario import Caller, Scenario, if_on, if_peer_refreshes

TIMEOUT_S = 32.0
"64 * T1 (RFC 3261 section 17.1.2.2)."
MOST_REFUSALS = 200
"More refreshes than that within one session are taken, so that a flood ends."


def _refused(status: int, rule: str, intervals: float, seconds: float, *, refreshes: int = 0) -> Scenario:
    """Return a call in which the phone's first refresh gets this answer; 0 for none."""
    text = f"answer its first refresh with {status}" if status else "give no answer to its first refresh"
    return Scenario(
        name=f"refresh-{status or 'unanswered'}",
        what=f"call it, leave the refreshing to it, and {text}",
        caller=Caller.STUB,
        wants=if_on,
        rules=(rule,),
        conduct=lambda timer: Conduct(LEAVES_IT_TO_PHONE, turns=(), refusals=(status,)),
        intervals=intervals,
        seconds=seconds,
        refreshes=refreshes,
    )


SILENT_TO_CALLEE = Scenario(
    name="silent-as-callee",
    what="call it, agree to refresh, and never do: it has to hang up",
    caller=Caller.STUB,
    wants=if_on,
    rules=("session-expiry", "session-refresh-role"),
    conduct=lambda timer: Conduct(REFRESHES_ITSELF, turns=()),
    intervals=1.0,
    seconds=5.0,
)
SILENT_TO_CALLER = Scenario(
    name="silent-as-caller",
    what="answer a call from it, agree to refresh, and never do: it has to hang up",
    caller=Caller.PHONE,
    wants=if_peer_refreshes,
    rules=("session-expiry", "session-refresh-role"),
    conduct=lambda timer: Conduct(LOWERS, turns=()),
    intervals=1.0,
    seconds=5.0,
)
REFUSED = (
    _refused(481, "session-refresh-gone", 0.5, 15.0),
    _refused(408, "session-refresh-gone", 0.5, 15.0),
    _refused(0, "session-refresh-gone", 0.5, TIMEOUT_S + 15.0),
    _refused(491, "session-refresh-refused", 1.0, 5.0, refreshes=2),
    _refused(500, "session-refresh-refused", 1.0, 5.0, refreshes=2),
)
ALWAYS_REFUSED = Scenario(
    name="refresh-always-500",
    what="call it, leave the refreshing to it, and answer each refresh with 500: it has to give up, and hang up at the end",
    caller=Caller.STUB,
    wants=if_on,
    rules=("session-refresh-refused",),
    conduct=lambda timer: Conduct(LEAVES_IT_TO_PHONE, turns=(), refusals=(500,) * MOST_REFUSALS),
    intervals=1.0,
    seconds=10.0,
)
SCENARIOS = (SILENT_TO_CALLEE, SILENT_TO_CALLER, *REFUSED, ALWAYS_REFUSED)
