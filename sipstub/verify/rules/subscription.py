"""Rules about subscriptions that follow a registration."""

from __future__ import annotations

from collections.abc import Sequence

from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, passed, unseen
from sipstub.verify.request_fact import RequestFact, user_of
from sipstub.verify.rule import rule
from sipstub.verify.setting import OFF, ON
from sipstub.verify.verdict import Certainty

MESSAGE_SUMMARY = "message-summary"
MWI_TYPE = "application/simple-message-summary"


def subscribed(case: Case, found: Sequence[RequestFact], what: str, *, is_wanted: bool) -> Outcome:
    """Return whether a subscription is there exactly if it is wanted, given time after the registration."""
    expected = what if is_wanted else f"no {what}"
    if found:
        return (passed if is_wanted else failed)(what, found[-1], expected=expected)
    registered = case.registered
    if registered is None:
        return unseen("no registration that it would follow", expected=expected)
    watched = case.watched_s(registered.at)
    if watched < case.tolerance.absence:
        return unseen(f"watched for {watched:.0f} s only", expected=expected)
    return (failed if is_wanted else passed)(f"none in {watched:.0f} s", registered, expected=expected)


@rule("reg-event", row=28, source="RFC 3680; guide", certainty=Certainty.STATED)
def reg_event(case: Case) -> Outcome:
    """The phone subscribes to `reg`; only where it is on."""
    return subscribed(case, case.subscribes("reg"), "SUBSCRIBE reg", is_wanted=case.is_on)


@rule("mwi-subscription", row=29, source="RFC 3842 section 3; guide", certainty=Certainty.STATED)
def mwi_subscription(case: Case) -> Outcome:
    """The phone subscribes to `message-summary` and takes its bodies; only where it is on."""
    found = case.subscribes(MESSAGE_SUMMARY)
    if case.is_on and found and "accept" in found[-1].values:
        accepted = ", ".join(found[-1].values["accept"]).lower()
        if MWI_TYPE not in accepted and "*/*" not in accepted:
            return failed(f"Accept: {accepted}", found[-1], expected=f"Accept: {MWI_TYPE}")
    return subscribed(case, found, f"SUBSCRIBE {MESSAGE_SUMMARY}", is_wanted=case.is_on)


@rule("mwi-expiry", row=30, source="RFC 6665 section 4.1.2.1", certainty=Certainty.INFERRED, also=("mwi-subscription",))
def mwi_expiry(case: Case) -> Outcome | None:
    """That subscription asks for this period."""
    if case.text("mwi-subscription") == OFF:
        return None
    return case.every(
        case.subscribes(MESSAGE_SUMMARY),
        lambda request: "no Expires" if request.asked_s is None else str(request.asked_s),
        case.value,
        what=f"SUBSCRIBE {MESSAGE_SUMMARY}",
    )


@rule(
    "mwi-target",
    setting="mwi-to-voicemail",
    row=31,
    source="guide",
    certainty=Certainty.STATED,
    also=("voicemail-number", "user-name", "mwi-subscription"),
)
def mwi_target(case: Case) -> Outcome | None:
    """That subscription goes to the voicemail number; to the account itself where that is off."""
    if case.text("mwi-subscription") == OFF:
        return None
    wanted = case.text("voicemail-number") if case.value == ON else case.text("user-name")
    if not wanted:
        return None

    def read(request: RequestFact) -> str:
        uri = request.sip_uri
        return (uri.username or "" if uri is not None else "") or user_of(request.to)

    return case.every(
        case.subscribes(MESSAGE_SUMMARY), read, wanted, what=f"SUBSCRIBE {MESSAGE_SUMMARY}", expected=f"to {wanted}"
    )
