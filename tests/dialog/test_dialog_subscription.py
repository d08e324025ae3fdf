"""Subscriptions of both sides: granted, refreshed, expired, refused, ended.  RFC 6665 section 4."""

from __future__ import annotations

import pytest
from dialog_builders import a_phones, an_answer

from sipstub.dialog.notifier import Limits, Notifier, SubscriptionPhase
from sipstub.dialog.refusal import Refusal
from sipstub.dialog.subscriber import Subscriber, SubscriberTurn
from sipstub.sip.event import Event
from sipstub.sip.message import Request, Response
from sipstub.transaction.timing import Timing

MWI = Event.parse("message-summary")


def a_subscribe(expires: str | None = "600") -> Request:
    return a_phones("SUBSCRIBE", headers=(("Event", "message-summary"), *((("Expires", expires),) if expires else ())))


def a_notifier(expires: str | None = "600", now: float = 0.0) -> Notifier:
    notifier = Notifier()
    assert not isinstance(notifier.receive(a_subscribe(expires), now), Refusal)
    return notifier


# The side that knows


def test_a_subscription_is_active_for_the_time_asked_and_says_what_remains() -> None:
    notifier = a_notifier()
    assert notifier.state(0) == "active;expires=600" and notifier.state(100.4) == "active;expires=500"
    assert notifier.next_timer == 600


@pytest.mark.parametrize(("asked", "granted"), [(None, 3600), ("60", 60), ("86400", 86400), ("86401", 86400), ("rubbish", 3600)])
def test_the_time_granted_is_what_was_asked_within_limits(asked: str | None, granted: int) -> None:
    assert Notifier().receive(a_subscribe(asked), 0) == granted


@pytest.mark.parametrize("asked", ["1", "59"])
def test_a_time_too_brief_gets_423_and_leaves_the_old_one(asked: str) -> None:
    notifier = a_notifier()
    refusal = notifier.receive(a_subscribe(asked), 100)
    assert isinstance(refusal, Refusal) and refusal.status == 423 and notifier.min_expires_s == 60
    assert notifier.next_timer == 600


def test_an_hour_is_never_too_brief() -> None:
    assert Notifier(Limits(shortest_s=7200)).receive(a_subscribe("3600"), 0) == 3600


def test_a_refresh_begins_the_time_anew() -> None:
    notifier = a_notifier()
    assert notifier.receive(a_subscribe("300"), 500) == 300
    assert notifier.next_timer == 800 and not notifier.on_timer(600)


def test_expires_0_ends_it() -> None:
    notifier = a_notifier()
    assert notifier.receive(a_subscribe("0"), 1) == 0
    assert notifier.is_ended and notifier.state(1) == "terminated;reason=timeout" and notifier.next_timer is None
    assert isinstance(notifier.receive(a_subscribe(), 2), Refusal)


def test_when_the_time_is_up_a_last_notify_is_due_once() -> None:
    notifier = a_notifier()
    assert not notifier.on_timer(599.9) and notifier.on_timer(600) and not notifier.on_timer(601)
    assert notifier.state(600) == "terminated;reason=timeout"


def test_a_pending_subscription_becomes_active_when_authorized() -> None:
    notifier = Notifier()
    notifier.receive(a_subscribe(), 0, is_authorized=False)
    assert notifier.state(0) == "pending;expires=600"
    notifier.authorize()
    assert notifier.state(0) == "active;expires=600"


def test_ending_keeps_the_first_reason() -> None:
    notifier = a_notifier()
    notifier.end("noresource")
    notifier.end("timeout")
    notifier.authorize()
    assert notifier.state(0) == "terminated;reason=noresource"


@pytest.mark.parametrize(("status", "is_ended"), [(200, False), (401, False), (408, True), (481, True), (500, True), (603, True)])
def test_who_refuses_the_notify_is_not_subscribed_any_more(status: int, is_ended: bool) -> None:
    notifier = a_notifier()
    notifier.notify_answered(status)
    assert notifier.is_ended is is_ended


def test_a_notify_refused_with_retry_after_is_worth_another_try() -> None:
    notifier = a_notifier()
    notifier.notify_answered(503, has_retry_after=True)
    assert not notifier.is_ended


# The side that wants to know


def a_notify(state: str | None = "active;expires=600", event: str | None = "message-summary") -> Request:
    headers = [("Event", event)] if event else []
    return a_phones("NOTIFY", headers=(*headers, *((("Subscription-State", state),) if state else ())))


def an_ok(status: int = 200, expires: str | None = "600") -> Response:
    return an_answer(a_subscribe(), status, headers=(("Expires", expires),) if expires else ())


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber(MWI, Timing(), 0.0)


