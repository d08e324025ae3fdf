"""Rules about the session description that a phone offers, in its own calls or in its answer to one without an offer."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.verify.case import Case, OfferFact, number_of
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen, warned
from sipstub.verify.rule import rule
from sipstub.verify.setting import OFF, ON
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.verdict import Certainty

NO_CODECS = frozenset({"CN", "RED"})
"Formats of an audio line that no codec slot stands for."
USUAL_SUITES = 3
LAST = 1_000_000


@dataclass(frozen=True, slots=True)
class Slot:
    """One entry of the codec list, as far as the file speaks of it."""

    index: str
    is_on: bool
    name: str
    priority: float | None
    payload: str


def slots_of(case: Case) -> list[Slot]:
    """Return the codec list of the account."""
    return [
        Slot(
            item.index,
            item.value == ON,
            case.text("codec-name", item.index).upper(),
            number_of(case.text("codec-priority", item.index)),
            case.text("codec-payload", item.index),
        )
        for item in case.expectations.all("codec-enabled", case.expectation.account)
        if not item.is_default
    ]


@rule(
    "codec-order",
    setting="codec-enabled",
    row=65,
    source="RFC 3264 section 5.1; guide",
    certainty=Certainty.STATED,
    also=("codec-name", "codec-priority"),
    stimulus=Stimulus.CALL_OUT,
    or_stimulus=Stimulus.CALL_IN,
)
def codec_order(case: Case) -> Outcome | None:
    """The offer has the codecs that are on, in the order of their priorities, and no other."""
    slots = slots_of(case)
    on = [slot for slot in slots if slot.is_on]
    if not on or not all(slot.name for slot in on):
        return None
    has_order = all(slot.priority is not None for slot in on)
    if has_order:
        on.sort(key=lambda slot: slot.priority or LAST)  # 0 is behind all others
    wanted = list(dict.fromkeys(slot.name for slot in on))
    expected = ", ".join(wanted)
    if not case.offers:
        return unseen("no INVITE with an offer", expected=expected)
    for request in reversed(case.offers):
        assert request.offer is not None
        seen = list(dict.fromkeys(codec.name for codec in request.offer.codecs if codec.name not in NO_CODECS))
        is_same = seen == wanted if has_order else set(seen) == set(wanted)
        if is_same:
            continue
        off = {slot.name for slot in slots if not slot.is_on}
        extra = [name for name in seen if name not in wanted]
        is_complete = len(slots) >= case.expectations.subject.codec_slots > 0
        is_known = [name for name in seen if name in wanted] == wanted and not any(name in off for name in extra)
        judge = warned if is_known and not is_complete else failed
        return judge(", ".join(seen) or "none", request, expected=expected)
    return passed(expected, case.offers[-1], expected=expected)


@rule(
    "codec-payload",
    row=66,
    source="RFC 8866 section 6.6; guide",
    certainty=Certainty.STATED,
    also=("codec-name", "codec-enabled"),
    stimulus=Stimulus.CALL_OUT,
    or_stimulus=Stimulus.CALL_IN,
)
def codec_payload(case: Case) -> Outcome | None:
    """Each codec that is on is offered with its payload type."""
    wanted = {slot.name: slot.payload for slot in slots_of(case) if slot.is_on and slot.name and slot.payload}
    if not wanted:
        return None
    expected = ", ".join(f"{name} {payload}" for name, payload in wanted.items())
    told = [request for request in case.offers if request.offer is not None and _named(request) & wanted.keys()]
    if not told:
        return unseen("no INVITE that offers one of them", expected=expected)
    for request in reversed(told):
        assert request.offer is not None
        for codec in request.offer.codecs:
            if codec.name in wanted and codec.payload != wanted[codec.name]:
                return failed(f"{codec.name} {codec.payload}", request, expected=expected)
    return passed(expected, told[-1], expected=expected)


def _named(request: OfferFact) -> set[str]:
    return {codec.name for codec in request.offer.codecs} if request.offer is not None else set()


@rule(
    "ptime",
    row=67,
    source="RFC 8866 section 6.4; guide",
    certainty=Certainty.STATED,
    stimulus=Stimulus.CALL_OUT,
    or_stimulus=Stimulus.CALL_IN,
)
def ptime(case: Case) -> Outcome:
    """The offer has this packet time; none where it is 0."""
    expected = "no ptime" if case.value in ("0", "") else f"ptime {case.value}"

    def read(request: OfferFact) -> str:
        found = request.offer.ptime_ms if request.offer is not None else None
        return "no ptime" if found is None else f"ptime {found}"

    return case.every(case.offers, read, expected, what="INVITE with an offer", expected=expected)


@rule(
    "srtp",
    row=72,
    source="RFC 4568 section 7.1; guide",
    certainty=Certainty.STATED,
    stimulus=Stimulus.CALL_OUT,
    or_stimulus=Stimulus.CALL_IN,
)
def srtp(case: Case) -> Outcome:
    """RTP/AVP without keys where it is off, RTP/SAVP with keys where it is required; optional may be either or both."""
    wanted = {OFF: "RTP/AVP without keys", "required": "RTP/SAVP with keys"}.get(case.value, "keys offered")
    if not case.offers:
        return unseen("no INVITE with an offer", expected=wanted)
    for request in reversed(case.offers):
        offer = request.offer
        assert offer is not None
        seen = f"{', '.join(offer.protocols)} {'with' if offer.suites else 'without'} keys"
        if case.value == OFF and (offer.is_secure or offer.suites):
            return failed(seen, request, expected=wanted)
        if case.value == "required" and (offer.is_plain or not offer.suites):
            return failed(seen, request, expected=wanted)
        if case.value == "optional" and not offer.suites:
            return warned(seen, request, expected=wanted, note="how these phones offer it is not written anywhere")
        if offer.is_secure and len(offer.suites) != USUAL_SUITES:
            return warned(f"{len(offer.suites)} suites", request, expected=f"{USUAL_SUITES} suites")
    return passed(seen, case.offers[-1], expected=wanted)


@rule(
    "rtp-port",
    setting="rtp-port-min",
    row=84,
    source="plain meaning of the setting",
    certainty=Certainty.INFERRED,
    also=("rtp-port-max",),
    stimulus=Stimulus.CALL_OUT,
    or_stimulus=Stimulus.CALL_IN,
)
def rtp_port(case: Case) -> Outcome:
    """The audio line names a port between the two."""
    low, high = case.number, number_of(case.text("rtp-port-max"))
    if low is None:
        return skipped("not a number")
    expected = f"{low:g} to {high:g}" if high is not None else f"{low:g} or more"
    if not case.offers:
        return unseen("no INVITE with an offer", expected=expected)
    for request in reversed(case.offers):
        port = request.offer.port if request.offer is not None else 0
        if port and (port < low or (high is not None and port > high)):
            return failed(str(port), request, expected=expected)
    return passed(str(port), case.offers[-1], expected=expected)
