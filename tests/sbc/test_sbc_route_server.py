"""A routing server that is asked by HTTP: a real one over sockets, and its silence in simulated time (SbcRoutingTimeout)."""

from __future__ import annotations

import asyncio
import json

import pytest
from http_server import http_server, ok
from sbc_guarded import ask, settings_of
from sbc_proof import named
from sbc_served import a_served_sbc
from sbc_world import ANSWER, OFFER, Peer, World
from sip_client import Client

from sipstub.net.http_post import post
from sipstub.sbc.outside import HttpAsk, HttpReply, Question
from sipstub.sbc.proxy_set import SiteProblem
from sipstub.sbc.route_server import read_routes
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.value import BadValue
from sipstub.sbc.site import site_of
from sipstub.sip.message import Request

SERVED = (
    {"SrcIPGroupName": "phones", "DestType": "routing-server"},
    {"SrcIPGroupName": "phones", "DestIPGroupName": "second", "AltRouteOptions": 1},
)
PLAIN = {"AuthenticationMode": 0}


def settings(url: str, values: dict[str, int | str] | None = None, proxy: str = "10.0.2.1:5060", **more: object) -> SbcSettings:
    """Return settings with a routing server, and a second PBX that takes over when it tells nothing."""
    tables = [
        ("HTTPRemoteServices", {"Name": "router", "Path": url, "HTTPType": 0, "Username": "sbc", "Password": "word"}),
        ("ProxySet", {"ProxyName": "second"}),
        ("ProxyIp", {"ProxySetId": "second", "IpAddress": "10.0.3.1:5060"}),
        ("IPGroup", {"Name": "second", "ProxySetName": "second"}),
    ]
    found = settings_of(values, phones=PLAIN, routes=(), proxy=proxy, tables=tables, **more)  # type: ignore[arg-type]
    for route in SERVED:
        found = found.with_row("IP2IPRouting", **route)
    return found


def a_world(values: dict[str, int | str] | None = None) -> tuple[World, Peer, Peer, Peer]:
    """Return an SBC with a routing server, a phone and both PBXs."""
    world = World(site_of(settings("http://10.0.9.9/route", values)))
    return world, world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1"), world.peer("second", "10.0.3.1")


def asked(world: World) -> Question:
    """Return the one question to the routing server."""
    questions = world.sbc.outside.take()
    assert len(questions) == 1
    return questions[0]


def reply(world: World, question: Question, body: object, status: int = 200) -> None:
    """Have the routing server answer."""
    question.answer(HttpReply(status, json.dumps(body).encode()), world.now)
    world.flush()


@pytest.mark.parametrize("value", [named("SbcRoutingTimeout", n) for n in (1, 10, 30, 60)])
def test_the_next_rule_takes_over_after_the_time(value: int) -> None:
    world, phone, pbx, second = a_world({"SbcRoutingTimeout": value})
    ask(phone, "INVITE", body=OFFER)
    assert asked(world).seconds == value
    world.run(value - 0.1)
    assert second.heard == [] and pbx.heard == []
    world.run(0.2)
    second.answer(second.request("INVITE"), 486)
    second.request("ACK")
    phone.response(486)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("value", [named("SbcRoutingTimeout", 0)])
def test_no_time_at_all_is_not_asked(value: int) -> None:
    world, phone, _, second = a_world({"SbcRoutingTimeout": value})
    ask(phone, "INVITE", body=OFFER)
    assert not world.sbc.outside.take() and second.heard == ["INVITE"]


@pytest.mark.parametrize("value", [-1, 61])
def test_a_time_out_of_range_is_refused(value: int) -> None:
    with pytest.raises(BadValue, match="SbcRoutingTimeout"):
        SbcSettings().with_value("SbcRoutingTimeout", value)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"routes": []}, 200),
        ({"routes": [{"ipGroup": "pbx"}]}, 500),
        ("no", 200),
        ({"routes": [{"ipGroup": "nobody"}]}, 200),
    ],
)
def test_an_answer_that_tells_no_route_fails_the_rule(body: object, status: int) -> None:
    world, phone, pbx, second = a_world()
    ask(phone, "INVITE", body=OFFER)
    reply(world, asked(world), body, status)
    assert pbx.heard == [] and second.heard == ["INVITE"]


