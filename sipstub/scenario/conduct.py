"""How the stub's side of one call behaves about session timers: as RFC 4028 has it, or on purpose otherwise."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sipstub.session_timer.setting import UAC, Insertion, TimerSettings

MAX_CALL_S = 1_800.0
"Longest call, whatever was ordered."


class Turn(enum.StrEnum):
    """One refresh of the stub."""

    UPDATE = "UPDATE"
    UPDATE_SDP = "UPDATE with SDP"
    "With the description of before."
    REINVITE = "re-INVITE"
    "With the description of before."
    BARE = "re-INVITE without SDP"
    "The phone makes the offer."
    SWAP = "UPDATE that swaps roles"
    "From then on the phone refreshes."


TAKES_ALL = TimerSettings(answer_refresher=UAC, inserts=Insertion.NEVER)
"Takes whatever timer the phone asks for, and wants none."


@dataclass(frozen=True, slots=True)
class Conduct:
    """What one side of a call wants, and what it does instead of that."""

    timer: TimerSettings = TAKES_ALL
    "Offer, answer, 422: all by the engine."
    turns: tuple[Turn, ...] | None = None
    """Refreshes at half the interval, one after the other, and then none; this side never hangs up by itself then.
    None: it refreshes and hangs up as the RFC has it."""
    turn_after_s: float | None = None
    "A turn comes so long after the last one, or after the answer; None: at half the interval, as RFC 4028 recommends."
    refusals: tuple[int, ...] = ()
    "Answers to the phone's first refreshes; 0 is none at all."
    lasts_s: float | None = None
    "When this side hangs up at the latest; None for what the call itself says."


PLAIN = Conduct()
"Takes whatever timer the phone asks for, and wants none."
WITHOUT = Conduct(TimerSettings(is_on=False))
"Does not know session timers."
