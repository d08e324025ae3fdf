"""Rules about the end of a session: a refresh that does not come, one that is refused, and calls that should stay.  RFC 4028."""

from __future__ import annotations

from collections.abc import Iterator

from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, passed, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.session_fact import Session, Term, sessions_of
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.tolerance import Punctual
from sipstub.verify.verdict import Certainty

GONE = (408, 481)
"Answers to a refresh that say that the call is gone (RFC 3261 section 12.2.1.2)."
OTHER_ERRORS = (491, 500, 503)
"Answers that leave the call as it is: the end of the session stands (RFC 4028 section 10)."


@rule(
    "session-expiry",
    setting="session-timer",
    row=42,
    source="RFC 4028 section 10",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_expiry(case: Case) -> Outcome | None:
    """A phone that waits for a refresh in vain hangs up 32 s before the end, or a third of the interval, and no later than it."""
    if not case.is_on:
        return None
    good: Outcome | None = None
    for session in sessions_of(case.account, case.facts.until):
        term = session.terms[-1]
        interval = term.interval_s
        if interval is None or term.is_phones:
            continue
        early, late = case.tolerance.giving_up(interval)
        expected = f"BYE {early + case.tolerance.edge_s:g} to {interval} s after the last refresh"
        after = session.until - term.at
        if session.is_phones_bye and session.bye is not None:
            if after > late:
                return failed(f"BYE after {after:.1f} s", session.bye, expected=expected)
            if after >= early:
                good = passed(f"BYE after {after:.1f} s", session.bye, expected=expected)
        elif after >= late and case.heard_after(term.at + late):
            return failed(
                f"no BYE in {after:.0f} s", term.answer, expected=expected, likely="it does not watch the end of a session"
            )
    return good or unseen("no session was left without a refresh until its end", expected="BYE shortly before the end")


def _refused(case: Case, statuses: tuple[int, ...]) -> Iterator[tuple[Session, Term, RequestFact, int]]:
    """Return each refresh of the phone that came to nothing: with a status of these, or none at all (0)."""
    for session in sessions_of(case.account, case.facts.until):
        for request in session.refreshes:
            terms = [term for term in session.terms if term.at < request.at]
            if request.method == "INVITE" and request.final is None and request.answers:
                continue  # it was told to wait, and may wait
            if terms and terms[-1].is_phones and terms[-1].interval_s is not None and request.status in statuses:
                yield session, terms[-1], request, request.status


@rule(
    "session-refresh-gone",
    setting="session-timer",
    row=42,
    source="RFC 4028 section 10; RFC 3261 section 12.2.1.2",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_refresh_gone(case: Case) -> Outcome | None:
    """A refresh that gets 481, 408 or no answer at all ends the call: BYE."""
    if not case.is_on:
        return None
    good: Outcome | None = None
    for session, _, request, status in _refused(case, (*GONE, 0)):
        answered_at = request.final.at if request.final is not None else request.at + case.tolerance.transaction
        due = answered_at + case.tolerance.absence
        expected = f"BYE after {status or 'no answer'}"
        if session.is_phones_bye and session.bye is not None and session.until <= due:
            if status or session.until >= answered_at - case.tolerance.edge_s:
                good = passed(f"BYE {session.until - answered_at:.1f} s later", session.bye, expected=expected)
        elif session.until > due and case.heard_after(due):
            return failed(f"the call goes on after {status or 'no answer'}", request, expected=expected)
    return good or unseen("no refresh was answered 481 or 408, or not at all", expected="BYE")


@rule(
    "session-refresh-refused",
    setting="session-timer",
    row=42,
    source="RFC 4028 sections 1 and 10; RFC 3261 section 14.1",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_refresh_refused(case: Case) -> Outcome | None:
    """A refresh that gets 491 or 500 leaves the call up until its session ends, no longer; it is tried again, not without end."""
    if not case.is_on:
        return None
    good: Outcome | None = None
    for session, term, request, status in _refused(case, OTHER_ERRORS):
        assert term.interval_s is not None and request.final is not None
        if request.at >= term.at + term.interval_s - case.tolerance.edge_s:
            continue  # at the end nothing can be tried again
        expected = f"the call stays after {status}, and the refresh is tried again"
        early, _ = case.tolerance.giving_up(term.interval_s)
        tries = [one for one in session.refreshes if one.at > term.at and one.status == status]
        later = [one for one in session.refreshes if one.at > request.final.at]
        if len(tries) > case.tolerance.refused_tries:
            return failed(f"{len(tries)} times within one interval", tries[-1], expected=expected)
        if session.is_phones_bye and session.until < term.at + early and session.bye is not None:
            return failed(f"BYE {session.until - request.final.at:.1f} s after {status}", session.bye, expected=expected)
        due = term.at + term.interval_s + case.tolerance.edge_s
        if term.is_last and session.until > due and case.heard_after(due):
            return failed("the call outlives its session", request, expected="BYE once the session has expired")
        if later:
            good = passed(f"tried again {later[0].at - request.final.at:.1f} s later", later[0], expected=expected)
        elif len(tries) > 1:
            good = passed(f"given up after {len(tries)} tries", tries[-1], expected=expected)
        elif session.until >= term.at + early:
            return warned("not tried again", request, expected=expected, note="RFC 4028 section 10: it should be, if possible")
    return good or unseen("no refresh was answered 491 or 500", expected="the call stays")


@rule(
    "session-stays",
    setting="session-timer",
    row=42,
    source="RFC 4028 sections 7.2 and 10",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_stays(case: Case) -> Outcome | None:
    """The phone does not end a call whose session goes on; judged of calls that are held up for session timers."""
    good: Outcome | None = None
    expected = "the call stays"
    for session in sessions_of(case.account, case.facts.until):
        if session.call_id not in case.facts.held:
            continue
        if not session.is_phones_bye or session.bye is None:
            good = passed(f"up for {session.until - session.invite.at:.0f} s", session.invite, expected=expected)
            continue
        term = session.terms[-1]
        after = session.until - term.at
        if term.interval_s is None:
            return failed(f"BYE after {after:.1f} s", session.bye, expected=f"{expected}: no session timer was agreed on")
        refused = [one for one in session.refreshes if one.at > term.at and not 200 <= one.status < 300]
        # who has to refresh and did not is judged by session-refresh-time
        is_early = (
            case.tolerance.refresh(after, term.interval_s) is Punctual.EARLY
            if term.is_phones
            else after < case.tolerance.giving_up(term.interval_s)[0]
        )
        if not refused and is_early:
            return failed(f"BYE after {after:.1f} s of {term.interval_s} s", session.bye, expected=expected)
    return good or unseen("no call was held up for session timers", expected=expected)