def test_routes_are_tried_in_order_with_the_number_that_they_say() -> None:
    world, phone, pbx, second = a_world()
    invite = ask(phone, "INVITE", body=OFFER)
    question = asked(world)
    assert isinstance(question.ask, HttpAsk)
    assert json.loads(question.ask.body) == {
        "method": "INVITE",
        "trigger": "initial",
        "sourceIpGroup": "phones",
        "from": str(invite.from_.uri),
        "requestUri": invite.uri_text,
    }
    routes = [{"address": "10.0.3.1:5060"}, {"ipGroup": "pbx", "requestUri": "sip:900@corp.example"}]
    reply(world, question, {"routes": routes})
    second.answer(second.request("INVITE"), 503)
    second.request("ACK")
    got = pbx.request("INVITE")
    assert got.uri_text == "sip:900@corp.example"
    pbx.answer(got, 200, body=ANSWER)
    phone.response(200)


def test_a_caller_may_give_up_while_the_server_is_asked() -> None:
    world, phone, pbx, second = a_world()
    invite = ask(phone, "INVITE", body=OFFER)
    question = asked(world)
    cancel = Request("CANCEL", invite.uri)
    for field in invite.headers:
        if field.key in ("via", "from", "to", "call-id", "max-forwards"):
            cancel.headers.add(field.name, field.value)
    cancel.headers.add("CSeq", "1 CANCEL")
    phone.say(cancel)
    assert phone.heard.count("487") == 1
    reply(world, question, {"routes": [{"ipGroup": "pbx"}]})
    assert pbx.heard == second.heard == []
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE"])
def test_requests_without_calls_wait_too(method: str) -> None:
    world, phone, pbx, _ = a_world()
    ask(phone, method, ("Event", "presence"))
    question = asked(world)
    assert pbx.heard == []
    reply(world, question, {"routes": [{"ipGroup": "pbx"}]})
    pbx.request(method)


def test_a_rule_without_a_server_is_refused() -> None:
    with pytest.raises(SiteProblem, match="asks a routing server"):
        site_of(settings_of(routes=[{"DestType": "routing-server"}]))


@pytest.mark.parametrize("text", [b"", b"[" * 60_000, b'{"routes": 7}', b'{"routes": [1, {"address": "x y"}, {"transport": 1}]}'])
def test_answers_of_any_form_do_no_harm(text: bytes) -> None:
    assert read_routes(text) == ()


def test_a_real_routing_server_is_asked_without_holding_anybody_up() -> None:
    async def scenario() -> None:
        async with Client("udp", 1) as pbx, http_server(lambda said: ok({"routes": [{"ipGroup": "pbx"}]})) as router:
            site = site_of(settings(router.url, proxy=f"127.0.0.1:{pbx.local_port}", source="127.*"))
            async with a_served_sbc(site) as (sbc, _, port), Client("udp", port) as phone:
                await phone.send(phone.a_request("MESSAGE", user="200", body=b"hello").to_bytes())
                got = await pbx.receive()
                assert isinstance(got, Request) and got.body == b"hello"
                assert [said["requestUri"] for said in router.asked] == [f"sip:200@127.0.0.1:{port}"]
                assert "authorization: basic c2jjondvcmq=" in router.heads[0].lower() and router.heads[0].startswith("POST /ask ")
                assert len(sbc.outside) == 0

    asyncio.run(scenario())


def test_a_routing_server_that_keeps_silent_does_not_hold_up_others() -> None:
    async def scenario() -> None:
        async with http_server(lambda said: None) as router:
            site = site_of(settings(router.url, {"SbcRoutingTimeout": 60}, source="127.*"))
            async with a_served_sbc(site) as (sbc, _, port), Client("udp", port) as phone:
                await phone.send(phone.a_request("MESSAGE", user="200").to_bytes())
                await asyncio.wait_for(router.came.wait(), 20)
                found = await phone.ask(phone.a_request("OPTIONS").to_bytes())
                assert found.status == 200 and len(sbc.outside) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n" + bytes(70_000), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"],
    ids=["nothing", "nonsense", "too long", "cut off"],
)
def test_an_answer_that_is_none_is_an_error(answer: bytes) -> None:
    async def scenario() -> None:
        async with http_server(lambda said: answer) as server:
            with pytest.raises((OSError, ValueError)):
                await post(HttpAsk(server.url, b"{}"))

    asyncio.run(scenario())
