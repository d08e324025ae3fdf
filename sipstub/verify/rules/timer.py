"""Rules about the transaction timers: what the gaps between copies of one request say.  UDP only."""

from __future__ import annotations

import itertools

from sipstub.verify.case import Case, number_of
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

T1_S = 0.5
T2_S = 4.0
"RFC 3261 section 17.1.1.1, for files that name only one of the two."


def gaps_of(request: RequestFact) -> list[float]:
    """Return the seconds between the copies of a request."""
    sent = request.sent_at
    return [later - earlier for earlier, later in itertools.pairwise(sent)]


def _repeated(case: Case, *, with_invites: bool) -> list[RequestFact]:
    return [
        request
        for request in case.account.requests
        if request.copies and request.peer.transport == "udp" and (with_invites or request.method != "INVITE")
    ]


def _only_streams(case: Case) -> bool:
    requests = case.account.requests
    return bool(requests) and all(request.peer.transport != "udp" for request in requests)


@rule("timer-t1", row=43, source="RFC 3261 section 17.1.2.2; guide", certainty=Certainty.STATED, stimulus=Stimulus.SILENCE)
def timer_t1(case: Case) -> Outcome:
    """A request without an answer is sent again after T1."""
    t1 = case.number
    if t1 is None or _only_streams(case):
        return skipped("requests are repeated over UDP only" if t1 is not None else "not a number")
    expected = f"sent again after {t1:g} s"
    requests = _repeated(case, with_invites=True)
    if not requests:
        return unseen("no request was sent twice", expected=expected)
    for request in requests:
        first = gaps_of(request)[0]
        if abs(first - t1) > case.tolerance.timer(t1):
            return failed(f"after {first:.2f} s", request, expected=expected)
    return passed(f"after {gaps_of(requests[-1])[0]:.2f} s", requests[-1], expected=expected)


@rule(
    "timer-t2",
    row=44,
    source="RFC 3261 section 17.1.2.2; guide",
    certainty=Certainty.STATED,
    also=("timer-t1",),
    stimulus=Stimulus.SILENCE,
)
def timer_t2(case: Case) -> Outcome:
    """The gaps double up to T2 and no further."""
    t2 = case.number
    if t2 is None or _only_streams(case):
        return skipped("requests are repeated over UDP only" if t2 is not None else "not a number")
    expected = f"gaps up to {t2:g} s"
    t1 = number_of(case.text("timer-t1")) or T1_S
    allowed = case.tolerance.timer(t2)
    requests = _repeated(case, with_invites=False)
    for request in requests:
        gaps = gaps_of(request)
        longest = max(gaps)
        doublings = sum(1 for at in range(len(gaps)) if t1 * 2**at < t2)
        if longest > t2 + allowed:
            return failed(f"{longest:.2f} s", request, expected=expected)
        if len(gaps) > doublings:
            capped = gaps[doublings]
            return (passed if abs(capped - t2) <= allowed else failed)(f"{capped:.2f} s", request, expected=expected)
    return unseen("no request was repeated until the gaps stop growing", expected=expected)
