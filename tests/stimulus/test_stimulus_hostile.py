"""A far side that answers calls with anything: nothing breaks, every call ends, and nothing is left."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipstub.core.compose import Stub, compose
from sipstub.core.places import Place, Places
from sipstub.registrar.binding import Binding
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import Users
from sipstub.sip.answer import answer
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response
from sipstub.sip.params import NO_PARAMS
from sipstub.sip.reader import parse_message
from sipstub.stimulus.calls import MAX_CALLS
from sipstub.stimulus.director import Director
from sipstub.stimulus.placed_call import PlacedCall, Ringing
from sipstub.transaction.sending import Hop

NOW = 1_800_000_000.0
PHONE = Hop("UDP", "127.0.0.9", 5060, 1)
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


class Far:
    """A user agent that is bound without having registered, and a clock by hand."""

    def __init__(self) -> None:
        self.stub: Stub = compose(Registrar(Users([]), Policy("stub"), b"k" * 32))
        self.stub.core.places = Places((Place("UDP", "127.0.0.1", 5060),))
        self.director = Director(self.stub, challenges=False)
        self.now = NOW
        aor = self.director.aor("100")
        binding = Binding(
            aor, "one", "sip:100@127.0.0.9:5060", NO_PARAMS, "call", 1, NOW, NOW, NOW + 9999, flow="udp 127.0.0.9:5060"
        )
        self.stub.registrar.restore([binding], NOW)
        self.sent: list[Request] = []

    def take(self) -> list[Request]:
        """Return the requests that went out since the last look."""
        found = [parse_message(sending.data) for sending in self.stub.core.to_send()]
        new = [one for one in found if isinstance(one, Request)]
        self.sent += new
        return new

    def call(self, how: Ringing = Ringing()) -> tuple[PlacedCall, Request]:  # noqa: B008 - a frozen value
        placed = self.director.call(self.director.aor("100"), self.now, how)
        assert placed is not None
        return placed, self.take()[0]

    def give(self, message: Request | Response | bytes) -> list[Request]:
        data = message if isinstance(message, bytes) else message.to_bytes()
        self.stub.core.receive(data, PHONE, self.now)
        return self.take()

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.stub.core.next_timer) is not None and due <= end:
            self.now = max(self.now, due)
            self.stub.core.on_timer(self.now)
            self.take()
        self.now = end


def an_answer(invite: Request, status: int, *more: tuple[str, str], tag: str = "far", body: bytes = b"") -> Response:
    made = answer(invite, status, to_tag=tag)
    for name, value in more:
        made.headers.add(name, value)
    if body:
        made.set_body(body, "application/sdp")
    return made


CONTACTS = ("sip:x@y", "sip:\u00fc@y", "tel:123", "sip:%00@y", "sip:x@y?a=b", "mailto:x@y", "sip:x@[::1]:0", "sips:x@y", "x:y z")


@pytest.mark.parametrize("contact", CONTACTS)
def test_any_contact_of_a_phone_that_picks_up_is_survived(contact: str) -> None:
    far = Far()
    placed, invite = far.call()
    data = an_answer(invite, 200, body=SDP).to_bytes().replace(b"Call-ID", b"Contact: <" + contact.encode() + b">\r\nCall-ID", 1)
    far.give(data)
    far.wait(120.0)
    assert placed.is_ended
    assert far.director.calls.open == []


def test_other_phones_that_answer_too_are_hung_up() -> None:
    far = Far()
    placed, invite = far.call()
    first = far.give(an_answer(invite, 200, ("Contact", "<sip:a@127.0.0.9>"), tag="a", body=SDP))
    second = far.give(an_answer(invite, 200, ("Contact", "<sip:b@127.0.0.9>"), tag="b", body=SDP))
    assert [one.method for one in first] == ["ACK"]
    assert [(one.method, one.to.tag) for one in second] == [("ACK", "b"), ("BYE", "b")]
    assert not placed.is_ended


def test_the_same_answer_gets_the_same_ack_again() -> None:
    far = Far()
    _, invite = far.call()
    found = an_answer(invite, 200, ("Contact", "<sip:a@127.0.0.9>"), body=SDP)
    assert [bytes(one) for one in far.give(found)] == [bytes(one) for one in far.give(found)]


def test_a_reliable_ringing_gets_its_prack_once() -> None:
    far = Far()
    _, invite = far.call()
    ringing = an_answer(invite, 180, ("Contact", "<sip:a@127.0.0.9>"), ("Require", "100rel"), ("RSeq", "7"))
    pracks = [one for one in far.give(ringing) if one.method == "PRACK"]
    assert [str(one.rack) for one in pracks] == ["7 1 INVITE"]
    assert [one.method for one in far.give(ringing)] == []


def test_a_phone_that_answers_after_it_was_given_up_is_acknowledged_and_hung_up() -> None:
    far = Far()
    placed, invite = far.call(Ringing(ring_s=5.0))
    far.give(an_answer(invite, 180, ("Contact", "<sip:a@127.0.0.9>")))
    far.wait(6.0)
    assert "CANCEL" in [one.method for one in far.sent] and placed.is_cancelled
    found = far.give(an_answer(invite, 200, ("Contact", "<sip:a@127.0.0.9>"), body=SDP))
    assert [one.method for one in found] == ["ACK", "BYE"]
    assert placed.is_ended


def test_silence_ends_a_call() -> None:
    far = Far()
    placed, _ = far.call(Ringing(ring_s=100.0))
    far.wait(40.0)
    assert (placed.is_ended, placed.status) == (True, 408)


def test_calls_are_bounded_in_both_directions() -> None:
    far = Far()
    far.director.expect_call(far.director.aor("100"), far.now)
    for number in range(MAX_CALLS + 1):
        far.stub.core.receive(an_invite(number), PHONE, far.now)
    assert len(far.director.calls.open) == MAX_CALLS
    binding = far.stub.registrar.bindings(far.director.aor("100"), far.now)[0]
    assert far.director.calls.place(binding, Ringing(), far.now) is None


def an_invite(number: int, *more: str, body: bytes = SDP, require: str = "") -> bytes:
    lines = [
        "INVITE sip:200@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.9:5060;branch=z9hG4bKin{number};rport",
        "Max-Forwards: 70",
        "From: <sip:100@127.0.0.1>;tag=f",
        "To: <sip:200@127.0.0.1>",
        f"Call-ID: in-{number}",
        "CSeq: 1 INVITE",
        "Contact: <sip:100@127.0.0.9:5060>",
        *([f"Require: {require}"] if require else []),
        *more,
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def statuses(far: Far, data: bytes) -> list[int]:
    far.stub.core.receive(data, PHONE, far.now)
    found = [parse_message(sending.data) for sending in far.stub.core.to_send()]
    return [one.status for one in found if isinstance(one, Response)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (an_invite(1, require="precondition"), 420),
        (an_invite(1, body=b"no SDP"), 488),
        (an_invite(1, body=SDP.replace(b"audio", b"video")), 488),
        (an_invite(1, body=SDP.replace(b"RTP/AVP", b"RTP/SAVP")), 488),
        (an_invite(1, body=b""), 180),
        (an_invite(1), 180),
    ],
)
def test_an_invite_that_cannot_be_taken_is_refused_in_due_form(data: bytes, status: int) -> None:
    far = Far()
    far.director.expect_call(far.director.aor("100"), far.now)
    assert statuses(far, data) == [status]


@pytest.mark.parametrize("contact", CONTACTS)
def test_any_contact_of_a_caller_is_survived(contact: str) -> None:
    far = Far()
    far.director.calls.talk_s = 3.0
    far.director.expect_call(far.director.aor("100"), far.now)
    data = an_invite(1).replace(b"sip:100@127.0.0.9:5060>", contact.encode() + b">")
    found = statuses(far, data)
    assert found in ([180], [400])
    far.wait(400.0)
    assert far.director.calls.open == [] and far.stub.core.layer.is_empty


def test_a_ringing_that_is_never_confirmed_ends_without_an_answer() -> None:
    far = Far()
    far.director.expect_call(far.director.aor("100"), far.now)
    assert statuses(far, an_invite(1, "Supported: 100rel")) == [180]
    (taken,) = far.director.calls.open
    answers: list[int] = []
    for _ in range(400):
        far.now += 0.1
        far.stub.core.on_timer(far.now)
        found = [parse_message(sending.data) for sending in far.stub.core.to_send()]
        answers += [one.status for one in found if isinstance(one, Response)]
    assert answers.count(180) >= 5 and set(answers) == {180, 504}
    assert (taken.is_ended, taken.status) == (True, 504)


def test_an_invite_that_nobody_waits_for_gets_what_it_always_got() -> None:
    assert statuses(Far(), an_invite(1)) == [480]


NAMES = st.sampled_from(["Contact", "Record-Route", "RSeq", "Require", "Supported", "Session-Expires", "To", "CSeq", "Allow"])
VALUES = st.one_of(
    st.sampled_from(["<sip:a@b>", "<sip:a@b;lr>", "100rel", "1", "0", "<tel:1>", "90;refresher=uas", "<sip:a@b>;tag=x", ""]),
    st.text(alphabet=st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=30),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([100, 180, 183, 199, 200, 202, 302, 401, 487, 503, 603]),
            st.sampled_from(["a", "b", ""]),
            st.lists(st.tuples(NAMES, VALUES), max_size=3),
            st.sampled_from([b"", SDP, b"rubbish"]),
        ),
        max_size=6,
    )
)
def test_whatever_a_phone_answers_a_call_ends_and_leaves_nothing(
    answers: list[tuple[int, str, list[tuple[str, str]], bytes]],
) -> None:
    far = Far()
    placed, invite = far.call(Ringing(ring_s=10.0, hold_s=2.0, has_offer=len(answers) % 2 == 0))
    for status, tag, headers, body in answers:
        data = an_answer(invite, status, tag=tag, body=body).to_bytes()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
        far.give(data.replace(b"Call-ID:", lines + b"Call-ID:", 1))
        far.wait(0.3)
    far.wait(400.0)
    assert placed.is_ended and far.director.calls.open == []
    assert far.stub.core.layer.is_empty


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ACK", "BYE", "INVITE", "UPDATE", "PRACK", "INFO", "REFER", "OPTIONS", "FOO", "CANCEL"]),
            st.integers(0, 5),
            st.lists(st.tuples(NAMES.filter(lambda name: name not in ("To", "CSeq")), VALUES), max_size=2),
            st.sampled_from([b"", SDP, b"rubbish"]),
        ),
        max_size=8,
    )
)
def test_whatever_a_phone_asks_in_its_call_it_is_answered_and_the_call_ends(
    requests: list[tuple[str, int, list[tuple[str, str]], bytes]],
) -> None:
    far = Far()
    far.director.calls.talk_s = 5.0
    far.director.expect_call(far.director.aor("100"), far.now)
    assert statuses(far, an_invite(0)) == [180]
    (taken,) = far.director.calls.open
    assert taken.dialog is not None
    tag = taken.dialog.id.local_tag
    for number, (method, cseq, headers, body) in enumerate(requests, 1):
        data = an_invite(number, *(f"{name}: {value}" for name, value in headers), body=body)
        data = data.replace(f"Call-ID: in-{number}".encode(), b"Call-ID: in-0").replace(b"INVITE", method.encode())
        data = data.replace(b"To: <sip:200@127.0.0.1>", f"To: <sip:200@127.0.0.1>;tag={tag}".encode())
        data = data.replace(b"CSeq: 1 ", f"CSeq: {cseq} ".encode())
        try:
            parse_message(data)
        except SipError:
            continue
        found = statuses(far, data)
        assert method == "ACK" or found, (method, cseq, headers)
        far.wait(0.4)
    far.wait(400.0)
    assert taken.is_ended and far.director.calls.open == []
    assert far.stub.core.layer.is_empty
