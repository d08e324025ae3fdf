"""Rules about who is shown, and to whom."""

from __future__ import annotations

from sipstub.verify.assignment import ANONYMOUS
from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, passed, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

RFC4916 = "rfc4916"
IDENTITY_HEADERS = ("p-asserted-identity", "remote-party-id", "p-preferred-identity")


@rule(
    "anonymous-call",
    row=56,
    source="RFC 3323 section 4.1, RFC 3325 section 9.3",
    certainty=Certainty.INFERRED,
    stimulus=Stimulus.CALL_OUT,
)
def anonymous_call(case: Case) -> Outcome:
    """From of a call is anonymous and Privacy says `id`; only where it is on."""
    expected = "anonymous, with Privacy: id" if case.is_on else "the account's own From"
    if not case.invites:
        return unseen("no INVITE", expected=expected)
    for request in reversed(case.invites):
        is_hidden = request.user.lower() == ANONYMOUS or "anonymous.invalid" in request.host
        if is_hidden != case.is_on:
            return failed("anonymous" if is_hidden else f"From {request.user}", request, expected=expected)
        if is_hidden and "id" not in (request.value("privacy") or "").lower().replace(",", ";").split(";"):
            return warned("anonymous, without Privacy: id", request, expected=expected)
    return passed(expected, case.invites[-1], expected=expected)


@rule("connected-id-source", row=78, source="RFC 4916 section 4.4; guide", certainty=Certainty.STATED, stimulus=Stimulus.CALL_OUT)
def connected_id_source(case: Case) -> Outcome | None:
    """INVITE has `from-change` in Supported where the callee is shown by RFC 4916."""
    if case.value != RFC4916:
        return None
    return case.every(
        case.invites,
        lambda request: "from-change" if "from-change" in request.supported else "no from-change",
        "from-change",
        what="INVITE",
        expected="from-change",
    )


@rule("caller-id-source", row=79, source="guide", certainty=Certainty.STATED)
def caller_id_source(case: Case) -> Outcome:
    """Where the shown caller comes from is the phone's own affair: REGISTER shows nothing of it.  A control, like the label."""

    def read(request: RequestFact) -> str:
        found = [name for name in IDENTITY_HEADERS if name in request.values]
        return f"{found[0]} in REGISTER" if found else "not in SIP"

    return case.every(case.bindings, read, "not in SIP", what="REGISTER", expected="not in SIP")
