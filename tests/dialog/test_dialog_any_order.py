"""Whatever comes in whatever order to the machines of a dialog: nothing raises, CSeq goes up, what ended stays ended."""

from __future__ import annotations

from dialog_builders import a_phones, an_answer, as_client, our_invite
from hypothesis import given, settings
from hypothesis import strategies as st

from sipstub.dialog.dialog import DialogState
from sipstub.dialog.forks import MAX_FORKS, InviteForks
from sipstub.dialog.negotiation import Negotiation
from sipstub.dialog.notifier import Notifier
from sipstub.dialog.refusal import Refusal
from sipstub.dialog.subscriber import Subscriber
from sipstub.sip.event import Event
from sipstub.transaction.timing import USUAL

METHODS = st.sampled_from(["INVITE", "UPDATE", "INFO", "BYE", "ACK", "PRACK", "REFER", "NOTIFY"])
STATUSES = st.sampled_from([100, 180, 199, 200, 202, 302, 401, 408, 481, 486, 491, 500, 603])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), METHODS, STATUSES, st.integers(0, 40)), max_size=30))
def test_a_dialog_keeps_its_order(steps: list[tuple[bool, str, int, int]]) -> None:
    dialog = as_client()
    was_ended, ours, theirs = False, dialog.local_cseq, -1
    for is_ours, method, status, cseq in steps:
        if is_ours:
            request = dialog.request(method)
            if method not in ("ACK",):
                assert request.cseq.number == ours + 1
                ours += 1
            dialog.receive_response(request, an_answer(request, status))
        else:
            request = a_phones(method, cseq=cseq, to_tag="ours")
            refusal = dialog.receive_request(request)
            if refusal is None and method != "ACK":
                assert cseq > theirs
                theirs = cseq
            if refusal is None:
                dialog.request_answered(request, status)
        assert dialog.is_ended or not was_ended, "what has ended stays ended"
        was_ended = dialog.is_ended


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(STATUSES, st.sampled_from(["a", "b", "c", None]), st.sampled_from([0, 1, 33])), max_size=30))
def test_forks_confirm_each_dialog_once(steps: list[tuple[int, str | None, int]]) -> None:
    forks, now, confirmed = InviteForks(our_invite(), USUAL), 0.0, set()
    for status, tag, pause in steps:
        now += pause
        for dialog in forks.on_timer(now):
            assert dialog.state is DialogState.TERMINATED
        fork = forks.receive(an_answer(our_invite(), status, tag), now)
        if fork.is_confirmed:
            assert fork.dialog is not None and fork.dialog.id not in confirmed and not fork.is_repeated
            confirmed.add(fork.dialog.id)
        elif fork.is_repeated:
            assert fork.dialog is not None and fork.dialog.id in confirmed
    assert len(forks) <= MAX_FORKS
    forks.on_timer(now + 1000)
    assert forks.next_timer is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ask", "done", "receive", "answered"]), st.sampled_from(["INVITE", "UPDATE"]), st.booleans()),
        max_size=40,
    )
)
def test_at_no_time_are_two_offers_open_that_both_sides_took(steps: list[tuple[str, str, bool]]) -> None:
    negotiation = Negotiation()
    for what, method, has_offer in steps:
        if what == "ask" and negotiation.may_ask(method, has_offer=has_offer):
            negotiation.ask(method, has_offer=has_offer)
        elif what == "done":
            negotiation.asked_done(method)
        elif what == "answered":
            negotiation.received_done(method)
        elif what == "receive":
            refusal = negotiation.receive(method, has_offer=has_offer, chance=0.3)
            assert refusal is None or refusal.status in (491, 500)
        assert not (negotiation.our_offer and negotiation.their_offer)
        assert not ("INVITE" in negotiation.ours and "INVITE" in negotiation.theirs)


TIMES = st.sampled_from([0.0, 1.0, 31.0, 300.0, 4000.0])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["notify", "answer", "time"]),
            TIMES,
            STATUSES,
            st.sampled_from(["active;expires=60", "active", "terminated", "pending;expires=0"]),
        ),
        max_size=30,
    )
)
def test_subscriptions_end_when_nobody_says_anything_any_more(steps: list[tuple[str, float, int, str]]) -> None:
    now = 0.0
    subscriber, notifier = Subscriber(Event.parse("x"), USUAL, now), Notifier()
    for what, pause, status, state in steps:
        now += pause
        if what == "notify":
            subscriber.receive(a_phones("NOTIFY", headers=(("Event", "x"), ("Subscription-State", state))), now)
        elif what == "answer":
            subscriber.subscribe_answered(an_answer(a_phones("SUBSCRIBE"), status), now)
            notifier.notify_answered(status)
        subscriber.on_timer(now)
        granted = notifier.receive(a_phones("SUBSCRIBE", headers=(("Expires", str(int(pause))),)), now)
        assert isinstance(granted, Refusal) or granted >= 0
        notifier.on_timer(now)
        assert notifier.state(now)
    for machine in (subscriber, notifier):
        for _ in range(3):
            machine.on_timer(now + 100_000)
        assert machine.next_timer is None  # a notifier that never granted anything never had one
