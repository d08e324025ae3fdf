"""Rules about the transaction timers: what the gaps between copies of one request say.  UDP only."""

from __future__ import annotations

import itertools

from sipstub.verify.case import Case, number_of
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.tolerance import TOLERANCE
from sipstub.verify.verdict import Certainty

T1_S = 0.5
T2_S = 4.0
"RFC 3261 section 17.1.1.1, for files that name only one of the two."
TIMEOUT = 64
"After so many T1 a request is given up."


def sent_by_phone(request: RequestFact, doubling: float = TOLERANCE.doubling) -> list[float]:
    """Return when the phone sent each copy, without those that the network made."""
    found = [request.at]
    found += [at for before, at in itertools.pairwise(request.sent_at) if at - before > doubling]
    return found


def gaps_of(request: RequestFact) -> list[float]:
    """Return the seconds between the copies of a request."""
    sent = sent_by_phone(request)
    return [later - earlier for earlier, later in itertools.pairwise(sent)]


def _repeated(case: Case, *, with_invites: bool) -> list[RequestFact]:
    return [
        request
        for request in case.account.requests
        if gaps_of(request) and request.peer.transport == "udp" and (with_invites or request.method != "INVITE")
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
    allowed = case.tolerance.timer(t1)
    t2 = number_of(case.text("timer-t2")) or T2_S
    exact = [request for request in requests if abs(gaps_of(request)[0] - t1) <= allowed]
    for request in requests:
        if request not in exact and not _fits(case, request, t1, t2):
            return failed(f"after {gaps_of(request)[0]:.2f} s", request, expected=expected)
    if not exact:
        seen = f"after {gaps_of(requests[-1])[0]:.2f} s"
        return warned(seen, requests[-1], expected=expected, note="copies may have been lost on their way")
    return passed(f"after {gaps_of(exact[-1])[0]:.2f} s", exact[-1], expected=expected)


def _fits(case: Case, request: RequestFact, t1: float, t2: float) -> bool:
    """Return whether the copies were sent when they should have been, some of them lost before anybody saw them."""
    wanted = [0.0]
    pause = t1
    while wanted[-1] <= TIMEOUT * t1:
        wanted.append(wanted[-1] + pause)
        pause = 2 * pause if request.method == "INVITE" else min(2 * pause, max(t1, t2))
    sent = sent_by_phone(request)
    for first in wanted:
        offsets = [first + at - sent[0] for at in sent]
        if all(any(abs(offset - due) <= case.tolerance.timer(t1) for due in wanted) for offset in offsets):
            return True
    return False


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
    grown: list[tuple[float, RequestFact]] = []
    for request in requests:
        gaps = gaps_of(request)
        doublings = sum(1 for at in range(len(gaps)) if t1 * 2**at < t2)
        if len(gaps) > doublings and max(gaps) < t2 - allowed:  # a lost copy makes a gap longer, never shorter
            return failed(f"{max(gaps):.2f} s", request, expected=expected)
        grown += [(gap, request) for gap in gaps if gap >= t2 - allowed]
    if not grown:
        return unseen("no request was repeated until the gaps stop growing", expected=expected)
    usual, request = sorted(grown, key=lambda found: found[0])[(len(grown) - 1) // 2]
    return (passed if usual <= t2 + allowed else failed)(f"{usual:.2f} s", request, expected=expected)
