"""Rules about the phone's refreshes: who sends them, when, by which method, and what they say.  RFC 4028 sections 7.2 to 7.4."""

from __future__ import annotations

from collections.abc import Iterator

from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, passed, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.rules.session_timer_form import SAMPLED, is_of_guide, release_of
from sipstub.verify.rules.session_timer_offer import LEAST_S, min_se_of
from sipstub.verify.session_fact import REFRESHING, Session, Term, media_of, origin_of, sessions_of
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.tolerance import Punctual
from sipstub.verify.verdict import Certainty


def _terms(case: Case) -> Iterator[tuple[Session, Term]]:
    for session in sessions_of(case.account, case.facts.until):
        for term in session.terms:
            yield session, term


def _refreshes(case: Case) -> Iterator[tuple[Session, Term, RequestFact]]:
    """Return each refresh of the phone with what held when it was sent."""
    for session in sessions_of(case.account, case.facts.until):
        for request in session.refreshes:
            terms = [term for term in session.terms if term.at <= request.at]
            if terms and terms[-1].interval_s is not None:
                yield session, terms[-1], request


@rule(
    "session-refresh-time",
    setting="session-timer",
    row=42,
    source="RFC 4028 sections 7.2 and 10; guide: at or before the expiration",
    certainty=Certainty.STATED,
    also=("session-expires",),
    stimulus=Stimulus.SESSION,
)
def session_refresh_time(case: Case) -> Outcome | None:
    """A phone that has to refresh does so at about half the negotiated interval, each time; at or past its end is too late."""
    if not case.is_on:
        return None
    strays = [request for request, _ in _strays(case, sessions_of(case.account, case.facts.until))]
    odd: Outcome | None = None
    good: Outcome | None = None
    for session, term in _terms(case):
        interval = term.interval_s
        if interval is None or not term.is_phones:
            continue
        expected = f"a refresh about {interval / 2:g} s after the last"
        first = next((one for one in session.refreshes if term.at < one.at <= max(term.until, term.at)), None)
        due = term.at + interval + case.tolerance.edge_s
        if first is None:
            if any(term.at < one.at < due for one in strays):
                continue  # it tried to: session-refresh-dialog says what is wrong
            if _is_given_up(case, session, term, interval):
                after = session.until - term.at
                return failed(f"none, and BYE after {after:.1f} s", session.bye or term.answer, expected=expected)
            if term.is_last and session.until >= due and case.heard_after(due):
                return failed(f"none within {interval} s", term.answer, expected=expected)
            continue
        after = first.at - term.at
        punctual = case.tolerance.refresh(after, interval)
        seen = f"after {after:.1f} s of {interval} s"
        if punctual is Punctual.TOO_LATE:
            return failed(seen, first, expected=expected)
        if punctual is Punctual.IN_TIME:
            good = passed(seen, first, expected=expected)
        else:
            odd = odd or warned(f"{seen}: {punctual.value}", first, expected=expected)
    return odd or good or unseen("no session that the phone has to refresh was watched for long enough", expected="a refresh")


def _is_given_up(case: Case, session: Session, term: Term, interval_s: int) -> bool:
    """Return whether the phone hung up instead of refreshing; a person may have where it was not held up."""
    after = session.until - term.at
    is_held = session.call_id in case.facts.held and case.tolerance.refresh(after, interval_s) is not Punctual.EARLY
    return term.is_last and session.is_phones_bye and (is_held or after >= interval_s - case.tolerance.edge_s)


def _strays(case: Case, sessions: list[Session]) -> list[tuple[RequestFact, list[Session]]]:
    """Return refreshes that belong to no call, with the calls that were up then."""
    inside = {id(request) for session in sessions for request in session.phone}
    found = []
    for request in case.account.requests:
        is_refresh = request.method == "UPDATE" or (request.method == "INVITE" and not request.is_initial)
        going = [session for session in sessions if session.invite.at < request.at <= session.until]
        if is_refresh and id(request) not in inside and going:
            found.append((request, going))
    return found


@rule(
    "session-refresh-role",
    setting="session-refresher",
    row=41,
    source="RFC 4028 sections 7.2, 7.4 and 9",
    certainty=Certainty.STATED,
    also=("session-timer",),
    stimulus=Stimulus.SESSION,
)
def session_refresh_role(case: Case) -> Outcome | None:
    """The side that was agreed on refreshes, and no other."""
    if case.text("session-timer") != "on":
        return None
    good: Outcome | None = None
    for session, term in _terms(case):
        interval = term.interval_s
        if interval is None:
            continue
        sent = [one for one in session.refreshes if term.at < one.at < term.until]
        if not term.is_phones and sent:
            return warned("the phone refreshed", sent[0], expected="the other side refreshes", note="allowed, and not needed")
        if not term.is_phones and term.until - term.at >= interval / 2 - case.tolerance.edge_s:
            good = passed("the other side", term.answer, expected="the other side refreshes")
        elif term.is_phones and sent:
            good = passed("the phone", sent[0], expected="the phone refreshes")
    return good or unseen("no session was watched until half of its interval", expected="the side that was agreed on")


