"""Digests that a RADIUS server checks: a real freeradius, and in simulated time what happens while it is asked."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from freeradius_server import HOST, SECRET, freeradius
from sbc_guarded import PASSWORD, ask, credentials, settings_of
from sbc_proof import named, proves
from sbc_served import a_served_sbc
from sbc_world import OFFER, Peer, World
from sip_client import Client

from sipstub.sbc.outside import Question, RadiusAsk, RadiusReply
from sipstub.sbc.radius import access_request, read_answer
from sipstub.sbc.service import Sbc
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.value import BadValue
from sipstub.sbc.site import site_of
from sipstub.sip.error import SipError
from sipstub.sip.message import Response

ALONE = ({"SrcIPGroupName": "phones", "DestIPGroupName": "phones"},)
"The SBC is the registrar itself."


def a_server(host: str = "10.0.9.1", port: int = 1812) -> tuple[str, dict[str, int | str]]:
    """Return the row of a RADIUS server."""
    return "RadiusServers", {"IPAddress": host, "AuthenticationPort": port, "SharedSecret": SECRET}


@pytest.mark.needs("freeradius")
@pytest.mark.parametrize("value", [named("SBCServerAuthMode", 2)])
def test_freeradius_decides_who_may_register(value: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with freeradius(tmp_path, {"login100": PASSWORD}) as radius:
            tables = [a_server(HOST, radius.port)]
            settings = settings_of({"SBCServerAuthMode": value}, routes=ALONE, source="127.*", tables=tables)
            async with a_served_sbc(site_of(settings)) as (sbc, _, port), Client("udp", port) as phone:
                for number, (username, word, want) in enumerate(
                    (("login100", "wrong", 401), ("nobody", PASSWORD, 401), ("login100", PASSWORD, 200))
                ):
                    first = await registration(phone)
                    assert first.status == 401
                    answer = credentials(
                        first.www_authenticate[0], uri=f"sip:{phone.host}:{phone.port}", username=username, password=word
                    )
                    found = await registration(phone, ("Authorization", answer), cseq=number + 2)
                    assert found.status == want, radius.lines[-20:]
                assert len(sbc.users) == 1 and len(sbc.outside) == 0
            said = "\n".join(radius.lines)
            assert said.count("Received Access-Request") == 3 and said.count("Sent Access-Accept") == 1
            assert "Digest-Attributes" in said and 'Digest-Realm = "sipstub-sbc"' in said

    asyncio.run(scenario())


async def registration(phone: Client, *headers: tuple[str, str], cseq: int = 1) -> Response:
    """Have a phone register; return its answer."""
    contact = ("Contact", f"<sip:100@{phone.host}:{phone.local_port}>")
    return await phone.ask(phone.a_request(headers=(contact, ("Expires", 60), *headers), cseq=cseq).to_bytes())


def a_world(*servers: tuple[str, dict[str, int | str]], values: dict[str, int | str] | None = None) -> tuple[World, Peer, Peer]:
    """Return an SBC whose users a RADIUS server knows."""
    settings = settings_of({"SBCServerAuthMode": 2, **(values or {})}, tables=servers or [a_server()])
    world = World(site_of(settings))
    return world, world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")


def asked(world: World, phone: Peer, method: str = "MESSAGE") -> Question:
    """Have the phone ask with a password; return the question to the RADIUS server."""
    ask(phone, method)
    response = phone.response(401)
    uri = "sip:corp.example" if method == "REGISTER" else "sip:200@corp.example"
    ask(phone, method, ("Authorization", credentials(response.www_authenticate[0], method, uri)), cseq=2)
    questions = world.sbc.outside.take()
    assert len(questions) == 1 and isinstance(questions[0].ask, RadiusAsk)
    return questions[0]


def reply(world: World, question: Question, is_accepted: bool) -> None:
    """Have the RADIUS server answer."""
    question.answer(RadiusReply(is_accepted), world.now)
    world.flush()


@proves("SBCServerAuthMode", 2)
def test_the_request_waits_for_the_verdict() -> None:
    world, phone, pbx = a_world()
    question = asked(world, phone)
    assert phone.heard == [] and pbx.heard == []
    reply(world, question, is_accepted=True)
    got = pbx.request("MESSAGE")
    assert not got.authorization
    pbx.answer(got, 200)
    phone.response(200)
    world.assert_both_legs_are_free()


def test_a_digest_that_is_refused_is_challenged_again() -> None:
    world, phone, pbx = a_world()
    reply(world, asked(world, phone), is_accepted=False)
    phone.response(401)
    assert pbx.heard == [] and "refused by RADIUS" in str(world.told)


def test_what_is_wrong_with_a_request_is_said_after_the_verdict_as_it_would_be_without_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, phone, _ = a_world()
    question, trouble = asked(world, phone), SipError("Event is of no use here", status=489, headers=(("Allow-Events", "reg"),))

    def serve(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(Sbc, "_serve", serve)
    reply(world, question, is_accepted=True)
    refused = phone.response(489)
    assert (refused.reason, refused.allow_events) == ("Bad Event", ("reg",))
    question, trouble = asked(world, phone), SipError("Contact: <")
    trouble.header = "Contact"
    reply(world, question, is_accepted=True)
    assert phone.response(400).reason == "Malformed Contact header field"


def test_silence_asks_the_next_server_and_then_refuses() -> None:
    world, phone, pbx = a_world(a_server(), a_server("10.0.9.2"))
    first = asked(world, phone)
    world.run(5)
    (second,) = world.sbc.outside.take()
    assert isinstance(first.ask, RadiusAsk) and isinstance(second.ask, RadiusAsk)
    assert (first.ask.host, second.ask.host) == ("10.0.9.1", "10.0.9.2")
    reply(world, first, is_accepted=True)
    assert pbx.heard == [], "too late"
    world.run(5)
    phone.response(503)
    assert len(world.sbc.outside) == 0
    world.assert_both_legs_are_free()


def test_a_caller_may_give_up_while_the_server_is_asked() -> None:
    world, phone, pbx = a_world()
    invite = ask(phone, "INVITE", body=OFFER)
    challenge = phone.response(401).www_authenticate[0]
    answer = credentials(challenge, "INVITE", invite.uri_text, body=OFFER)
    again = ask(phone, "INVITE", ("Authorization", answer), body=OFFER, cseq=2)
    (question,) = world.sbc.outside.take()
    cancel = type(again)("CANCEL", again.uri)
    for field in again.headers:
        if field.key in ("via", "from", "to", "call-id", "max-forwards"):
            cancel.headers.add(field.name, field.value)
    cancel.headers.add("CSeq", "2 CANCEL")
    phone.say(cancel)
    assert phone.heard.count("487") == 1
    reply(world, question, is_accepted=True)
    assert pbx.heard == []
    world.assert_both_legs_are_free()


def test_without_a_server_nobody_gets_in() -> None:
    settings = settings_of({"SBCServerAuthMode": 2})
    world = World(site_of(settings))
    phone = world.peer("100", "10.0.1.1")
    ask(phone, "REGISTER")
    challenge = phone.response(401).www_authenticate[0]
    ask(phone, "REGISTER", ("Authorization", credentials(challenge)), cseq=2)
    phone.response(503)


@pytest.mark.parametrize("value", [1], ids=["SBCServerAuthMode=1"])
def test_rfc_5090_is_refused_with_a_reason(value: int) -> None:
    with pytest.raises(BadValue, match="SBCServerAuthMode") as refused:
        SbcSettings().with_value("SBCServerAuthMode", value)
    assert "not supported" in f"{refused.value.message} {refused.value.hint}"


def test_answers_of_others_are_not_believed() -> None:
    authenticator, secret = bytes(range(16)), b"shared"
    packet = access_request(7, authenticator, secret, ((1, b"100"),))
    assert packet[:2] == b"\x01\x07" and len(packet) == int.from_bytes(packet[2:4], "big") == 20 + 18 + 5
    head = b"\x02\x07\x00\x14"
    good = head + hashlib.md5(head + authenticator + secret, usedforsecurity=False).digest()
    assert read_answer(good, 7, authenticator, secret) is True
    for wrong in (
        good[:-1] + bytes((good[-1] ^ 1,)),
        b"\x02\x08" + good[2:],
        good[:19],
        b"\x0b" + good[1:],
        head[:2] + b"\xff\xff" + good[4:],
        b"",
    ):
        assert read_answer(wrong, 7, authenticator, secret) is None
    assert read_answer(good, 7, authenticator, b"other") is None


def test_credentials_too_long_for_radius_are_refused() -> None:
    world, phone, _ = a_world()
    ask(phone, "REGISTER")
    challenge = phone.response(401).www_authenticate[0]
    ask(phone, "REGISTER", ("Authorization", credentials(challenge, username="x" * 252)), cseq=2)
    phone.response(503)
    assert not world.sbc.outside.take()
