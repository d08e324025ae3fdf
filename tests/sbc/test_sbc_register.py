"""REGISTER through the SBC: which Contact and which time go where, what is answered here, and who is found afterwards."""

from __future__ import annotations

import pytest
from sbc_proof import named, proves, shown
from sbc_world import ANSWER, OFFER, Peer, World, a_site, hang_up, place

from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of
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


@pytest.mark.parametrize("contact", ["", "<sip:somebody@elsewhere.example>;expires=7"])
def test_what_is_granted_may_stand_in_expires_alone(contact: str) -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone)
    got = pbx.request("REGISTER")
    pbx.answer(got, 200, ("Expires", "61"), contact=contact or str(got.contacts.addresses[0]))
    assert told(phone.response(200)) == 61


def test_a_phone_hears_where_a_registrar_sends_it() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone)
    pbx.answer(pbx.request("REGISTER"), 302, ("Contact", "<sip:203.0.113.9:5070>"))
    assert phone.response(302).headers.all("contact") == ["<sip:203.0.113.9:5070>"]
    assert len(world.sbc.users) == 0


def test_a_time_longer_than_the_registrar_granted_is_told_of() -> None:
    world = a_world({"SBCUserRegistrationTime": 120})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    register(phone, pbx, 3600, granted=120)
    assert world.told == []
    world.run(1)
    _, ok = register(phone, pbx, 3600, granted=60)
    assert told(ok) == 120
    assert world.told == ["sip:100@corp.example is told 120 s, and its registrar granted 60 s"]


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


# Which time goes where


