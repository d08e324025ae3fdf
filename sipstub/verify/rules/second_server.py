"""Rules about the second server of an account: when it is asked, and the way back to the first."""

from __future__ import annotations

from sipstub.verify.case import FIRST_SERVER, Case
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.rules.failure import BY_PROXY, NO_FAILURE, SECOND_SERVER
from sipstub.verify.setting import ON
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

TOGETHER = "together"


@rule("server-order", row=16, source="guide", certainty=Certainty.STATED, also=("server-address", "outbound-proxy"))
def server_order(case: Case) -> Outcome | None:
    """Two servers are registered at together; or the second only when the first has failed."""
    server = case.text("server-address", SECOND_SERVER)
    if not server:
        return None
    if case.text("outbound-proxy") == ON:
        return skipped(BY_PROXY)
    expected = "REGISTER to both servers" if case.value == TOGETHER else "REGISTER to the second server after the first failed"
    first, second = (case.of_server(case.bindings, index) for index in (FIRST_SERVER, SECOND_SERVER))
    if not first:
        return unseen("no REGISTER to the first server", expected=expected)
    if case.value == TOGETHER:
        return _together(case, first[0], second, server, expected)
    for request in second:
        before = next((other for other in reversed(first) if other.number < request.number), None)
        if before is None or not _has_failed(before):
            return failed("both servers at once", request, expected=expected)
    if second:
        return passed("the second after the first failed", second[0], expected=expected)
    if not case.facts.sees(server):
        return unseen("the second server is not watched", expected=expected)
    return passed("the second server was left alone", first[-1], expected=expected)


def _together(case: Case, first: RequestFact, second: list[RequestFact], server: str, expected: str) -> Outcome:
    if second and second[0].at - first.at <= case.tolerance.absence:
        return passed("both servers", second[0], expected=expected)
    if second:
        return failed(f"the second server after {second[0].at - first.at:.0f} s", second[0], expected=expected)
    if not case.facts.sees(server) or case.watched_s(first.at) < case.tolerance.absence:
        return unseen("the second server is not watched, or not for long enough", expected=expected)
    return failed("the first server only", first, expected=expected)


def _has_failed(request: RequestFact) -> bool:
    return not 200 <= request.status < 300  # a challenge that stayed the last word is a failure too


@rule(
    "server-probe",
    row=17,
    source="guide",
    certainty=Certainty.STATED,
    also=("server-order", "server-address", "outbound-proxy"),
    stimulus=Stimulus.SILENCE,
)
def server_probe(case: Case) -> Outcome | None:
    """While the second server serves, the first is asked again after this time."""
    wait = case.number
    if not case.text("server-address", SECOND_SERVER) or case.text("server-order") == TOGETHER:
        return None
    if wait is None or case.text("outbound-proxy") == ON:
        return skipped("not a number" if wait is None else BY_PROXY)
    expected = f"first server asked again after {wait:g} s"
    bindings = case.bindings
    for at, request in enumerate(bindings):
        if case.server_of(request) != SECOND_SERVER or not 200 <= request.status < 300:
            continue
        first = next((other for other in reversed(bindings[:at]) if case.server_of(other) == FIRST_SERVER), None)
        if first is None or not _has_failed(first):
            return unseen("the first server had not failed", expected=expected)
        back = next((other for other in bindings[at + 1 :] if case.server_of(other) == FIRST_SERVER), None)
        while_there = bindings[at + 1 : bindings.index(back) if back is not None else None]
        if any(other.status >= 300 and other.status not in NO_FAILURE for other in while_there):
            break
        if back is None:
            if case.watched_s(request.at) > wait + case.tolerance.retry(wait) and case.heard_after(request.at + wait):
                return failed(f"not in {case.watched_s(request.at):.0f} s", request, expected=expected)
            break
        gap = back.at - request.at
        judged = passed if abs(gap - wait) <= case.tolerance.retry(wait) else failed
        return judged(f"after {gap:.0f} s", back, expected=expected)
    return unseen("the second server never served, or not long enough", expected=expected)
