"""Rules about digits pressed in a call."""

from __future__ import annotations

from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, passed, unseen, warned
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

INFO_TYPES = {
    "application/dtmf-relay": "dtmf-relay",
    "application/dtmf": "dtmf",
    "audio/telephone-event": "telephone-event",
    "application/telephone-event": "telephone-event",
}
"Bodies of an INFO that hold a digit, to words of the vocabulary."
EVENTS = ("rfc2833", "rfc2833+info")
INFOS = ("info", "rfc2833+info")


def _infos(case: Case) -> list[RequestFact]:
    return [request for request in case.account.requests if request.method == "INFO" and request.content_type in INFO_TYPES]


@rule("dtmf", row=68, source="RFC 4733 section 2.4.1, RFC 6086; guide", certainty=Certainty.STATED, stimulus=Stimulus.DIGIT)
def dtmf(case: Case) -> Outcome:
    """Digits travel this way: telephone-event is offered, INFO is sent, or neither."""
    infos, offers = _infos(case), case.offers
    if infos and case.value not in INFOS:
        return failed("INFO with a digit", infos[-1])
    for request in reversed(offers):
        has_events = request.offer is not None and request.offer.events_payload is not None
        if case.value in EVENTS and not has_events:
            return failed("no telephone-event offered", request)
        if case.value == "inband" and has_events:
            return warned("telephone-event offered", request)
    if case.value in INFOS:
        return passed("INFO with a digit", infos[-1]) if infos else unseen("no digit pressed")
    if not offers:
        return unseen("no INVITE with an offer")
    return passed("telephone-event offered" if case.value in EVENTS else "no telephone-event offered", offers[-1])


@rule(
    "dtmf-payload",
    row=69,
    source="RFC 4733 section 2.4.1; guide",
    certainty=Certainty.STATED,
    also=("dtmf",),
    stimulus=Stimulus.CALL_OUT,
    or_stimulus=Stimulus.CALL_IN,
)
def dtmf_payload(case: Case) -> Outcome | None:
    """telephone-event is offered with this payload type."""
    if case.says("dtmf") and case.text("dtmf") not in EVENTS:
        return None
    return case.every(
        case.offers,
        lambda request: request.offer.events_payload if request.offer is not None else None,
        case.value,
        what="INVITE that offers telephone-event",
    )


@rule("dtmf-info-type", row=70, source="guide", certainty=Certainty.STATED, also=("dtmf",), stimulus=Stimulus.DIGIT)
def dtmf_info_type(case: Case) -> Outcome | None:
    """An INFO with a digit has a body of this type."""
    if case.says("dtmf") and case.text("dtmf") not in INFOS:
        return None
    return case.every(_infos(case), lambda request: INFO_TYPES[request.content_type], case.value, what="INFO with a digit")
