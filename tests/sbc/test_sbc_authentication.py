"""The SBC asks its users for their passwords, and gives its own where a far registrar asks."""

from __future__ import annotations

import pytest
from sbc_guarded import PASSWORD, USER, ask, credentials, settings_of
from sbc_proof import named
from sbc_world import OFFER, Peer, World

from sipstub.sbc.settings.value import BadValue
from sipstub.sbc.site import site_of
from sipstub.sip.credentials import Challenge
from sipstub.sip.digest import check, make_ha1
from sipstub.sip.message import Request, Response


def a_world(values: dict[str, int | str] | None = None, **more: object) -> tuple[World, Peer, Peer]:
    """Return an SBC that challenges user 100, with the phone and the registrar."""
    settings = settings_of(values, tables=[("SBCUserInfoTable", USER)], **more)  # type: ignore[arg-type]
    world = World(site_of(settings))
    return world, world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")


def challenged(phone: Peer, method: str = "REGISTER", body: bytes = b"") -> Challenge:
    """Have the phone ask without a password; return the challenge."""
    ask(phone, method, body=body)
    response = phone.response(401)
    return response.www_authenticate[0]


def registered(phone: Peer, pbx: Peer, authorization: str, header: str = "Authorization") -> Response:
    """Have the phone register with these credentials, which the registrar must not see; return its 200."""
    ask(phone, "REGISTER", (header, authorization), cseq=2)
    got = pbx.request("REGISTER")
    assert not got.headers.lines("authorization") and not got.headers.lines("proxy-authorization")
    pbx.answer(got, 200, contact=f"<{got.contacts.addresses[0].uri}>;expires=3600")
    return phone.response(200)


@pytest.mark.parametrize(
    ("value", "algorithm", "digits"),
    [named("SIPServerDigestAlgorithm", 0, "MD5", 32), named("SIPServerDigestAlgorithm", 1, "SHA-256", 64)],
)
def test_the_challenge_names_the_algorithm(value: int, algorithm: str, digits: int) -> None:
    _, phone, pbx = a_world({"SIPServerDigestAlgorithm": value})
    challenge = challenged(phone)
    assert challenge.algorithm == algorithm and challenge.realm == "sipstub-sbc" and pbx.heard == []
    answer = credentials(challenge)
    assert f'response="{"x" * digits}"' in answer.replace(answer.split('response="')[1][:digits], "x" * digits)
    registered(phone, pbx, answer)


@pytest.mark.parametrize("value", [named("SBCServerAuthMode", 0)])
def test_the_sbc_checks_its_users_itself(value: int) -> None:
    world, phone, pbx = a_world({"SBCServerAuthMode": value})
    challenge = challenged(phone)
    ask(phone, "REGISTER", ("Authorization", credentials(challenge, password="wrong")))
    again = phone.response(401).www_authenticate[0]
    assert not again.is_stale and pbx.heard == [] and not world.sbc.outside.take()
    registered(phone, pbx, credentials(again))
    assert PASSWORD not in str(world.told) and "wrong-credentials" in str(world.told)


def test_a_user_may_not_register_the_name_of_another() -> None:
    _, phone, pbx = a_world()
    challenge = challenged(phone)
    ask(phone, "REGISTER", ("Authorization", credentials(challenge)), user="101")
    phone.response(403)
    assert pbx.heard == []


@pytest.mark.parametrize(
    ("value", "status", "header"),
    [
        named("AuthChallengeMethod", 0, 401, "www-authenticate"),
        named("AuthChallengeMethod", 1, 407, "proxy-authenticate"),
    ],
)
@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE"])
def test_the_challenge_has_its_status_and_header(value: int, status: int, header: str, method: str) -> None:
    world, phone, pbx = a_world({"AuthChallengeMethod": value})
    body = OFFER if method == "INVITE" else b""
    asked = ask(phone, method, body=body)
    response = phone.response(status)
    text = "".join(response.headers.lines(header))
    assert text
    assert len([name for name in ("www-authenticate", "proxy-authenticate") if response.headers.lines(name)]) == 1
    if method == "INVITE":
        phone.say(ack_of(asked, response))
    answer = credentials(Challenge.parse(text), method, asked.uri_text, body=body)
    ask(phone, method, ("Authorization" if status == 401 else "Proxy-Authorization", answer), body=body, cseq=2)
    got = pbx.request(method)
    assert "login100" not in got.to_bytes().decode()
    pbx.answer(got, 486)
    assert world.now == 1000.0


