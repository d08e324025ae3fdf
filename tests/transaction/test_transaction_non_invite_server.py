"""Other requests, server side: one test per transition of RFC 3261 figure 8, with its timers and the rules of RFC 4320."""

from __future__ import annotations

import pytest
from sip_side import PHONE_TCP, Side, a_request

from sipstub.sip.answer import answer
from sipstub.transaction.event import Failure, TransactionFailed
from sipstub.transaction.state import State
from sipstub.transaction.timing import Timing


@pytest.fixture
def side() -> Side:
    return Side()


def test_a_new_request_is_told_and_trying(side: Side) -> None:
    assert side.asked(a_request()).state is State.TRYING and side.sent_lines() == []


def test_trying_request_repeated_is_discarded(side: Side) -> None:
    side.asked(a_request())
    assert side.hear(a_request()) == [] and side.sent_lines() == []


@pytest.mark.parametrize("status", [200, 302, 401, 503, 603])
def test_trying_final_answer_goes_to_completed(side: Side, status: int) -> None:
    transaction = side.asked(request := a_request())
    assert side.respond(transaction, request, status) and transaction.state is State.COMPLETED and len(side.sent_lines()) == 1


def test_trying_sends_100_when_timer_e_of_the_client_has_grown_to_t2(side: Side) -> None:
    transaction = side.asked(a_request())
    side.wait(31.9)
    assert side.sent == [(3.5, "100 Trying")] and transaction.state is State.PROCEEDING


def test_trying_sends_that_100_over_a_reliable_transport_too(side: Side) -> None:
    side.asked(a_request(transport="TCP"), PHONE_TCP)
    side.wait(31.9)
    assert side.sent == [(3.5, "100 Trying")]


def test_the_late_100_follows_t1_and_t2() -> None:
    assert Timing(0.5, 4).late_trying_s == 3.5
    assert Timing(1, 4).late_trying_s == 3
    assert Timing(0.5, 3).late_trying_s == 3.5
    assert Timing(2, 2).late_trying_s == 0
    assert Timing(0.5, 100).late_trying_s == 32, "never after the client has given up"


def test_trying_a_100_of_the_user_is_too_early_over_udp_and_fine_over_tcp(side: Side) -> None:
    transaction = side.asked(request := a_request())
    assert not side.respond(transaction, request, 100)
    other = side.asked(request := a_request(branch="z9hG4bK2", call_id="2", transport="TCP"), PHONE_TCP)
    assert side.respond(other, request, 100) and other.state is State.PROCEEDING
    side.wait(3.6)
    assert side.respond(transaction, request, 100)


@pytest.mark.parametrize("status", [180, 183, 199, 408])
def test_provisional_answers_but_100_and_408_never_go_out(side: Side, status: int) -> None:
    transaction = side.asked(request := a_request())
    assert not side.respond(transaction, request, status)
    assert not side.layer.respond_and_forget(transaction, answer(request, status), side.now)
    assert side.sent_lines() == [] and transaction.state is State.TRYING


def test_proceeding_request_repeated_is_answered_with_the_100(side: Side) -> None:
    side.asked(a_request())
    side.wait(4)
    assert side.hear(a_request()) == [] and side.sent_lines() == ["100 Trying"] * 2


def test_proceeding_final_answer_goes_to_completed(side: Side) -> None:
    transaction = side.asked(request := a_request())
    side.wait(4)
    assert side.respond(transaction, request, 200) and transaction.state is State.COMPLETED


def test_unanswered_by_the_user_for_64_t1_there_is_no_answer_at_all(side: Side) -> None:
    transaction = side.asked(request := a_request())
    assert side.wait(32) == [TransactionFailed(transaction, Failure.TIMEOUT)]
    assert side.sent_lines() == ["100 Trying"] and side.layer.is_empty
    assert not side.respond(transaction, request, 200)


def test_completed_request_repeated_is_answered_with_the_same_bytes(side: Side) -> None:
    transaction = side.asked(request := a_request())
    side.respond(transaction, request, 200)
    assert side.hear(a_request()) == []
    assert side.sendings[0].data == side.sendings[1].data and side.sendings[0].hop == side.sendings[1].hop


def test_completed_takes_no_other_answer(side: Side) -> None:
    transaction = side.asked(request := a_request())
    side.respond(transaction, request, 401)
    assert not side.respond(transaction, request, 200) and side.sent_lines() == ["401 Unauthorized"]


def test_completed_timer_j_terminates_after_64_t1(side: Side) -> None:
    transaction = side.asked(request := a_request())
    side.respond(transaction, request, 200)
    assert side.wait(31.9) == [] and transaction.state is State.COMPLETED and side.layer.held_bytes > 0
    assert side.wait(0.1) == [] and side.layer.is_empty and side.layer.held_bytes == 0


def test_completed_over_a_reliable_transport_lasts_no_time(side: Side) -> None:
    transaction = side.asked(request := a_request(transport="TCP"), PHONE_TCP)
    assert side.respond(transaction, request, 200) and transaction.state is State.TERMINATED and side.layer.is_empty


@pytest.mark.parametrize("status", [100, 200])
def test_proceeding_and_completed_transport_error_tells_the_user_and_terminates(side: Side, status: int) -> None:
    transaction = side.asked(request := a_request())
    side.wait(4)
    side.respond(transaction, request, status)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [TransactionFailed(transaction, Failure.TRANSPORT)] and side.layer.is_empty


def test_after_timer_j_the_same_request_is_a_new_one(side: Side) -> None:
    transaction = side.asked(request := a_request())
    side.respond(transaction, request, 200)
    side.wait(32)
    assert side.asked(a_request()) is not transaction
