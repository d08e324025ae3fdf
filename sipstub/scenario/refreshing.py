"""Calls that are refreshed: by the phone, or by the stub in every way that there is.  A minute or two each."""

from __future__ import annotations

from dataclasses import replace

from sipstub.scenario.conduct import TAKES_ALL, WITHOUT, Conduct, Turn
from sipstub.scenario.scenario import INTERVAL_S, Caller, Scenario, if_on, if_peer_refreshes, if_phone_refreshes
from sipstub.session_timer.setting import UAC, UAS, TimerSettings

PHONE_REFRESHES = (
    "session-refresh-time",
    "session-refresh-role",
    "session-refresh-method",
    "session-refresh-interval",
    "session-refresh-dialog",
    "session-refresh-body",
    "session-update-form",
    "session-tag",
    "session-stays",
)
LOWERS = replace(TAKES_ALL, longest_s=INTERVAL_S)
"Takes a timer of the phone, and lowers its interval (RFC 4028 section 9 allows it)."
LEAVES_IT_TO_PHONE = TimerSettings(expires_s=INTERVAL_S, refresher=UAS)
REFRESHES_ITSELF = TimerSettings(expires_s=INTERVAL_S, refresher=UAC)
ALL_TURNS = (Turn.UPDATE, Turn.UPDATE_SDP, Turn.REINVITE, Turn.BARE)
SOON_S = 2.0
"Between two refreshes where nothing is learned from waiting."

REFRESHED_BY_CALLER = Scenario(
    name="refreshes-as-caller",
    what="answer a call from it with a shorter interval, and wait for its first two refreshes",
    caller=Caller.PHONE,
    wants=if_phone_refreshes,
    rules=PHONE_REFRESHES,
    conduct=lambda timer: Conduct(LOWERS, turns=()),
    intervals=1.0,
    refreshes=2,
    patience=0.5,
)
REFRESHED_BY_CALLEE = Scenario(
    name="refreshes-as-callee",
    what="call it, leave the refreshing to it, and wait for its first two refreshes",
    caller=Caller.STUB,
    wants=if_on,
    rules=("session-answer", *PHONE_REFRESHES),
    conduct=lambda timer: Conduct(LEAVES_IT_TO_PHONE, turns=()),
    intervals=1.0,
    refreshes=2,
    patience=0.5,
)
TAKES_REFRESHES_AS_CALLER = Scenario(
    name="refreshed-as-caller",
    what="answer a call from it with a shorter interval, and refresh it by UPDATE and by re-INVITE",
    caller=Caller.PHONE,
    wants=if_peer_refreshes,
    rules=("session-takes-refresh", "session-answer", "session-answer-origin", "session-refresh-role", "session-stays"),
    conduct=lambda timer: Conduct(LOWERS, turns=(Turn.UPDATE, Turn.REINVITE)),
    intervals=1.0,
)
TAKES_REFRESHES_AS_CALLEE = Scenario(
    name="refreshed-as-callee",
    what="call it and refresh it by UPDATE and re-INVITE, each with SDP and without",
    caller=Caller.STUB,
    wants=if_on,
    rules=("session-takes-refresh", "session-answer", "session-answer-origin", "session-refresh-role", "session-stays"),
    conduct=lambda timer: Conduct(REFRESHES_ITSELF, turns=ALL_TURNS),
    intervals=2.0,
)
REFRESHED_SOON = Scenario(
    name="refreshed-soon",
    what="call it and refresh it at once, every other second: by UPDATE and re-INVITE, each with SDP and without",
    caller=Caller.STUB,
    wants=if_on,
    rules=("session-takes-refresh", "session-answer", "session-answer-origin"),
    conduct=lambda timer: Conduct(REFRESHES_ITSELF, turns=ALL_TURNS, turn_after_s=SOON_S),
    seconds=SOON_S * len(ALL_TURNS),
    patience=0.1,
)
SWAPPED = Scenario(
    name="roles-swapped",
    what="call it, refresh it once, and leave the next refresh to it",
    caller=Caller.STUB,
    wants=if_on,
    rules=("session-answer", "session-refresh-time", "session-refresh-role", "session-takes-refresh"),
    conduct=lambda timer: Conduct(REFRESHES_ITSELF, turns=(Turn.SWAP,)),
    intervals=1.0,
    refreshes=1,
    patience=0.5,
)
WITHOUT_TIMER = Scenario(
    name="peer-without-timer",
    what="answer a call from it without session timers, and see that it stays up",
    caller=Caller.PHONE,
    wants=if_on,
    rules=("session-stays",),
    conduct=lambda timer: WITHOUT,
    intervals=1.0,
)
SCENARIOS = (
    REFRESHED_BY_CALLER,
    REFRESHED_BY_CALLEE,
    TAKES_REFRESHES_AS_CALLER,
    REFRESHED_SOON,
    TAKES_REFRESHES_AS_CALLEE,
    SWAPPED,
    WITHOUT_TIMER,
)
