"""By what else a registered phone is found: GRUU, what BroadWorks names, the primary number of a shared line."""

from __future__ import annotations

import pytest
from sbc_guarded import settings_of
from sbc_proof import named
from sbc_world import OFFER, Peer, World

from sipstub.sbc.broadworks import MAX_ALIASES, subscriber_aliases
from sipstub.sbc.site import site_of
from sipstub.sip.answer import answer
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import SipUri

ROUTES = (
    {"SrcIPGroupName": "phones", "RequestType": "register", "DestIPGroupName": "pbx"},
    {"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"},
    {"DestIPGroupName": "phones", "AltRouteOptions": 1},
    {"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"},
)
PLAIN = {"AuthenticationMode": 0, "EnableSBCClientForking": 1}
INSTANCE = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
DOCUMENT = b"""<?xml version="1.0" encoding="utf-8"?>
<BroadSoftDocument version="1.0" content="subscriberData">
  <phoneNumbers><phoneNumber>2403645317</phoneNumber></phoneNumbers>
  <aliases><alias>sip:bob@broadsoft.example</alias></aliases>
  <extensions><extension>1321</extension></extensions>
</BroadSoftDocument>
"""


def a_world(values: dict[str, int | str] | None = None, *tables: tuple[str, dict[str, int | str]]) -> World:
    """Return an SBC between phones and a registrar, whose calls go to phones where the registrar is away."""
    return World(site_of(settings_of(values, phones=PLAIN, routes=ROUTES, tables=tables)))


def ask(phone: Peer, user: str, *headers: tuple[str, str], instance: str = "") -> Request:
    """Have a phone ask for a registration."""
    me = f"<sip:{user}@corp.example>"
    contact = f"<sip:{user}@{phone.host}:{phone.hop.port}>" + (f';+sip.instance="<{instance}>"' if instance else "")
    return phone.ask("REGISTER", "sip:corp.example", ("Expires", "3600"), *headers, from_=me, to=me, contact=contact)


def accept(pbx: Peer, phone: Peer, params: str = "", body: bytes = b"") -> tuple[Request, Response]:
    """Have the registrar accept what came; return what it got, and what the phone got."""
    got = pbx.request("REGISTER")
    made = answer(got, 200, to_tag="pbx")
    made.headers.add("Contact", f"<{got.contacts.addresses[0].uri}>;expires=3600{params}")
    if body:
        made.set_body(body, "application/vnd.broadsoft+xml")
    pbx.say(made)
    return got, phone.response(200)


# GRUU


@pytest.mark.parametrize(
    ("value", "proxy_has", "wanted"),
    [
        named("SBCGruuMode", 0, True, False),
        named("SBCGruuMode", 1, True, True),
        named("SBCGruuMode", 1, False, False, case="none of the proxy"),
        named("SBCGruuMode", 2, True, False),
        named("SBCGruuMode", 3, False, True),
        named("SBCGruuMode", 4, False, True),
    ],
)
def test_who_gets_a_gruu(value: int, proxy_has: bool, wanted: bool) -> None:
    world = a_world({"SBCGruuMode": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    for _ in range(2):
        ask(phone, "100", ("Supported", "path, gruu"), instance=INSTANCE)
        got, ok = accept(pbx, phone, ';pub-gruu="sip:100@far.example;gr=x"' if proxy_has else "")
        gruu = ok.contacts.addresses[0].params.get("pub-gruu")
        assert gruu == (f"sip:100@corp.example;gr={INSTANCE}" if wanted else None)
        assert ("gruu" in got.supported) is (value not in (0, 2))
        assert ok.contacts.addresses[0].params.get("temp-gruu") is None
        world.run(4000)
        pbx.inbox.clear()
        assert len(world.sbc.users) == 0


@pytest.mark.parametrize(("supported", "instance"), [("path", INSTANCE), ("gruu", "")])
def test_a_phone_that_cannot_do_gruu_gets_none(supported: str, instance: str) -> None:
    world = a_world({"SBCGruuMode": 3})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, "100", ("Supported", supported), instance=instance)
    _, ok = accept(pbx, phone)
    assert "pub-gruu" not in ok.contacts.addresses[0].params


def test_a_call_to_a_gruu_rings_that_instance_alone() -> None:
    world = a_world({"SBCGruuMode": 3})
    one, two, pbx = world.peer("one", "10.0.1.1"), world.peer("two", "10.0.1.2"), world.peer("pbx", "10.0.2.1")
    for phone, instance in ((one, INSTANCE), (two, INSTANCE.replace("f81d", "0000"))):
        ask(phone, "100", ("Supported", "gruu"), instance=instance)
        accept(pbx, phone)
    pbx.ask("INVITE", f"sip:100@corp.example;gr={INSTANCE}", body=OFFER)
    assert (one.heard, two.heard) == (["INVITE"], [])
    pbx.ask("INVITE", "sip:100@corp.example;gr=urn:uuid:nobody", body=OFFER)
    pbx.response(404)
    pbx.ask("INVITE", "sip:100@corp.example", body=OFFER)
    assert (one.heard, two.heard) == (["INVITE", "INVITE"], ["INVITE"])


# BroadWorks


@pytest.mark.parametrize("value", [named("SBCExtensionsProvisioningMode", 0), named("SBCExtensionsProvisioningMode", 1)])
@pytest.mark.parametrize("number", ["1321", "2403645317", "bob"])
def test_an_extension_rings_while_the_server_is_away(value: int, number: str) -> None:
    world = a_world({"SBCExtensionsProvisioningMode": value})
    phone, caller, pbx = world.peer("100", "10.0.1.1"), world.peer("101", "10.0.1.2"), world.peer("pbx", "10.0.2.1")
    ask(phone, "100")
    _, ok = accept(pbx, phone, body=DOCUMENT)
    assert ok.body == DOCUMENT
    caller.ask("INVITE", f"sip:{number}@{'broadsoft' if number == 'bob' else 'corp'}.example", body=OFFER)
    pbx.request("INVITE")
    world.run(40)
    assert phone.heard == (["INVITE"] if value else [])
    if not value:
        assert caller.heard[-1] == "408" or caller.heard[-1] == "404"


def test_an_extension_is_gone_with_its_registration() -> None:
    world = a_world({"SBCExtensionsProvisioningMode": 1})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, "100")
    accept(pbx, phone, body=DOCUMENT)
    pbx.ask("INVITE", "sip:1321@corp.example", body=OFFER)
    assert phone.heard == ["INVITE"]
    world.run(4000)
    pbx.inbox.clear()
    pbx.ask("INVITE", "sip:1321@corp.example", body=OFFER)
    pbx.response(404)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<other><extension>1</extension></other>",
        b"<BroadSoftDocument>" + b"x" * 70_000,
        b"<BroadSoftDocument>\xff<extension>",
    ],
)
def test_documents_of_any_form_do_no_harm(body: bytes) -> None:
    assert subscriber_aliases(body, SipUri("corp.example", "100")) == ()


