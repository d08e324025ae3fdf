"""The core without sockets: what is answered, what never is, and what becomes of a request that cannot be read."""

from __future__ import annotations

import pytest

from sipstub.core.compose import Stub, compose
from sipstub.core.journal import MAX_LINES, Journal
from sipstub.core.places import Place, Places
from sipstub.registrar.binding import Change
from sipstub.registrar.policy import Policy
from sipstub.registrar.reason import RegistrarEvent, Why
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.answer import answer
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.message import Request, Response
from sipstub.sip.reader import parse_message
from sipstub.transaction.sending import Hop

NOW = 1_800_000_000.0
PHONE = Hop("UDP", "127.0.0.1", 5062, 1)
STREAM = Hop("TCP", "127.0.0.1", 40_000, 7)


def a_stub() -> Stub:
    stub = compose(Registrar(Users([RegistrarUser.of("100", "pw", "stub")]), Policy("stub"), b"k" * 32))
    stub.core.places = Places((Place("UDP", "127.0.0.1", 5060), Place("TCP", "0.0.0.0", 5060)), outward="192.0.2.10")
    return stub


def a_request(
    method: str = "OPTIONS", *, branch: str = "b1", cseq: int = 1, hop: Hop = PHONE, to_tag: str = "", more: str = ""
) -> bytes:
    to = "<sip:100@stub.example>" + (f";tag={to_tag}" if to_tag else "")
    return (
        f"{method} sip:100@stub.example SIP/2.0\r\n"
        f"Via: SIP/2.0/{hop.transport} 127.0.0.1:{hop.port};branch=z9hG4bK{branch};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:100@stub.example>;tag=f\r\nTo: {to}\r\nCall-ID: c1\r\nCSeq: {cseq} {method}\r\n"
        f"{more}Content-Length: 0\r\n\r\n"
    ).encode()


def answers(stub: Stub) -> list[Response]:
    found = [parse_message(sending.data) for sending in stub.core.to_send()]
    return [one for one in found if isinstance(one, Response)]


def ask(stub: Stub, data: bytes, hop: Hop = PHONE, now: float = NOW) -> list[Response]:
    stub.core.receive(data, hop, now)
    return answers(stub)


def registered(stub: Stub, hop: Hop = PHONE, more: str = "Contact: <sip:100@127.0.0.1:5062>\r\nExpires: 60\r\n") -> Response:
    challenge = ask(stub, a_request("REGISTER", branch="r1", hop=hop, more=more), hop)[0].www_authenticate[0]
    credentials = respond(
        challenge, method="REGISTER", uri="sip:100@stub.example", username="100", ha1=make_ha1("100", "stub", "pw"), cnonce="c"
    )
    again = a_request("REGISTER", branch="r2", cseq=2, hop=hop, more=f"{more}Authorization: {credentials}\r\n")
    return ask(stub, again, hop)[0]


def test_options_says_what_is_taken_here() -> None:
    response = ask(a_stub(), a_request())[0]
    assert response.status == 200
    assert {"REGISTER", "OPTIONS", "SUBSCRIBE"} <= set(response.allow)
    assert "message-summary" in response.allow_events
    assert response.to.tag


def test_a_registration_is_told_to_who_watches() -> None:
    stub = a_stub()
    seen: list[Change] = []
    stub.registering.watch(lambda change: seen.append(change.change))
    assert registered(stub).status == 200
    assert stub.core.next_timer is not None
    stub.core.on_timer(NOW + 61)
    assert seen == [Change.CREATED, Change.EXPIRED]


def test_a_first_challenge_leaves_nothing_behind_and_every_other_answer_is_repeated() -> None:
    stub = a_stub()
    watching = "Event: message-summary\r\nContact: <sip:100@127.0.0.1:5062>\r\nExpires: 600\r\n"
    for number in range(100):
        assert ask(stub, a_request("REGISTER", branch=f"x{number}"))[0].status == 401
        assert ask(stub, a_request("SUBSCRIBE", branch=f"y{number}", cseq=number + 2, more=watching))[0].status == 401
    assert len(stub.core.layer) == 0
    first = ask(stub, a_request())
    assert len(stub.core.layer) == 1
    assert [bytes(one) for one in ask(stub, a_request())] == [bytes(one) for one in first]


@pytest.mark.parametrize(
    ("method", "to_tag", "status"),
    [("PUBLISH", "", 405), ("MESSAGE", "", 405), ("BYE", "x", 481), ("INVITE", "", 480), ("FOO", "", 501), ("CANCEL", "", 481)],
)
def test_everything_is_answered(method: str, to_tag: str, status: int) -> None:
    assert [one.status for one in ask(a_stub(), a_request(method, to_tag=to_tag))] == [status]


def test_a_service_takes_its_methods_from_the_fallback() -> None:
    stub = a_stub()

    class Messages:
        methods = ("MESSAGE",)

        def handle(self, arrived: object, now: float) -> Response:
            return answer(arrived.request, 202, to_tag="t")  # type: ignore[attr-defined]

        def next_timer(self) -> float:
            return NOW + 5

        def on_timer(self, now: float) -> None: ...

    stub.core.add(Messages())
    assert [one.status for one in ask(stub, a_request("MESSAGE"))] == [202]
    assert stub.core.next_timer == NOW + 5  # before timer J of the transaction


