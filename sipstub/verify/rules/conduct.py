"""Rules that no setting names: what RFC 3261 wants of every account that is used."""

from __future__ import annotations

import re

from sipstub.verify.case import RELIABLE, Case
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

NOT_COUNTED = ("ACK", "CANCEL")
"Have the number of the request that they belong to (RFC 3261 sections 9.1 and 17.1.1.3)."


@rule("cseq", setting="user-name", row=(), source="RFC 3261 sections 8.1.1.5, 10.2 and 12.2.1.1", certainty=Certainty.STATED)
def cseq(case: Case) -> Outcome:
    """Requests of one Call-ID have numbers that grow."""
    expected = "a higher CSeq with each request"
    calls: dict[str, list[RequestFact]] = {}
    for request in case.account.requests:
        if request.method not in NOT_COUNTED and request.hops < 2:
            calls.setdefault(request.call_id, []).append(request)
    several = [requests for requests in calls.values() if len(requests) > 1]
    if not several:
        return unseen("no two requests of one Call-ID", expected=expected)
    for requests in several:
        numbers = [request.cseq for request in requests]
        for at in range(1, len(numbers)):
            if numbers[at] in numbers[:at]:
                return failed(f"CSeq {numbers[at]} twice", requests[at], expected=expected)
            is_overtaken = requests[at].at - requests[at - 1].at < case.tolerance.overtaking
            if numbers[at] < numbers[at - 1] and not is_overtaken:
                return failed(f"CSeq {numbers[at]} after {numbers[at - 1]}", requests[at], expected=expected)
    longest = max(several, key=len)
    return passed(f"{longest[0].cseq} to {longest[-1].cseq}", longest[-1], expected=expected)


@rule("register-call-id", setting="user-name", row=(), source="RFC 3261 section 10.2 (should)", certainty=Certainty.STATED)
def register_call_id(case: Case) -> Outcome:
    """A binding is refreshed under the Call-ID that made it, until the phone starts anew."""
    expected = "the same Call-ID for each refresh"
    starts = [*case.facts.boots, *(fetch.at for fetch in case.facts.fetches if fetch.is_boot)]
    good: Outcome | None = None
    last: dict[str, RequestFact] = {}
    for request in case.bindings:
        server = case.server_of(request)
        before = last.get(server)
        if 200 <= request.status < 300:
            last[server] = request
        if before is None or any(before.at <= start <= request.at for start in starts):
            continue
        if request.call_id != before.call_id:
            # RFC 3261 says should; and it may have started without anybody seeing it.
            return warned("another Call-ID", request, expected=expected, note=f"other than in #{before.number}")
        good = passed("the same Call-ID", request, expected=expected)
    return good or unseen("no binding watched until its refresh", expected=expected)


@rule(
    "acknowledges",
    setting="user-name",
    row=(),
    source="RFC 3261 sections 13.2.2.4 and 17.1.1.3",
    certainty=Certainty.STATED,
    stimulus=Stimulus.CALL_OUT,
)
def acknowledges(case: Case) -> Outcome:
    """The answer that ends an INVITE gets its ACK."""
    good: Outcome | None = None
    acks = {(request.call_id, request.cseq): request for request in case.account.requests if request.method == "ACK"}
    for request in case.account.requests:
        final = request.final
        if request.method != "INVITE" or final is None:
            continue
        expected = f"ACK for the {final.status}"
        ack = acks.get((request.call_id, request.cseq))
        if ack is not None:
            good = passed("ACK", ack, expected=expected)
        elif _is_certain(case, request, final.times) and case.heard_after(final.at + case.tolerance.absence):
            return failed("no ACK", request, expected=expected)
    return good or unseen("no INVITE was answered", expected="ACK")


def _is_certain(case: Case, request: RequestFact, times: int) -> bool:
    """Return whether what was sent so often, and what should have come for each of them, cannot all be lost."""
    return request.peer.transport in RELIABLE or times >= case.tolerance.sent_often


@rule(
    "answers-requests",
    setting="user-name",
    row=(),
    source="RFC 3261 sections 8.2 and 17.2",
    certainty=Certainty.STATED,
    stimulus=Stimulus.OPTIONS,
)
def answers_requests(case: Case) -> Outcome:
    """A request to the phone gets an answer: a refusal, if it is nothing for it.

    One that was sent before anything was heard of the phone may have met it while it was off, at a binding of before.
    """
    expected = "an answer"
    good: Outcome | None = None
    for request in case.account.received:
        if request.method == "ACK":
            continue
        if request.answers:
            good = passed(f"{request.answers[-1].status} to {request.method}", request, expected=expected)
        elif not _is_certain(case, request, len(request.sent_at)):
            continue
        elif case.heard_before(request.sent_at[0]) and case.heard_after(request.sent_at[-1] + case.tolerance.transaction):
            copies = f", asked {len(request.sent_at)} times" if request.copies else ""
            return failed(f"no answer to {request.method}{copies}", request, expected=expected)
    return good or unseen("no request to the phone", expected=expected)


@rule(
    "user-agent",
    setting="user-name",
    row=(),
    source="RFC 3261 section 20.41; the phone's model and firmware as the inventory has them",
    certainty=Certainty.INFERRED,
)
def user_agent(case: Case) -> Outcome:
    """User-Agent names the model, and the firmware that the phone's files were made for."""
    subject = case.expectations.subject
    if not subject.agent:
        return skipped("nobody knows how this model calls itself")
    expected = f"{subject.agent} {subject.firmware}".strip()
    told = [(request, agent) for request in case.account.requests if (agent := request.value("user-agent")) is not None]
    if not told:
        return unseen("no request with User-Agent", expected=expected)
    for request, agent in reversed(told):
        words = re.split(r"[\s/]+", agent.lower())
        if subject.agent.lower() not in words:
            return failed(agent, request, expected=expected, likely="another phone has these accounts")
        if subject.firmware and subject.firmware.lower() not in words:
            return warned(agent, request, expected=expected, likely="the firmware is another one by now")
    return passed(told[-1][1], told[-1][0], expected=expected)
