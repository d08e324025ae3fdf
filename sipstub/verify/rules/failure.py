"""Rules about what a phone does when the registrar refuses or is silent."""

from __future__ import annotations

from sipstub.verify.case import FIRST_SERVER, Case
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.setting import ON
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

SECOND_SERVER = "2"
BY_PROXY = "two servers are not used with an outbound proxy"
NO_FAILURE = frozenset({401, 407, 423})
"Answers that a phone acts upon at once."


@rule(
    "retry-count",
    row=12,
    source="guide",
    certainty=Certainty.STATED,
    also=("server-address", "server-order", "outbound-proxy"),
    stimulus=Stimulus.SILENCE,
)
def retry_count(case: Case) -> Outcome:
    """A silent first server is tried so often before the second one is."""
    if not case.text("server-address", SECOND_SERVER):
        return skipped("there is no second server")
    if case.text("outbound-proxy") == ON:
        return skipped(BY_PROXY)
    if case.text("server-order") == "together":
        return skipped("both servers are asked at once")
    expected = f"{case.value} tries"
    registers = case.bindings
    moved = next((request for request in registers if case.server_of(request) == SECOND_SERVER), None)
    if moved is None:
        return _never_moved(case, expected)
    silent, refused = _tries_before(case, moved)
    if not silent:
        return unseen("the first server was not silent", expected=expected)
    tries = silent + refused
    seen = f"{tries} {'try' if tries == 1 else 'tries'}"
    if case.value in (str(tries), str(silent)):  # whether a refusal counts as a try is not said
        return passed(seen, moved, expected=expected, note=f"{refused} of them refused" if refused else "")
    if case.number is not None and case.number + 1 in (tries, silent):
        return warned(seen, moved, expected=expected, note="the guide does not say whether the first one counts")
    return failed(seen, moved, expected=expected)


def _tries_before(case: Case, moved: RequestFact) -> tuple[int, int]:
    """Return how often the first server was asked in vain before that: without an answer, and refused."""
    silent = refused = 0
    for request in reversed([request for request in case.bindings if request.number < moved.number]):
        if case.server_of(request) != FIRST_SERVER or 200 <= request.status < 300:
            break
        if request.status not in NO_FAILURE:
            silent += not request.answers
            refused += bool(request.answers)
    return silent, refused


def _never_moved(case: Case, expected: str) -> Outcome:
    """Return what it means that the second server was never asked: nothing, where nobody watches that one."""
    in_a_row = most = 0
    last = None
    for request in case.bindings:
        in_a_row = 0 if request.answers else in_a_row + 1
        most, last = max(most, in_a_row), request
    wanted = case.number or 0
    # One more than the guide's number is not held against a phone.
    if last is None or most < wanted + 2 or not case.facts.sees(case.text("server-address", SECOND_SERVER)):
        return unseen("no REGISTER to the second server", expected=expected)
    return failed(f"{most} tries, and none at the second server", last, expected=expected)


@rule(
    "register-too-brief",
    setting="register-expiry",
    row=11,
    source="RFC 3261 section 10.2.8",
    certainty=Certainty.STATED,
    stimulus=Stimulus.REFUSE,
)
def register_too_brief(case: Case) -> Outcome:
    """After 423 the phone asks for as long as the registrar wants, if it asks again."""
    expected = "at least Min-Expires after 423"
    registers = case.bindings
    good: Outcome | None = None
    for at, request in enumerate(registers):
        final = request.final
        if final is None or final.status != 423 or final.min_expires_s is None:
            continue
        server = case.server_of(request)
        following = next((later for later in registers[at + 1 :] if case.server_of(later) == server), None)
        if following is None:
            continue
        seen = f"{following.asked_s} s where {final.min_expires_s} s are wanted"
        if following.asked_s is None or following.asked_s < final.min_expires_s:
            return failed(seen, following, expected=expected)
        good = passed(seen, following, expected=expected)
    return good or unseen("no 423 with Min-Expires, and another try", expected=expected)


@rule("retry-interval", row=23, source="guide", certainty=Certainty.STATED, stimulus=Stimulus.REFUSE)
def retry_interval(case: Case) -> Outcome:
    """After a refusal the next REGISTER comes after this wait; Retry-After may make it longer."""
    wait = case.number
    if wait is None:
        return skipped("not a number")
    expected = f"about {wait:g} s"
    registers = case.registers
    good: Outcome | None = None
    for request in registers:
        final = request.final
        if final is None or final.status < 300 or final.status in NO_FAILURE:
            continue
        if request.sent_at[-1] > final.at:
            continue  # asked once more: the answer was lost, and how often is not known
        server = case.server_of(request)
        # The next server may be asked at once; how long this one is left alone is said by its own next REGISTER.
        following = next((later for later in registers if later.at > final.at), None)
        if following is not None and case.server_of(following) != server:
            continue
        if following is None:
            if case.watched_s(final.at) > wait + case.tolerance.retry(wait) and (final.retry_after_s or 0) <= wait:
                return failed(f"nothing for {case.watched_s(final.at):.0f} s after {final.status}", request, expected=expected)
            continue
        gap = following.at - final.at
        seen = f"{gap:.1f} s after {final.status}"
        if final.retry_after_s is not None and gap >= final.retry_after_s - case.tolerance.edge_s:
            good = good or passed(f"{seen}, Retry-After {final.retry_after_s}", following, expected=expected)
        elif abs(gap - wait) > case.tolerance.retry(wait):
            return failed(seen, following, expected=expected)
        else:
            good = passed(seen, following, expected=expected)
    return good or unseen("no REGISTER was refused and tried again", expected=expected)
