"""Phones that a push wakes (RFC 8599): PNSReminderPeriod and PNSRegisterTimeout, and a real HTTP server that pushes."""

from __future__ import annotations

import asyncio
import json

import pytest
from http_server import http_server, ok
from sbc_guarded import settings_of
from sbc_proof import named
from sbc_served import a_served_sbc
from sbc_world import OFFER, Peer, World
from sip_client import Client

from sipstub.sbc.outside import HttpAsk, HttpReply, Question
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.value import BadValue
from sipstub.sbc.site import site_of
from sipstub.sip.message import Request
from sipstub.transaction.follow import cancel_for

ALONE = (
    {"SrcIPGroupName": "phones", "DestIPGroupName": "phones"},
    {"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"},
)
PUSHED = "pn-provider=acme;pn-prid=token-7;pn-param=p"


def settings(values: dict[str, int | str] | None = None, url: str = "http://10.0.9.9/push", **more: object) -> SbcSettings:
    """Return settings of an SBC that is the registrar, with a service that pushes for provider acme."""
    tables = [
        ("HTTPRemoteServices", {"Name": "pusher", "Path": url, "HTTPType": 5}),
        ("PushNotificationServers", {"Provider": "Acme", "RemoteHTTPService": "pusher"}),
    ]
    return settings_of(values, phones={"AuthenticationMode": 0}, routes=ALONE, tables=tables, **more)  # type: ignore[arg-type]


def a_world(values: dict[str, int | str] | None = None, **columns: int) -> tuple[World, Peer, Peer]:
    """Return an SBC with a phone and a PBX that calls it."""
    found = settings(values)
    if columns:
        row = found.ip_groups[0]
        given = {name: row.value(name) for name in row.given}
        found = found.with_row("IPGroup", row.index, **{**given, **columns})
    world = World(site_of(found))
    return world, world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")


def register(phone: Peer, seconds: int = 3600, pushed: str = PUSHED, user: str = "100") -> None:
    """Have a phone register that is pushed to."""
    me = f"<sip:{user}@corp.example>"
    contact = f"<sip:{phone.name}@{phone.host}:{phone.hop.port};{pushed}>"
    phone.ask("REGISTER", "sip:corp.example", ("Expires", str(seconds)), from_=me, to=me, contact=contact)
    phone.response(200)


def pushed(world: World) -> list[tuple[str, Question]]:
    """Return why the service was asked to push, with the questions."""
    found = []
    for question in world.sbc.outside.take():
        assert isinstance(question.ask, HttpAsk)
        said = json.loads(question.ask.body)
        assert said["pn-provider"] == "acme" and said["pn-prid"].startswith("token") and said["pn-param"] == "p"
        assert said["aor"] == "sip:100@corp.example"
        found.append((said["reason"], question))
    return found


@pytest.mark.parametrize("value", [named("PNSReminderPeriod", n) for n in (30, 31, 120, 300)])
def test_the_phone_is_reminded_before_its_registration_ends(value: int) -> None:
    world, phone, _ = a_world({"PNSReminderPeriod": value})
    register(phone, 3600)
    world.run(3600 - value - 1)
    assert pushed(world) == []
    world.run(2)
    assert [why for why, _ in pushed(world)] == ["register"]
    world.run(value)
    assert pushed(world) == [] and len(world.sbc.users) == 0


def test_a_registration_in_time_puts_the_reminder_off() -> None:
    world, phone, _ = a_world()
    register(phone)
    world.run(3000)
    register(phone)
    world.run(3600 - 121)
    assert pushed(world) == []
    world.run(2)
    assert len(pushed(world)) == 1


def test_a_short_registration_is_reminded_of_at_half_time() -> None:
    world, phone, _ = a_world()
    register(phone, 60)
    world.run(29)
    assert pushed(world) == []
    world.run(2)
    assert len(pushed(world)) == 1


@pytest.mark.parametrize("contact", ["pn-provider=other;pn-prid=token-7", "pn-provider=acme", "transport=udp"])
def test_other_phones_are_not_pushed_to(contact: str) -> None:
    world, phone, pbx = a_world()
    register(phone, 3600, contact)
    world.run(3590)
    pbx.ask("INVITE", "sip:100@corp.example", body=OFFER)
    assert not world.sbc.outside.take() and phone.heard == ["INVITE"]