@pytest.mark.parametrize(
    ("value", "want"),
    [named("SBCUserRegistrationTime", *pair) for pair in ((0, 3600), (1, 1), (120, 120), (2_000_000, 2_000_000))],
)
def test_the_phone_is_told_the_user_registration_time(value: int, want: int) -> None:
    world = a_world({"SBCUserRegistrationTime": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    got, ok = register(phone, pbx, 3600)
    assert (got.expires, told(ok)) == (3600, want)


@pytest.mark.parametrize(
    ("value", "want"),
    [named("IpProfile.SBCUserRegistrationTime", *pair) for pair in ((0, 3600), (60, 60), (2_000_000, 2_000_000))],
)
def test_the_time_of_the_profile_goes_before_the_global_one(value: int, want: int) -> None:
    world = a_world({"SBCUserRegistrationTime": 500}, {"SBCUserRegistrationTime": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    assert told(register(phone, pbx, 3600)[1]) == want


@pytest.mark.parametrize(
    ("value", "want"),
    [named("SBCProxyRegistrationTime", *pair) for pair in ((0, 60), (1, 1), (7200, 7200), (2_000_000, 2_000_000))],
)
def test_the_registrar_is_asked_for_the_proxy_registration_time(value: int, want: int) -> None:
    world = a_world({"SBCProxyRegistrationTime": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    got, ok = register(phone, pbx, 60)
    assert (got.expires, told(ok)) == (want, min(want, 60))


def test_a_phone_that_asks_for_no_time_gets_180_s() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    got, ok = register(phone, pbx, None, granted=3600)
    assert (got.expires, told(ok)) == (None, 180)


def test_the_phone_is_never_promised_more_than_the_registrar_granted() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    assert told(register(phone, pbx, 3600, granted=300)[1]) == 300


@pytest.mark.parametrize(
    ("value", "parameter", "transport", "want"),
    [
        named(name, value, name, transport, want)
        for transport, name in (("UDP", "SBCUserBehindUdpNATRegistrationTime"), ("TCP", "SBCUserBehindTcpNATRegistrationTime"))
        for value, want in ((-1, 500), (0, 3600), (30, 30), (2_000_000, 2_000_000))
    ],
)
def test_a_phone_behind_nat_has_a_time_of_its_own(value: int, parameter: str, transport: str, want: int) -> None:
    world = a_world({}, {"SBCUserRegistrationTime": 500, parameter: value})
    phone, pbx = world.peer("100", "10.0.1.1", 40000, transport), world.peer("pbx", "10.0.2.1")
    ask(phone, contact="<sip:100@192.168.0.5:5060>")
    got = pbx.request("REGISTER")
    pbx.answer(got, 200, contact=f"<{got.contacts.addresses[0].uri}>;expires=3600")
    assert told(phone.response(200)) == want
    pbx.ask("INVITE", str(got.contacts.addresses[0].uri), body=OFFER)
    assert phone.request("INVITE").uri_text == "sip:100@192.168.0.5:5060"


RANDOM = {
    # what would be said, with SBCRandomizeExpires on: the least and the most
    110: (100, 110),
    700: (600, 700),
    35: (30, 35),
    30: (30, 30),
    29: (29, 29),
    609: (599, 609),
    610: (600, 610),
    611: (600, 611),
    3600: (600, 3600),
}


@pytest.mark.parametrize(
    ("value", "expires", "least", "most"),
    [
        *((named if two[0] < one else shown)("SBCRandomizeExpires", 10, one, *two, case=one) for one, two in RANDOM.items()),
        named("SBCRandomizeExpires", 1, 110, 100, 110),
        named("SBCRandomizeExpires", 20, 110, 100, 110),
    ],
)
def test_expiries_are_shortened_at_random(value: int, expires: int, least: int, most: int) -> None:
    world = a_world({"SBCRandomizeExpires": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    found = set()
    for step in range(24):
        world.chance = 0.9999 * step / 23
        world.run(1)
        ask(phone, expires)
        if pbx.inbox:
            pbx.answer(pbx.request("REGISTER"), 200, ("Expires", str(expires)))
        found.add(told(phone.response(200)))
    assert (min(found), max(found)) == (least, most)
    assert len(found) >= min(5, most - least + 1)


@proves("SBCRandomizeExpires", 0)
def test_expiries_are_left_alone_where_that_is_off() -> None:
    world = a_world({"SBCRandomizeExpires": 0})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    world.chance = 0.0
    assert told(register(phone, pbx, 3600)[1]) == 3600


# Refreshes, ends, grace


def test_a_registrar_with_a_long_time_hears_of_one_register_in_ten_minutes() -> None:
    world = a_world({"SBCUserRegistrationTime": 60, "SBCProxyRegistrationTime": 3600})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    register(phone, pbx, 60)
    for _ in range(20):
        world.run(30)
        ask(phone, 60)
        assert told(phone.response(200)) == 60
    assert pbx.inbox == []


def test_a_refresh_is_passed_on_when_the_registrars_time_comes_to_its_end() -> None:
    world = a_world({"SBCUserRegistrationTime": 60, "SBCProxyRegistrationTime": 300})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    register(phone, pbx, 60)
    asked = []
    for step in range(1, 11):
        world.run(30)
        ask(phone, 60)
        if pbx.inbox:
            asked.append(step * 30)
            pbx.answer(pbx.request("REGISTER"), 200, ("Expires", "300"))
        assert told(phone.response(200)) == 60
    assert asked == [270]


@pytest.mark.parametrize("asked", [60, 3600])
def test_a_phone_that_is_gone_is_unregistered_at_its_expiry(asked: int) -> None:
    world = a_world({"SBCUserRegistrationTime": 60})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    got, _ = register(phone, pbx, asked)
    world.run(59)
    assert pbx.inbox == []
    world.run(2)
    gone = pbx.request("REGISTER")
    assert gone.expires == 0 and gone.call_id == got.call_id and gone.cseq.number > got.cseq.number
    assert gone.contacts.addresses[0].uri == got.contacts.addresses[0].uri and gone.uri_text == got.uri_text
    pbx.answer(gone, 200)
    assert len(world.sbc.users) == 0


@pytest.mark.parametrize("value", [named("SBCUserRegistrationGraceTime", value) for value in (0, 30, 15_500_000)])
def test_a_user_is_kept_for_the_grace_time(value: int) -> None:
    world = a_world({"SBCUserRegistrationGraceTime": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    got, _ = register(phone, pbx, 60, granted=7200)
    where = str(got.contacts.addresses[0].uri)
    world.run(75)
    if value:
        assert pbx.inbox == []
        pbx.ask("INVITE", where, body=OFFER)
        phone.answer(phone.request("INVITE"), 486)
        phone.request("ACK")
        pbx.response(486)
    world.run(20)
    if value <= 30:
        assert pbx.request("REGISTER").expires == 0
        pbx.ask("INVITE", where, body=OFFER)
        assert pbx.response(404) and phone.inbox == []
    else:
        assert pbx.inbox == [] and len(world.sbc.users) == 1


@proves("SBCUserRegistrationGraceTime", 30)
def test_the_registrar_is_told_at_the_end_of_the_grace_time_though_its_own_time_is_over() -> None:
    world = a_world({"SBCUserRegistrationGraceTime": 30})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    register(phone, pbx, 60)
    world.run(89)
    assert pbx.inbox == []
    world.run(2)
    assert pbx.request("REGISTER").expires == 0


@pytest.mark.parametrize("value", [named("SBCUserRegistrationGraceTime", value) for value in (0, 30)])
def test_an_unregister_by_mistake_is_forgiven_for_the_grace_time(value: int) -> None:
    world = a_world({"SBCUserRegistrationGraceTime": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    got, _ = register(phone, pbx)
    where = str(got.contacts.addresses[0].uri)
    ask(phone, 0)
    gone = pbx.request("REGISTER")
    assert gone.expires == 0
    pbx.answer(gone, 200)
    assert phone.response(200).contacts.addresses == ()
    world.run(29)
    pbx.ask("INVITE", where, body=OFFER)
    if not value:
        assert pbx.response(404)
        return
    phone.answer(phone.request("INVITE"), 486)
    pbx.response(486)
    phone.request("ACK")
    world.run(2)
    pbx.ask("INVITE", where, body=OFFER)
    assert pbx.response(404) and phone.inbox == []
    world.run(100)
    assert [one for one in pbx.heard if one == "REGISTER"] == [], "the phone has told the registrar itself"


# The registrar away


@pytest.mark.parametrize(
    ("value", "want"), [named("SBCSurvivabilityRegistrationTime", *pair) for pair in ((0, 120), (60, 60), (2_000_000, 2_000_000))]
)
def test_the_sbc_answers_while_the_registrar_is_away(value: int, want: int) -> None:
    world = a_world({"SBCSurvivabilityRegistrationTime": value, "SBCUserRegistrationTime": 120})
    one, two, pbx = world.peer("100", "10.0.1.1"), world.peer("200", "10.0.1.2"), world.peer("pbx", "10.0.2.1")
    register(two, pbx)
    ask(one)
    pbx.request("REGISTER")
    world.run(6)
    assert "200" not in one.heard, "four requests are sent in vain before the registrar counts as away"
    world.run(1)
    assert told(one.response(200)) == want
    ours, _ = place(one, two, "sip:200@corp.example")
    hang_up(one, two, ours)
    world.run(1)
    _, ok = register(one, pbx)
    assert told(ok) == 120, "it is back, and asked again at once"


@pytest.mark.parametrize("value", [named("SBCEnableSurvivabilityNotice", 0), named("SBCEnableSurvivabilityNotice", 1)])
def test_the_notice_of_survivability(value: int) -> None:
    world = a_world({"SBCEnableSurvivabilityNotice": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone)
    pbx.answer(pbx.request("REGISTER"), 503)
    ok = phone.response(200)
    if value:
        assert b"<LocalModeActive>true</LocalModeActive>" in ok.body and b'<LMIDocument version="1.0">' in ok.body
        assert b"<LocalModeDisplay>StandAlone Mode</LocalModeDisplay>" in ok.body
        assert ok.headers.get("content-type") == "application/xml"
    else:
        assert ok.body == b""
    world.run(1)
    _, ok = register(phone, pbx)
    assert ok.body == b""


def test_a_phone_that_asks_in_time_stays_while_a_silent_registrar_is_waited_for() -> None:
    """Nine tenths of a minute are over when it asks, and the registrar counts as away 7 s later."""
    world = a_world({})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    register(phone, pbx, 60, 60)
    world.run(54)
    ask(phone, 60)
    pbx.request("REGISTER")
    world.run(6.5)
    assert len(world.sbc.users) == 1, "half a second past its time"
    world.run(1)
    assert phone.response(200)
    assert len(world.sbc.users) == 1
    pbx.inbox.clear()
    world.run(70)
    assert not len(world.sbc.users)


def test_a_stranger_keeps_no_phone_in_the_table_by_asking() -> None:
    world = a_world({})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    stranger = world.peer("100", "10.0.1.9")
    register(phone, pbx, 60, 60)
    world.run(58)
    ask(stranger, 60, contact=phone.contact)
    world.run(3)
    assert not len(world.sbc.users)


def test_the_next_address_of_the_registrar_is_asked_when_one_is_away() -> None:
    groups = {"phones": {"Type": "user"}, "pbx": {"proxies": ["10.0.2.1:5060", "10.0.2.2:5060"]}}
    world = World(a_site({"SBCRandomizeExpires": 0}, groups, ROUTES, RULES))
    phone, first, second = world.peer("100", "10.0.1.1"), world.peer("one", "10.0.2.1"), world.peer("two", "10.0.2.2")
    ask(phone)
    first.answer(first.request("REGISTER"), 503)
    second.answer(second.request("REGISTER"), 200, ("Expires", "3600"))
    phone.response(200)


def test_options_tell_which_address_of_a_proxy_set_is_alive() -> None:
    groups = {"phones": {"Type": "user"}, "pbx": {"proxies": ["10.0.2.1:5060", "10.0.2.2:5060"], "keep_alive_s": 60}}
    world = World(a_site({"SBCRandomizeExpires": 0}, groups, ROUTES, RULES))
    phone, first, second = world.peer("100", "10.0.1.1"), world.peer("one", "10.0.2.1"), world.peer("two", "10.0.2.2")
    world.run(1)
    first.request("OPTIONS")
    second.answer(second.request("OPTIONS"), 404)
    world.run(33)
    assert world.told == ["proxy UDP 10.0.2.1:5060 is away"]
    ask(phone)
    assert first.heard == []
    second.answer(second.request("REGISTER"), 200, ("Expires", "3600"))
    phone.response(200)
    world.run(27)
    first.answer(first.request("OPTIONS"), 200)
    assert world.told[-1] == "proxy UDP 10.0.2.1:5060 is alive again"
    ask(world.peer("101", "10.0.1.9"))
    assert first.request("REGISTER")


def test_a_route_to_a_user_group_makes_the_sbc_the_registrar() -> None:
    routes = ({"SrcIPGroupName": "phones", "DestIPGroupName": "phones"},)
    world = World(a_site({"SBCRandomizeExpires": 0}, {"phones": {"Type": "user"}}, routes, RULES))
    one, two = world.peer("100", "10.0.1.1"), world.peer("200", "10.0.1.2")
    for phone in (one, two):
        ask(phone, 300)
        assert told(phone.response(200)) == 300
    ours, _ = place(one, two, "sip:200@corp.example")
    hang_up(one, two, ours)
    ask(two, 0)
    two.response(200)
    one.ask("INVITE", "sip:200@corp.example", body=OFFER)
    assert one.response(404)
    world.assert_both_legs_are_free()


# Who is who


def test_user_phone_makes_one_address_of_all_hosts() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    for host in ("a.example", "b.example"):
        user = f"<sip:100@{host};user=phone>"
        phone.ask("REGISTER", f"sip:{host}", ("Expires", "600"), from_=user, to=user)
        if pbx.inbox:
            pbx.answer(pbx.request("REGISTER"), 200, ("Expires", "600"))
        phone.response(200)
    assert len(world.sbc.users) == 1


@pytest.mark.parametrize(
    ("mode", "want"),
    [named("SBCDBRoutingSearchMode", 0, [True, True, True]), named("SBCDBRoutingSearchMode", 1, [True, False, True])],
)
def test_how_a_user_is_looked_up(mode: int, want: list[bool]) -> None:
    world = a_world({"SBCDBRoutingSearchMode": mode})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    phone.user = "4709"
    register(phone, pbx)
    found = []
    for uri in ("sip:4709@corp.example", "sip:4709@b.example", "sip:4709@b.example;user=phone"):
        pbx.ask("INVITE", uri, body=OFFER)
        found.append(bool(phone.inbox))
        if phone.inbox:
            phone.answer(phone.request("INVITE"), 486)
            phone.inbox.clear()
        pbx.inbox.clear()
    assert found == want


@pytest.mark.parametrize(
    ("value", "want"),
    [
        named("SBCURIComparisonExcludedParams", *pair)
        for pair in (("All", 1), ("None", 2), ("Port", 2), ("port,transport,ttl", 1), ("port,ttl", 2))
    ],
)
def test_which_contacts_are_one_phone(value: str, want: int) -> None:
    world = a_world({"SBCURIComparisonExcludedParams": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    for contact in ("<sip:100@10.0.1.1:5060;transport=tcp;ttl=10>", "<sip:100@10.0.1.1:5070;transport=udp;ttl=20>"):
        ask(phone, contact=contact)
        if pbx.inbox:
            pbx.answer(pbx.request("REGISTER"), 200, ("Expires", "3600"))
        phone.response(200)
    assert len(world.sbc.users) == want


@proves("SBCURIComparisonExcludedParams", "Port")
def test_port_alone_is_excluded() -> None:
    world = a_world({"SBCURIComparisonExcludedParams": "Port"})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    for port in (5060, 5070):
        ask(phone, contact=f"<sip:100@10.0.1.1:{port}>")
        if pbx.inbox:
            pbx.answer(pbx.request("REGISTER"), 200, ("Expires", "3600"))
        phone.response(200)
    assert len(world.sbc.users) == 1


OTHERS = (";transport=tcp;ttl=10", ";transport=tls;ttl=10", ";transport=tcp;ttl=20", ";transport=tcp;ttl=10;gr=x")
"Contacts of one user, host and port."


@pytest.mark.parametrize(
    ("value", "want"),
    [
        named("SBCURIComparisonExcludedParams", *pair)
        for pair in (("All", 2), ("None", 4), ("Port", 4), ("transport", 3), ("Transport,TTL", 2))
    ],
)
def test_contacts_that_differ_in_parameters_alone_are_one_phone_or_several(value: str, want: int) -> None:
    world = a_world({"SBCURIComparisonExcludedParams": value})
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    for parameters in OTHERS:
        ask(phone, contact=f"<sip:100@10.0.1.1:5060{parameters}>")
        if pbx.inbox:
            pbx.answer(pbx.request("REGISTER"), 200, ("Expires", "3600"))
        phone.response(200)
    assert len(world.sbc.users) == want, "a later one does not take the place of the earlier ones"
    pbx.ask("INVITE", f"sip:100@10.0.1.1:5060{OTHERS[-1]}", body=OFFER)
    assert phone.request("INVITE").uri_text == f"sip:100@10.0.1.1:5060{OTHERS[-1]}"


# Bounds


def test_the_sixth_contact_of_an_address_is_refused() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    for number in range(5):
        ask(phone, contact=f"<sip:c{number}@10.0.1.1>")
        pbx.answer(pbx.request("REGISTER"), 200, ("Expires", "3600"))
        phone.response(200)
    ask(phone, contact="<sip:c6@10.0.1.1>")
    assert phone.response(403) and pbx.inbox == []


def test_several_contacts_in_one_register_are_refused() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, contact="<sip:a@10.0.1.1>, <sip:b@10.0.1.1>")
    assert phone.response(501) and pbx.inbox == []


def test_a_group_takes_as_many_users_as_it_may() -> None:
    world = a_world(MaxNumOfRegUsers=1)
    one, two, pbx = world.peer("100", "10.0.1.1"), world.peer("200", "10.0.1.2"), world.peer("pbx", "10.0.2.1")
    register(one, pbx)
    ask(two)
    assert two.response(503).retry_after is not None


def test_a_server_cannot_register() -> None:
    world = a_world()
    pbx = world.peer("pbx", "10.0.2.1")
    ask(pbx)
    assert "IPGroup Registration Mode Configuration" in (pbx.response(403).headers.get("reason") or "")


@pytest.mark.parametrize("value", [named("AllowUnclassifiedCalls", 0), named("AllowUnclassifiedCalls", 1)])
@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "MESSAGE"])
def test_a_request_of_nobody(value: int, method: str) -> None:
    world = a_world({"AllowUnclassifiedCalls": value})
    stranger, pbx = world.peer("x", "203.0.113.9"), world.peer("pbx", "10.0.2.1")
    stranger.ask(method, "sip:corp.example", to="<sip:x@corp.example>")
    if value == 0:
        assert 'text="Classification Failure"' in (stranger.response(500).headers.get("reason") or "")
        assert world.told == [f"unclassified {method} from UDP 203.0.113.9:5060"]
    elif method == "REGISTER":
        pbx.request("REGISTER")
    else:
        assert stranger.response(404), "the first group is that of the phones, and nobody of that name is registered"
    assert all(peer.inbox == [] for peer in (stranger, pbx))


@pytest.mark.parametrize(("srd", "want"), [("", "one"), ("first", "one"), ("second", "two"), ("third", "")])
def test_a_request_of_nobody_is_of_the_srd_that_it_came_in_by(srd: str, want: str) -> None:
    settings = SbcSettings().with_value("AllowUnclassifiedCalls", 1)
    for name in ("first", "second", "third"):
        settings = settings.with_row("SRD", Name=name)
    settings = settings.with_row("SIPInterface", InterfaceName="usual", SRDName="first")
    settings = settings.with_row("SIPInterface", InterfaceName="other", SRDName=srd)
    for name, own in (("one", "first"), ("two", "second"), ("three", "second")):
        settings = settings.with_row("IPGroup", Name=name, SRDName=own)
    for number, name in enumerate(("one", "two", "three")):
        where = {"DestType": 1, "DestAddress": f"10.0.4.{number}"}
        settings = settings.with_row("IP2IPRouting", SrcIPGroupName=name, **where)
    world = World(site_of(settings))
    ends = {name: world.peer(name, f"10.0.4.{number}") for number, name in enumerate(("one", "two", "three"))}
    stranger = world.peer("100", "10.0.1.9")
    stranger.hop = stranger.hop._replace(socket=2)
    stranger.ask("INVITE", "sip:200@corp.example", body=OFFER)
    assert [name for name, end in ends.items() if end.inbox] == ([want] if want else [])
    if not want:
        assert 'text="Classification Failure"' in (stranger.response(500).headers.get("reason") or "")


def test_a_register_from_elsewhere_is_not_answered_without_the_registrar() -> None:
    world = a_world({"SBCUserRegistrationTime": 60})
    phone, thief, pbx = world.peer("100", "10.0.1.1"), world.peer("thief", "10.0.1.66"), world.peer("pbx", "10.0.2.1")
    register(phone, pbx)
    thief.user = "100"
    ask(thief, contact=phone.contact)
    pbx.answer(pbx.request("REGISTER"), 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n"'))
    assert thief.response(401)
    (user,) = world.sbc.users
    assert user.hop.host == "10.0.1.1"


def test_who_came_from_elsewhere_while_the_registrar_was_away_is_asked_about_when_it_is_back() -> None:
    world = a_world({"SBCUserRegistrationTime": 60, "SBCProxyRegistrationTime": 7200})
    phone, thief, pbx = world.peer("100", "10.0.1.1"), world.peer("thief", "10.0.1.66"), world.peer("pbx", "10.0.2.1")
    register(phone, pbx)
    thief.user = "100"
    ask(thief, contact=phone.contact)
    world.run(8)
    thief.response(200)
    pbx.inbox.clear()
    ask(thief, contact=phone.contact)
    pbx.answer(pbx.request("REGISTER"), 403)
    assert thief.response(403), "though the registrar's time for that phone is long"


def test_a_stranger_that_is_refused_takes_nobody_out() -> None:
    world = a_world()
    phone, thief, pbx = world.peer("100", "10.0.1.1"), world.peer("thief", "10.0.1.66"), world.peer("pbx", "10.0.2.1")
    register(phone, pbx)
    thief.user = "100"
    ask(thief, contact=phone.contact)
    pbx.answer(pbx.request("REGISTER"), 403)
    thief.response(403)
    ask(thief, 0, contact="*")
    thief.response(200)
    assert len(world.sbc.users) == 1 and pbx.inbox == []


def test_a_phone_that_says_that_it_is_gone_altogether_is_asked_who_it_is() -> None:
    world = a_world()
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    register(phone, pbx)
    ask(phone, 0, contact="*")
    gone = pbx.request("REGISTER")
    assert gone.expires == 0 and str(gone.contacts.addresses[0].uri) == "sip:FEU1_1_1@10.0.0.1:5060;transport=udp"
    assert len(world.sbc.users) == 1
    pbx.answer(gone, 200)
    assert phone.response(200) and len(world.sbc.users) == 0


def test_other_settings_leave_calls_and_users_as_they_are() -> None:
    world = a_world()
    one, two, pbx = world.peer("100", "10.0.1.1"), world.peer("200", "10.0.1.2"), world.peer("pbx", "10.0.2.1")
    register(one, pbx)
    register(two, pbx)
    ours, _ = place(one, two, "sip:200@corp.example")
    groups = {"phones": {"Type": "user", "profile": {"SBCSessionExpiresMode": 3}}, "pbx": {"proxies": ["10.0.2.1:5060"]}}
    world.sbc.reload(a_site({"SBCRandomizeExpires": 0, "SBCUserRegistrationTime": 99}, groups, ROUTES, RULES), world.now)
    one.send(ours, "INFO")
    two.answer(two.request("INFO"), 200)
    one.response(200)
    hang_up(one, two, ours)
    one.ask("INVITE", "sip:200@corp.example", body=OFFER)
    assert two.request("INVITE").session_expires is not None, "new calls by the new settings"
    world.run(1)
    ask(one)
    assert told(one.response(200)) == 99
    world.sbc.reload(a_site({}, {"pbx": groups["pbx"]}, ({"DestIPGroupName": "pbx"},)), world.now)
    assert len(world.sbc.users) == 0, "their group is gone"
