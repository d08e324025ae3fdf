"""Rules about busy-lamp keys: one subscription per key."""

from __future__ import annotations

from dataclasses import replace

from sipstub.verify.case import Case, number_of
from sipstub.verify.finding import Outcome, skipped
from sipstub.verify.request_fact import RequestFact, user_of
from sipstub.verify.rule import rule
from sipstub.verify.rules.subscription import subscribed
from sipstub.verify.verdict import Certainty

PACKAGES = ("dialog", "presence")
BUSY_LAMP = "blf"


@rule(
    "busy-lamp",
    setting="key-kind",
    row=32,
    source="RFC 4235 section 3; guide",
    certainty=Certainty.STATED,
    also=("key-value", "key-account"),
    is_per_index=True,
    is_per_phone=True,
)
def busy_lamp(case: Case) -> Outcome | None:
    """A busy-lamp key subscribes to the state of its number."""
    if case.value != BUSY_LAMP:
        return None
    target = case.text("key-value", case.expectation.index).partition("@")[0]
    if not target:
        return skipped("the key has no number")
    found = [request for request in _subscribes(case) if _target(request) == target]
    return subscribed(_owner(case), found, f"SUBSCRIBE to {target}", is_wanted=True)


def _owner(case: Case) -> Case:
    """Return the case of the account that a key uses; of the whole phone where it names none."""
    number = number_of(case.text("key-account", case.expectation.index))
    account = int(number) if number else next(iter(case.expectations.enabled), None)
    return replace(case, account=case.assignment.of(account))


def _subscribes(case: Case) -> list[RequestFact]:
    number = number_of(case.text("key-account", case.expectation.index))
    if number and int(number) in case.assignment.accounts:
        return _owner(case).subscribes(*PACKAGES)
    return [request for request in case.facts.requests if request.method == "SUBSCRIBE" and request.event in PACKAGES]


def _target(request: RequestFact) -> str:
    uri = request.sip_uri
    return (uri.username or "" if uri is not None else "") or user_of(request.to)


def _own_keys(case: Case) -> set[str]:
    """Return the numbers of the busy-lamp keys that use the account."""
    found = set()
    for key in case.expectations.all("key-kind"):
        number = number_of(case.expectations.text("key-account", None, key.index))
        if key.value == BUSY_LAMP and (not number or int(number) == case.expectation.account):
            found.add(case.expectations.text("key-value", None, key.index).partition("@")[0])
    return found - {""}


@rule("blf-expiry", row=33, source="RFC 6665 section 4.1.2.1", certainty=Certainty.INFERRED, also=("key-kind", "key-value"))
def blf_expiry(case: Case) -> Outcome | None:
    """Subscriptions of busy-lamp keys ask for this period."""
    keys = _own_keys(case)
    if not keys:
        return None
    return case.every(
        [request for request in case.subscribes(*PACKAGES) if _target(request) in keys],
        lambda request: "no Expires" if request.asked_s is None else str(request.asked_s),
        case.value,
        what="SUBSCRIBE of a busy-lamp key",
    )


@rule("blf-event", row=34, source="the values are recall", certainty=Certainty.RECALL, also=("key-kind", "key-value"))
def blf_event(case: Case) -> Outcome | None:
    """Subscriptions of busy-lamp keys are to this event package."""
    keys = _own_keys(case)
    if not keys:
        return None
    return case.every(
        [request for request in case.subscribes(*PACKAGES) if _target(request) in keys],
        lambda request: request.event,
        case.value,
        what="SUBSCRIBE of a busy-lamp key",
    )
