"""A far side that asks for a password inside of calls: the SBC answers with its account, and nobody behind it hears of that."""

from __future__ import annotations

import pytest
from sbc_guarded import ask, settings_of
from sbc_proof import named, proves
from sbc_world import ANSWER, CHANGED, OFFER, Peer, World, hang_up, place, three_servers, two_servers

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.site import site_of
from sipstub.sip.digest import check, make_ha1
from sipstub.sip.message import Request

URI = "sip:200@corp.example"
PASSWORD = "Tr0ub4dor"
CLIENT = {"AuthenticationMode": 1, "Username": "trunk", "Password": PASSWORD}
HEADERS = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
PASSED = ("INFO", "UPDATE", "INVITE", "REFER", "NOTIFY", "MESSAGE", "OPTIONS", "BYE")
ALL_PASS = {"SBCTerminateOptions": 0, "SBCEnableByeAuthentication": 1}


def challenge(nonce: str = "n1", realm: str = "far", more: str = "") -> str:
    """Return a challenge."""
    return f'Digest realm="{realm}", nonce="{nonce}", algorithm=MD5, qop="auth"{more}'


def ask_for_password(peer: Peer, request: Request, status: int = 401, text: str = "") -> None:
    """Challenge a request; the ACK to it is taken."""
    peer.answer(request, status, (HEADERS[status], text or challenge()))
    if request.method == "INVITE":
        peer.request("ACK")


def is_proven(request: Request, status: int = 401, realm: str = "far", nonce: str = "n1") -> bool:
    """Return whether a request has the digest that the challenge wanted."""
    given = request.authorization if status == 401 else request.proxy_authorization
    ha1 = make_ha1("trunk", realm, PASSWORD)
    return any(
        one.realm == realm
        and one.nonce == nonce
        and one.uri == request.uri_text
        and check(one, ha1, request.method, request.body)
        for one in given
    )


