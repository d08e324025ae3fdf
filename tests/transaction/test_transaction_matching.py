"""By what requests find their transaction (17.2.3), RFC 2543 included, and copies that came another way (8.2.2.2)."""

from __future__ import annotations

import pytest
from sip_side import Side, a_request

from sipstub.sip.message import Request
from sipstub.transaction.event import RequestArrived
from sipstub.transaction.sending import Hop
from sipstub.transaction.state import State

OLD = "SIP/2.0/UDP 10.1.1.1:5060"
"A Via as of RFC 2543, without branch."


@pytest.fixture
def side() -> Side:
    return Side()


@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP 10.1.1.1:5060;branch=Z9HG4BKPHONE1;rport",
        "SIP/2.0/UDP 10.1.1.1;rport;branch=z9hG4bKphone1",
        "SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bKphone1, SIP/2.0/UDP 10.7.7.7",
    ],
)
def test_same_branch_and_sent_by_is_the_same_request_however_written(side: Side, via: str) -> None:
    side.asked(a_request())
    assert side.hear(a_request(via=via)) == [] and len(side.layer) == 1 and side.layer.counts.merged == 0


def test_a_repetition_from_elsewhere_is_answered_where_the_first_came_from(side: Side) -> None:
    transaction = side.asked(request := a_request())
    side.respond(transaction, request, 200)
    side.hear(a_request(), Hop("UDP", "10.66.6.6", 5060))
    assert [sending.hop.host for sending in side.sendings] == ["10.1.1.1", "10.1.1.1"]


@pytest.mark.parametrize(
    "via", ["SIP/2.0/UDP 10.2.2.2:5060;branch=z9hG4bKphone1", "SIP/2.0/UDP 10.1.1.1:5070;branch=z9hG4bKphone1"]
)
def test_the_same_branch_of_another_sender_is_another_request(side: Side, via: str) -> None:
    side.asked(a_request())
    side.asked(a_request(via=via, call_id="another"))
    assert len(side.layer) == 2


def test_the_same_branch_with_another_method_is_another_request(side: Side) -> None:
    side.asked(a_request("OPTIONS"))
    side.asked(a_request("REGISTER"))
    assert len(side.layer) == 2


def test_a_branch_that_is_the_cookie_alone_identifies_nothing(side: Side) -> None:
    side.asked(a_request(branch="z9hG4bK"))
    side.asked(a_request(branch="z9hG4bK", cseq=2))
    assert len(side.layer) == 2


@pytest.mark.parametrize("branch", [None, "1", "oldstyle"])
def test_rfc_2543_the_same_request_matches_by_its_headers(side: Side, branch: str | None) -> None:
    side.asked(a_request(branch=branch))
    assert side.hear(a_request(branch=branch)) == []


@pytest.mark.parametrize(
    "change", [{"cseq": 2}, {"call_id": "b"}, {"from_tag": "b"}, {"to_tag": "b"}, {"uri": "sip:b@b"}, {"via": "SIP/2.0/UDP b"}]
)
def test_rfc_2543_a_request_that_differs_is_another(side: Side, change: dict[str, object]) -> None:
    side.asked(a_request(via=OLD))
    events = side.hear(a_request(**{"via": OLD, **change}))  # type: ignore[arg-type]
    if "uri" in change or "via" in change:  # alike but for the way it came
        assert events == [] and side.layer.counts.merged == 1
    else:
        assert isinstance(events[0], RequestArrived)


def old_refused(side: Side) -> Request:
    invite = a_request("INVITE", via=OLD)
    side.respond(side.asked(invite), invite, 486)
    tag = side.last_message().to.tag
    return a_request("ACK", via=OLD, to_tag=tag)


def test_rfc_2543_the_ack_matches_by_the_tag_of_the_answer(side: Side) -> None:
    ack = old_refused(side)
    assert side.hear(a_request("ACK", via=OLD, to_tag="other")) == []
    side.wait(0.5)
    assert len(side.sent_lines()) == 2, "an ACK with another tag ends nothing"
    assert side.hear(ack) == []
    side.wait(4)
    assert side.sent_lines() == []


def test_rfc_2543_cancel_matches_the_invite(side: Side) -> None:
    side.asked(a_request("INVITE", via=OLD))
    assert len(side.hear(a_request("CANCEL", via=OLD))) == 1 and side.sent_lines() == ["200 OK"]


def test_rfc_2543_an_invite_inside_a_dialog_is_told_from_the_one_that_began_it(side: Side) -> None:
    side.asked(a_request("INVITE", via=OLD))
    assert side.hear(a_request("INVITE", via=OLD, to_tag="b")) == [] and side.sent_lines() == ["503 Service Unavailable"]


def test_a_copy_that_came_another_way_gets_482(side: Side) -> None:
    side.asked(a_request("INVITE"))
    assert side.hear(a_request("INVITE", branch="z9hG4bKother")) == []
    assert side.sent_lines() == ["482 Loop Detected"] and side.last_message().to.tag and len(side.layer) == 1


def test_a_request_inside_a_dialog_is_never_a_copy(side: Side) -> None:
    side.asked(a_request("INVITE", to_tag="x"))
    side.asked(a_request("INVITE", to_tag="x", branch="z9hG4bKother"))
    assert side.layer.counts.merged == 0


def test_a_refused_request_may_be_tried_at_another_address_of_ours_with_the_same_cseq(side: Side) -> None:
    request = a_request()
    side.respond(side.asked(request), request, 503)
    assert side.asked(a_request(branch="z9hG4bKfailover")).state is State.TRYING


def test_a_forgotten_request_may_come_again(side: Side) -> None:
    transaction = side.asked(a_request())
    side.layer.forget(transaction)
    assert side.layer.is_empty and side.asked(a_request()) is not transaction


def test_answers_to_one_request_carry_one_tag_also_when_nothing_was_kept(side: Side) -> None:
    first = side.asked(a_request()).to_tag
    other = side.asked(a_request(branch="z9hG4bKx", call_id="x")).to_tag
    assert first != other
    again = Side()
    assert again.asked(a_request()).to_tag == first, "the same secret in this test"


@pytest.mark.parametrize("change", [("Via", "rubbish"), ("CSeq", "x"), ("Call-ID", ""), ("To", "<"), ("From", "")])
@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "ACK", "CANCEL"])
def test_a_request_with_a_broken_header_raises_nothing_and_leaves_nothing(
    side: Side, method: str, change: tuple[str, str]
) -> None:
    request = a_request(method)
    request.headers.set(*change)
    side.hear(request)
    assert side.layer.is_empty
