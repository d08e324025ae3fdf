"""REGISTER through the SBC: which Contact and which time go where, what is answered here, and who is found afterwards."""

from __future__ import annotations

import pytest
from sbc_world import ANSWER, OFFER, Peer, World, a_site, hang_up, named, place

from sipstub.sip.message import Request, Response

ROUTES = (
    {"SrcIPGroupName": "phones", "RequestType": "register", "DestIPGroupName": "pbx"},
    {"SrcIPGroupName": "phones", "DestIPGroupName": "phones"},
    {"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"},
)
RULES = ({"SrcAddress": "10.0.1.*", "SrcIPGroupName": "phones"},)


def a_world(values: dict[str, int | str] | None = None, profile: dict[str, int] | None = None, **more: object) -> World:
    """Return an SBC between phones and a registrar; expiries are not randomised unless it is said."""
    groups = {
        "phones": {"Type": "user", "profile": profile or {}, **more},
        "pbx": {"proxies": ["10.0.2.1:5060"]},
    }
    return World(a_site({"SBCRandomizeExpires": 0, **(values or {})}, groups, ROUTES, RULES))


def ask(phone: Peer, expires: int | None = 3600, **more: object) -> Request:
    """Have a phone ask for a registration."""
    headers = [] if expires is None else [("Expires", str(expires))]
    user = f"<sip:{phone.user}@corp.example>"
    return phone.ask("REGISTER", "sip:corp.example", *headers, from_=user, to=user, **more)  # type: ignore[arg-type]


def register(phone: Peer, pbx: Peer, expires: int | None = 3600, granted: int | None = None) -> tuple[Request, Response]:
    """Register through the registrar; return what it got, and what the phone got."""
    ask(phone, expires)
    got = pbx.request("REGISTER")
    contact = got.contacts.addresses[0]
    given = granted if granted is not None else (got.expires if got.expires is not None else 3600)
    pbx.answer(got, 200, contact=f"<{contact.uri}>;expires={given}")
    return got, phone.response(200)


def told(response: Response) -> int | None:
    """Return how long the phone is told that it is registered."""
    assert response.expires == response.contacts.addresses[0].expires_s
    return response.expires


def test_the_contact_leads_back_to_the_sbc_and_the_phone_hears_its_own() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    got, ok = register(phone, pbx)
    assert str(got.contacts.addresses[0].uri) == "sip:FEU1_1_1@10.0.0.1:5060;transport=udp"
    assert b"10.0.1.1" not in got.to_bytes() and got.uri_text == "sip:corp.example" and got.expires == 3600
    assert str(ok.contacts.addresses[0].uri) == "sip:100@10.0.1.1:5060" and told(ok) == 3600
    pbx.ask("INVITE", str(got.contacts.addresses[0].uri), body=OFFER)
    arrived = phone.request("INVITE")
    assert arrived.uri_text == "sip:100@10.0.1.1:5060"
    phone.answer(arrived, 486)
    phone.request("ACK")
    pbx.response(486)
    world.assert_both_legs_are_free()


def test_a_challenge_and_the_credentials_pass_through() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone)
    first = pbx.request("REGISTER")
    pbx.answer(first, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'))
    assert phone.response(401).headers.get("www-authenticate") == 'Digest realm="r", nonce="n"'
    assert len(world.sbc.users) == 0
    credentials = 'Digest username="100", realm="r", nonce="n", uri="sip:corp.example", response="00"'
    user = "<sip:100@corp.example>"
    phone.ask("REGISTER", "sip:corp.example", ("Authorization", credentials), ("Expires", "3600"), from_=user, to=user)
    second = pbx.request("REGISTER")
    assert second.headers.get("authorization") == credentials
    assert second.call_id == first.call_id and second.cseq.number == first.cseq.number + 1
    pbx.answer(second, 200, contact=f"<{second.contacts.addresses[0].uri}>;expires=600")
    assert told(phone.response(200)) == 600 and len(world.sbc.users) == 1


def test_two_phones_call_each_other_by_their_registrations() -> None:
    world = a_world()
    one, two, pbx = world.peer("100", "10.0.1.1"), world.peer("200", "10.0.1.2"), world.peer("pbx", "10.0.2.1")
    register(one, pbx)
    register(two, pbx)
    ours, _ = place(one, two, "sip:200@corp.example")
    hang_up(one, two, ours)
    ours, _ = place(two, one, "sip:100@corp.example")
    hang_up(two, one, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("mode", "want"),
    [
        named("SBCKeepContactUserinRegister", 0, "sip:FEU1_1_1@10.0.0.1:5060;transport=udp"),
        named("SBCKeepContactUserinRegister", 1, "sip:100@10.0.0.1:5060;transport=udp"),
        named("SBCKeepContactUserinRegister", 2, "sip:100@10.0.0.1:5060;transport=udp;ac-feu=1-1-1-1"),
    ],
)
def test_the_contact_at_the_registrar_leads_to_the_phone(mode: int, want: str) -> None:
    world = a_world({"SBCKeepContactUserinRegister": mode})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    got, _ = register(phone, pbx)
    assert str(got.contacts.addresses[0].uri) == want
    pbx.ask("INVITE", want, body=OFFER)
    arrived = phone.request("INVITE")
    assert arrived.uri_text == "sip:100@10.0.1.1:5060"
    phone.answer(arrived, 200, body=ANSWER)


def test_a_registrar_that_refuses_a_refresh_ends_the_binding() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    got, _ = register(phone, pbx)
    world.run(1)
    ask(phone)
    pbx.answer(pbx.request("REGISTER"), 403)
    phone.response(403)
    pbx.ask("INVITE", str(got.contacts.addresses[0].uri), body=OFFER)
    assert pbx.response(404) and phone.inbox == []
