"""A client and a server with a bad wire between them: what is lost is repeated, what is doubled is told once."""

from __future__ import annotations

import itertools

import pytest
from sip_side import our_request, statuses
from sip_wire import DOUBLE, LATE, LOSE, Wire

from sipstub.sip.answer import answer
from sipstub.transaction.event import Cancelled, Event, Failure, RequestArrived, TransactionFailed
from sipstub.transaction.timing import Timing

FATES = ("", LOSE, DOUBLE, LATE)


def answering(*codes: int) -> object:
    """Return a user that answers each new request with these, at once."""

    def serve(wire: Wire, event: Event) -> None:
        if isinstance(event, RequestArrived) and event.transaction is not None:
            for status in codes:
                response = answer(event.request, status, to_tag=event.transaction.to_tag)
                wire.server.respond(event.transaction, response, wire.now)
        elif isinstance(event, Cancelled):
            assert event.transaction.method == "INVITE"

    return serve


def requests_served(wire: Wire) -> list[str]:
    return [event.request.method for event in wire.served if isinstance(event, RequestArrived)]


def assert_empty(wire: Wire) -> None:
    assert wire.client.is_empty and wire.server.is_empty


@pytest.mark.parametrize("fates", list(itertools.product(FATES, repeat=3)))
def test_a_request_is_served_once_and_answered_once_whatever_happens_to_three_messages(fates: tuple[str, ...]) -> None:
    wire = Wire(answering(200), fates)  # type: ignore[arg-type]
    wire.ask(our_request("OPTIONS"))
    wire.run()
    assert requests_served(wire) == ["OPTIONS"] and statuses(wire.told) == [200]
    assert_empty(wire)


@pytest.mark.parametrize("fates", list(itertools.product(FATES, repeat=4)))
def test_a_refused_invite_is_served_once_and_refused_once_whatever_happens_to_four_messages(fates: tuple[str, ...]) -> None:
    wire = Wire(answering(486), fates)  # type: ignore[arg-type]
    wire.ask(our_request("INVITE"))
    wire.run()
    assert requests_served(wire) == ["INVITE"] and statuses(wire.told) == [486]
    assert_empty(wire)


@pytest.mark.parametrize("is_reliable", [False, True])
def test_a_wire_that_loses_everything_fails_after_64_t1(is_reliable: bool) -> None:
    wire = Wire(answering(), itertools.repeat(LOSE))  # type: ignore[arg-type]
    for method in ("OPTIONS", "INVITE"):
        wire.ask(our_request(method))
    wire.run(31.9)
    assert wire.told == []
    wire.run(0.1)
    assert [event.failure for event in wire.told if isinstance(event, TransactionFailed)] == [Failure.TIMEOUT] * 2


def test_a_lost_request_costs_t1_and_a_lost_answer_too() -> None:
    wire = Wire(answering(200), [LOSE, "", LOSE])  # type: ignore[arg-type]
    wire.ask(our_request("OPTIONS"))
    wire.run()
    assert [line[:2] for line in wire.lines] == [
        (0, "client"),
        (0.5, "client"),
        (0.51, "server"),
        (1.5, "client"),
        (1.51, "server"),
    ]


def test_a_reliable_wire_carries_nothing_twice() -> None:
    wire = Wire(answering(180, 486), is_reliable=True)  # type: ignore[arg-type]
    wire.ask(our_request("INVITE"))
    wire.run()
    assert [line[2].split()[0] for line in wire.lines] == ["INVITE", "180", "486", "ACK"]
    assert_empty(wire)


def test_with_t1_of_a_tenth_everything_is_ten_times_as_fast() -> None:
    wire = Wire(answering(), itertools.repeat(LOSE), Timing(0.05, 0.4, 0.5))  # type: ignore[arg-type]
    wire.ask(our_request("INVITE"))
    wire.run(3.2)
    assert wire.now == 3.2 and len(wire.told) == 1
