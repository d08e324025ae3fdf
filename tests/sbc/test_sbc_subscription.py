"""Subscriptions through the SBC: their dialogs, limits, times, and what NOTIFYs say of other dialogs."""

from __future__ import annotations

import pytest
from sbc_proof import named
from sbc_world import OFFER, Peer, World, a_site, place, two_servers

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sip.message import Request

URI = "sip:200@corp.example"
EVENT = ("Event", "dialog")
ACTIVE = (EVENT, ("Subscription-State", "active;expires=600"))
OVER = (EVENT, ("Subscription-State", "terminated;reason=timeout"))


def subscribe(a: Peer, b: Peer, expires: int = 600) -> tuple[Dialog, Dialog]:
    """Subscribe; return the dialogs of both ends, with nothing left in the inboxes."""
    asked = a.ask("SUBSCRIBE", URI, EVENT, ("Expires", str(expires)))
    got = b.request("SUBSCRIBE")
    accepted = b.answer(got, 200, ("Expires", str(expires)))
    ours = dialog_of_client(asked, a.response(200))
    assert ours is not None
    return ours, dialog_of_server(got, accepted.to.tag or "", is_accepted=True)


def notify(a: Peer, b: Peer, theirs: Dialog, *headers: tuple[str, str]) -> Request:
    """Notify through the SBC, and return what the watcher got."""
    b.send(theirs, "NOTIFY", *headers)
    got = a.request("NOTIFY")
    a.answer(got, 200)
    b.response(200)
    return got


def test_a_subscription_has_two_dialogs_and_ends_with_its_last_notify() -> None:
    world, a, b = two_servers({"SBCRandomizeExpires": 0})
    ours, theirs = subscribe(a, b)
    assert ours.id.call_id != theirs.id.call_id
    got = notify(a, b, theirs, *ACTIVE)
    assert got.call_id == ours.id.call_id and b"10.0.2.1" not in got.to_bytes()
    a.send(ours, "SUBSCRIBE", EVENT, ("Expires", "600"))
    b.answer(b.request("SUBSCRIBE"), 200, ("Expires", "600"))
    a.response(200)
    notify(a, b, theirs, *OVER)
    world.assert_both_legs_are_free()


def test_a_notify_that_comes_before_the_200_finds_its_way() -> None:
    world, a, b = two_servers()
    a.ask("SUBSCRIBE", URI, EVENT, ("Expires", "600"))
    got = b.request("SUBSCRIBE")
    theirs = dialog_of_server(got, "b-tag", is_accepted=True)
    b.send(theirs, "NOTIFY", *ACTIVE)
    arrived = a.request("NOTIFY")
    a.answer(arrived, 200)
    b.response(200)
    b.answer(got, 202)
    assert a.response(202).to.tag == arrived.from_.tag
    notify(a, b, theirs, *OVER)
    world.assert_both_legs_are_free()


def test_what_a_subscribe_asks_for_in_its_body_reaches_the_other_side() -> None:
    _, a, b = two_servers()
    wanted = b"<resource-lists/>"
    asked = a.ask("SUBSCRIBE", URI, ("Event", "presence"), ("Content-Type", "application/resource-lists+xml"), body=wanted)
    got = b.request("SUBSCRIBE")
    assert (got.body, got.headers.get("content-type"), got.headers.get("event")) == (
        wanted, asked.headers.get("content-type"), "presence",
    )  # fmt: skip


def test_a_second_dialog_of_one_subscribe_is_refused() -> None:
    _, a, b = two_servers()
    a.ask("SUBSCRIBE", URI, EVENT, ("Expires", "600"))
    got = b.request("SUBSCRIBE")
    b.answer(got, 200, tag="x")
    b.send(dialog_of_server(got, "y", is_accepted=True), "NOTIFY", *ACTIVE)
    assert b.response(481)


def test_a_refusal_leaves_nothing() -> None:
    world, a, b = two_servers()
    a.ask("SUBSCRIBE", URI, EVENT)
    b.answer(b.request("SUBSCRIBE"), 489, ("Allow-Events", "reg"))
    assert a.response(489).allow_events == ("reg",)
    world.assert_both_legs_are_free()