def ack_of(asked: Request, response: Response) -> Request:
    """Return the ACK to a refusal."""
    made = Request("ACK", asked.uri)
    for name in ("Via", "From", "Call-ID"):
        made.headers.add(name, asked.headers.get(name.lower()) or "")
    made.headers.add("To", response.to)
    made.headers.add("CSeq", f"{asked.cseq.number} ACK")
    made.headers.add("Max-Forwards", 70)
    return made


@pytest.mark.parametrize(
    ("value", "offered"),
    [
        named("AuthQOP", 0, ("auth",)),
        named("AuthQOP", 1, ("auth-int",)),
        named("AuthQOP", 2, ("auth", "auth-int")),
        named("AuthQOP", 3, ()),
    ],
)
def test_the_challenge_offers_protection(value: int, offered: tuple[str, ...]) -> None:
    _, phone, pbx = a_world({"AuthQOP": value})
    challenge = challenged(phone)
    assert challenge.qops == offered
    answer = credentials(challenge)
    assert ("qop=" in answer) is bool(offered)
    registered(phone, pbx, answer)


@pytest.mark.parametrize("value", [named("AuthQOP", 1)])
def test_auth_int_covers_the_body(value: int) -> None:
    _, phone, pbx = a_world({"AuthQOP": value})
    challenge = challenged(phone, "MESSAGE", b"hello")
    answer = credentials(challenge, "MESSAGE", "sip:200@corp.example", body=b"hello")
    ask(phone, "MESSAGE", ("Authorization", answer), body=b"changed")
    phone.response(401)
    assert pbx.heard == []
    ask(phone, "MESSAGE", ("Authorization", answer), body=b"hello", cseq=3)
    assert pbx.request("MESSAGE").body == b"hello"


@pytest.mark.parametrize("value", [named("AuthNonceDuration", n) for n in (30, 31, 300, 600)])
def test_a_nonce_lasts_its_time(value: int) -> None:
    world, phone, pbx = a_world({"AuthNonceDuration": value})
    challenge = challenged(phone)
    world.run(value - 1)
    registered(phone, pbx, credentials(challenge))
    world.run(2)
    ask(phone, "REGISTER", ("Authorization", credentials(challenge, nc=2)), cseq=3)
    again = phone.response(401).www_authenticate[0]
    assert again.is_stale and again.nonce != challenge.nonce and pbx.heard == []


def test_the_default_lifetime_is_five_minutes() -> None:
    world, phone, _ = a_world()
    challenge = challenged(phone)
    world.run(301)
    ask(phone, "REGISTER", ("Authorization", credentials(challenge)))
    assert phone.response(401).www_authenticate[0].is_stale


def test_a_replay_is_challenged_again() -> None:
    _, phone, pbx = a_world()
    answer = credentials(challenged(phone))
    registered(phone, pbx, answer)
    ask(phone, "REGISTER", ("Authorization", answer), cseq=3)
    assert phone.response(401).www_authenticate[0].is_stale and pbx.heard == []


def test_other_modes_and_methods_are_not_challenged() -> None:
    _, phone, pbx = a_world(phones={"AuthenticationMode": 0})
    ask(phone, "REGISTER")
    pbx.request("REGISTER")
    _, phone, pbx = a_world(phones={"MethodList": "INVITE"})
    ask(phone, "REGISTER")
    pbx.request("REGISTER")


@pytest.mark.parametrize("value", [29, 601])
def test_a_lifetime_out_of_range_is_refused(value: int) -> None:
    with pytest.raises(BadValue, match="AuthNonceDuration"):
        a_world({"AuthNonceDuration": value})


