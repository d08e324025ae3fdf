"""A predicted call told line by line, each with its reasons: what the messages say, who refreshes then, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator

from sipstub.sbc.predict.call import CallPrediction, Refusal
from sipstub.sbc.predict.end import UAS, End, Said
from sipstub.sbc.predict.mark import Line, Mark, Why
from sipstub.sbc.predict.rules import LegRules, Mode
from sipstub.sbc.predict.upkeep import LegTimer, Who

_RFC_HALF = Why("a refresh is due at half the interval (section 7.2)", Mark.RFC)
_RFC_LEAD = Why("who waits for a refresh gives up 32 s, or a third of the interval, before its end (section 10)", Mark.RFC)
_NO_LEAD = Why("the SBC is to refresh it by the words of the 200, so it may wait until the very end (section 10)", Mark.RFC)
_ASSUMED = Why("assumed of the far end", Mark.CHOSEN)


def tell(call: CallPrediction, rules_why: Why) -> tuple[Line, ...]:
    """Return the lines of a call; `rules_why` is the reason for who refreshes on a leg of the SBC's own."""
    return (*_set_up(call), *_keeping(call, rules_why), *_ending(call))


def _set_up(call: CallPrediction) -> Iterator[Line]:
    a, b = call.caller.name, call.callee.name
    asked, sent = iter(call.asked), iter(call.sent)
    yield Line(call.caller.side, f"INVITE of the {a}: {next(asked).text}", (_of_end(call.caller),))
    for refusal in call.refusals:
        if refusal.by == "callee":
            yield _sent(call, next(sent))
            yield Line(call.callee.side, f"422 of the {b}, Min-SE: {refusal.min_se_s}", (_of_end(call.callee),))
        yield Line((call.callee if refusal.legs == "b" else call.caller).side, _after(refusal, call), (refusal.why,))
        if refusal.legs != "b":
            yield Line(call.caller.side, f"INVITE of the {a} again, CSeq one higher: {next(asked).text}", (_RETRY,))
    yield _sent(call, next(sent))
    yield Line(call.callee.side, f"200 of the {b}: {call.from_callee.text}", (_of_end(call.callee),))
    yield Line(call.caller.side, f"200 to the {a}: {call.to_caller.text}", call.whys[1:])
    wanted, got = call.asked[-1].expires_s, call.to_caller.expires_s
    if wanted is not None and got is not None and got > wanted:
        text = f"{got} s is more than the {wanted} s that the {a} asked for: a strict one does not take that"
        yield Line(call.caller.side, text, (Why("an interval is never raised by who is asked (section 9)", Mark.RFC),))


_RETRY = Why("Session-Expires is raised to the Min-SE of the 422, which stands beside it (sections 7.3, 7.4)", Mark.RFC)


def _sent(call: CallPrediction, said: Said) -> Line:
    return Line(call.callee.side, f"INVITE to the {call.callee.name}: {said.text}", call.whys[:1])


def _after(refusal: Refusal, call: CallPrediction) -> str:
    if refusal.legs == "b":
        return f"the SBC asks the {call.callee.name} once more; the {call.caller.name} hears nothing of it"
    if refusal.legs == "a":
        return f"422 of the SBC to the {call.caller.name}, Min-SE: {refusal.min_se_s}"
    return f"that 422 goes on to the {call.caller.name}, Min-SE: {refusal.min_se_s}"


def _of_end(end: End) -> Why:
    if not end.sources:
        return _ASSUMED
    return Why("it has session timers" if end.has_timer else "it has no session timers", Mark.PHONE, end.sources)


