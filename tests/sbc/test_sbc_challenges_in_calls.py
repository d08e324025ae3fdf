"""The SBC asks its users for passwords inside of calls too, for the methods of MethodList."""

from __future__ import annotations

import pytest
from sbc_guarded import PASSWORD, USER, ask, credentials, settings_of
from sbc_proof import named
from sbc_world import ANSWER, CHANGED, OFFER, Peer, World, a_site, acknowledge

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sbc.outside import RadiusReply
from sipstub.sbc.site import site_of
from sipstub.sip.message import Request, Response

EVERY = "INVITE\\INFO\\UPDATE\\REFER\\BYE\\OPTIONS\\NOTIFY"
OPEN = {"SBCTerminateOptions": 0}
HEADERS: dict[str, tuple[tuple[str, str], ...]] = {
    "REFER": (("Refer-To", "<sip:300@x.example>"),),
    "NOTIFY": (("Event", "x"), ("Subscription-State", "active")),
}


def a_world(methods: str, values: dict[str, int | str] | None = None, **more: object) -> tuple[World, Peer, Peer]:
    """Return an SBC that challenges its user 100 for these methods, with the phone and the PBX."""
    settings = settings_of(
        {**OPEN, **(values or {})},
        phones={"MethodList": methods},
        tables=[("SBCUserInfoTable", USER), *more.get("tables", ())],  # type: ignore[misc]
    )
    world = World(site_of(settings))
    return world, world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")


def called(phone: Peer, pbx: Peer) -> tuple[Dialog, Dialog]:
    """Have the phone call the PBX, with its password where it is asked; return both dialogs."""
    invite = ask(phone, "INVITE", body=OFFER)
    while phone.inbox and isinstance(phone.inbox[0], Response) and phone.inbox[0].status == 100:
        phone.inbox.pop(0)
    if phone.heard == ["401"]:
        given = credentials(phone.response(401).www_authenticate[0], "INVITE", invite.uri_text)
        invite = ask(phone, "INVITE", ("Authorization", given), body=OFFER, cseq=2)
    arrived = pbx.request("INVITE")
    assert not arrived.authorization
    pbx.answer(arrived, 200, body=ANSWER)
    ours = acknowledge(phone, pbx, invite, phone.response(200))
    return ours, dialog_of_server(arrived, "pbx-tag", is_accepted=True)


def proven(phone: Peer, ours: Dialog, method: str, response: Response, body: bytes = b"") -> Request:
    """Have the phone ask again with its password."""
    uri = str(ours.remote_target)
    given = credentials(response.www_authenticate[0], method, uri, body=body)
    return phone.send(ours, method, ("Authorization", given), *HEADERS.get(method, ()), body=body)


@pytest.mark.parametrize("method", ["INVITE", "INFO", "UPDATE", "REFER", "OPTIONS", "NOTIFY", "BYE"])
@pytest.mark.parametrize("methods", [named("IPGroup.MethodList", EVERY)])
def test_a_request_in_a_call_needs_the_password(methods: str, method: str) -> None:
    world, phone, pbx = a_world(methods, {"SBCEnableByeAuthentication": 1})
    ours, _ = called(phone, pbx)
    body = CHANGED if method in ("INVITE", "UPDATE") else b""
    refused = phone.send(ours, method, *HEADERS.get(method, ()), body=body)
    response = phone.response(401)
    assert pbx.heard == [] and response.to.tag == ours.id.remote_tag
    if method == "INVITE":
        phone.send(ours, "ACK", cseq=refused.cseq.number)
    proven(phone, ours, method, response, body)
    got = pbx.request(method)
    assert not got.authorization and got.body == body, "nobody behind the SBC sees the password"
    pbx.answer(got, 200, body=ANSWER if body else b"")
    ok = phone.response(200)
    if method == "INVITE":
        phone.send(ours, "ACK", cseq=ok.cseq.number)
        pbx.request("ACK")
    if method != "BYE":
        end(world, phone, pbx, ours)
    world.assert_both_legs_are_free()