CHALLENGE = ("WWW-Authenticate", 'Digest realm="far", nonce="n1", algorithm=MD5, qop="auth"')
AS_CLIENT = {"AuthenticationMode": 1}
ACCOUNT = ("Account", {"ServedIPGroupName": "phones", "ServingIPGroupName": "pbx", "Username": "trunk", "Password": PASSWORD})


def a_client(pbx: dict[str, int | str] | None = None, *tables: tuple[str, dict[str, str]]) -> tuple[World, Peer, Peer]:
    """Return an SBC that answers the registrar's challenges for phones that have no password."""
    settings = settings_of(phones={"AuthenticationMode": 0}, pbx=AS_CLIENT if pbx is None else pbx, tables=tables or [ACCOUNT])
    world = World(site_of(settings))
    return world, world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE"])
@pytest.mark.parametrize(("status", "header"), [(401, "WWW-Authenticate"), (407, "Proxy-Authenticate")])
def test_an_account_answers_the_challenge_of_a_far_registrar(method: str, status: int, header: str) -> None:
    _, phone, pbx = a_client()
    ask(phone, method, *[("Event", "presence")] * (method == "SUBSCRIBE"), body=OFFER if method == "INVITE" else b"")
    first = pbx.request(method)
    pbx.answer(first, status, (header, CHALLENGE[1]))
    if method == "INVITE":
        pbx.request("ACK")
    second = pbx.request(method)
    assert second.cseq.number == first.cseq.number + 1 and second.call_id == first.call_id
    assert second.from_ == first.from_ and second.body == first.body and phone.heard in ([], ["100"])
    given = (second.authorization if status == 401 else second.proxy_authorization)[0]
    assert given.username == "trunk" and given.uri == second.uri_text
    ha1 = make_ha1("trunk", "far", PASSWORD)
    assert check(given, ha1, method, second.body) and PASSWORD.encode() not in second.to_bytes()
    pbx.answer(second, status, (header, CHALLENGE[1]))
    if method == "INVITE":
        pbx.request("ACK")
    phone.response(status)
    assert pbx.heard == [], "a password that was refused is not said twice"


@pytest.mark.parametrize(
    ("pbx_columns", "tables", "username"),
    [
        ({"AuthenticationMode": 1, "Username": "own", "Password": "x"}, (), "own"),
        ({"AuthenticationMode": 1}, (("Account", {"ServingIPGroupName": "pbx", "Username": "any", "Password": "x"}),), "any"),
        ({"AuthenticationMode": 0}, (ACCOUNT,), None),
        (
            {"AuthenticationMode": 1},
            (("Account", {"ServedIPGroupName": "pbx", "ServingIPGroupName": "pbx", "Username": "no", "Password": "x"}),),
            None,
        ),
    ],
)
def test_who_the_sbc_says_it_is(
    pbx_columns: dict[str, int | str], tables: tuple[tuple[str, dict[str, str]], ...], username: str | None
) -> None:
    settings = settings_of(phones={"AuthenticationMode": 0}, pbx=pbx_columns, tables=tables)
    world = World(site_of(settings))
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    ask(phone, "REGISTER")
    pbx.answer(pbx.request("REGISTER"), 401, CHALLENGE)
    if username is None:
        phone.response(401)
        return
    second = pbx.request("REGISTER")
    assert second.authorization[0].username == username
    pbx.answer(second, 200, contact=f"<{second.contacts.addresses[0].uri}>;expires=60")
    assert phone.response(200).expires == 60


@pytest.mark.parametrize(("mode", "is_kept"), [(0, True), (1, False)])
def test_what_the_sbc_said_itself_is_shown_to_no_phone(mode: int, is_kept: bool) -> None:
    _, phone, pbx = a_client({"AuthenticationMode": mode})
    ask(phone, "REGISTER")
    got = pbx.request("REGISTER")
    pbx.answer(got, 200, contact=f"<{got.contacts.addresses[0].uri}>;expires=60")
    phone.response(200)
    ours = credentials(Challenge.parse(CHALLENGE[1]), "MESSAGE", "sip:100@corp.example", username="trunk")
    pbx.ask("MESSAGE", "sip:100@corp.example", ("Authorization", ours))
    assert bool(phone.request("MESSAGE").authorization) is is_kept
