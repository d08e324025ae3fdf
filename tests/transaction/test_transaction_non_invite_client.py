"""Other requests, client side: one test per transition of RFC 3261 figure 6, with its timers; and what answers match (17.1.3)."""

from __future__ import annotations

import pytest
from sip_side import OUR_VIA, PHONE, PHONE_TCP, Side, an_answer, our_request, statuses

from sipstub.sip.via import Via
from sipstub.transaction.event import Failure, TransactionFailed
from sipstub.transaction.machine import ClientTransaction
from sipstub.transaction.sending import Hop
from sipstub.transaction.state import State


@pytest.fixture
def side() -> Side:
    return Side()


def trying(side: Side, hop: Hop = PHONE) -> ClientTransaction:
    return side.ask(our_request("OPTIONS"), hop)


def test_trying_timer_e_sends_again_doubling_up_to_t2(side: Side) -> None:
    trying(side)
    side.wait(31.9)
    assert side.sent_times() == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_trying_timer_f_tells_the_user_and_terminates(side: Side) -> None:
    options = trying(side)
    assert side.wait(31.9) == []
    assert side.wait(0.1) == [TransactionFailed(options, Failure.TIMEOUT)] and side.layer.is_empty


def test_trying_over_a_reliable_transport_sends_once(side: Side) -> None:
    options = trying(side, PHONE_TCP)
    assert side.wait(32) == [TransactionFailed(options, Failure.TIMEOUT)] and side.sent_times() == [0]


def test_trying_transport_error_tells_the_user_and_terminates(side: Side) -> None:
    options = trying(side)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [TransactionFailed(options, Failure.TRANSPORT)] and side.layer.is_empty


def test_trying_1xx_goes_to_proceeding(side: Side) -> None:
    options = trying(side)
    assert statuses(side.answered(options, 100)) == [100] and options.state is State.PROCEEDING


@pytest.mark.parametrize("status", [200, 302, 401, 503, 603])
def test_trying_final_answer_goes_to_completed(side: Side, status: int) -> None:
    options = trying(side)
    assert statuses(side.answered(options, status)) == [status] and options.state is State.COMPLETED


def test_proceeding_timer_e_sends_again_every_t2(side: Side) -> None:
    options = trying(side)
    side.wait(0.2)
    side.answered(options, 100)
    side.wait(13)
    assert side.sent_times() == [0, 0.5, 4.5, 8.5, 12.5]


def test_proceeding_timer_f_tells_the_user_and_terminates(side: Side) -> None:
    options = trying(side)
    side.answered(options, 100)
    assert side.wait(32) == [TransactionFailed(options, Failure.TIMEOUT)] and side.layer.is_empty


def test_proceeding_1xx_is_told_again(side: Side) -> None:
    options = trying(side)
    assert [statuses(side.answered(options, 100)) for _ in range(2)] == [[100], [100]]


def test_proceeding_final_answer_goes_to_completed(side: Side) -> None:
    options = trying(side)
    side.answered(options, 100)
    assert statuses(side.answered(options, 200)) == [200] and options.state is State.COMPLETED


def test_proceeding_transport_error_tells_the_user(side: Side) -> None:
    options = trying(side)
    side.answered(options, 100)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [TransactionFailed(options, Failure.TRANSPORT)]


@pytest.mark.parametrize("status", [100, 200, 500])
def test_completed_answers_are_absorbed(side: Side, status: int) -> None:
    options = trying(side)
    side.answered(options, 200)
    assert side.answered(options, status) == [] and side.layer.counts.strays == 0


def test_completed_timer_k_terminates_after_t4(side: Side) -> None:
    options = trying(side)
    side.answered(options, 200)
    assert side.wait(4.9) == [] and options.state is State.COMPLETED
    assert side.wait(0.1) == [] and side.layer.is_empty