def end(world: World, phone: Peer, pbx: Peer, ours: Dialog) -> None:
    """End a call of a phone whose BYE needs a password."""
    phone.send(ours, "BYE")
    proven(phone, ours, "BYE", phone.response(401))
    pbx.answer(pbx.request("BYE"), 200)
    phone.response(200)


def test_a_wrong_password_is_asked_for_again_and_the_call_goes_on() -> None:
    world, phone, pbx = a_world(EVERY, {"SBCEnableByeAuthentication": 1})
    ours, theirs = called(phone, pbx)
    phone.send(ours, "BYE")
    challenge = phone.response(401).www_authenticate[0]
    wrong = credentials(challenge, "BYE", str(ours.remote_target), password="wrong")
    phone.send(ours, "BYE", ("Authorization", wrong))
    phone.response(401)
    pbx.send(theirs, "INFO")
    phone.answer(phone.request("INFO"), 200)
    pbx.response(200)
    assert PASSWORD not in str(world.told) and "wrong-credentials" in str(world.told)
    end(world, phone, pbx, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("methods", [named("IPGroup.MethodList", "SETUP-INVITE"), named("IPGroup.MethodList", "INVITE")])
def test_an_invite_of_a_call_that_is_up_is_challenged_unless_the_list_says_setup(methods: str) -> None:
    world, phone, pbx = a_world(methods)
    ask(phone, "INVITE", body=OFFER)
    phone.response(401)
    ours, _ = called(phone, pbx)
    phone.send(ours, "INVITE", body=CHANGED)
    if methods == "INVITE":
        phone.response(401)
        assert pbx.heard == []
    else:
        pbx.request("INVITE")
    assert world.sbc.dialogs == 2


@pytest.mark.parametrize(
    ("value", "is_asked"), [named("SBCEnableByeAuthentication", 0, False), named("SBCEnableByeAuthentication", 1, True)]
)
def test_bye_is_challenged_where_that_is_switched_on(value: int, is_asked: bool) -> None:
    world, phone, pbx = a_world("BYE", {"SBCEnableByeAuthentication": value})
    ours, _ = called(phone, pbx)
    phone.send(ours, "BYE")
    if is_asked:
        proven(phone, ours, "BYE", phone.response(401))
        pbx.answer(pbx.request("BYE"), 200)
        phone.response(200)
    else:
        phone.response(200)
        pbx.answer(pbx.request("BYE"), 200)
    world.assert_both_legs_are_free()


def test_methods_that_are_not_listed_and_the_other_side_are_let_in() -> None:
    world, phone, pbx = a_world("INFO")
    ours, theirs = called(phone, pbx)
    phone.send(ours, "UPDATE", body=CHANGED)
    pbx.answer(pbx.request("UPDATE"), 200, body=ANSWER)
    phone.response(200)
    pbx.send(theirs, "INFO")
    phone.answer(phone.request("INFO"), 200)
    pbx.response(200)
    phone.send(ours, "BYE")
    phone.response(200)
    pbx.answer(pbx.request("BYE"), 200)
    world.assert_both_legs_are_free()


def test_a_phone_that_is_called_by_another_name_proves_its_own() -> None:
    world, phone, pbx = a_world("REGISTER\\INFO")
    ask(phone, "REGISTER")
    challenge = phone.response(401).www_authenticate[0]
    ask(phone, "REGISTER", ("Authorization", credentials(challenge)), cseq=2)
    got = pbx.request("REGISTER")
    contact = got.contacts.addresses[0].uri
    pbx.answer(got, 200, contact=f"<{contact}>;expires=3600")
    phone.response(200)
    pbx.ask("INVITE", str(contact), body=OFFER, to="<sip:hotline@corp.example>")
    arrived = phone.request("INVITE")
    phone.answer(arrived, 200, body=ANSWER)
    pbx.response(200)
    theirs = dialog_of_server(arrived, "100-tag", is_accepted=True)
    phone.send(theirs, "INFO")
    proven(phone, theirs, "INFO", phone.response(401))
    assert not pbx.request("INFO").authorization
    assert world.sbc.dialogs == 2


@pytest.mark.parametrize("method", ["INFO", "BYE"])
def test_a_call_that_ends_while_radius_is_asked_refuses_what_comes_of_it(method: str) -> None:
    server = ("RadiusServers", {"IPAddress": "10.0.9.1", "SharedSecret": "s3cret"})
    world, phone, pbx = a_world(method, {"SBCServerAuthMode": 2, "SBCEnableByeAuthentication": 1}, tables=[server])
    ours, theirs = called(phone, pbx)
    phone.send(ours, method)
    proven(phone, ours, method, phone.response(401))
    (question,) = world.sbc.outside.take()
    pbx.send(theirs, "BYE")
    phone.answer(phone.request("BYE"), 200)
    pbx.response(200)
    question.answer(RadiusReply(True), world.now)
    world.flush()
    phone.response(481)
    assert pbx.heard == []
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("header", ["Authorization", "Proxy-Authorization"])
def test_the_password_in_an_ack_goes_no_further(header: str) -> None:
    world, phone, pbx = a_world("INVITE")
    asked = ask(phone, "INVITE", body=OFFER)
    given = credentials(phone.response(401).www_authenticate[0], "INVITE", asked.uri_text)
    invite = ask(phone, "INVITE", ("Authorization", given), body=OFFER, cseq=2)
    pbx.answer(pbx.request("INVITE"), 200, body=ANSWER)
    ours = dialog_of_client(invite, phone.response(200))
    assert ours is not None
    phone.send(ours, "ACK", (header, given))
    assert b"login100" not in pbx.request("ACK").to_bytes()
    assert world.sbc.dialogs == 2


def test_our_own_password_in_an_ack_that_a_proxy_gives_on_goes_no_further() -> None:
    account: dict[str, int | str] = {"AuthenticationMode": 1, "Username": "trunk", "Password": PASSWORD}
    world = World(site_of(settings_of(OPEN, phones={"AuthenticationMode": 0}, pbx=account)))
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ours, theirs = called(phone, pbx)
    pbx.send(theirs, "INVITE", body=CHANGED)
    phone.answer(phone.request("INVITE"), 200, body=ANSWER)
    own = 'Digest username="trunk", realm="r", nonce="n", uri="sip:x", response="00"'
    pbx.send(theirs, "ACK", ("Authorization", own), cseq=pbx.response(200).cseq.number)
    assert not phone.request("ACK").authorization and ours.id.call_id != theirs.id.call_id


def test_calls_of_a_group_that_a_reload_took_away_go_on() -> None:
    world, phone, pbx = a_world(EVERY, {"SBCEnableByeAuthentication": 1})
    ours, _ = called(phone, pbx)
    world.sbc.reload(a_site({}, {"other": {"proxies": ["10.0.9.1"]}, "more": {"proxies": ["10.0.9.2"]}}), world.now)
    phone.send(ours, "INFO")
    pbx.answer(pbx.request("INFO"), 200)
    phone.response(200)
    phone.send(ours, "BYE")
    phone.response(200)
    pbx.answer(pbx.request("BYE"), 200)
    world.assert_both_legs_are_free()


def test_what_the_sbc_says_of_itself_is_shown_to_nobody_in_a_call_either() -> None:
    account: dict[str, int | str] = {"AuthenticationMode": 1, "Username": "trunk", "Password": PASSWORD}
    settings = settings_of(OPEN, phones={"AuthenticationMode": 0}, pbx=account)
    world = World(site_of(settings))
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    _, theirs = called(phone, pbx)
    pbx.send(theirs, "INFO", ("Authorization", 'Digest username="trunk", realm="r", nonce="n", uri="sip:x", response="00"'))
    assert not phone.request("INFO").authorization
