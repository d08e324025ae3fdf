"""What the SBC writes on both legs when a call is set up: refusals, the INVITE to the callee, the 2xx to the caller."""

from __future__ import annotations

from dataclasses import replace

from sipstub.sbc.predict.end import LEAST_S, NOTHING, UAC, UAS, Said
from sipstub.sbc.predict.mark import Mark, Why
from sipstub.sbc.predict.rules import LegRules, Mode, TimerRules
from sipstub.session_timer.setting import SHORTEST_TAKEN_S

EXPIRES, MINIMUM, POLICY = "SBCSessionExpires", "SBCMinSE", "SBCSessionRefreshingPolicy"


def refused_s(asked: Said, leg: LegRules, rules: TimerRules) -> int | None:
    """Return the Min-SE of the 422 that the caller gets from the SBC, or None."""
    if leg.mode is not Mode.SUPPORTED or not rules.min_se_s or not asked.has_timer or asked.expires_s is None:
        return None
    return rules.min_se_s if asked.expires_s < rules.min_se_s else None


def towards_callee(asked: Said, a: LegRules, b: LegRules, rules: TimerRules) -> tuple[Said, Why]:
    """Return what the INVITE to the callee says, and why."""
    if b.mode is Mode.NOT_SUPPORTED:
        return NOTHING, b.why("no session timer with this entity: nothing of it is sent there", Mark.DOCUMENTED)
    if b.mode.is_carried:
        if a.mode is Mode.NOT_SUPPORTED:
            return NOTHING, a.why("nothing of the caller's is honoured, so nothing is carried over", Mark.INFERRED)
        return asked, b.why("what the caller said is carried over unchanged", Mark.DOCUMENTED)
    interval, refresher = rules.interval_s, UAC if rules.is_ours and b.may_refresh else UAS
    why = rules.why("the SBC writes its own interval and policy", Mark.DOCUMENTED, EXPIRES, MINIMUM, POLICY)
    if a.mode.is_carried and asked.expires_s is not None:
        least = max(asked.min_se_s or 0, LEAST_S, rules.min_se_s)
        interval = max(min(asked.expires_s, interval), least)
        refresher = (asked.refresher or refresher) if b.may_refresh else UAS
        why = rules.why("the smaller interval, and the caller's refresher if it named one", Mark.CHOSEN, EXPIRES, MINIMUM)
    return Said(interval, refresher, rules.min_se_s or None, has_timer=True), why


def towards_caller(
    asked: Said, agreed: Said, a: LegRules, b: LegRules, rules: TimerRules, *, takes_update: bool
) -> tuple[Said, Why]:
    """Return what the 2xx to the caller says; `agreed` holds on the callee's leg, `takes_update` is the caller's Allow."""
    if a.mode is Mode.NOT_SUPPORTED:
        return NOTHING, a.why("no session timer with this entity: nothing of it is sent there", Mark.DOCUMENTED)
    if a.mode is Mode.SUPPORTED:
        own, why = _own(asked, a, rules, can_refresh=bool(a.refresh_method(takes_update=takes_update)))
        waits = b.mode.is_carried and agreed.expires_s is not None and agreed.refresher == UAC
        if waits and own.expires_s is not None and asked.has_timer and asked.refresher != UAS:
            interval = min(own.expires_s, max(agreed.expires_s or 0, asked.min_se_s or 0, LEAST_S))
            why = b.why("the callee waits for refreshes, so the caller makes them, as often as both legs need", Mark.CHOSEN)
            return replace(own, expires_s=interval, refresher=UAC), why
        return own, why
    if b.mode is Mode.NOT_SUPPORTED:
        return NOTHING, b.why("the callee heard of no timer, so the caller gets none", Mark.INFERRED)
    if b.mode.is_carried:
        return agreed, a.why("what the callee said is carried over unchanged", Mark.DOCUMENTED)
    if asked.expires_s is None or agreed.expires_s is None:
        return NOTHING, b.why("that timer is the SBC's own with the callee; the caller has none", Mark.INFERRED)
    interval = max(min(asked.expires_s, agreed.expires_s), asked.min_se_s or 0, LEAST_S)
    if agreed.refresher == UAC or agreed.expires_s > interval:  # refreshes of the callee do not come, or not in time
        if asked.refresher == UAS or not asked.has_timer:
            return NOTHING, b.why("the caller would wait for refreshes in vain, so it has no timer", Mark.INFERRED)
        refresher = UAC
    else:
        refresher = UAC if asked.refresher == UAC and asked.has_timer else UAS
    return Said(interval, refresher, has_timer=True), b.why("the caller lives on what was agreed with the callee", Mark.INFERRED)


def _own(asked: Said, leg: LegRules, rules: TimerRules, *, can_refresh: bool) -> tuple[Said, Why]:
    least = max(asked.min_se_s or 0, LEAST_S, rules.min_se_s)
    longest = max(rules.interval_s, least)
    interval = longest if asked.expires_s is None else min(asked.expires_s, longest)
    if interval < SHORTEST_TAKEN_S:
        return Said(has_timer=True), rules.why(
            "nobody could keep up so short an interval: there is no timer", Mark.CHOSEN, MINIMUM
        )
    if not can_refresh and (not asked.has_timer or asked.refresher == UAS):
        return Said(has_timer=True), leg.why(
            "it takes nothing that the SBC could refresh it by, so there is no timer",
            Mark.CHOSEN,
            "SBCRemoteUpdateSupport",
            "SBCRemoteReinviteSupport",
        )
    if not asked.has_timer:
        why = rules.why("who has no timers cannot refresh: the SBC does, whatever the policy", Mark.RFC, EXPIRES, POLICY)
        return Said(interval, UAS, has_timer=True), why
    if asked.refresher:
        why = rules.why("a caller's own choice of refresher cannot be overridden", Mark.RFC, EXPIRES)
        return Said(interval, asked.refresher, has_timer=True), why
    why = rules.why("policy in the words of the side that is asked (table 2)", Mark.CHOSEN, EXPIRES, MINIMUM, POLICY)
    return Said(interval, UAS if rules.is_ours and can_refresh else UAC, has_timer=True), why
