"""Rules about what the phone answers to session timers of others: table 2 of RFC 4028, 422, refreshes of the other side."""

from __future__ import annotations

from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, noted, passed, unseen, warned
from sipstub.verify.request_fact import AnswerFact, RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.rules.session_timer_offer import LEAST_S, min_se_of
from sipstub.verify.session_fact import OPTION, REFRESHING, Session, media_of, origin_of, sessions_of
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty, Verdict

CROSSING = (491, 500)
"Where both sides change the session at a time (RFC 3261 section 14.2, RFC 3311 section 5.2)."


def _asked(case: Case) -> list[tuple[RequestFact, AnswerFact]]:
    """Return INVITEs and UPDATEs to the phone from a side with timers, which have a final answer."""
    return [
        (request, request.final)
        for request in case.account.received
        if request.method in REFRESHING and request.final is not None and OPTION in request.supported
    ]


@rule(
    "session-answer",
    setting="session-timer",
    row=41,
    source="RFC 4028 section 9",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_answer(case: Case) -> Outcome | None:
    """A 2xx to an offer of a timer takes it: Session-Expires not raised and not under 90, the refresher as asked, Require."""
    if not case.is_on:
        return None
    good: Outcome | None = None
    odd: Outcome | None = None
    for request, final in _asked(case):
        asked = request.session_expires
        if asked is None or final.status >= 300 or asked.seconds < LEAST_S:
            continue
        expected = f"Session-Expires up to {asked.seconds};refresher={asked.refresher or 'uac or uas'}, Require: timer"
        outcome = _taken(request, final, expected)
        if outcome.verdict is Verdict.FAIL:
            return outcome
        if outcome.verdict is Verdict.PASS:
            good = outcome
        else:
            odd = odd or outcome
    return odd or good or unseen("no offer of a session timer to the phone", expected="Session-Expires and Require: timer")


def _taken(request: RequestFact, final: AnswerFact, expected: str) -> Outcome:
    asked, said = request.session_expires, final.session_expires
    assert asked is not None
    if said is None:
        return failed("no Session-Expires", final, expected=expected)
    if said.seconds > asked.seconds:
        return failed(f"Session-Expires raised to {said.seconds}", final, expected=expected)
    if said.seconds < max(min_se_of(request) or 0, LEAST_S):
        return failed(f"Session-Expires lowered to {said.seconds}", final, expected=expected)
    if said.refresher is None:
        return failed("no refresher", final, expected=expected)
    if asked.refresher is not None and said.refresher != asked.refresher:
        return failed(f"refresher={said.refresher}", final, expected=expected)
    if OPTION not in final.require:
        judge = failed if said.refresher == "uac" else warned
        return judge("no timer in Require", final, expected=expected)
    return passed(f"{said.seconds};refresher={said.refresher}, Require: timer", final, expected=expected)


@rule(
    "session-answer-refresher",
    setting="session-refresher",
    row=41,
    source="RFC 4028 section 9; guide: 0 is the phone, 1 the server",
    certainty=Certainty.INFERRED,
    also=("session-timer",),
    stimulus=Stimulus.SESSION,
)
def session_answer_refresher(case: Case) -> Outcome | None:
    """Where the caller leaves it open, the called phone names the refresher of its file: itself for 0, the other side for 1."""
    if case.text("session-timer") != "on":
        return None
    wanted = "uas" if case.value == "uac" else "uac"
    expected = f"refresher={wanted}"
    for request, final in reversed(_asked(case)):
        asked, said = request.session_expires, final.session_expires
        if request.is_initial and asked is not None and asked.refresher is None and said is not None and said.refresher:
            judge = passed if said.refresher == wanted else warned
            return judge(f"refresher={said.refresher}", final, expected=expected)
    return unseen("no call to the phone that leaves the refresher open", expected=expected)


@rule(
    "session-too-short",
    setting="session-timer",
    row=40,
    source="RFC 4028 sections 5, 6 and 9",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_too_short(case: Case) -> Outcome | None:
    """An interval under 90 s may be refused with 422; that names the minimum in Min-SE, 90 or more."""
    if not case.is_on:
        return None
    expected = f"422 with Min-SE of {LEAST_S} or more"
    good: Outcome | None = None
    for request, final in _asked(case):
        asked = request.session_expires
        if final.status == 422 and final.min_se_s is None:
            return failed("422 without Min-SE", final, expected=expected)
        if final.status == 422 and final.min_se_s is not None and final.min_se_s < LEAST_S:
            return failed(f"422 with Min-SE {final.min_se_s}", final, expected=expected)
        if final.status == 422:
            good = passed(f"422 with Min-SE {final.min_se_s}", final, expected=expected)
        elif asked is not None and asked.seconds < LEAST_S and final.status < 300 and good is None:
            good = noted(f"{asked.seconds} s taken", final, expected=expected, note="RFC 4028 section 9: 422 is allowed, no must")
    return good or unseen(f"no interval under {LEAST_S} s was asked of the phone", expected=expected)


@rule(
    "session-takes-refresh",
    setting="session-timer",
    row=41,
    source="RFC 4028 sections 7.4 and 9; RFC 3311 section 5.2",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_takes_refresh(case: Case) -> Outcome | None:
    """A refresh of the other side gets a 2xx, by UPDATE and by INVITE; 491 and 500 where requests cross."""
    if not case.is_on:
        return None
    expected = "200"
    good: Outcome | None = None
    odd: tuple[str, AnswerFact] | None = None
    for session in sessions_of(case.account, case.facts.until):
        for request in session.asked:
            final = request.final
            if final is None or request.at >= session.until:
                continue
            seen = f"{final.status} to {request.method}"
            if final.status < 300:
                good = passed(seen, final, expected=expected)
            elif final.status not in (401, 407, 422, *CROSSING):
                return failed(seen, final, expected=expected)
            elif final.status in CROSSING and not _is_crossed(session, request, final):
                odd = odd or (seen, final)
    if odd is not None:
        judge = failed if good is None else warned
        return judge(*odd, expected=expected, note="no request of the phone was under way")
    return good or unseen("no refresh of the other side", expected=expected)


def _is_crossed(session: Session, request: RequestFact, final: AnswerFact) -> bool:
    """Return whether a change of the phone was under way while it had this one before it."""
    return any(
        one.method in REFRESHING and one.at <= final.at and (one.final is None or one.final.at >= request.at)
        for one in session.phone
    )


@rule(
    "session-answer-origin",
    setting="session-timer",
    row=41,
    source="RFC 4028 section 7.4; RFC 3264 section 8",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_answer_origin(case: Case) -> Outcome | None:
    """The answer to a refresh that changes nothing has the `o=` line that the phone's description had before."""
    if not case.is_on:
        return None
    expected = "the same o= line"
    good: Outcome | None = None
    for session in sessions_of(case.account, case.facts.until):
        for request in session.asked:
            final = request.final
            if final is None or final.status >= 300 or not final.body or not request.body:
                continue
            before = session.described(final.at, by_phone=True)
            if request.body != session.described(request.at, by_phone=False) or media_of(final.body) != media_of(before):
                continue
            same = origin_of(final.body) == origin_of(before)
            if not same:
                return failed(origin_of(final.body).decode("utf-8", "replace"), final, expected=expected)
            good = passed("the same", final, expected=expected)
    return good or unseen("no re-INVITE that changes nothing", expected=expected)


def _requires(request: RequestFact) -> bool:
    return any(OPTION in line.lower() for line in request.values.get("require", ()))


@rule(
    "session-off",
    setting="session-timer",
    row=39,
    source="RFC 4028 sections 7.1 and 9; what V80 does is not known",
    certainty=Certainty.INFERRED,
    stimulus=Stimulus.SESSION,
)
def session_off(case: Case) -> Outcome | None:
    """What a phone whose timer is off says to a caller who has one: information, the guide is silent."""
    if case.is_on:
        return None
    expected = "no Session-Expires, 420 to Require: timer"
    told: dict[str, AnswerFact] = {}
    for request, final in _asked(case):
        if request.session_expires is None or not request.is_initial:
            continue
        said = final.session_expires
        has = f" with Session-Expires {said}" if said is not None else " without Session-Expires" if final.status < 300 else ""
        told[f"{final.status}{has}{' to Require: timer' if _requires(request) else ''}"] = final
    if told:
        words = "RFC 4028 section 9: a 2xx without Session-Expires means that the session does not expire"
        return noted(", ".join(told), list(told.values())[-1], expected=expected, note=words)
    return unseen("no call with a session timer to the phone", expected=expected)