def _keeping(call: CallPrediction, rules_why: Why) -> Iterator[Line]:
    legs = ((call.caller, call.a, call.upkeep.a), (call.callee, call.b, call.upkeep.b))
    for end, rules, timer in legs:
        if timer.interval_s is None:
            yield Line(
                end.side, "no session timer: nothing is refreshed, nothing expires", (rules.why("by its mode", Mark.DOCUMENTED),)
            )
            continue
        who = {Who.CALLER: f"the {call.caller.name}", Who.CALLEE: f"the {call.callee.name}", Who.SBC: "the SBC"}
        if timer.refresher is None or timer.refresher is Who.NOBODY:
            text = (
                f"{timer.interval_s} s and NOBODY refreshes it: the one waits for the other, whose refreshes stay on its own leg"
            )
            yield Line(end.side, text, (rules.why("the other leg is the SBC's own", Mark.INFERRED),))
            continue
        method = "re-INVITE" if timer.method == "INVITE" else timer.method
        how = f"by {method}" + (", passed on from the other leg" if timer.is_relayed else "")
        when = f"every {timer.refresh_at_s or 0:g} s"
        if timer.refreshed_s != timer.interval_s:
            when = f"after {timer.refresh_at_s or 0:g} s, with {timer.refreshed_s} s from then on,"
        text = f"{timer.interval_s} s; {who[timer.refresher]} refreshes {when} {how}"
        if timer.also:
            other = call.callee if end is call.caller else call.caller
            text += f"; those of the {other.name}, every {timer.also_at_s or 0:g} s, are passed on too"
        yield Line(end.side, text, (_RFC_HALF, *_method_why(call, end, rules, timer, rules_why)), timer.refresh_at_s)


def _method_why(call: CallPrediction, end: End, rules: LegRules, timer: LegTimer, rules_why: Why) -> Iterator[Why]:
    if timer.refresher is Who.SBC:
        asked = call.asked[-1]
        if end is call.caller and not asked.has_timer:
            yield Why("who has no timers cannot refresh: the SBC does, whatever the policy", Mark.RFC)
        elif end is call.caller and asked.refresher == UAS:
            yield Why("a caller's own choice of refresher cannot be overridden", Mark.RFC)
        else:
            yield rules_why
        text = "re-INVITE, unless it is 3 and Allow has UPDATE, or the side takes none"
        yield rules.why(text, Mark.CHOSEN, "SBCRemoteUpdateSupport", "SBCRemoteReinviteSupport")
    elif timer.is_left:
        yield rules.why("the SBC leaves it to the other leg's end, so that one refreshes and not both", Mark.CHOSEN)
    elif timer.is_relayed:
        text = "passed on by a method that this side takes"
        yield rules.why(text, Mark.DOCUMENTED, "SBCRemoteUpdateSupport", "SBCRemoteReinviteSupport")
    else:
        yield _of_end(end)


def _ending(call: CallPrediction) -> Iterator[Line]:
    at = call.upkeep.released_at_s
    legs = ((call.caller, call.a, call.upkeep.a), (call.callee, call.b, call.upkeep.b))
    if at is not None:
        first = [(rules, timer) for _, rules, timer in legs if timer.watches and timer.given_up_at_s == at]
        whys = [rules.why(_WATCHES[rules.mode], Mark.INFERRED if rules.mode is Mode.OBSERVER else Mark.RFC) for rules, _ in first]
        last = _NO_LEAD if all(timer.is_left for _, timer in first) else _RFC_LEAD
        yield Line("", f"where no refresh comes the SBC says BYE on both legs after {at:g} s", (*whys, last), at)
    elif any(timer.interval_s is not None and timer.refresher is not Who.SBC for _, _, timer in legs):
        yield Line(
            "",
            "where no refresh comes the SBC does nothing: it runs no clock",
            (
                call.a.why("by the modes of both legs", Mark.INFERRED),
                call.b.why("and", Mark.INFERRED),
            ),
        )
    if any(timer.refresher is Who.SBC for _, _, timer in legs):
        yield Line("", "a refresh of the SBC with no answer, 408 or 481 ends both legs", (Why("section 10", Mark.RFC),))


_WATCHES = {
    Mode.OBSERVER: "an observer has a clock of its own on this leg",
    Mode.SUPPORTED: "on a leg of its own the SBC waits for the other side",
    Mode.TRANSPARENT: "",
    Mode.NOT_SUPPORTED: "",
}
