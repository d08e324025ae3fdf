"""Rules about what the phone says of session timers when it calls: the intervals, and the call once more after 422.  RFC 4028."""

from __future__ import annotations

from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, noted, passed, unseen, warned
from sipstub.verify.request_fact import AnswerFact, RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.session_fact import OPTION, REFRESHING
from sipstub.verify.setting import OFF
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

LEAST_S = 90
"No Min-SE is smaller, and none counts as this (section 5)."


def min_se_of(request: RequestFact) -> int | None:
    """Return the Min-SE of a request; None where there is none that can be read."""
    word = (request.value("min-se") or "").partition(";")[0].strip()
    return int(word) if word.isascii() and word.isdigit() and len(word) < 11 else None


@rule(
    "session-short",
    setting="session-expires",
    row=40,
    source="RFC 4028 sections 4 and 5",
    certainty=Certainty.STATED,
    also=("session-timer",),
    stimulus=Stimulus.SESSION,
)
def session_short(case: Case) -> Outcome | None:
    """The interval of the file is 90 s or more: a strict peer answers 422 to less.  Asked only where it is less."""
    number = case.number
    if case.text("session-timer") == OFF or number is None or number >= LEAST_S:
        return None
    told = [request for request in case.invites if request.session_expires is not None]
    if not told:
        return unseen("no INVITE with Session-Expires", expected=f"{LEAST_S} s or more")
    interval = told[0].session_expires
    seconds = interval.seconds if interval is not None else 0
    if seconds >= LEAST_S:
        return noted(f"{seconds} s", told[0], expected=f"{LEAST_S} s or more", note="the phone does not offer what its file says")
    likely = "the file asks for it; write 90 or more"
    return warned(f"{seconds} s: a strict peer answers 422", told[0], expected=f"{LEAST_S} s or more", likely=likely)


@rule(
    "session-headers",
    setting="session-timer",
    row=39,
    source="RFC 4028 sections 4, 5 and 11",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_headers(case: Case) -> Outcome | None:
    """Session-Expires and Min-SE of the phone stand once and can be read: whole seconds, refresher uac or uas."""
    expected = "one whole number of seconds; refresher uac or uas"
    own: list[RequestFact | AnswerFact] = [request for request in case.account.requests if request.method in REFRESHING]
    own += [answer for request in case.account.received if request.method in REFRESHING for answer in request.answers]
    for fact in own:
        if fact.timer_fault:
            return failed(fact.timer_fault, fact, expected=expected)
    told = [fact for fact in own if fact.session_expires is not None]
    if told:
        return passed(f"Session-Expires: {told[-1].session_expires}", told[-1], expected=expected)
    return None if case.text("session-timer") == OFF else unseen("no Session-Expires of the phone", expected=expected)


@rule(
    "session-min-se",
    setting="session-timer",
    row=39,
    source="RFC 4028 sections 5, 7.1 and 7.4",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_min_se(case: Case) -> Outcome | None:
    """A Min-SE of the phone is 90 or more and no longer than the Session-Expires beside it; no 2xx has one."""
    expected = f"{LEAST_S} <= Min-SE <= Session-Expires"
    good: Outcome | None = None
    for request in case.account.received:
        final = request.final
        if request.method in REFRESHING and final is not None and final.status < 300 and final.min_se_s is not None:
            return failed(f"Min-SE in a {final.status}", final, expected="Min-SE in requests and 422 only")
    for request in case.account.requests:
        if request.method not in REFRESHING or request.session_expires is None:
            continue
        least, interval = min_se_of(request), request.session_expires.seconds
        if least is not None and not LEAST_S <= least <= interval:
            return failed(f"Min-SE {least}, Session-Expires {interval}", request, expected=expected)
        said = f"Min-SE {least}" if least is not None else "no Min-SE, which counts as 90"
        good = passed(f"{said}, Session-Expires {interval}", request, expected=expected)
    return good or (None if case.text("session-timer") == OFF else unseen("no Session-Expires of the phone", expected=expected))


@rule(
    "session-retry",
    setting="session-timer",
    row=40,
    source="RFC 4028 sections 7.3 and 7.4",
    certainty=Certainty.STATED,
    also=("session-expires",),
    stimulus=Stimulus.SESSION,
)
def session_retry(case: Case) -> Outcome | None:
    """After 422 the call goes out once more: its Min-SE raised, Session-Expires not under it, Call-ID kept, CSeq higher."""
    if case.text("session-timer") == OFF:
        return None
    good: Outcome | None = None
    for at, invite in enumerate(case.invites):
        final = invite.final
        if final is None or final.status != 422 or final.min_se_s is None:
            continue
        least = max(final.min_se_s, LEAST_S)
        expected = f"INVITE with Min-SE and Session-Expires of {least} or more"
        soon = [other for other in case.invites[at + 1 :] if other.at - final.at < case.tolerance.absence]
        again = next((other for other in soon if other.call_id == invite.call_id or _is_another_try(other, least)), None)
        if again is None:
            if not case.heard_after(final.at + case.tolerance.absence):
                continue
            return warned("no call after 422", invite, expected=expected, note="RFC 4028 section 7.3: it may try again")
        found = _raised(again, least, expected)
        if found is None and again.call_id != invite.call_id:
            found = warned("another Call-ID", again, expected=expected, note="RFC 4028 section 7.3: it should be the same")
        if found is None and again.call_id == invite.call_id and again.cseq <= invite.cseq:
            found = failed(f"CSeq {again.cseq} after {invite.cseq}", again, expected="a higher CSeq")
        if found is not None:
            return found
        good = passed(f"Session-Expires and Min-SE of {least} or more, CSeq {again.cseq}", again, expected=expected)
    return good or unseen("no 422 to a call of the phone", expected="the call once more")


def _is_another_try(request: RequestFact, least: int) -> bool:
    """Return whether a call under another Call-ID says that it heard the 422; else somebody just dialled again."""
    interval = request.session_expires
    return min_se_of(request) is not None or (interval is not None and interval.seconds >= least)


def _raised(again: RequestFact, least: int, expected: str) -> Outcome | None:
    interval, said = again.session_expires, min_se_of(again)
    if interval is None:
        return failed("no Session-Expires", again, expected=expected)
    if interval.seconds < least:
        return failed(f"Session-Expires {interval.seconds}", again, expected=expected)
    if said is None:
        return failed("no Min-SE", again, expected=expected)
    return failed(f"Min-SE {said}", again, expected=expected) if said < least else None


@rule(
    "session-tag",
    setting="session-timer",
    row=39,
    source="RFC 4028 sections 7.1 and 7.4; guide",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_tag(case: Case) -> Outcome | None:
    """A refresh has `timer` in Supported, as the call had."""
    if not case.is_on:
        return None
    requests = [
        request
        for request in case.account.requests
        if request.method in REFRESHING and not request.is_initial and request.session_expires is not None
    ]
    return case.every(
        requests,
        lambda request: "timer" if OPTION in request.supported else "no timer",
        "timer",
        what="refresh of the phone",
        expected="timer",
    )