def test_one_that_nobody_refreshes_is_forgotten() -> None:
    world, a, b = two_servers({"SBCRandomizeExpires": 0})
    _, theirs = subscribe(a, b, 600)
    world.run(650)
    b.send(theirs, "NOTIFY", *ACTIVE)
    assert b.response(481) and a.heard == []
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("limit", "taken"), [named("NumOfSubscribes", *pair) for pair in ((-1, 3), (0, 0), (1, 1), (2, 2), (1_000_000, 3))]
)
def test_so_many_subscriptions_at_a_time(limit: int, taken: int) -> None:
    _, a, b = two_servers({"NumOfSubscribes": limit})
    for _ in range(3):
        a.ask("SUBSCRIBE", URI, EVENT, ("Expires", "600"))
    assert b.heard == ["SUBSCRIBE"] * taken
    assert a.heard == ["503"] * (3 - taken), "the code is documented nowhere [choice]"


@pytest.mark.parametrize(
    ("value", "want"), [named("SBCSendTryingToSubscribe", 0, []), named("SBCSendTryingToSubscribe", 1, ["100"])]
)
def test_trying_to_subscribe_and_notify(value: int, want: list[str]) -> None:
    world, a, b = two_servers({"SBCSendTryingToSubscribe": value})
    a.ask("SUBSCRIBE", URI, EVENT, ("Expires", "600"))
    assert a.heard == want
    got = b.request("SUBSCRIBE")
    b.answer(got, 200, ("Expires", "600"))
    a.inbox.clear()
    b.send(dialog_of_server(got, "b-tag", is_accepted=True), "NOTIFY", *ACTIVE)
    assert b.heard == want
    world.run(1)


SHORTENED = ((100, 100, 100), (120, 120, 120), (125, 120, 125), (600, 590, 600), (3600, 600, 3600))


@pytest.mark.parametrize(
    ("expires", "least", "most"), [pytest.param(*row, id=f"SBCRandomizeExpires=10-{row[0]}") for row in SHORTENED]
)
def test_expiries_of_subscriptions_are_shortened_at_random(expires: int, least: int, most: int) -> None:
    found = set()
    for step in range(12):
        world, a, b = two_servers({"SBCRandomizeExpires": 10}, chance=0.99999 * step / 11)
        a.ask("SUBSCRIBE", URI, EVENT, ("Expires", str(expires)))
        b.answer(b.request("SUBSCRIBE"), 200, ("Expires", str(expires)))
        found.add(a.response(200).expires)
        assert world.sbc.relays
    assert (min(found), max(found)) == (least, most)


@pytest.mark.parametrize("mode", [named("SBCInDialogSubscribeRouteMode", 0), named("SBCInDialogSubscribeRouteMode", 1)])
def test_where_a_refresh_goes_when_the_first_proxy_is_away(mode: int) -> None:
    groups = {"a": {"proxies": ["10.0.1.1:5060"]}, "b": {"proxies": ["10.0.2.1:5060", "10.0.2.2:5060"], "keep_alive_s": 60}}
    world = World(a_site({"SBCInDialogSubscribeRouteMode": mode}, groups))
    a, one, two = world.peer("a", "10.0.1.1"), world.peer("one", "10.0.2.1"), world.peer("two", "10.0.2.2")
    world.run(0)
    for peer in (one, two):
        peer.answer(peer.request("OPTIONS"), 200)
    ours, theirs = subscribe(a, one)
    world.run(60)
    two.answer(two.request("OPTIONS"), 200)
    one.inbox.clear()
    world.run(35)
    assert world.told == ["proxy UDP 10.0.2.1:5060 is away"]
    a.send(ours, "SUBSCRIBE", EVENT, ("Expires", "600"))
    (there, other) = (two, one) if mode else (one, two)
    got = there.request("SUBSCRIBE")
    assert other.heard == [] and got.call_id == theirs.id.call_id and got.to.tag == theirs.id.local_tag


def test_a_refresh_goes_where_the_dialog_says_when_the_proxy_set_has_no_keep_alive() -> None:
    groups = {"a": {"proxies": ["10.0.1.1:5060"]}, "b": {"proxies": ["10.0.2.1:5060", "10.0.2.2:5060"]}}
    world = World(a_site({"SBCInDialogSubscribeRouteMode": 1}, groups))
    a, one, two = world.peer("a", "10.0.1.1"), world.peer("one", "10.0.2.1"), world.peer("two", "10.0.2.2")
    asked = a.ask("SUBSCRIBE", URI, EVENT, ("Expires", "600"))
    got = one.request("SUBSCRIBE")
    one.answer(got, 200, ("Expires", "600"), contact="<sip:200@10.0.2.2:5060>")
    ours = dialog_of_client(asked, a.response(200))
    assert ours is not None
    a.send(ours, "SUBSCRIBE", EVENT, ("Expires", "600"))
    assert two.request("SUBSCRIBE").call_id == got.call_id and one.heard == []