def test_timer_n_ends_a_subscription_without_notify(subscriber: Subscriber) -> None:
    subscriber.subscribe_answered(an_ok(), 0.1)
    assert subscriber.next_timer == 32 and subscriber.on_timer(31.9) is SubscriberTurn.NOTHING
    assert subscriber.on_timer(32) is SubscriberTurn.ENDED and subscriber.is_ended and subscriber.next_timer is None


@pytest.mark.parametrize("status", [403, 481, 489, 503])
def test_a_refused_subscribe_ends_it(subscriber: Subscriber, status: int) -> None:
    subscriber.subscribe_answered(an_ok(status), 0.1)
    assert subscriber.is_ended


def test_a_notify_may_come_before_the_200(subscriber: Subscriber) -> None:
    assert subscriber.receive(a_notify("pending;expires=100"), 0.1) is None
    assert subscriber.phase is SubscriptionPhase.PENDING and subscriber.next_timer == 95.1


def test_it_is_refreshed_before_its_end_and_the_answer_begins_the_time_anew(subscriber: Subscriber) -> None:
    subscriber.receive(a_notify("active;expires=600"), 0)
    assert subscriber.next_timer == 595 and subscriber.on_timer(595) is SubscriberTurn.REFRESH
    assert subscriber.on_timer(596) is SubscriberTurn.NOTHING and subscriber.next_timer == 600
    subscriber.subscribe_answered(an_ok(), 597)
    assert subscriber.next_timer == 597 + 595


def test_a_refresh_that_is_never_answered_lets_it_end_and_a_new_one_be_tried(subscriber: Subscriber) -> None:
    subscriber.receive(a_notify(), 0)
    subscriber.on_timer(595)
    assert subscriber.on_timer(600) is SubscriberTurn.ENDED and subscriber.retry_s == 0


@pytest.mark.parametrize(("status", "is_ended"), [(500, False), (408, False), (481, True), (489, True)])
def test_a_refused_refresh_ends_it_only_where_the_other_side_knows_nothing_of_it(
    subscriber: Subscriber, status: int, is_ended: bool
) -> None:
    subscriber.receive(a_notify(), 0)
    subscriber.subscribe_answered(an_ok(status), 10)
    assert subscriber.is_ended is is_ended


def test_a_notify_shortens_or_lengthens_the_time(subscriber: Subscriber) -> None:
    subscriber.receive(a_notify("active;expires=600"), 0)
    subscriber.receive(a_notify("active;expires=8"), 10)
    assert subscriber.next_timer == 14, "half of a short time"


def test_a_notify_without_expires_keeps_the_time_it_has(subscriber: Subscriber) -> None:
    subscriber.receive(a_notify("active"), 0)
    assert subscriber.next_timer == 3595
    subscriber.receive(a_notify("active"), 100)
    assert subscriber.next_timer == 3595


@pytest.mark.parametrize(
    ("state", "retry_s"),
    [
        ("terminated;reason=deactivated", 0),
        ("terminated;reason=timeout;retry-after=9", 0),
        ("terminated;reason=probation;retry-after=9", 9),
        ("terminated;reason=giveup", 60),
        ("terminated", 60),
        ("terminated;reason=rejected;retry-after=9", None),
        ("terminated;reason=noresource", None),
        ("terminated;retry-after=99999999999999999999", 60),
    ],
)
def test_the_reason_of_the_end_says_when_to_subscribe_anew(subscriber: Subscriber, state: str, retry_s: float | None) -> None:
    assert subscriber.receive(a_notify(state), 1) is None
    assert subscriber.is_ended and subscriber.retry_s == retry_s
    refusal = subscriber.receive(a_notify(), 2)
    assert refusal is not None and refusal.status == 481


@pytest.mark.parametrize(
    ("notify", "status"),
    [
        (a_notify(event="dialog"), 481),
        (a_notify(event="message-summary;id=7"), 481),
        (a_notify(event=None), 489),
        (a_notify(state=None), 400),
    ],
)
def test_a_notify_of_something_else_is_refused(subscriber: Subscriber, notify: Request, status: int) -> None:
    refusal = subscriber.receive(notify, 0)
    assert refusal is not None and refusal.status == status and subscriber.phase is SubscriptionPhase.WAITING


def test_an_unknown_state_counts_as_active(subscriber: Subscriber) -> None:
    subscriber.receive(a_notify("hibernating;expires=60"), 0)
    assert subscriber.phase is SubscriptionPhase.ACTIVE


def test_a_notify_during_a_refresh_leaves_the_end_where_it_is(subscriber: Subscriber) -> None:
    subscriber.receive(a_notify("active;expires=600"), 0)
    subscriber.on_timer(595)
    subscriber.receive(a_notify("active"), 596)
    assert subscriber.next_timer == 600


def test_a_notifier_that_granted_nothing_has_no_timer() -> None:
    notifier = Notifier()
    assert isinstance(notifier.receive(a_subscribe("5"), 0), Refusal)
    assert notifier.next_timer is None and not notifier.on_timer(1e9)
