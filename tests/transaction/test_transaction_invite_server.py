"""INVITE, server side: one test per transition of RFC 6026 figure 5 (RFC 3261 figure 7), with its timers."""

from __future__ import annotations

import pytest
from sip_side import PHONE_TCP, Side, a_request

from sipstub.sip.message import Request
from sipstub.transaction.event import Cancelled, Failure, RequestArrived, TransactionFailed
from sipstub.transaction.machine import ServerTransaction
from sipstub.transaction.state import State


@pytest.fixture
def side() -> Side:
    return Side()


def invite() -> Request:
    return a_request("INVITE")


def ack(branch: str = "z9hG4bKphone1", to_tag: str = "any", transport: str = "UDP") -> Request:
    return a_request("ACK", branch=branch, to_tag=to_tag, transport=transport)


def answered(side: Side, status: int, *, is_reliable: bool = False) -> ServerTransaction:
    request = a_request("INVITE", transport="TCP") if is_reliable else invite()
    transaction = side.asked(request, PHONE_TCP) if is_reliable else side.asked(request)
    assert side.respond(transaction, request, status)
    return transaction


def test_a_new_invite_is_told_and_proceeding(side: Side) -> None:
    assert side.asked(invite()).state is State.PROCEEDING
    assert side.sent_lines() == []


def test_proceeding_sends_100_after_200_ms_if_the_user_said_nothing(side: Side) -> None:
    side.asked(invite())
    side.wait(0.199)
    assert side.sent == []
    side.wait(10)
    assert side.sent == [(0.2, "100 Trying")]
    assert side.last_message().to.tag is None


def test_proceeding_sends_no_100_after_a_provisional_answer(side: Side) -> None:
    answered(side, 180)
    side.wait(10)
    assert side.sent_lines() == ["180 Ringing"]


def test_proceeding_invite_repeated_is_answered_with_the_last_provisional(side: Side) -> None:
    request = invite()
    transaction = side.asked(request)
    assert side.hear(invite()) == [] and side.sent_lines() == []
    side.respond(transaction, request, 180)
    side.respond(transaction, request, 183)
    assert side.hear(invite()) == []
    assert side.sent_lines() == ["180 Ringing", "183 Session Progress", "183 Session Progress"]


def test_proceeding_2xx_goes_to_accepted(side: Side) -> None:
    assert answered(side, 200).state is State.ACCEPTED


def test_proceeding_refusal_goes_to_completed(side: Side) -> None:
    assert answered(side, 486).state is State.COMPLETED


def test_proceeding_transport_error_tells_the_user_and_stays(side: Side) -> None:
    transaction = answered(side, 180)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [TransactionFailed(transaction, Failure.TRANSPORT)] and transaction.state is State.PROCEEDING


def test_proceeding_without_any_final_answer_of_the_user_ends_in_408(side: Side) -> None:
    transaction = answered(side, 180)
    assert side.wait(600) == [TransactionFailed(transaction, Failure.TIMEOUT)]
    assert side.sent_lines() == ["180 Ringing", "408 Request Timeout"] and transaction.state is State.COMPLETED
    assert side.wait(32) == [TransactionFailed(transaction, Failure.TIMEOUT)] and side.layer.is_empty


def test_completed_timer_g_repeats_the_answer_doubling_up_to_t2(side: Side) -> None:
    answered(side, 486)
    side.wait(31.9)
    assert side.sent_times() == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_completed_over_a_reliable_transport_repeats_nothing_by_itself(side: Side) -> None:
    transaction = answered(side, 486, is_reliable=True)
    assert side.wait(32) == [TransactionFailed(transaction, Failure.TIMEOUT)] and side.sent_times() == [0]


def test_completed_invite_repeated_is_answered_again(side: Side) -> None:
    answered(side, 486)
    assert side.hear(invite()) == [] and side.sent_lines() == ["486 Busy Here"] * 2


def test_completed_timer_h_tells_the_user_and_terminates(side: Side) -> None:
    transaction = answered(side, 486)
    assert side.wait(31.9) == []
    assert side.wait(0.1) == [TransactionFailed(transaction, Failure.TIMEOUT)] and side.layer.is_empty


def test_completed_ack_goes_to_confirmed_and_is_not_told(side: Side) -> None:
    transaction = answered(side, 486)
    side.wait(0.6)
    assert side.hear(ack()) == [] and transaction.state is State.CONFIRMED
    side.wait(4)
    assert side.sent_times() == [0, 0.5]


def test_completed_ack_over_a_reliable_transport_terminates(side: Side) -> None:
    transaction = answered(side, 486, is_reliable=True)
    assert side.hear(ack(transport="TCP"), PHONE_TCP) == [] and transaction.state is State.TERMINATED and side.layer.is_empty


def test_completed_transport_error_tells_the_user_and_stays(side: Side) -> None:
    transaction = answered(side, 486)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [TransactionFailed(transaction, Failure.TRANSPORT)] and transaction.state is State.COMPLETED


