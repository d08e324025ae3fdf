"""INVITE, client side: one test per transition of RFC 6026 figure 4 (RFC 3261 figure 5), with its timers."""

from __future__ import annotations

import pytest
from sip_side import PHONE, PHONE_TCP, Side, an_answer, our_request, statuses

from sipstub.sip.message import Request
from sipstub.transaction.event import Failure, TransactionFailed
from sipstub.transaction.machine import ClientTransaction
from sipstub.transaction.state import State
from sipstub.transaction.timing import Timing


@pytest.fixture
def side() -> Side:
    return Side()


def calling(side: Side, hop: object = PHONE) -> ClientTransaction:
    return side.ask(our_request("INVITE"), hop)  # type: ignore[arg-type]


def test_calling_timer_a_sends_again_after_each_doubled_pause(side: Side) -> None:
    calling(side)
    side.wait(31.9)
    assert side.sent_times() == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


def test_calling_timer_b_tells_the_user_and_terminates(side: Side) -> None:
    invite = calling(side)
    assert side.wait(31.999) == []
    events = side.wait(0.001)
    assert events == [TransactionFailed(invite, Failure.TIMEOUT)] and events[0].status == 408
    assert invite.state is State.TERMINATED and side.layer.is_empty


def test_calling_over_a_reliable_transport_sends_once_and_times_out_alike(side: Side) -> None:
    invite = calling(side, PHONE_TCP)
    assert side.wait(32) == [TransactionFailed(invite, Failure.TIMEOUT)]
    assert side.sent_times() == [0]


def test_calling_transport_error_tells_the_user_and_terminates(side: Side) -> None:
    invite = calling(side)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    events = side.events()
    assert events == [TransactionFailed(invite, Failure.TRANSPORT)] and events[0].status == 503
    assert side.layer.is_empty


def test_calling_1xx_goes_to_proceeding_and_stops_timers_a_and_b(side: Side) -> None:
    invite = calling(side)
    assert statuses(side.answered(invite, 180)) == [180]
    assert invite.state is State.PROCEEDING
    assert side.wait(100) == [] and len(side.sent_times()) == 1


def test_calling_2xx_goes_to_accepted(side: Side) -> None:
    invite = calling(side)
    assert statuses(side.answered(invite, 200)) == [200]
    assert invite.state is State.ACCEPTED and side.sent_lines() == ["INVITE sip:100@10.1.1.1 SIP/2.0"]


def test_calling_refusal_is_acknowledged_and_goes_to_completed(side: Side) -> None:
    invite = calling(side)
    assert statuses(side.answered(invite, 486)) == [486]
    assert invite.state is State.COMPLETED and side.sent_lines()[1:] == ["ACK sip:100@10.1.1.1 SIP/2.0"]


def test_proceeding_1xx_is_told_each_time(side: Side) -> None:
    invite = calling(side)
    assert [statuses(side.answered(invite, status)) for status in (100, 180, 180, 183)] == [[100], [180], [180], [183]]
    assert invite.state is State.PROCEEDING


def test_proceeding_2xx_goes_to_accepted(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 180)
    assert statuses(side.answered(invite, 200)) == [200] and invite.state is State.ACCEPTED


def test_proceeding_refusal_is_acknowledged_and_goes_to_completed(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 180)
    assert statuses(side.answered(invite, 603)) == [603] and invite.state is State.COMPLETED


def test_proceeding_transport_error_tells_the_user(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 180)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [TransactionFailed(invite, Failure.TRANSPORT)]


def test_proceeding_does_not_last_for_ever(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 180)
    assert side.wait(600) == [TransactionFailed(invite, Failure.TIMEOUT)] and side.layer.is_empty


def test_completed_refusal_repeated_is_acknowledged_again_and_not_told(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 486)
    side.sent_lines()
    assert side.answered(invite, 486) == [] and side.sent_lines() == ["ACK sip:100@10.1.1.1 SIP/2.0"]
    assert side.sendings[-1].data == side.sendings[-2].data


@pytest.mark.parametrize("status", [180, 200])
def test_completed_other_answers_are_dropped(side: Side, status: int) -> None:
    invite = calling(side)
    side.answered(invite, 486)
    side.sent_lines()
    assert side.answered(invite, status) == [] and side.sent_lines() == []


def test_completed_timer_d_terminates_after_32_s(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 486)
    assert side.wait(31.9) == [] and invite.state is State.COMPLETED
    assert side.wait(0.1) == [] and side.layer.is_empty


def test_completed_over_a_reliable_transport_lasts_no_time(side: Side) -> None:
    invite = calling(side, PHONE_TCP)
    side.answered(invite, 486)
    assert invite.state is State.TERMINATED and side.layer.is_empty