@pytest.mark.parametrize("mode", [named("DisconnectSubscriptionsMode", 0), named("DisconnectSubscriptionsMode", 1)])
@pytest.mark.parametrize("how", ["unregister", "expiry", "elsewhere"])
def test_a_subscription_when_its_user_leaves(mode: int, how: str) -> None:
    groups = {"phones": {"Type": "user"}, "pbx": {"proxies": ["10.0.2.1:5060"]}}
    routes = (
        {"SrcIPGroupName": "phones", "RequestType": "register", "DestIPGroupName": "phones"},
        {"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"},
    )
    rules = ({"SrcAddress": "10.0.1.*", "SrcIPGroupName": "phones"},)
    world = World(a_site({"DisconnectSubscriptionsMode": mode, "SBCRandomizeExpires": 0}, groups, routes, rules))
    phone, moved, pbx = world.peer("100", "10.0.1.1"), world.peer("moved", "10.0.1.1", 5070), world.peer("pbx", "10.0.2.1")
    user = "<sip:100@corp.example>"

    def register(who: Peer, expires: int) -> None:
        who.ask("REGISTER", "sip:corp.example", ("Expires", str(expires)), from_=user, to=user, contact="<sip:100@10.0.1.1>")
        who.response(200)

    register(phone, 100)
    _, theirs = subscribe(phone, pbx)
    if how == "unregister":
        register(phone, 0)
    elif how == "expiry":
        world.run(101)
    else:
        register(moved, 100)
    pbx.send(theirs, "NOTIFY", *ACTIVE)
    if mode:
        assert pbx.response(481) and phone.heard == []
    else:
        assert phone.request("NOTIFY")


INFO = """<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:a@corp.example">
<dialog id="x" call-id="{}" local-tag="{}" remote-tag="{}" direction="initiator"><state>confirmed</state></dialog>
<dialog id="y" call-id="unknown" local-tag="1" remote-tag="2"><state>confirmed</state></dialog>
</dialog-info>
"""


@pytest.mark.parametrize("value", [named("EnableSBCDialogInfoInterworking", 0), named("EnableSBCDialogInfoInterworking", 1)])
def test_dialogs_in_a_notify_are_named_as_the_watcher_knows_them(value: int) -> None:
    _, a, b = two_servers({"EnableSBCDialogInfoInterworking": value})
    here, there = place(a, b)
    _, theirs = subscribe(a, b)
    # the server tells of a's call with the ids of its own leg: local is a's side there
    body = INFO.format(there.id.call_id, there.id.remote_tag, there.id.local_tag).encode()
    message = theirs.request("NOTIFY", (("Via", b.via()), *ACTIVE))
    message.set_body(body, "application/dialog-info+xml")
    b.say(message)
    got = a.request("NOTIFY").body
    if value:
        assert got == INFO.format(here.id.call_id, here.id.local_tag, here.id.remote_tag).encode()
    else:
        assert got == body


def test_dialogs_are_found_by_other_ways_to_write_them() -> None:
    _, a, b = two_servers({"EnableSBCDialogInfoInterworking": 1, "SBCKeepOriginalCallId": 1})
    invite = a.ask("INVITE", URI, body=OFFER, call_id='1<2>"3')
    arrived = b.request("INVITE")
    b.answer(arrived, 180)
    ringing = a.response(180)
    _, theirs = subscribe(a, b)
    # with a prefix, in single quotes, entities in values, and rung at alone: the tag of the callee is its local one
    body = (
        '<d:dialog-info xmlns:d="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:b@x">'
        f"<d:dialog id='1' remote-tag='{arrived.from_.tag}' call-id='1&lt;2&gt;&quot;3' local-tag='b-tag'>"
        "<d:state>early</d:state></d:dialog></d:dialog-info>"
    ).encode()
    message = theirs.request("NOTIFY", (("Via", b.via()), *ACTIVE))
    message.set_body(body, "application/dialog-info+xml")
    b.say(message)
    got = a.request("NOTIFY").body.decode()
    assert f'remote-tag="{invite.from_.tag}"' in got and f'local-tag="{ringing.to.tag}"' in got
    assert 'call-id="1&lt;2&gt;&quot;3"' in got


def test_a_watcher_that_vanishes_ends_its_subscription() -> None:
    world, a, b = two_servers()
    _, theirs = subscribe(a, b)
    b.send(theirs, "NOTIFY", *ACTIVE)
    a.answer(a.request("NOTIFY"), 481)
    assert b.response(481)
    world.assert_both_legs_are_free()