@pytest.mark.parametrize("status", [180, 200, 486])
def test_completed_takes_no_other_answer(side: Side, status: int) -> None:
    request = invite()
    transaction = side.asked(request)
    side.respond(transaction, request, 486)
    assert not side.respond(transaction, request, status) and side.sent_lines() == ["486 Busy Here"]


def test_confirmed_absorbs_ack_and_invite(side: Side) -> None:
    answered(side, 486)
    side.hear(ack())
    side.sent_lines()
    assert side.hear(ack()) == [] and side.hear(invite()) == [] and side.sent_lines() == []


def test_confirmed_timer_i_terminates_after_t4(side: Side) -> None:
    transaction = answered(side, 486)
    side.hear(ack())
    assert side.wait(4.9) == [] and transaction.state is State.CONFIRMED
    assert side.wait(0.1) == [] and side.layer.is_empty


def test_accepted_absorbs_the_invite(side: Side) -> None:
    answered(side, 200)
    assert side.hear(invite()) == [] and side.sent_lines() == ["200 OK"]


def test_accepted_sends_the_2xx_again_when_the_user_says_so_and_never_by_itself(side: Side) -> None:
    request = invite()
    transaction = side.asked(request)
    side.respond(transaction, request, 200)
    side.wait(10)
    assert side.respond(transaction, request, 200) and side.sent_times() == [0, 10]


@pytest.mark.parametrize("status", [180, 486])
def test_accepted_takes_nothing_but_2xx(side: Side, status: int) -> None:
    request = invite()
    transaction = side.asked(request)
    side.respond(transaction, request, 200)
    assert not side.respond(transaction, request, status) and side.sent_lines() == ["200 OK"]


def test_accepted_ack_is_told_also_when_it_comes_on_the_branch_of_the_invite(side: Side) -> None:
    transaction = answered(side, 200)
    for branch in ("z9hG4bKphone1", "z9hG4bKanother"):
        (event,) = side.hear(ack(branch))
        assert isinstance(event, RequestArrived) and event.transaction is None and event.request.method == "ACK"
    assert transaction.state is State.ACCEPTED


def test_accepted_timer_l_terminates_after_64_t1(side: Side) -> None:
    transaction = answered(side, 200)
    assert side.wait(31.9) == [] and transaction.state is State.ACCEPTED
    assert side.wait(0.1) == [] and side.layer.is_empty


def test_accepted_over_a_reliable_transport_lasts_as_long(side: Side) -> None:
    transaction = answered(side, 200, is_reliable=True)
    assert side.wait(31.9) == [] and transaction.state is State.ACCEPTED
    assert side.wait(0.1) == [] and side.layer.is_empty


def test_accepted_transport_error_tells_the_user_and_stays(side: Side) -> None:
    transaction = answered(side, 200)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [TransactionFailed(transaction, Failure.TRANSPORT)] and transaction.state is State.ACCEPTED


def test_cancel_is_answered_and_told_once_and_the_invite_is_the_users_to_refuse(side: Side) -> None:
    request = invite()
    transaction = side.asked(request)
    side.respond(transaction, request, 180)
    (event,) = side.hear(a_request("CANCEL"))
    assert isinstance(event, Cancelled) and event.transaction is transaction
    assert side.hear(a_request("CANCEL")) == []
    assert side.sent_lines() == ["180 Ringing", "200 OK", "200 OK"]
    assert side.last_message().to.tag == transaction.to_tag and str(side.last_message().cseq) == "1 CANCEL"
    assert side.respond(transaction, request, 487) and len(side.layer) == 1


@pytest.mark.parametrize("status", [200, 486])
def test_cancel_after_the_final_answer_is_answered_and_has_no_effect(side: Side, status: int) -> None:
    answered(side, status)
    side.sent_lines()
    assert side.hear(a_request("CANCEL")) == [] and side.sent_lines() == ["200 OK"]


def test_cancel_of_another_request_is_answered_and_has_no_effect(side: Side) -> None:
    transaction = side.asked(a_request("OPTIONS"))
    assert side.hear(a_request("CANCEL")) == [] and side.sent_lines() == ["200 OK"] and transaction.state is State.TRYING


@pytest.mark.parametrize("other", [{"branch": "z9hG4bKother"}, {"via": "SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bKphone1"}])
def test_cancel_of_nothing_gets_481_and_leaves_nothing_behind(side: Side, other: dict[str, str]) -> None:
    side.asked(invite())
    assert side.hear(a_request("CANCEL", **other)) == []  # type: ignore[arg-type]
    assert side.sent_lines() == ["481 Call/Transaction Does Not Exist"] and len(side.layer) == 1


def test_an_ack_to_nothing_is_told_and_never_answered(side: Side) -> None:
    (event,) = side.hear(ack())
    assert isinstance(event, RequestArrived) and event.transaction is None
    assert event.request.via.received == "10.1.1.1"
    assert side.sent_lines() == [] and side.layer.is_empty
