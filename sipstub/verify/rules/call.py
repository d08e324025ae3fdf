"""Rules about the INVITE of a call from the phone."""

from __future__ import annotations

from sipstub.sip.uri import SipUri, Uri
from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, passed, unseen, warned
from sipstub.verify.offer import LateOffer
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.setting import OFF
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty, Verdict


@rule("session-timer", row=39, source="RFC 4028 section 7.1", certainty=Certainty.INFERRED, stimulus=Stimulus.CALL_OUT)
def session_timer(case: Case) -> Outcome:
    """INVITE offers a session timer, with Session-Expires and `timer` in Supported; only where it is on."""
    wanted = "Session-Expires and timer" if case.is_on else "no Session-Expires, no timer"
    if not case.invites:
        return unseen("no INVITE", expected=wanted)
    for request in reversed(case.invites):
        has_interval, has_tag = request.session_expires is not None, "timer" in request.supported
        seen = " and ".join(name for name, there in (("Session-Expires", has_interval), ("timer", has_tag)) if there) or "neither"
        if (has_interval, has_tag) != (case.is_on, case.is_on):
            judge = warned if not case.is_on and not has_interval else failed
            return judge(seen, request, expected=wanted)
    return passed(seen, case.invites[-1], expected=wanted)


@rule(
    "session-expires",
    row=40,
    source="RFC 4028 section 7.1",
    certainty=Certainty.INFERRED,
    also=("session-timer",),
    stimulus=Stimulus.CALL_OUT,
)
def session_expires(case: Case) -> Outcome | None:
    """INVITE offers this interval; a longer one only after 422."""
    if case.text("session-timer") == OFF:
        return None
    is_raised = False

    def read(request: RequestFact) -> str | None:
        nonlocal is_raised
        before, is_raised = is_raised, is_raised or request.status == 422
        interval = request.session_expires
        if interval is None or (before and case.number is not None and interval.seconds > case.number):
            return None
        return str(interval.seconds)

    return case.every(case.invites, read, case.value, what="INVITE with Session-Expires")


@rule(
    "session-refresher",
    row=41,
    source="RFC 4028 section 7.1; guide",
    certainty=Certainty.STATED,
    also=("session-timer",),
    stimulus=Stimulus.CALL_OUT,
)
def session_refresher(case: Case) -> Outcome | None:
    """INVITE names who refreshes."""
    if case.text("session-timer") == OFF:
        return None
    told = [request for request in case.invites if request.session_expires is not None]
    bare = [request for request in told if request.session_expires is not None and request.session_expires.refresher is None]
    if bare and len(bare) == len(told):
        return warned("no refresher named", bare[-1])
    return case.every(
        told,
        lambda request: request.session_expires.refresher if request.session_expires is not None else None,
        case.value,
        what="INVITE with Session-Expires",
    )


@rule(
    "reliable-provisional",
    row=46,
    source="RFC 3262 section 4; guide",
    certainty=Certainty.STATED,
    stimulus=Stimulus.CALL_OUT,
    or_stimulus=Stimulus.CALL_IN,
)
def reliable_provisional(case: Case) -> Outcome:
    """INVITE has `100rel` in Supported, and PRACK follows where it is wanted; only where it is on."""
    if not case.invites and case.late_offers:
        return _in_answer(case, case.late_offers[-1])
    found = case.present(
        case.invites,
        lambda request: "100rel" in request.supported or "100rel" in (request.value("require") or "").lower(),
        "100rel",
        where="INVITE",
    )
    if found.verdict is not Verdict.PASS or not case.is_on:
        return found
    for request in case.invites:
        wanted = any(answer.is_reliable for answer in request.answers)
        if wanted and not any(other.method == "PRACK" and other.call_id == request.call_id for other in case.account.requests):
            return failed("no PRACK for a reliable answer", request, expected="PRACK")
    return found


def _in_answer(case: Case, answer: LateOffer) -> Outcome:
    """Return what the Supported of a 200 says; nobody has in writing that these phones name it there."""
    wanted = "100rel" if case.is_on else "no 100rel"
    seen = "100rel" if "100rel" in answer.supported else "no 100rel"
    judge = passed if seen == wanted else warned if case.is_on else failed
    return judge(seen, answer, expected=wanted)


@rule("user-phone", row=52, source="RFC 3261 section 19.1.1; guide", certainty=Certainty.STATED, stimulus=Stimulus.CALL_OUT)
def user_phone(case: Case) -> Outcome:
    """Request-URI or To of a call has `user=phone`; neither has where it is off."""

    def is_there(request: RequestFact) -> bool:
        return _is_phone(request.uri) or (request.to is not None and _is_phone(request.to.uri))

    return case.present(case.invites, is_there, "user=phone", where="INVITE")


def _is_phone(uri: Uri | None) -> bool:
    return isinstance(uri, SipUri) and (uri.params.get("user") or "").lower() == "phone"