def test_completed_over_a_reliable_transport_lasts_no_time(side: Side) -> None:
    options = trying(side, PHONE_TCP)
    side.answered(options, 200)
    assert options.state is State.TERMINATED and side.layer.is_empty


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
def test_a_lost_connection_fails_what_waits_on_it_and_nothing_else(side: Side, method: str) -> None:
    lost = side.ask(our_request(method), PHONE_TCP)
    other, datagram = side.ask(our_request(method), PHONE_TCP._replace(socket=8)), side.ask(our_request(method))
    side.layer.on_connection_lost(7)
    side.layer.on_connection_lost(1)
    assert side.events() == [TransactionFailed(lost, Failure.TRANSPORT)] and lost.state is State.TERMINATED
    assert not other.is_ended and not datagram.is_ended
    side.layer.on_connection_lost(7)
    assert side.events() == []


def test_an_answered_invite_outlives_its_connection(side: Side) -> None:
    invite = side.ask(our_request("INVITE"), PHONE_TCP)
    side.answered(invite, 200, source=PHONE_TCP)
    side.layer.on_connection_lost(7)
    assert side.events() == [] and invite.state is State.ACCEPTED
    side.wait(32)
    assert side.layer.is_empty


def test_completed_transport_error_is_too_late_to_matter(side: Side) -> None:
    options = trying(side)
    side.answered(options, 200)
    side.layer.on_transport_error(side.sendings[0], side.now)
    assert side.events() == [] and options.state is State.COMPLETED


def test_a_late_final_answer_is_dropped_as_a_stray(side: Side) -> None:
    options = trying(side)
    side.wait(33)
    assert side.answered(options, 200) == [] and side.layer.counts.strays == 1


def test_an_answer_matches_by_branch_in_any_case(side: Side) -> None:
    options = trying(side)
    response = an_answer(options, 200)
    response.headers.set("Via", str(options.request.via).replace("z9hG4bKours2", "Z9HG4BKOURS2"))
    assert statuses(side.hear(response)) == [200]


@pytest.mark.parametrize(
    "change",
    [
        ("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKother"),
        ("Via", "SIP/2.0/UDP 10.0.0.1:5060"),
        ("Via", "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKours2"),
        ("Via", "SIP/2.0/UDP 10.0.0.1:5061;branch=z9hG4bKours2"),
        ("Via", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKours2, SIP/2.0/UDP 10.9.9.9"),
        ("CSeq", "1 INVITE"),
    ],
)
def test_an_answer_with_another_branch_sent_by_or_method_or_two_vias_is_a_stray(side: Side, change: tuple[str, str]) -> None:
    options = trying(side)
    response = an_answer(options, 200)
    response.headers.set(*change)
    assert side.hear(response) == [] and options.state is State.TRYING and side.layer.counts.strays == 1


@pytest.mark.parametrize("change", [("Via", "rubbish"), ("CSeq", "one OPTIONS")])
def test_an_answer_with_a_broken_header_is_dropped(side: Side, change: tuple[str, str]) -> None:
    options = trying(side)
    response = an_answer(options, 200)
    response.headers.set(*change)
    assert side.hear(response) == [] and side.layer.counts.broken == 1


def test_each_request_gets_a_branch_of_its_own_unless_it_brings_one(side: Side) -> None:
    first, second = trying(side), trying(side)
    assert first.request.via.branch != second.request.via.branch and first.request.via.has_transaction_id
    own = Via.parse("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK777;rport")
    third = side.layer.request(our_request("OPTIONS"), PHONE, own, side.now)
    assert str(third.request.via) == str(own)


def test_requests_of_ours_beyond_the_limit_fail_at_once() -> None:
    side = Side(limits={"max_clients": 2})
    trying(side), trying(side)
    third = side.layer.request(our_request("OPTIONS"), PHONE, OUR_VIA, side.now)
    events = side.events()
    assert events == [TransactionFailed(third, Failure.OVERLOAD)] and events[0].status == 503
    assert len(side.layer) == 2 and third.state is State.TERMINATED and len(side.sent_lines()) == 2
