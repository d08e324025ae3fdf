"""Where answers go (18.2.2), `received` and `rport` (RFC 3581), and what to do when that fails."""

from __future__ import annotations

import pytest
from sip_side import OUR_VIA, PHONE, PHONE_TCP, Side, a_request, our_request

from sipstub.sip.answer import answer
from sipstub.sip.via import Via
from sipstub.transaction.event import Failure, TransactionFailed
from sipstub.transaction.sending import Hop, answer_hops, is_too_large

NAT = Hop("UDP", "192.0.2.7", 34567, 3)


@pytest.mark.parametrize(
    ("via", "source", "hops"),
    [
        ("SIP/2.0/UDP 10.1.1.1:5062;rport;branch=z9hG4bK1", NAT, [NAT]),
        ("SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bK1", NAT, [Hop("UDP", "192.0.2.7", 5062, 3)]),
        ("SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK1", NAT, [Hop("UDP", "192.0.2.7", 5060, 3)]),
        ("SIP/2.0/UDP 10.1.1.1;maddr=203.0.113.9;rport;branch=z9hG4bK1", NAT, [NAT]),
        ("SIP/2.0/UDP 10.1.1.1;received=203.0.113.9;rport;branch=z9hG4bK1", NAT, [NAT]),
        ("SIP/2.0/TCP 10.1.1.1:5062;branch=z9hG4bK1", PHONE_TCP, [PHONE_TCP, Hop("TCP", "10.1.1.1", 5062)]),
        ("SIP/2.0/TLS phone;branch=z9hG4bK1", Hop("TLS", "::1", 9, 4), [Hop("TLS", "::1", 9, 4), Hop("TLS", "::1", 5061)]),
    ],
)
def test_an_answer_goes_where_its_request_came_from(via: str, source: Hop, hops: list[Hop]) -> None:
    assert list(answer_hops(Via.parse(via), source)) == hops


@pytest.mark.parametrize(
    ("via", "source", "text"),
    [
        ("SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bK1;rport", NAT, "10.1.1.1:5062;branch=z9hG4bK1;rport=34567;received=192.0.2.7"),
        ("SIP/2.0/UDP 10.1.1.1:5062;rport;branch=z9hG4bK1", NAT, "10.1.1.1:5062;rport=34567;branch=z9hG4bK1;received=192.0.2.7"),
        ("SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bK1", NAT, "10.1.1.1:5062;branch=z9hG4bK1;received=192.0.2.7"),
        ("SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK1", NAT, "192.0.2.7:5062;branch=z9hG4bK1"),
        ("SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1;rport", NAT, "192.0.2.7;branch=z9hG4bK1;rport=34567;received=192.0.2.7"),
        (
            "SIP/2.0/UDP h;received=203.0.113.9;branch=z9hG4bK1;rport",
            NAT,
            "h;received=192.0.2.7;branch=z9hG4bK1;rport=34567",
        ),
        (
            "SIP/2.0/UDP [::1];branch=z9hG4bK1;rport",
            Hop("UDP", "::1", 5060, 1),
            "[::1];branch=z9hG4bK1;rport=5060;received=::1",
        ),
    ],
)
def test_received_and_rport_stand_in_the_answer(via: str, source: Hop, text: str) -> None:
    side = Side()
    raw = (request := a_request(via=via)).raw
    transaction = side.asked(request, source)
    assert request.raw == raw, "the record keeps what came"
    side.respond(transaction, request, 200)
    assert side.last_message().headers.get("Via") == "SIP/2.0/UDP " + text
    assert str(side.last_message().via) == "SIP/2.0/UDP " + text


def test_only_the_top_via_is_touched() -> None:
    side = Side()
    request = a_request(via="SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK1;rport, SIP/2.0/UDP deeper;branch=z9hG4bK0;rport")
    side.asked(request)
    assert request.headers.all("Via") == [
        "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK1;rport=5060;received=10.1.1.1, SIP/2.0/UDP deeper;branch=z9hG4bK0;rport"
    ]


def test_a_broken_connection_is_replaced_by_one_to_where_via_listens_before_the_user_is_told() -> None:
    side = Side()
    transaction = side.asked(request := a_request("INVITE", transport="TCP"), PHONE_TCP)
    side.respond(transaction, request, 486)
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == []
    assert side.sendings[-1].hop == Hop("TCP", "10.1.1.1", 5060) and side.sent_lines() == ["486 Busy Here"] * 2
    side.layer.on_transport_error(side.sendings[0], side.now)
    assert side.events() == [], "an old error says nothing about the new way"
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == [TransactionFailed(transaction, Failure.TRANSPORT)]


def test_the_error_of_a_message_outside_of_transactions_is_nobodys() -> None:
    side = Side()
    side.hear(a_request("CANCEL"))
    side.layer.on_transport_error(side.sendings[-1], side.now)
    assert side.events() == []


def test_the_ack_to_a_2xx_goes_outside_with_a_branch_of_its_own_and_again_as_the_same_bytes() -> None:
    side = Side()
    ack = our_request("ACK", to_tag="theirs")
    data = side.layer.send_outside(ack, PHONE, OUR_VIA)
    side.layer.send_again(data, PHONE)
    side.events()
    assert side.sendings[0] == side.sendings[1] and ack.via.has_transaction_id and side.layer.is_empty


@pytest.mark.parametrize("via", ["SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bK1", "rubbish"])
def test_a_broken_request_can_be_answered_all_the_same(via: str) -> None:
    side = Side()
    request = a_request()
    request.headers.set("Via", via)
    side.layer.answer_outside(request, answer(request, 400), PHONE)
    side.events()
    assert side.sendings[-1].hop.host == "10.1.1.1" and side.sent_lines() == ["400 Bad Request"]


def test_a_request_over_1300_bytes_wants_tcp() -> None:
    request = our_request("INVITE")
    assert not is_too_large(request, PHONE)
    request.set_body(b"v" * 1300)
    assert is_too_large(request, PHONE) and not is_too_large(request, PHONE_TCP)


def test_a_hop_says_where_it_is() -> None:
    assert str(Hop("TLS", "::1", 5061)) == "TLS [::1]:5061" and str(PHONE) == "UDP 10.1.1.1:5060"
