"""What keeps a call up after its answer: who refreshes each leg, by what, when, and when the SBC gives it up."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from sipstub.sbc.predict.end import LEAST_S, UAC, End, Said
from sipstub.sbc.predict.rules import LegRules, Mode

LONGEST_LEAD_S = 32


class Who(enum.StrEnum):
    """Who refreshes."""

    CALLER = "caller"
    CALLEE = "callee"
    SBC = "SBC"
    NOBODY = "nobody"
    "A timer that one side waits for in vain."


@dataclass(frozen=True, slots=True)
class LegTimer:
    """What holds on one leg once the call is up."""

    interval_s: int | None = None
    "None: no expiry."
    refresher: Who | None = None
    method: str = ""
    "What a refresh goes by on this leg; empty where it does not get there."
    is_relayed: bool = False
    "Whether the refresh comes from the other leg."
    watches: bool = False
    "Whether the SBC ends the call when there is none."
    also: str = ""
    "What refreshes of the other leg's end come by besides, where they are passed on to a leg that has its own refresher."
    also_at_s: float | None = None
    "When the first of those is due."
    is_left: bool = False
    "Whether the SBC is the refresher by word, and leaves it to the other leg's end, whose refreshes come often enough."
    refresh_at_s: float | None = None
    "When the first refresh is due after the 2xx: at half the interval of the leg of whoever refreshes."

    @property
    def refreshed_s(self) -> int:
        """Return the interval once the SBC has refreshed it, which asks for no less than 90 s (RFC 4028 section 7.4)."""
        return max(self.interval_s or 0, LEAST_S if self.refresher is Who.SBC else 0)

    @property
    def given_up_at_s(self) -> float | None:
        """Return when a side that waits for a refresh says BYE: 32 s or a third of the interval before the end.

        Whoever is the refresher by word has until the end.
        """
        if self.is_left:
            return self.interval_s
        return None if self.interval_s is None else self.interval_s - min(LONGEST_LEAD_S, self.interval_s / 3)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Both legs."""

    a: LegTimer
    b: LegTimer

    @property
    def released_at_s(self) -> float | None:
        """Return when the SBC says BYE on both legs if neither end ever refreshes, but answers; None for never."""
        times = [leg.given_up_at_s for leg in (self.a, self.b) if leg.watches]
        return min((at for at in times if at is not None), default=None)

    @property
    def starves(self) -> bool:
        """Return whether a timer runs on a leg that nobody refreshes, though both ends do what they should."""
        return Who.NOBODY in (self.a.refresher, self.b.refresher)


def keep_up(caller: End, callee: End, a: LegRules, b: LegRules, to_caller: Said, from_callee: Said, is_alone: bool) -> Upkeep:
    """Return who keeps both legs up.

    `to_caller` and `from_callee` are what the 2xx says on each leg; `is_alone` where the SBC refreshes a
    callee that has no timers.
    """
    on_a = _who(to_caller, a, b, is_a=True)
    on_b = Who.SBC if is_alone else _who(from_callee, a, b, is_a=False)
    if a.mode is Mode.SUPPORTED and b.mode.is_carried and on_b is Who.CALLER and on_a is not Who.CALLER:
        on_b = Who.NOBODY
    one = _leg(on_a, to_caller, a, b, caller, callee, is_a=True)
    two = _leg(on_b, from_callee, b, a, caller, callee, is_a=False)
    one, two = _due(one, two), _due(two, one)
    one, two = _left(one, two, a, b, callee, Who.CALLEE), _left(two, one, b, a, caller, Who.CALLER)
    return Upkeep(_besides(one, two, a, b, callee, Who.CALLEE), _besides(two, one, b, a, caller, Who.CALLER))


def _left(leg: LegTimer, other: LegTimer, rules: LegRules, others: LegRules, there: End, who: Who) -> LegTimer:
    """Return the leg with the other one's end as its refresher, where that one refreshes often enough for both [choice]."""
    if leg.refresher is not Who.SBC or not others.mode.is_carried or other.refresher is not who or other.is_relayed:
        return leg
    method = rules.relayed_as(there.method)
    if method is None or (other.interval_s or 0) > (leg.interval_s or 0):
        return leg
    return replace(
        leg, refresher=who, method=method, is_relayed=True, is_left=True, watches=True, refresh_at_s=other.refresh_at_s
    )


def _besides(leg: LegTimer, other: LegTimer, rules: LegRules, others: LegRules, there: End, who: Who) -> LegTimer:
    """Return the leg with what comes from the other end: a refresh is passed on where either leg carries a timer of both ends."""
    is_passed_on = others.mode.is_carried or rules.mode.is_carried
    if leg.is_relayed or leg.interval_s is None or other.refresher is not who or not is_passed_on:
        return leg
    return replace(leg, also=rules.relayed_as(there.method) or "", also_at_s=other.refresh_at_s)


def _due(leg: LegTimer, other: LegTimer) -> LegTimer:
    interval = other.interval_s if leg.is_relayed else leg.interval_s
    is_due = interval is not None and leg.refresher not in (None, Who.NOBODY)
    return replace(leg, refresh_at_s=(interval or 0) / 2 if is_due else None)


def _who(said: Said, a: LegRules, b: LegRules, *, is_a: bool) -> Who | None:
    if said.expires_s is None:
        return None
    is_uac = said.refresher == UAC
    if is_a:
        if a.mode is Mode.SUPPORTED:
            return Who.CALLER if is_uac else Who.SBC
        return Who.CALLER if is_uac else Who.CALLEE
    if b.mode is Mode.SUPPORTED:
        return Who.SBC if is_uac else Who.CALLEE
    return Who.CALLER if is_uac else Who.CALLEE


def _leg(who: Who | None, said: Said, leg: LegRules, other: LegRules, caller: End, callee: End, *, is_a: bool) -> LegTimer:
    if who is None:
        return LegTimer()
    here, there = (caller, callee) if is_a else (callee, caller)
    is_peer = who is (Who.CALLER if is_a else Who.CALLEE)
    is_relayed = not is_peer and who in (Who.CALLER, Who.CALLEE)
    if who is Who.SBC:
        method = leg.refresh_method(takes_update=here.takes_update)
    elif is_relayed:
        method = leg.relayed_as(there.method) or ""
        who = who if method else Who.NOBODY
    else:
        method = here.method if who is not Who.NOBODY else ""
    watches = leg.mode is Mode.OBSERVER or (leg.mode is Mode.SUPPORTED and who is not Who.SBC)
    return LegTimer(said.expires_s, who, method, is_relayed, watches)
