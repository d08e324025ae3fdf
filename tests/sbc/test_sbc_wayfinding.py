"""Where a rule sends to an address of its own, or where the Request-URI says: the group of the hop, its transport, or nowhere."""

from __future__ import annotations

import pytest
from sbc_world import OFFER, Peer, World, a_site

from sipstub.sip.message import Request

GROUPS = {
    "a": {"proxies": ["10.0.1.1:5060"]},
    "plain": {"proxies": ["10.0.2.1:5060"]},
    "named": {"proxies": ["10.0.2.1:5080", "[2001:db8::2]:5060"], "profile": {"SBCAssertIdentity": 1}},
}
"Who is called in `named` is told an identity."


def a_world(**route: int | str) -> tuple[World, Peer]:
    world = World(a_site({}, GROUPS, [{"SrcIPGroupName": "a", **route}]))
    return world, world.peer("a", "10.0.1.1")


@pytest.mark.parametrize(
    ("uri", "host", "port", "is_named"),
    [
        ("sip:200@10.0.2.1:5080", "10.0.2.1", 5080, True),
        ("sip:200@10.0.2.1", "10.0.2.1", 5060, False),
        ("sip:200@10.0.2.1:5099", "10.0.2.1", 5099, False),
        ("sip:200@[2001:db8::2]", "2001:db8::2", 5060, True),
    ],
)
def test_the_request_uri_says_where_and_the_group_there_says_how(uri: str, host: str, port: int, is_named: bool) -> None:
    world, a = a_world(DestType="request-uri", DestIPGroupName="plain")
    there = world.peer("there", host, port)
    a.ask("INVITE", uri, body=OFFER)
    assert bool(there.request("INVITE").headers.get("p-asserted-identity")) is is_named


@pytest.mark.parametrize(
    ("uri", "there"),
    [
        ("sip:200@10.0.2.1", "UDP 10.0.2.1:5060"),
        ("sip:200@10.0.2.1;transport=tcp", "TCP 10.0.2.1:5060"),
        ("sips:200@10.0.2.1", "TLS 10.0.2.1:5061"),
    ],
)
def test_it_says_the_transport_too(uri: str, there: str) -> None:
    world, a = a_world(DestType="request-uri")
    a.ask("INVITE", uri, body=OFFER)
    assert [to for _, _, to, message in world.log if isinstance(message, Request) and to != "sbc"] == [there]


@pytest.mark.parametrize("uri", ["sip:200@10.9.9.9", "sip:200@pbx.example", "tel:200"])
def test_what_no_group_has_is_nowhere(uri: str) -> None:
    world, a = a_world(DestType="request-uri")
    a.ask("INVITE", uri, body=OFFER)
    a.response(404)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(("port", "is_named"), [(5080, True), (5060, False)])
def test_an_address_of_a_rule_is_called_as_its_group_wants(port: int, is_named: bool) -> None:
    world, a = a_world(DestType=1, DestAddress="10.0.2.1", DestPort=port, DestTransportType=0)
    there = world.peer("there", "10.0.2.1", port)
    a.ask("INVITE", "sip:200@corp.example", body=OFFER)
    assert bool(there.request("INVITE").headers.get("p-asserted-identity")) is is_named