def test_one_subscriber_has_so_many_aliases_and_no_more() -> None:
    body = b"<BroadsoftDocument>" + b"".join(b"<extension>%d</extension>" % n for n in range(100)) + b"</BroadsoftDocument>"
    found = subscriber_aliases(body, SipUri("corp.example", "100"))
    assert len(found) == MAX_ALIASES and str(found[1]) == "sip:1@corp.example"


# Shared lines

SHARED = (
    "IPInboundManipulation",
    {"ManipulationPurpose": 2, "SrcUsernamePrefix": "60*", "RemoveFromRight": 1, "Suffix2Add": "0"},
)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        named("SBCSharedLineRegMode", 0, ["600", "601", "602"]),
        named("SBCSharedLineRegMode", 1, ["600"]),
    ],
)
def test_secondary_lines_register_at_the_registrar_or_here(value: int, seen: list[str]) -> None:
    world = a_world({"SBCSharedLineRegMode": value}, SHARED)
    pbx = world.peer("pbx", "10.0.2.1")
    phones = {name: world.peer(name, f"10.0.1.{name[-1]}") for name in ("600", "601", "602")}
    registered = []
    for name, phone in phones.items():
        ask(phone, name)
        if pbx.heard:
            got, _ = accept(pbx, phone)
            assert isinstance(got.to.uri, SipUri)
            registered.append(got.to.uri.user)
        else:
            assert phone.response(200).expires == 3600
    assert registered == seen and len(world.sbc.users) == 3
    pbx.ask("INVITE", "sip:601@corp.example", body=OFFER)
    assert [phone.heard for phone in phones.values()] == [[], ["INVITE"], []]
    pbx.ask("INVITE", "sip:600@corp.example", body=OFFER)
    assert [phone.heard for phone in phones.values()] == [["INVITE"], ["INVITE", "INVITE"], ["INVITE"]]


def test_a_secondary_line_ends_its_registration_here() -> None:
    world = a_world({"SBCSharedLineRegMode": 1}, SHARED)
    phone, pbx = world.peer("601", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, "601")
    phone.response(200)
    me = "<sip:601@corp.example>"
    phone.ask("REGISTER", "sip:corp.example", ("Expires", "0"), from_=me, to=me, contact="<sip:601@10.0.1.1:5060>")
    phone.response(200)
    assert len(world.sbc.users) == 0 and pbx.heard == []


def test_other_numbers_are_not_shared() -> None:
    world = a_world({"SBCSharedLineRegMode": 1}, SHARED)
    phone, pbx = world.peer("701", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, "701")
    accept(pbx, phone)
