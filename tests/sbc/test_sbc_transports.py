"""Each leg by its own transport and address family: nothing of one is seen on the other."""

from __future__ import annotations

import pytest
from sbc_world import CHANGED, Peer, World, a_site, hang_up, place

from sipstub.sip.message import Request

SIDES = {"udp": ("10.0.1.1", "UDP"), "tcp": ("10.0.1.1", "TCP"), "udp6": ("2001:db8::a", "UDP"), "tcp6": ("2001:db8::a", "TCP")}
FAR = {"udp": ("10.0.2.1", "UDP"), "tcp": ("10.0.2.1", "TCP"), "udp6": ("2001:db8::b", "UDP"), "tcp6": ("2001:db8::b", "TCP")}


def a_world(near: str, far: str) -> tuple[World, Peer, Peer]:
    """Return a world with a phone on one side and a server on the other."""
    host, transport = FAR[far]
    shown = f"[{host}]" if ":" in host else host
    groups = {"phones": {"Type": "user"}, "pbx": {"proxies": [f"{shown}:5060"]}}
    routes = ({"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"}, {"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"})
    number = 1 if transport == "TCP" else 0
    world = World(a_site({"SBCRandomizeExpires": 0}, groups, routes, ({"SrcIPGroupName": "phones"},), number))
    phone = world.peer("100", SIDES[near][0], 5060, SIDES[near][1])
    return world, phone, world.peer("pbx", host, 5060, transport)


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("near", SIDES)
def test_a_phone_and_a_server_of_any_two_transports(near: str, far: str) -> None:
    world, phone, pbx = a_world(near, far)
    user = "<sip:100@corp.example>"
    phone.ask("REGISTER", "sip:corp.example", ("Expires", "600"), from_=user, to=user)
    got = pbx.request("REGISTER")
    contact = str(got.contacts.addresses[0].uri)
    pbx.answer(got, 200, contact=f"<{contact}>;expires=600")
    phone.response(200)
    ours, _ = place(phone, pbx, "sip:200@corp.example")
    phone.send(ours, "INVITE", body=CHANGED)
    got = pbx.request("INVITE")
    pbx.answer(got, 488)
    pbx.request("ACK")
    phone.response(488)
    hang_up(phone, pbx, ours)
    ours, _ = place(pbx, phone, contact)
    hang_up(pbx, phone, ours)
    for _, who, to, message in world.log:
        if who != "sbc" or not isinstance(message, Request):
            continue
        transport, host = (SIDES[near] if to == "100" else FAR[far])[::-1]
        assert message.via.transport == transport
        assert message.via.host == ("[2001:db8::1]" if ":" in host else "10.0.0.1")
    world.assert_both_legs_are_free()