def asked(method: str) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Return headers and body of a request in a call."""
    if method == "REFER":
        return (("Refer-To", "<sip:300@x.example>"),), b""
    if method == "NOTIFY":
        return (("Event", "x"), ("Subscription-State", "active")), b""
    return (), CHANGED if method in ("INVITE", "UPDATE") else b""


def the_call(values: dict[str, int | str] | None = None) -> tuple[World, Peer, Peer, Dialog, Dialog]:
    """Return a call between a and b, who asks for a password from now on."""
    world, a, b = two_servers({**ALL_PASS, **(values or {})}, b_more=CLIENT)
    ours, theirs = place(a, b)
    return world, a, b, ours, theirs


@pytest.mark.parametrize("mode", [named("IPGroup.AuthenticationMode", 1)])
@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("method", PASSED)
def test_what_is_passed_on_in_a_call_is_proven_by_the_account(method: str, status: int, mode: int) -> None:
    world, a, b = two_servers(ALL_PASS, b_more={**CLIENT, "AuthenticationMode": mode})
    ours, _ = place(a, b)
    headers, body = asked(method)
    a.send(ours, method, *headers, body=body)
    first = b.request(method)
    ask_for_password(b, first, status)
    assert a.heard in ([], ["100"]), "the one who asked hears nothing of it"
    second = b.request(method)
    assert second.cseq.number == first.cseq.number + 1 and second.via.branch != first.via.branch
    assert second.call_id == first.call_id and second.to == first.to and second.body == first.body
    assert is_proven(second, status) and PASSWORD.encode() not in second.to_bytes()
    b.answer(second, 200, body=ANSWER if body else b"")
    ok = a.response(200)
    assert ok.cseq.method == method and not ok.www_authenticate
    if method == "INVITE":
        a.send(ours, "ACK", cseq=ok.cseq.number)
        ack = b.request("ACK")
        assert ack.cseq.number == second.cseq.number
        assert ack.authorization == second.authorization and ack.proxy_authorization == second.proxy_authorization
    if method != "BYE":
        a.send(ours, "BYE")
        bye = b.request("BYE")
        assert bye.cseq.number == second.cseq.number + 1
        b.answer(bye, 200)
        a.response(200)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("method", PASSED)
def test_a_password_that_is_refused_is_not_said_twice_and_the_call_goes_on(method: str) -> None:
    world, a, b, ours, theirs = the_call()
    headers, body = asked(method)
    a.send(ours, method, *headers, body=body)
    ask_for_password(b, b.request(method))
    ask_for_password(b, b.request(method), text=challenge("n2"))
    refused = a.response(401)
    assert refused.www_authenticate[0].nonce == "n2" and b.heard == []
    if method == "INVITE":
        a.send(ours, "ACK", cseq=refused.cseq.number)
    b.send(theirs, "INFO")
    a.answer(a.request("INFO"), 200)
    b.response(200)
    b.send(theirs, "BYE")
    a.answer(a.request("BYE"), 200)
    b.response(200)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("mode", [named("IPGroup.AuthenticationMode", 0)])
@pytest.mark.parametrize("method", PASSED)
def test_without_an_account_the_challenge_goes_to_who_asked(method: str, mode: int) -> None:
    _, a, b = two_servers(ALL_PASS, b_more={**CLIENT, "AuthenticationMode": mode})
    ours, _ = place(a, b)
    headers, body = asked(method)
    a.send(ours, method, *headers, body=body)
    ask_for_password(b, b.request(method))
    assert a.response(401).www_authenticate[0].nonce == "n1" and b.heard == []


def test_a_nonce_that_is_too_old_is_followed_by_the_next_but_not_for_ever() -> None:
    world, a, b, ours, _ = the_call()
    a.send(ours, "INFO")
    for number in range(1, 4):
        ask_for_password(b, b.request("INFO"), text=challenge(f"n{number}", more=", stale=true"))
        assert a.heard == []
    last = b.request("INFO")
    assert is_proven(last, nonce="n3")
    ask_for_password(b, last, text=challenge("n4", more=", stale=true"))
    a.response(401)
    assert b.heard == []
    hang_up_proven(a, b, ours)
    world.assert_both_legs_are_free()


def hang_up_proven(a: Peer, b: Peer, ours: Dialog) -> None:
    """End the call, b asking for no password."""
    a.send(ours, "BYE")
    b.answer(b.request("BYE"), 200)
    a.response(200)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE"])
def test_outside_of_calls_a_nonce_that_is_always_too_old_has_an_end_too(method: str) -> None:
    settings = settings_of(phones={"AuthenticationMode": 0}, pbx=CLIENT)  # type: ignore[arg-type]
    world = World(site_of(settings))
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, method, *[("Event", "presence")] * (method == "SUBSCRIBE"), body=OFFER if method == "INVITE" else b"")
    for number in range(1, 5):
        ask_for_password(pbx, pbx.request(method), text=challenge(f"n{number}", more=", stale=true"))
    phone.response(401)
    assert pbx.heard == []


def test_the_word_that_a_phone_is_gone_is_proven_too() -> None:
    settings = settings_of(phones={"AuthenticationMode": 0}, pbx=CLIENT)  # type: ignore[arg-type]
    world = World(site_of(settings))
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, "REGISTER")
    ask_for_password(pbx, pbx.request("REGISTER"))
    registered = pbx.request("REGISTER")
    pbx.answer(registered, 200, contact=f"<{registered.contacts.addresses[0].uri}>;expires=60")
    phone.response(200)
    world.run(61)
    first = pbx.request("REGISTER")
    assert first.expires == 0
    ask_for_password(pbx, first)
    second = pbx.request("REGISTER")
    assert is_proven(second) and second.expires == 0 and second.cseq.number == first.cseq.number + 1
    ask_for_password(pbx, second)
    assert pbx.heard == [], "a password that was refused is not said twice"


def test_a_registrar_behind_a_proxy_hears_both_passwords() -> None:
    world, a, b, ours, _ = the_call()
    a.send(ours, "INVITE", body=CHANGED)
    ask_for_password(b, b.request("INVITE"), 407, challenge("p", "proxy"))
    ask_for_password(b, b.request("INVITE"), 401, challenge("r", "registrar"))
    third = b.request("INVITE")
    assert is_proven(third, 401, "registrar", "r") and third.proxy_authorization[0].realm == "proxy"
    b.answer(third, 200, body=ANSWER)
    a.send(ours, "ACK", cseq=a.response(200).cseq.number)
    ack = b.request("ACK")
    assert {one.realm for one in (*ack.authorization, *ack.proxy_authorization)} == {"registrar", "proxy"}
    hang_up_proven(a, b, ours)
    world.assert_both_legs_are_free()


def test_the_ack_of_a_call_has_the_password_of_its_invite() -> None:
    world, a, b = two_servers({}, b_more=CLIENT)
    invite = a.ask("INVITE", URI, body=OFFER)
    ask_for_password(b, b.request("INVITE"))
    second = b.request("INVITE")
    b.answer(second, 200, body=ANSWER)
    ok = a.response(200)
    ours = dialog_of_client(invite, ok)
    assert ours is not None
    a.send(ours, "ACK")
    ack = b.request("ACK")
    assert ack.authorization == second.authorization and len(ack.authorization) == 1
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_a_change_that_is_called_off_while_it_is_challenged_is_not_asked_again() -> None:
    world, a, b, ours, _ = the_call()
    again = a.send(ours, "INVITE", body=CHANGED)
    first = b.request("INVITE")
    b.answer(first, 100)
    cancel = Request("CANCEL", again.uri)
    for name in ("Via", "From", "To", "Call-ID"):
        cancel.headers.add(name, again.headers.get(name.lower()) or "")
    cancel.headers.add("CSeq", f"{again.cseq.number} CANCEL")
    cancel.headers.add("Max-Forwards", 70)
    a.say(cancel)
    b.answer(b.request("CANCEL"), 200)
    ask_for_password(b, first)
    assert b.heard == []
    a.inbox.clear()
    hang_up_proven(a, b, ours)
    world.assert_both_legs_are_free()


# What the SBC asks by itself


@proves("IPGroup.AuthenticationMode", 1)
def test_a_refresh_of_the_sbc_is_proven() -> None:
    profile = {"SBCSessionExpiresMode": 3}
    world, a, b = two_servers({"SBCSessionRefreshingPolicy": 1}, None, profile, b_more=CLIENT)
    ours, _ = place(a, b)
    for _ in range(2):
        world.run(95)
        first = b.request("INVITE")
        ask_for_password(b, first)
        second = b.request("INVITE")
        assert is_proven(second) and second.cseq.number == first.cseq.number + 1
        b.answer(second, 200, ("Session-Expires", "180;refresher=uac"), ("Require", "timer"), body=ANSWER)
        ack = b.request("ACK")
        assert ack.cseq.number == second.cseq.number and ack.authorization == second.authorization
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_a_refresh_whose_password_is_refused_ends_the_call_at_its_time() -> None:
    world, a, b = two_servers({"SBCSessionRefreshingPolicy": 1}, None, {"SBCSessionExpiresMode": 3}, b_more=CLIENT)
    place(a, b)
    world.run(95)
    ask_for_password(b, b.request("INVITE"))
    ask_for_password(b, b.request("INVITE"), text=challenge("n2"))
    assert b.heard == []
    for _ in range(200):
        world.run(1)
        if b.heard[:1] == ["INVITE"]:
            b.answer(b.request("INVITE"), 403)
            b.request("ACK")
        if b.heard[:1] == ["BYE"]:
            break
    b.answer(b.request("BYE"), 200)
    a.answer(a.request("BYE"), 200)
    world.assert_both_legs_are_free()


@proves("IPGroup.AuthenticationMode", 1)
def test_the_bye_of_the_sbc_is_proven() -> None:
    world, a, b = two_servers({}, b_more=CLIENT)
    ours, _ = place(a, b)
    a.send(ours, "BYE")
    a.response(200)
    first = b.request("BYE")
    ask_for_password(b, first)
    second = b.request("BYE")
    assert is_proven(second) and second.cseq.number == first.cseq.number + 1
    b.answer(second, 200)
    world.assert_both_legs_are_free()


def test_the_bye_of_a_session_timer_is_proven() -> None:
    world, a, b = two_servers({"SBCSessionRefreshingPolicy": 0}, None, {"SBCSessionExpiresMode": 3}, b_more=CLIENT)
    place(a, b, answers=(("Session-Expires", "180;refresher=uas"), ("Require", "timer")))
    world.run(149)
    ask_for_password(b, b.request("BYE"))
    second = b.request("BYE")
    assert is_proven(second)
    b.answer(second, 200)
    a.answer(a.request("BYE"), 200)
    world.assert_both_legs_are_free()


def test_prack_of_the_sbc_is_proven() -> None:
    world, a, b = two_servers({}, None, {"SbcPrackMode": 1}, b_more=CLIENT)
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 183, ("Require", "100rel"), ("RSeq", "1"), body=ANSWER)
    first = b.request("PRACK")
    ask_for_password(b, first)
    second = b.request("PRACK")
    assert is_proven(second) and second.rack == first.rack
    b.answer(second, 200)
    b.answer(arrived, 486)
    b.request("ACK")
    world.assert_both_legs_are_free()


def test_notify_and_the_offer_after_a_transfer_are_proven() -> None:
    world, a, b, c = three_servers({"SBCReferBehavior": 3}, a_more=CLIENT, b_more=CLIENT)
    ours, theirs = place(a, b)
    a.send(ours, "REFER", ("Refer-To", "<sip:300@x.example>"))
    a.response(202)
    trying = a.request("NOTIFY")
    ask_for_password(a, trying)
    again = a.request("NOTIFY")
    assert is_proven(again) and again.body == trying.body
    a.answer(again, 200)
    arrived = c.request("INVITE")
    c.answer(arrived, 200, body=ANSWER)
    c.request("ACK")
    a.answer(a.request("NOTIFY"), 200)
    offer = b.request("INVITE")
    ask_for_password(b, offer)
    second = b.request("INVITE")
    assert is_proven(second) and second.body == offer.body
    b.answer(second, 200, body=ANSWER)
    ack = b.request("ACK")
    assert ack.cseq.number == second.cseq.number and ack.authorization
    a.send(ours, "BYE")
    a.response(200)
    at_c = dialog_of_server(arrived, "c-tag", is_accepted=True)
    c.send(at_c, "INFO")
    b.answer(b.request("INFO"), 200)
    c.response(200)
    hang_up(b, c, theirs)
    world.assert_both_legs_are_free()


def test_the_refer_that_was_asked_again_is_the_one_that_notify_tells_of() -> None:
    _, a, b, ours, theirs = the_call()
    refer = a.send(ours, "REFER", ("Refer-To", "<sip:300@x.example>"))
    ask_for_password(b, b.request("REFER"))
    second = b.request("REFER")
    b.answer(second, 202)
    a.response(202)
    b.send(theirs, "NOTIFY", ("Event", f"refer;id={second.cseq.number}"), ("Subscription-State", "active"))
    assert a.request("NOTIFY").headers.get("event") == f"refer;id={refer.cseq.number}"


def test_a_subscription_that_is_refreshed_is_proven() -> None:
    world, a, b = two_servers({"SBCRandomizeExpires": 0}, b_more=CLIENT)
    subscribe = a.ask("SUBSCRIBE", URI, ("Event", "presence"), ("Expires", "600"))
    b.answer(b.request("SUBSCRIBE"), 200, ("Expires", "600"))
    ours = dialog_of_client(subscribe, a.response(200))
    assert ours is not None
    a.send(ours, "SUBSCRIBE", ("Event", "presence"), ("Expires", "600"))
    ask_for_password(b, b.request("SUBSCRIBE"))
    second = b.request("SUBSCRIBE")
    assert is_proven(second)
    b.answer(second, 200, ("Expires", "600"))
    a.response(200)
    assert world.sbc.dialogs == 2


def test_the_account_is_that_of_who_is_on_the_other_leg() -> None:
    accounts = [
        ("Account", {"ServedIPGroupName": name, "ServingIPGroupName": "b", "Username": name, "Password": PASSWORD})
        for name in ("a", "c")
    ]
    groups = {"a": {"proxies": ["10.0.1.1:5060"]}, "b": {"proxies": ["10.0.2.1:5060"]}, "c": {"proxies": ["10.0.3.1:5060"]}}
    settings = settings_with(groups, accounts)
    world = World(site_of(settings))
    a, b, c = world.peer("a", "10.0.1.1"), world.peer("b", "10.0.2.1"), world.peer("c", "10.0.3.1")
    for caller in (a, c):
        ours, _ = place(caller, b, tag=f"b-{caller.name}")
        caller.send(ours, "INFO")
        ask_for_password(b, b.request("INFO"))
        assert b.request("INFO").authorization[0].username == caller.name


def settings_with(groups: dict[str, dict[str, list[str]]], accounts: list[tuple[str, dict[str, str]]]) -> SbcSettings:
    """Return settings of servers of which all call b, who is answered by accounts."""
    found = SbcSettings()
    for name, what in groups.items():
        found = found.with_row("ProxySet", ProxyName=name).with_row("ProxyIp", ProxySetId=name, IpAddress=what["proxies"][0])
        mode = 1 if name == "b" else 0
        found = found.with_row("IPGroup", Name=name, ProxySetName=name, AuthenticationMode=mode)
    for table, columns in (*accounts, ("IP2IPRouting", {"DestIPGroupName": "b"})):
        found = found.with_row(table, **columns)
    return found


def test_a_2xx_that_comes_again_gets_its_ack_again_with_the_password() -> None:
    world, a, b, ours, _ = the_call()
    a.send(ours, "INVITE", body=CHANGED)
    ask_for_password(b, b.request("INVITE"))
    second = b.request("INVITE")
    ok = b.answer(second, 200, body=ANSWER)
    a.send(ours, "ACK", cseq=a.response(200).cseq.number)
    ack = b.request("ACK")
    assert ack.cseq.number == second.cseq.number and ack.authorization == second.authorization
    b.say(ok)
    assert b.repeated == 1
    hang_up_proven(a, b, ours)
    world.assert_both_legs_are_free()
