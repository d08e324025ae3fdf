"""Refusals and silence by address of record: who gets them, how often, and that they end."""

from __future__ import annotations

import pytest

from sipstub.core.compose import Stub, compose
from sipstub.core.places import Place, Places
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.message import Response
from sipstub.sip.reader import parse_message
from sipstub.stimulus.director import Director, StimulusProblem
from sipstub.stimulus.gate import MAX_AORS, MAX_SILENCE_S
from sipstub.stimulus.refusal import FORBIDDEN, TOO_BRIEF, UNAVAILABLE, Refusal, unavailable_for
from sipstub.transaction.sending import Hop
from sipstub.verify.stimulus import Stimulus

NOW = 1_800_000_000.0
PHONE = Hop("UDP", "127.0.0.1", 5062, 1)


class Wire:
    """One user agent that writes its REGISTERs by hand."""

    def __init__(self) -> None:
        users = Users(RegistrarUser.of(user, "pw", "stub") for user in ("100", "101"))
        self.stub: Stub = compose(Registrar(users, Policy("stub"), b"k" * 32))
        self.stub.core.places = Places((Place("UDP", "127.0.0.1", 5060),))
        self.director = Director(self.stub)
        self.sent = 0

    def request(
        self, user: str = "100", *, method: str = "REGISTER", expires: int = 600, server: str = "127.0.0.1", more: str = ""
    ) -> bytes:
        self.sent += 1
        return (
            f"{method} sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK{self.sent};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@{server}>;tag=f\r\nTo: <sip:{user}@{server}>\r\nCall-ID: c{user}\r\n"
            f"CSeq: {self.sent} {method}\r\nContact: <sip:{user}@127.0.0.1:5062>\r\nExpires: {expires}\r\n{more}"
            "Content-Length: 0\r\n\r\n"
        ).encode()

    def give(self, data: bytes, now: float = NOW) -> list[Response]:
        self.stub.core.receive(data, PHONE, now)
        found = [parse_message(sending.data) for sending in self.stub.core.to_send()]
        return [one for one in found if isinstance(one, Response)]

    def status(self, user: str = "100", now: float = NOW, **how: object) -> int:
        """Return the status that a request gets; 0 for no answer."""
        found = self.give(self.request(user, **how), now)  # type: ignore[arg-type]
        return found[0].status if found else 0

    def register(self, user: str = "100", now: float = NOW) -> Response:
        """Register with a password, as a phone does, and return the last answer."""
        challenge = self.give(self.request(user), now)[0].www_authenticate[0]
        ha1 = make_ha1(user, "stub", "pw")
        credentials = respond(challenge, method="REGISTER", uri="sip:127.0.0.1", username=user, ha1=ha1, cnonce="c")
        return self.give(self.request(user, more=f"Authorization: {credentials}\r\n"), now)[0]

    @property
    def aor(self) -> str:
        return self.director.aor("100")


@pytest.mark.parametrize(
    ("refusal", "header", "value"),
    [
        (UNAVAILABLE, "Retry-After", None),
        (unavailable_for(120), "Retry-After", "120"),
        (FORBIDDEN, "Retry-After", None),
        (TOO_BRIEF, "Min-Expires", "1200"),
    ],
)
def test_the_next_register_is_refused_and_the_one_after_that_is_not(refusal: Refusal, header: str, value: str | None) -> None:
    wire = Wire()
    wire.director.refuse(wire.aor, [refusal], NOW)
    response = wire.give(wire.request())[0]
    assert (response.status, response.headers.get(header)) == (refusal.status, value)
    assert response.to.tag and response.via.params.get("received") == "127.0.0.1"
    assert wire.status() == 401


def test_a_repeated_register_gets_the_same_refusal_again() -> None:
    wire = Wire()
    wire.director.refuse(wire.aor, [UNAVAILABLE, FORBIDDEN], NOW)
    data = wire.request()
    assert [bytes(one) for one in wire.give(data)] == [bytes(one) for one in wire.give(data, NOW + 0.5)]
    assert wire.status() == 403


def test_others_are_answered_as_ever() -> None:
    wire = Wire()
    wire.director.refuse(wire.aor, [UNAVAILABLE], NOW)
    wire.director.silence(wire.director.aor("102"), 10, NOW)
    assert wire.status("101") == 401
    assert wire.status("100", method="OPTIONS") == 200
    assert wire.status("100") == 503


@pytest.mark.parametrize("refusal", [TOO_BRIEF, UNAVAILABLE])
def test_a_removal_is_never_refused_because_no_phone_tries_it_again(refusal: Refusal) -> None:
    wire = Wire()
    wire.director.refuse(wire.aor, [refusal], NOW)
    assert wire.status(expires=0) == 401
    assert wire.status() == refusal.status


def test_a_refusal_that_nobody_came_for_ends_by_time() -> None:
    wire = Wire()
    wire.director.refuse(wire.aor, [UNAVAILABLE], NOW, within_s=30)
    assert wire.stub.core.next_timer == NOW + 30
    wire.stub.core.on_timer(NOW + 30)
    assert wire.stub.core.gate is None
    assert wire.status(now=NOW + 31) == 401


def test_silence_begins_with_the_next_request_and_ends_by_time() -> None:
    wire = Wire()
    wire.director.silence(wire.aor, 12, NOW)
    assert wire.status(now=NOW + 100) == 0
    assert wire.status(now=NOW + 111, method="OPTIONS") == 0
    assert wire.status("101", now=NOW + 111) == 401
    wire.stub.core.on_timer(NOW + 112)
    assert wire.status(now=NOW + 112) == 401
    (act,) = wire.director.acts.all()
    assert (act.kind, act.at, act.until, act.what) == (Stimulus.SILENCE, NOW + 100, NOW + 112, "no answer to 2 requests")


def test_silence_towards_one_server_leaves_the_other_one_talking() -> None:
    wire = Wire()
    wire.director.silence(wire.aor, 12, NOW, server=("127.0.0.2", 5060))
    assert wire.status() == 401
    assert wire.status(server="127.0.0.2") == 0
    assert wire.status(server="127.0.0.2:5070") == 401


def test_a_silence_is_never_longer_than_the_longest() -> None:
    wire = Wire()
    wire.director.silence(wire.aor, 1e9, NOW)
    assert wire.status() == 0
    assert wire.stub.core.next_timer == NOW + MAX_SILENCE_S


def test_orders_are_bounded() -> None:
    wire = Wire()
    for number in range(MAX_AORS):
        wire.director.refuse(f"sip:{number}@x", [UNAVAILABLE], NOW)
    with pytest.raises(StimulusProblem):
        wire.director.refuse("sip:one-more@x", [UNAVAILABLE], NOW)


def test_closing_lifts_everything_at_once() -> None:
    wire = Wire()
    wire.director.refuse(wire.aor, [UNAVAILABLE], NOW)
    wire.director.silence(wire.director.aor("101"), 100, NOW)
    wire.director.shorten(wire.aor)
    assert wire.status("101") == 0
    wire.director.close(NOW)
    assert wire.status("100") == 401
    assert wire.status("101") == 401
    assert wire.stub.core.gate is None
    assert wire.stub.registrar.exceptions == {}


def test_a_phone_that_should_come_back_soon_is_granted_less() -> None:
    wire = Wire()
    wire.director.shorten(wire.aor, 30)
    assert wire.register().contacts.addresses[0].expires_s == 30
    wire.director.lift(wire.aor, NOW)
    assert wire.register().contacts.addresses[0].expires_s == 600
