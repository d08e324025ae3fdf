"""What watchers are told of is called as they called it, though the registrar keeps one name for all names of its host."""

from __future__ import annotations

import pytest

from sipstub.core.compose import Stub, compose
from sipstub.core.places import Place, Places
from sipstub.registrar.policy import Policy
from sipstub.registrar.registrar import Registrar
from sipstub.registrar.user import RegistrarUser, Users
from sipstub.sip.digest import make_ha1, respond
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.reader import parse_message
from sipstub.sip.uri import SipUri
from sipstub.transaction.sending import Hop


@pytest.mark.parametrize(
    ("domains", "asked", "named"),
    [
        (("*",), "sip:201@192.0.2.2:15460;transport=udp", "sip:201@192.0.2.2:15460"),
        (("*",), "sip:201:secret@pbx.example?Subject=x", "sip:201@pbx.example"),
        (("*",), "sips:201@[2001:DB8::1]", "sip:201@[2001:db8::1]"),
        (("example.com", "192.0.2.2"), "sip:201@192.0.2.2", "sip:201@example.com"),
    ],
)
def test_an_address_is_named_as_it_was_asked_for_unless_a_domain_is_its_own(
    domains: tuple[str, ...], asked: str, named: str
) -> None:
    assert Policy("realm", domains=domains).entity(SipUri.parse(asked)) == named


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ("message-summary", b"Message-Account: sip:100@pbx.example:5070\r\n"),
        ("dialog", b'entity="sip:100@pbx.example:5070"'),
        ("reg", b'aor="sip:100@pbx.example:5070"'),
    ],
)
def test_a_document_names_the_address_that_was_subscribed_to(event: str, named: bytes) -> None:
    assert named in notified(event)


def notified(event: str) -> bytes:
    """Return the body of the first NOTIFY."""
    stub = compose(Registrar(Users([RegistrarUser.of("100", "pw", "stub")]), Policy("stub"), b"k" * 32))
    stub.core.places = Places((Place("UDP", "127.0.0.1", 5060),), outward="192.0.2.10")
    challenge = next(one for one in ask(stub, subscribe(event, 1)) if isinstance(one, Response)).www_authenticate[0]
    credentials = respond(
        challenge,
        method="SUBSCRIBE",
        uri="sip:100@pbx.example:5070",
        username="100",
        ha1=make_ha1("100", "stub", "pw"),
        cnonce="c",
    )
    found = ask(stub, subscribe(event, 2, f"Authorization: {credentials}\r\n"))
    return next(one for one in found if isinstance(one, Request)).body


def subscribe(event: str, cseq: int, more: str = "") -> bytes:
    uri = "sip:100@pbx.example:5070"
    return (
        f"SUBSCRIBE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK{cseq};rport\r\nMax-Forwards: 70\r\n"
        f"From: <{uri}>;tag=f\r\nTo: <{uri}>\r\nCall-ID: c1\r\nCSeq: {cseq} SUBSCRIBE\r\nContact: <sip:100@127.0.0.1:5062>\r\n"
        f"Event: {event}\r\nExpires: 600\r\n{more}Content-Length: 0\r\n\r\n"
    ).encode()


def ask(stub: Stub, data: bytes) -> list[Message]:
    stub.core.receive(data, Hop("UDP", "127.0.0.1", 5062, 1), 1_800_000_000.0)
    return [parse_message(sending.data) for sending in stub.core.to_send()]