@pytest.mark.parametrize(
    "data",
    [
        a_request("ACK"),
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nCall-ID: x\r\n\r\n",
        a_request("ACK").replace(b"CSeq: 1", b"CSeq: x"),
        b"\r\n\r\n",
        b"\0\0",
        b"hello",
        b"",
        b"\xff" * 3000,
    ],
)
def test_no_answer_goes_to_acks_answers_noise_and_senders_that_nobody_can_find(data: bytes) -> None:
    assert ask(a_stub(), data) == []


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        (b"CSeq: 1 OPTIONS", b"CSeq: 1 INVITE", 400),
        (b"Call-ID: c1\r\n", b"", 400),
        (b" SIP/2.0\r\nVia", b" SIP/3.0\r\nVia", 505),
        (b"Content-Length: 0", b"Content-Length: 500", 400),
        (b"From: <", b'From: "x <', 400),
    ],
)
def test_what_is_malformed_is_answered_if_its_sender_can_be_found_and_told_to_people(
    before: bytes, after: bytes, status: int
) -> None:
    stub = a_stub()
    told: list[str] = []
    stub.core.on_malformed = lambda error, source, now: told.append(f"{source} {error.fact}")
    request = a_request()
    assert before in request
    found = ask(stub, request.replace(before, after))
    assert [one.status for one in found] in ([status], [])
    assert (found == []) is (status == 505 and not found)
    assert len(told) == stub.core.counts.malformed == 1
    assert len(stub.core.layer) == 0


def test_without_a_via_that_can_be_read_the_answer_goes_back_to_where_the_request_came_from() -> None:
    stub = a_stub()
    stub.core.receive(b"OPTIONS sip:a SIP/2.0\r\nVia: nonsense\r\n\r\n", PHONE, NOW)
    (sent,) = stub.core.to_send()
    assert sent.hop == PHONE and sent.data.startswith(b"SIP/2.0 400 ")


def test_the_tag_of_a_malformed_request_is_the_same_for_its_repetition() -> None:
    stub = a_stub()
    broken = a_request().replace(b"Content-Length: 0", b"Content-Length: 500")
    one, two = ask(stub, broken)[0], ask(stub, broken)[0]
    assert one.to.tag and one.to.tag == two.to.tag


def test_an_outbound_binding_ends_with_its_connection_and_another_does_not() -> None:
    outbound = (
        'Contact: <sip:100@127.0.0.1:5062>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>";reg-id=1\r\n'
        "Supported: outbound, path\r\nExpires: 60\r\n"
    )
    stub = a_stub()
    assert registered(stub, STREAM, outbound).status == 200
    seen: list[Change] = []
    stub.registering.watch(lambda change: seen.append(change.change))
    stub.core.flow_closed(STREAM, NOW)
    assert seen == [Change.DEACTIVATED]
    plain = a_stub()
    registered(plain, STREAM)
    plain.core.flow_closed(STREAM, NOW)
    assert len(plain.registrar.location) == 1


def test_requests_of_ours_carry_the_place_that_fits_the_transport() -> None:
    stub = a_stub()
    for hop, via in ((PHONE, "SIP/2.0/UDP 127.0.0.1:5060;rport"), (STREAM, "SIP/2.0/TCP 192.0.2.10:5060;rport")):
        request = Request("OPTIONS", "sip:100@127.0.0.1", [("CSeq", "1 OPTIONS"), ("Call-ID", "c")])
        stub.core.request(request, hop, NOW)
        assert str(request.via).startswith(via)
    assert stub.core.places.contact(STREAM) == "sip:192.0.2.10:5060;transport=tcp"
    assert Places(advertised="pbx.example").contact(Hop("TLS", "::1", 1)) == "sip:pbx.example:5061;transport=tls"


def test_what_comes_of_a_request_of_ours_is_told() -> None:
    stub = a_stub()
    seen: list[object] = []
    request = Request(
        "OPTIONS",
        "sip:100@127.0.0.1",
        [("From", "<sip:a@b>;tag=1"), ("To", "<sip:a@b>"), ("CSeq", "1 OPTIONS"), ("Call-ID", "c")],
    )
    stub.core.request(request, PHONE, NOW, lambda event, now: seen.append(event))
    (sent,) = stub.core.to_send()
    asked = parse_message(sent.data)
    assert isinstance(asked, Request)
    stub.core.receive(bytes(answer(asked, 200, to_tag="x")), PHONE, NOW)
    assert [type(event).__name__ for event in seen] == ["ResponseArrived"]


def test_the_journal_writes_no_more_than_can_be_read_and_counts_the_rest() -> None:
    lines: list[str] = []
    journal = Journal(lines.append)
    for _ in range(10_000):
        journal.refusal(RegistrarEvent(Why.WRONG_CREDENTIALS, NOW, "udp 127.0.0.1:5062", "sip:100@x", 401, "wrong \x1b[31m"))
    assert len(lines) == MAX_LINES
    assert "\x1b" not in lines[0]
    journal.line("later", NOW + 60)
    assert lines[-2:] == [f"{10_000 - MAX_LINES} more lines were left out", "later"]
