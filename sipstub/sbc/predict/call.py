"""One call through the SBC, on paper: its INVITEs, refusals and 2xx on both legs, and what keeps it up then."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sbc.predict.end import NOTHING, UAC, End, Said, raised
from sipstub.sbc.predict.mark import Mark, Why
from sipstub.sbc.predict.rules import LegRules, Mode, TimerRules
from sipstub.sbc.predict.upkeep import Upkeep, keep_up
from sipstub.sbc.predict.wording import MINIMUM, refused_s, towards_callee, towards_caller

MAX_ATTEMPTS = 6
"INVITEs of the caller until nobody refuses any more; each 422 raises the interval, so there are never so many."


@dataclass(frozen=True, slots=True)
class Refusal:
    """A 422 on one leg."""

    by: str
    "`SBC` or `callee`."
    min_se_s: int
    legs: str
    "`a`: the SBC refuses the caller; `b`: the SBC asks again by itself; `ab`: carried over to the caller."
    why: Why


@dataclass(frozen=True, slots=True)
class CallPrediction:
    """What shows on the wire of both legs."""

    caller: End
    callee: End
    a: LegRules
    b: LegRules
    asked: tuple[Said, ...]
    "What each INVITE of the caller says."
    sent: tuple[Said, ...]
    "What each INVITE to the callee says."
    refusals: tuple[Refusal, ...]
    from_callee: Said
    to_caller: Said
    whys: tuple[Why, ...]
    "Of the INVITE to the callee, and of the 2xx to the caller."
    upkeep: Upkeep

    @property
    def is_alone(self) -> bool:
        """Return whether the SBC refreshes a callee that has no timers."""
        return self.from_callee.expires_s is None and self.upkeep.b.interval_s is not None


def predict_call(caller: End, callee: End, a: LegRules, b: LegRules, rules: TimerRules) -> CallPrediction:
    """Return what happens to this call."""
    asked, sent, refusals = [caller.asks], [], []
    passed, why = towards_callee(asked[0], a, b, rules)
    for _ in range(MAX_ATTEMPTS):
        if (least := refused_s(asked[-1], a, rules)) is not None:
            refusals.append(Refusal("SBC", least, "a", rules.why("shorter than the SBC's minimum", Mark.RFC, MINIMUM)))
            asked.append(raised(asked[-1], least))
            continue
        passed, why = towards_callee(asked[-1], a, b, rules)
        sent.append(passed)
        if (least := callee.refuses(passed)) is None:
            break
        if b.mode is Mode.SUPPORTED:
            refusals.append(Refusal("callee", least, "b", b.why("a leg of the SBC's own: it asks once more itself", Mark.CHOSEN)))
            passed = raised(passed, least)
            sent.append(passed)
            break
        refusals.append(Refusal("callee", least, "ab", b.why("carried over: the caller has to ask again", Mark.DOCUMENTED)))
        asked.append(raised(asked[-1], least))
    from_callee = callee.agrees(passed)
    can_refresh = bool(b.refresh_method(takes_update=callee.takes_update))
    is_alone = b.mode is Mode.SUPPORTED and from_callee.expires_s is None and rules.is_ours and can_refresh
    agreed = Said(passed.expires_s, UAC, has_timer=True) if is_alone else from_callee
    to_caller, answer_why = towards_caller(asked[-1], agreed, a, b, rules, takes_update=caller.takes_update)
    upkeep = keep_up(caller, callee, a, b, to_caller if caller.has_timer or _is_own(a) else NOTHING, agreed, is_alone)
    return CallPrediction(
        caller, callee, a, b, tuple(asked), tuple(sent), tuple(refusals), from_callee, to_caller, (why, answer_why), upkeep
    )


def _is_own(leg: LegRules) -> bool:
    return leg.mode is Mode.SUPPORTED