@pytest.mark.parametrize("value", [named("PNSRegisterTimeout", n) for n in (5, 6, 30, 50)])
def test_a_call_waits_so_long_for_the_phone_to_wake_up(value: int) -> None:
    world, phone, pbx = a_world({"PNSRegisterTimeout": value})
    register(phone)
    pbx.ask("INVITE", "sip:100@corp.example", body=OFFER)
    ((why, question),) = pushed(world)
    assert why == "call" and phone.heard == []
    question.answer(HttpReply(200), world.now)
    world.run(value - 0.1)
    assert pbx.heard in ([], ["100"])
    world.run(0.2)
    pbx.response(480)
    assert phone.heard == []
    register(phone)
    assert phone.heard == [], "too late"
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_a_request_goes_on_when_the_phone_has_registered(method: str) -> None:
    world, phone, pbx = a_world()
    register(phone)
    pbx.ask(method, "sip:100@corp.example", body=OFFER if method == "INVITE" else b"")
    ((_, question),) = pushed(world)
    question.answer(HttpReply(202), world.now)
    world.run(29)
    assert phone.heard == []
    phone.hop = phone.hop._replace(port=5070)
    world.peers[phone.hop.host, 5070] = phone
    register(phone)
    world.run(0)
    assert phone.request(method).uri_text.startswith("sip:100@10.0.1.1:5070")
    world.run(40)
    assert "480" not in pbx.heard


def test_a_caller_that_gives_up_while_a_phone_wakes_up_leaves_the_others_waiting() -> None:
    world, phone, pbx = a_world()
    register(phone)
    first = pbx.ask("INVITE", "sip:100@corp.example", body=OFFER)
    pbx.ask("INVITE", "sip:100@corp.example", body=OFFER)
    for _, question in pushed(world):
        question.answer(HttpReply(200), world.now)
    pbx.say(cancel_for(first))
    world.run(1)
    assert "487" in pbx.heard and phone.heard == []
    register(phone)
    world.run(0)
    assert phone.heard == ["INVITE"], "that of the second one"


def test_a_call_whose_time_is_up_leaves_a_later_one_waiting() -> None:
    world, phone, pbx = a_world()
    register(phone)
    for pause in (20, 11):
        pbx.ask("INVITE", "sip:100@corp.example", body=OFFER)
        for _, question in pushed(world):
            question.answer(HttpReply(200), world.now)
        world.run(pause)
    assert pbx.heard.count("480") >= 1 and phone.heard == []
    register(phone)
    world.run(0)
    assert phone.heard == ["INVITE"]


@pytest.mark.parametrize("reply", [HttpReply(500), None])
def test_a_push_that_is_not_taken_fails_at_once(reply: HttpReply | None) -> None:
    world, phone, pbx = a_world()
    register(phone)
    pbx.ask("INVITE", "sip:100@corp.example", body=OFFER)
    ((_, question),) = pushed(world)
    question.answer(reply, world.now)
    world.flush()
    pbx.response(480)
    world.assert_both_legs_are_free()


def test_of_several_contacts_those_that_wake_up_are_called() -> None:
    world, phone, pbx = a_world({"PNSRegisterTimeout": 10}, EnableSBCClientForking=1)
    other, awake = world.peer("101", "10.0.1.2"), world.peer("102", "10.0.1.3")
    register(phone)
    register(other, pushed=PUSHED.replace("token-7", "token-8"))
    register(awake, pushed="transport=udp")
    pbx.ask("INVITE", "sip:100@corp.example", body=OFFER)
    assert len(pushed(world)) == 2
    register(phone)
    world.run(11)
    assert (phone.heard, other.heard, awake.heard) == (["INVITE"], [], ["INVITE"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("PNSReminderPeriod", 29), ("PNSReminderPeriod", 301), ("PNSRegisterTimeout", 4), ("PNSRegisterTimeout", 51)],
)
def test_a_time_out_of_range_is_refused(name: str, value: int) -> None:
    with pytest.raises(BadValue, match=name):
        SbcSettings().with_value(name, value)


def test_a_real_service_pushes_and_the_message_arrives() -> None:
    async def scenario() -> None:
        async with http_server(lambda said: ok({}, "202 Accepted")) as service:
            site = site_of(settings(url=service.url, source="127.*"))
            async with a_served_sbc(site) as (sbc, _, port), Client("udp", port) as phone, Client("udp", port) as caller:
                contact = ("Contact", f"<sip:100@127.0.0.1:{phone.local_port};{PUSHED}>")
                assert (await phone.ask(phone.a_request(headers=(contact, ("Expires", 60))).to_bytes())).status == 200
                await caller.send(caller.a_request("MESSAGE", user="100", body=b"hello").to_bytes())
                await asyncio.wait_for(service.came.wait(), 20)
                assert [said["pn-prid"] for said in service.asked] == ["token-7"]
                assert (await phone.ask(phone.a_request(cseq=2, headers=(contact, ("Expires", 60))).to_bytes())).status == 200
                got = await phone.receive()
                assert isinstance(got, Request) and got.body == b"hello"
                assert len(sbc.users) == 1

    asyncio.run(scenario())