def test_completed_transport_error_of_the_ack_tells_the_user(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 486)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [TransactionFailed(invite, Failure.TRANSPORT)] and side.layer.is_empty


def test_accepted_2xx_of_forks_and_repetitions_are_all_told(side: Side) -> None:
    invite = calling(side)
    told = [statuses(side.answered(invite, 200, to_tag=tag)) for tag in ("fork1", "fork2", "fork1")]
    assert told == [[200]] * 3 and invite.state is State.ACCEPTED


@pytest.mark.parametrize("status", [100, 180, 486])
def test_accepted_other_answers_are_dropped(side: Side, status: int) -> None:
    invite = calling(side)
    side.answered(invite, 200)
    side.sent_lines()
    assert side.answered(invite, status) == [] and side.sent_lines() == []


def test_accepted_timer_m_terminates_after_64_t1(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 200)
    assert side.wait(31.9) == [] and invite.state is State.ACCEPTED
    assert side.wait(0.1) == [] and side.layer.is_empty
    assert side.answered(invite, 200) == [] and side.layer.counts.strays == 1


def test_accepted_transport_error_changes_nothing(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 200)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [] and invite.state is State.ACCEPTED


def test_timers_scale_with_t1(side: Side) -> None:
    side = Side(Timing(t1_s=0.01, t2_s=0.08, t4_s=0.1))
    invite = calling(side)
    assert side.wait(1) == [TransactionFailed(invite, Failure.TIMEOUT)]
    assert side.sent_times() == [0, 0.01, 0.03, 0.07, 0.15, 0.31, 0.63]


def test_the_ack_to_a_refusal_is_the_invite_with_to_of_the_answer(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 486, to_tag="them")
    ack = side.last_message()
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri_text, ack.cseq.number, ack.cseq.method) == ("ACK", "sip:100@10.1.1.1", 1, "ACK")
    assert ack.vias == (invite.request.via,) and ack.to.tag == "them" and ack.from_.tag == "ours"
    assert (
        ack.headers.all("Route") == ["<sip:proxy.example.com;lr>"] and ack.call_id == "ours@10.0.0.1" and ack.max_forwards == 70
    )


def test_cancel_before_any_answer_waits_for_the_first_provisional_one(side: Side) -> None:
    invite = calling(side)
    assert side.layer.cancel(invite, side.now, reason='SIP;cause=200;text="Call completed elsewhere"')
    assert side.events() == [] and side.sent_lines() == ["INVITE sip:100@10.1.1.1 SIP/2.0"]
    side.answered(invite, 100)
    assert side.sent_lines() == ["CANCEL sip:100@10.1.1.1 SIP/2.0"]
    assert side.last_message().headers.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'


def test_cancel_after_a_provisional_answer_goes_out_at_once_on_the_branch_of_the_invite(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 180)
    assert side.layer.cancel(invite, side.now) and not side.layer.cancel(invite, side.now)
    side.events()
    cancel = side.last_message()
    assert isinstance(cancel, Request)
    assert cancel.vias == (invite.request.via,) and str(cancel.cseq) == "1 CANCEL" and cancel.to == invite.request.to
    side.wait(1)
    assert side.sent_lines()[1:] == ["CANCEL sip:100@10.1.1.1 SIP/2.0"] * 2


def test_a_cancelled_invite_ends_with_its_487(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 180)
    side.layer.cancel(invite, side.now)
    side.events()
    cancel = side.sendings[-1].transaction
    assert isinstance(cancel, ClientTransaction)
    assert statuses(side.hear(an_answer(cancel, 200))) == [200]
    assert statuses(side.answered(invite, 487)) == [487]
    side.wait(40)
    assert side.layer.is_empty


def test_a_cancelled_invite_without_final_answer_is_given_up_after_64_t1(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 180)
    side.layer.cancel(invite, side.now)
    events = side.wait(32)
    assert TransactionFailed(invite, Failure.TIMEOUT) in events and side.layer.is_empty


def test_a_2xx_that_crosses_the_cancel_reaches_the_user(side: Side) -> None:
    invite = calling(side)
    side.answered(invite, 180)
    side.layer.cancel(invite, side.now)
    assert statuses(side.answered(invite, 200)) == [200]


@pytest.mark.parametrize("status", [200, 486])
def test_cancel_after_a_final_answer_is_of_no_use(side: Side, status: int) -> None:
    invite = calling(side)
    side.answered(invite, status)
    side.sent_lines()
    assert not side.layer.cancel(invite, side.now)
    assert side.events() == [] and side.sent_lines() == []


def test_only_invite_is_cancelled(side: Side) -> None:
    options = side.ask(our_request("OPTIONS"))
    assert not side.layer.cancel(options, side.now)