@rule(
    "session-refresh-method",
    setting="session-timer",
    row=41,
    source="guide: UPDATE; RFC 4028 section 7.4 (recommended)",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_refresh_method(case: Case) -> Outcome | None:
    """A refresh is an UPDATE where the other side takes that; of a SIP-T23G of V80.60 the guide shows it."""
    if not case.is_on:
        return None
    agent, firmware = release_of(case)
    is_shown = agent == SAMPLED and is_of_guide(firmware)
    found = [request for _, _, request in _refreshes(case)]
    return case.every(
        found,
        lambda request: request.method,
        "UPDATE",
        what="refresh of the phone",
        expected="UPDATE",
        judge=failed if is_shown else warned,
    )


@rule(
    "session-refresh-interval",
    setting="session-timer",
    row=41,
    source="guide; RFC 4028 section 7.4",
    certainty=Certainty.STATED,
    also=("session-expires",),
    stimulus=Stimulus.SESSION,
)
def session_refresh_interval(case: Case) -> Outcome | None:
    """A refresh repeats the interval that holds, and names its sender: refresher=uac; uas where the other side refreshes."""
    if not case.is_on:
        return None
    good: Outcome | None = None
    for _, term, request in _refreshes(case):
        wanted = max(term.interval_s or 0, min_se_of(request) or LEAST_S)
        role = "uac" if term.is_phones else "uas"
        expected = f"Session-Expires: {wanted};refresher={role}"
        said = request.session_expires
        if said is None:
            return failed("no Session-Expires", request, expected=expected)
        if said.seconds != wanted:
            return failed(f"Session-Expires: {said.seconds}", request, expected=expected)
        if said.refresher is None:
            judge = failed if is_of_guide(release_of(case)[1]) else warned
            return judge("no refresher", request, expected=expected, note="the guide: always; RFC 4028 section 7.4 recommends it")
        if said.refresher != role:
            return failed(f"refresher={said.refresher}", request, expected=expected)
        good = passed(f"Session-Expires: {said}", request, expected=expected)
    return good or unseen("no refresh of the phone", expected="the interval that holds")


@rule(
    "session-refresh-dialog",
    setting="session-timer",
    row=41,
    source="RFC 3261 section 12.2.1.1; RFC 4028 section 7.4",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_refresh_dialog(case: Case) -> Outcome | None:
    """A refresh belongs to the call: it has its Call-ID, both tags, and a CSeq above the last."""
    if not case.is_on:
        return None
    expected = "Call-ID and tags of the call, a higher CSeq"
    sessions = sessions_of(case.account, case.facts.until)
    for request, going in _strays(case, sessions):
        is_known = any(session.call_id == request.call_id for session in going)
        return failed("other tags" if is_known else "another Call-ID", request, expected=expected)
    good: Outcome | None = None
    for session in sessions:
        last = session.invite.cseq if session.is_from_phone else 0
        for request in session.phone:
            if request.method in REFRESHING and request.cseq <= last:
                return failed(f"CSeq {request.cseq} after {last}", request, expected=expected)
            last = max(last, request.cseq)
            if request.method in REFRESHING:
                good = passed(f"CSeq {request.cseq}", request, expected=expected)
    return good or unseen("no refresh of the phone", expected=expected)


@rule(
    "session-refresh-body",
    setting="session-timer",
    row=41,
    source="RFC 4028 section 7.4; guide: no body in UPDATE",
    certainty=Certainty.STATED,
    stimulus=Stimulus.SESSION,
)
def session_refresh_body(case: Case) -> Outcome | None:
    """An UPDATE that refreshes has no body; a re-INVITE has the description of before, with the very same `o=` line."""
    if not case.is_on:
        return None
    good: Outcome | None = None
    for session, _, request in _refreshes(case):
        before = session.described(request.at, by_phone=True)
        if request.method == "UPDATE":
            if request.body:
                return warned("UPDATE with a body", request, expected="no body", note="RFC 4028 section 7.4 recommends none")
            good = passed("no body", request, expected="no body")
        elif not request.body:
            return warned("no offer", request, expected="the offer of before", note="RFC 4028 section 7.4: it should have one")
        elif media_of(before) == media_of(request.body) and origin_of(before) != origin_of(request.body):
            seen = origin_of(request.body).decode("utf-8", "replace")
            return failed(seen, request, expected=origin_of(before).decode("utf-8", "replace"))
        else:
            good = passed("the same o= line", request, expected="the same o= line")
    return good or unseen("no refresh of the phone", expected="no body in UPDATE")
