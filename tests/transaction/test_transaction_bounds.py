"""No stranger makes the tables grow: limits hold under floods, and a phone that was there before is still served."""

from __future__ import annotations

import tracemalloc

import pytest
from sip_side import PHONE, Side, a_request

from sipstub.sip.answer import answer
from sipstub.transaction.event import RequestArrived
from sipstub.transaction.sending import Hop
from sipstub.transaction.state import State

STRANGER = Hop("UDP", "203.0.113.5", 4000, 1)


def flood(side: Side, numbers: range, *, method: str = "REGISTER", status: int = 0, is_kept: bool = True) -> int:
    """Return how many requests of a stranger were told; each is answered at once if there is a status."""
    told = 0
    for number in numbers:
        request = a_request(method, branch=f"z9hG4bKf{number}", call_id=f"f{number}")
        for event in side.hear(request, STRANGER):
            told += 1
            assert isinstance(event, RequestArrived) and event.transaction is not None
            if status:
                respond = side.layer.respond if is_kept else side.layer.respond_and_forget
                assert respond(event.transaction, answer(request, status, to_tag=event.transaction.to_tag), side.now)
        side.layer.to_send()
        side.sendings.clear()
        side.sent.clear()
    return told


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_where_nothing_is_answered_new_requests_get_503_with_retry_after_and_leave_nothing(method: str) -> None:
    side = Side(limits={"max_servers": 20})
    assert flood(side, range(20), method=method) == 20
    assert side.hear(a_request(method, branch="z9hG4bKlast", call_id="last")) == []
    assert side.sent_lines() == ["503 Service Unavailable"] and side.last_message().retry_after is not None
    assert side.last_message().to.tag and len(side.layer) == 20 and side.layer.counts.overloads == 1


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_one_address_cannot_fill_the_table_with_requests_that_nobody_answers(method: str) -> None:
    side = Side(limits={"max_open_per_host": 5})
    assert flood(side, range(10), method=method) == 5 and side.layer.counts.overloads == 5
    request = a_request()
    assert side.respond(side.asked(request, PHONE), request, 200), "another address is served"
    side.wait(700)
    assert side.layer.is_empty and flood(side, range(5), method=method) == 5


def test_answered_requests_of_one_address_do_not_count_as_open() -> None:
    side = Side(limits={"max_open_per_host": 1})
    for method in ("REGISTER", "INVITE"):
        for status in (200, 404):
            numbers = range(status, status + 5)
            assert flood(side, numbers, method=method, status=status) == 5
            side.wait(40)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_where_requests_are_answered_the_oldest_answer_makes_room(method: str) -> None:
    side = Side(limits={"max_servers": 20})
    assert flood(side, range(100), method=method, status=404) == 100
    assert len(side.layer) == 20 and side.layer.counts.evictions == 80 and side.layer.counts.overloads == 0


def test_an_overloaded_layer_still_takes_ack_and_cancel() -> None:
    side = Side(limits={"max_servers": 1})
    invite = a_request("INVITE")
    transaction = side.asked(invite)
    assert len(side.hear(a_request("CANCEL"))) == 1
    side.respond(transaction, invite, 487)
    assert side.hear(a_request("ACK", to_tag="x")) == [] and transaction.state is State.CONFIRMED


def test_answers_that_are_kept_are_bounded_in_bytes() -> None:
    side = Side(limits={"max_held_bytes": 10_000})
    flood(side, range(200), status=404)
    assert 5_000 < side.layer.held_bytes <= 10_000 and len(side.layer) < 60


def test_refusals_that_are_forgotten_leave_nothing() -> None:
    side = Side()
    assert flood(side, range(50), status=401, is_kept=False) == 50
    assert side.layer.is_empty and side.layer.held_bytes == 0
    request = a_request()
    transaction = side.asked(request)
    for status in (100, 200):
        assert not side.layer.respond_and_forget(transaction, answer(request, status), side.now)
    assert transaction.state is State.TRYING, "only a refusal can be forgotten"


def test_a_flood_of_cancels_acks_and_strays_leaves_nothing() -> None:
    side = Side()
    for number in range(200):
        side.hear(a_request("CANCEL", branch=f"z9hG4bK{number}"), STRANGER)
        side.hear(a_request("ACK", branch=f"z9hG4bK{number}"), STRANGER)
        side.hear(answer(a_request("OPTIONS", branch=f"z9hG4bK{number}"), 200), STRANGER)
    assert side.layer.is_empty and side.layer.counts.strays == 200


def test_memory_stays_as_it_is_when_a_flood_goes_on() -> None:
    side = Side(limits={"max_servers": 200})
    flood(side, range(1000), status=404)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        flood(side, range(1000, 3000), status=404)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 500_000, f"{grown} bytes more after 2000 requests"


def test_a_phone_is_served_in_the_middle_of_a_flood() -> None:
    side = Side(limits={"max_servers": 50})
    flood(side, range(500), status=401)
    request = a_request()
    transaction = side.asked(request, PHONE)
    flood(side, range(500, 540), status=401)
    assert side.respond(transaction, request, 200) and side.sent_lines() == ["200 OK"]
    assert side.hear(a_request()) == [] and side.sent_lines() == ["200 OK"], "its answer is still there to be repeated"


def test_timers_of_what_has_ended_do_not_pile_up() -> None:
    side = Side()
    flood(side, range(2000), method="INVITE", status=401, is_kept=False)
    assert len(side.layer._outlet.timers) < 300  # stopped ones are swept out
