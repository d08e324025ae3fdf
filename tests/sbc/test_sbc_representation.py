"""Contact, Record-Route and Via of the other side, by the IP Profile of the side that gets them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sbc_proof import named, shown
from sbc_world import ANSWER, CHANGED, OFFER, Peer, World, a_site, acknowledge, hang_up, two_servers

from sipstub.dialog.dialog import Dialog, dialog_of_server
from sipstub.sip.message import Message, Request, Response

URI = "sip:200@corp.example"
OURS = "<sip:10.0.0.1:5060;transport=udp;lr>"
BEFORE = ("Record-Route", "<sip:10.0.1.1;lr;near>, <sip:10.9.1.1;lr>")
"What two proxies on the caller's side recorded, the nearer one on top."
BEYOND = "<sip:10.0.2.1;lr;beyond>"
"What a proxy on the callee's side records on top of that."
MODES = (-1, 0, 1, 2)
AS_PROXY = {"SBCOperationMode": 1}


def routes(message: Message) -> list[str]:
    """Return Record-Route as it stands there."""
    return [str(one) for one in message.record_routes]


def contact(message: Message) -> str:
    """Return the one Contact."""
    return f"<{message.contacts.addresses[0].uri}>"


def call(
    a: Peer, b: Peer, *, records: bool = True, tag: str = "b-tag"
) -> tuple[tuple[Request, Request, Response], tuple[Dialog, Dialog]]:
    """Call b by two proxies and one more beyond; return INVITE as it came to b, the 180 and the 200 as they came to a."""
    invite = a.ask("INVITE", URI, *([BEFORE] if records else []), body=OFFER)
    arrived = b.request("INVITE")
    copied = Request(arrived.method, arrived.uri, [(field.name, field.value) for field in arrived.headers])
    if records:
        arrived.headers.add_first("Record-Route", BEYOND)
    b.answer(arrived, 180, tag=tag)
    ringing = a.response(180)
    b.answer(arrived, 200, body=ANSWER, tag=tag)
    ok = a.response(200)
    assert routes(ringing) == routes(ok) and contact(ringing) == contact(ok)
    ours = acknowledge(a, b, invite, ok)
    return (invite, copied, ok), (ours, dialog_of_server(copied, tag, is_accepted=True))


@pytest.mark.parametrize("is_proxy", [False, True])
@pytest.mark.parametrize("mode", [shown("SBCRemoteRepresentationMode", mode) for mode in MODES])
def test_how_a_call_is_represented_to_both_sides(mode: int, is_proxy: bool) -> None:
    profile, group = {"SBCRemoteRepresentationMode": mode}, AS_PROXY if is_proxy else {}
    keeps_nothing = {"SBCKeepVIAHeaders": 0, "SBCKeepRoutingHeaders": 0}
    both = {**profile, **keeps_nothing}
    world, a, b = two_servers({}, both, both, a_more=group, b_more=group)
    (_, got, ok), (ours, theirs) = call(a, b)
    wanted = (1 if is_proxy else 0) if mode < 0 else mode
    assert routes(got) == ([OURS] if wanted == 1 else [])
    assert routes(ok) == [*([OURS] if wanted == 1 else []), *BEFORE[1].split(", ")], "what the caller's proxies said is theirs"
    assert contact(got) == (a.contact if wanted else "<sip:a@10.0.0.1:5060;transport=udp>")
    assert contact(ok) == (b.contact if wanted else "<sip:200@10.0.0.1:5060;transport=udp>")
    a.send(ours, "INVITE", body=CHANGED)
    again = b.request("INVITE")
    assert contact(again) == contact(got) and not routes(again), "a route is recorded once"
    assert [str(one) for one in again.routes] == [BEYOND], "our leg goes by what its own side said"
    assert again.uri_text == "sip:b@10.0.2.1:5060"
    b.answer(again, 200, body=ANSWER)
    again_ok = a.response(200)
    assert contact(again_ok) == contact(ok)
    a.send(ours, "ACK", cseq=again_ok.cseq.number)
    b.request("ACK")
    b.send(theirs, "INFO")
    info = a.request("INFO")
    assert [str(one) for one in info.routes] == BEFORE[1].split(", ")
    a.answer(info, 200)
    b.response(200)
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("mode", [named("SBCRemoteRepresentationMode", mode) for mode in MODES])
def test_whose_contact_a_callee_sees_and_who_records_the_route(mode: int) -> None:
    _, a, b = two_servers({}, None, {"SBCRemoteRepresentationMode": mode})
    (_, got, ok), _ = call(a, b, records=False)
    assert (routes(got), contact(got)) == {
        -1: ([], "<sip:a@10.0.0.1:5060;transport=udp>"),
        0: ([], "<sip:a@10.0.0.1:5060;transport=udp>"),
        1: ([OURS], a.contact),
        2: ([], a.contact),
    }[mode]
    assert (routes(ok), contact(ok)) == ([], "<sip:200@10.0.0.1:5060;transport=udp>"), "the caller's profile is another one"


@pytest.mark.parametrize("mode", [named("SBCRemoteRepresentationMode", mode, case="caller") for mode in MODES])
def test_whose_contact_a_caller_sees_and_who_records_the_route(mode: int) -> None:
    _, a, b = two_servers({}, {"SBCRemoteRepresentationMode": mode})
    (_, got, ok), _ = call(a, b, records=False)
    assert (routes(ok), contact(ok)) == {
        -1: ([], "<sip:200@10.0.0.1:5060;transport=udp>"),
        0: ([], "<sip:200@10.0.0.1:5060;transport=udp>"),
        1: ([OURS], b.contact),
        2: ([], b.contact),
    }[mode]
    assert (routes(got), contact(got)) == ([], "<sip:a@10.0.0.1:5060;transport=udp>")


@pytest.mark.parametrize("mode", [named("SBCRemoteRepresentationMode", mode, case="by the SRD") for mode in (-1, 0)])
def test_the_operation_mode_of_the_srd_decides_where_nothing_else_does(mode: int) -> None:
    site = a_site({}, {"a": {"proxies": ["10.0.1.1"]}, "b": {"proxies": ["10.0.2.1"]}})
    assert not site.groups[1].profile.keeps_vias
    world, a, b = two_servers({}, None, {"SBCRemoteRepresentationMode": mode}, b_more=AS_PROXY)
    a.ask("INVITE", URI, body=OFFER)
    got = b.request("INVITE")
    assert (contact(got) == a.contact) is (mode < 0) and len(got.vias) == 2
    assert world.sbc.site.groups[0].profile.representation == 0


@pytest.mark.parametrize(("mode", "is_proxy"), [(-1, False), (-1, True), (0, True), (1, False)])
def test_refreshes_of_the_sbc_say_the_contact_that_the_side_knows(mode: int, is_proxy: bool) -> None:
    profile = {"SBCRemoteRepresentationMode": mode, "SBCSessionExpiresMode": 3}
    group = AS_PROXY if is_proxy else {}
    world, a, b = two_servers({"SBCSessionRefreshingPolicy": 1}, None, profile, b_more=group)
    (_, got, _), _ = call(a, b, records=False)
    world.run(95)
    refresh = b.request("INVITE")
    assert contact(refresh) == contact(got)


# Record-Route of others


@pytest.mark.parametrize("mode", [named("SBCKeepRoutingHeaders", mode) for mode in (-1, 0, 1)])
@pytest.mark.parametrize("represented", [0, 1])
def test_a_callee_sees_what_the_callers_side_recorded(mode: int, represented: int) -> None:
    profile = {"SBCKeepRoutingHeaders": mode, "SBCRemoteRepresentationMode": represented}
    world, a, b = two_servers({}, None, profile)
    (_, got, ok), (ours, _) = call(a, b)
    own = [OURS] if represented == 1 else []
    assert routes(got) == [*own, *(BEFORE[1].split(", ") if mode == 1 else [])]
    assert routes(ok) == BEFORE[1].split(", "), "a caller hears its own side alone"
    a.send(ours, "INFO")
    assert [str(one) for one in b.request("INFO").routes] == [BEYOND]
    world.run(100)


@pytest.mark.parametrize("mode", [named("SBCKeepRoutingHeaders", mode, case="caller") for mode in (-1, 0, 1)])
@pytest.mark.parametrize("represented", [0, 1])
def test_a_caller_sees_what_the_callees_side_recorded(mode: int, represented: int) -> None:
    profile = {"SBCKeepRoutingHeaders": mode, "SBCRemoteRepresentationMode": represented}
    _, a, b = two_servers({}, profile)
    (_, got, ok), _ = call(a, b)
    own = [OURS] if represented == 1 else []
    assert routes(ok) == [*([BEYOND] if mode == 1 else []), *own, *BEFORE[1].split(", ")]
    assert routes(got) == []


def test_all_of_it_on_both_sides_is_the_order_of_a_proxy() -> None:
    world, a, b = two_servers({}, a_more=AS_PROXY, b_more=AS_PROXY)
    (invite, got, ok), (ours, theirs) = call(a, b)
    assert routes(got) == [OURS, *BEFORE[1].split(", ")] and routes(ok) == [BEYOND, OURS, *BEFORE[1].split(", ")]
    assert [via.host for via in got.vias] == ["10.0.0.1", "10.0.1.1"] and [via.host for via in ok.vias] == ["10.0.1.1"]
    assert got.vias[1].branch == invite.via.branch
    hang_up(b, a, theirs)
    world.assert_both_legs_are_free()
    assert ours.id.call_id == ok.call_id


def test_an_answer_with_fewer_routes_than_were_recorded_leads_nowhere_wrong() -> None:
    world, a, b = two_servers({}, None, {"SBCKeepRoutingHeaders": 1, "SBCRemoteRepresentationMode": 1})
    a.ask("INVITE", URI, BEFORE, body=OFFER)
    arrived = b.request("INVITE")
    arrived.headers.remove("Record-Route")
    arrived.headers.add("Record-Route", OURS)
    b.answer(arrived, 200, body=ANSWER)
    a.response(200)
    b.inbox.clear()
    world.run(40)
    assert not b.request("ACK").routes


# Via


@pytest.mark.parametrize("mode", [named("SBCKeepVIAHeaders", mode) for mode in (-1, 0, 1)])
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "SUBSCRIBE"])
def test_which_vias_a_side_sees(mode: int, method: str) -> None:
    _, a, b = two_servers({}, None, {"SBCKeepVIAHeaders": mode})
    asked = a.ask(method, URI, *([("Event", "presence")] if method == "SUBSCRIBE" else []), body=OFFER)
    got = b.request(method)
    assert got.via.host == "10.0.0.1"
    assert [via.branch for via in got.vias[1:]] == ([asked.via.branch] if mode == 1 else [])
    b.answer(got, 486)
    if method == "INVITE":
        assert len(b.request("ACK").vias) == 1
    refused = a.response(486)
    assert [via.branch for via in refused.vias] == [asked.via.branch], "the answer takes one way alone"


@pytest.mark.parametrize("mode", [named("SBCKeepVIAHeaders", mode, case="in a call") for mode in (-1, 0, 1)])
@pytest.mark.parametrize("side", ["a", "b"])
def test_which_vias_requests_in_a_call_show(mode: int, side: str) -> None:
    profile: Mapping[str, int] = {"SBCKeepVIAHeaders": mode}
    world, a, b = two_servers({}, profile if side == "a" else None, profile if side == "b" else None)
    _, (ours, theirs) = call(a, b)
    sender, dialog, hearer = (b, theirs, a) if side == "a" else (a, ours, b)
    many = 2 if mode == 1 else 1
    for method in ("INFO", "UPDATE", "INVITE"):
        sender.send(dialog, method, body=CHANGED if method != "INFO" else b"")
        got = hearer.request(method)
        assert len(got.vias) == many, method
        hearer.answer(got, 200, body=ANSWER if method != "INFO" else b"")
        ok = sender.response(200)
        assert len(ok.vias) == 1
    sender.send(dialog, "ACK", cseq=ok.cseq.number)
    assert len(hearer.request("ACK").vias) == many
    sender.send(dialog, "BYE")
    sender.response(200)
    bye = hearer.request("BYE")
    assert len(bye.vias) == 1, "the SBC says BYE itself"
    hearer.answer(bye, 200)
    world.assert_both_legs_are_free()


def test_an_answer_with_other_vias_than_went_out_is_nobodys() -> None:
    _, a, b = two_servers({}, None, {"SBCKeepVIAHeaders": 1})
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    a.inbox.clear()
    whole = arrived.headers.all("Via")
    arrived.headers.set("Via", whole[0])
    b.answer(arrived, 486)
    assert a.heard == []
    arrived.headers.remove("Via")
    for line in whole:
        arrived.headers.add("Via", line)
    b.answer(arrived, 486)
    assert a.heard == ["486"]


# User-Agent and Server

OWN = "sipstub-sbc"
WRITERS = [named("SBCKeepUserAgentHeader", mode, mode == 1, case="in calls") for mode in (-1, 0, 1)]


@pytest.mark.parametrize(("mode", "is_kept"), WRITERS)
@pytest.mark.parametrize("side", ["a", "b"])
def test_who_wrote_a_message_of_a_call(mode: int, is_kept: bool, side: str) -> None:
    profile: Mapping[str, int] = {"SBCKeepUserAgentHeader": mode}
    world, a, b = two_servers({}, profile if side == "a" else None, profile if side == "b" else None)
    invite = a.ask("INVITE", URI, ("User-Agent", "A/1"), body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 200, ("Server", "B/1"), body=ANSWER)
    ok = a.response(200)
    wrote = {"a": OWN, "b": OWN, side: ("A/1" if side == "b" else "B/1") if is_kept else OWN}
    assert arrived.headers.all("User-Agent") == [wrote["b"]] and ok.headers.all("Server") == [wrote["a"]]
    ours = acknowledge(a, b, invite, ok)
    for method in ("INFO", "UPDATE"):
        a.send(ours, method, ("User-Agent", "A/1"), body=CHANGED if method == "UPDATE" else b"")
        asked = b.request(method)
        b.answer(asked, 200, ("Server", "B/1"), body=ANSWER if method == "UPDATE" else b"")
        assert asked.headers.all("User-Agent") == [wrote["b"]] and a.response(200).headers.all("Server") == [wrote["a"]]
    a.send(ours, "BYE", ("User-Agent", "A/1"))
    assert a.response(200).headers.all("Server") == [OWN], "the SBC answers it itself"
    bye = b.request("BYE")
    assert bye.headers.all("User-Agent") == [OWN], "and says its own"
    b.answer(bye, 200)
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 486, ("Server", "B/1"))
    b.request("ACK")
    assert a.response(486).headers.all("Server") == [wrote["a"]]
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(("mode", "is_kept"), WRITERS)
@pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE"])
def test_who_wrote_a_message_outside_of_calls(mode: int, is_kept: bool, method: str) -> None:
    profile = {"SBCKeepUserAgentHeader": mode}
    _, a, b = two_servers({}, profile, profile)
    a.ask(method, URI, ("User-Agent", "A/1"), *([("Event", "presence")] if method == "SUBSCRIBE" else []))
    asked = b.request(method)
    assert asked.headers.all("User-Agent") == ["A/1" if is_kept else OWN]
    b.answer(asked, 200, ("Server", "B/1"))
    said = a.response(200).headers.all("Server")
    assert said == (["B/1"] if is_kept else [OWN] if method == "SUBSCRIBE" else [])


@pytest.mark.parametrize(("mode", "is_kept"), WRITERS)
def test_who_wrote_a_register_and_its_answer(mode: int, is_kept: bool) -> None:
    profile = {"SBCKeepUserAgentHeader": mode}
    groups: dict[str, Mapping[str, object]] = {
        "phones": {"Type": "user", "profile": profile},
        "pbx": {"proxies": ["10.0.2.1:5060"], "profile": profile},
    }
    world = World(a_site({}, groups, (), ({"SrcAddress": "10.0.1.*", "SrcIPGroupName": "phones"},)))
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    me = "<sip:100@corp.example>"
    phone.ask("REGISTER", "sip:corp.example", ("User-Agent", "A/1"), from_=me, to=me)
    got = pbx.request("REGISTER")
    assert got.headers.all("User-Agent") == ["A/1" if is_kept else OWN]
    pbx.answer(got, 200, ("Server", "B/1"), contact=f"{contact(got)};expires=600")
    assert phone.response(200).headers.all("Server") == ["B/1" if is_kept else OWN]


def test_a_call_stateful_proxy_says_who_wrote_it() -> None:
    _, a, b = two_servers({}, b_more=AS_PROXY)
    a.ask("INVITE", URI, ("User-Agent", "A/1"), body=OFFER)
    assert b.request("INVITE").headers.all("User-Agent") == ["A/1"]


# REGISTER


@pytest.mark.parametrize(
    ("mode", "path", "shown_contact"),
    [
        named("SBCRemoteRepresentationMode", -1, [], "<sip:FEU1_1_1@10.0.0.1:5060;transport=udp>", case="REGISTER"),
        named("SBCRemoteRepresentationMode", 0, [], "<sip:FEU1_1_1@10.0.0.1:5060;transport=udp>", case="REGISTER"),
        named("SBCRemoteRepresentationMode", 1, [OURS], "<sip:100@10.0.1.1:5060>", case="REGISTER"),
        named("SBCRemoteRepresentationMode", 2, [], "<sip:100@10.0.1.1:5060>", case="REGISTER"),
    ],
)
def test_what_a_registrar_sees_of_a_phone_and_that_it_is_reached(mode: int, path: list[str], shown_contact: str) -> None:
    groups: dict[str, Mapping[str, object]] = {
        "phones": {"Type": "user"},
        "pbx": {"proxies": ["10.0.2.1:5060"], "profile": {"SBCRemoteRepresentationMode": mode, "SBCKeepVIAHeaders": 1}},
    }
    routes_ = ({"SrcIPGroupName": "phones", "DestIPGroupName": "pbx"}, {"SrcIPGroupName": "pbx", "DestIPGroupName": "phones"})
    world = World(a_site({}, groups, routes_, ({"SrcAddress": "10.0.1.*", "SrcIPGroupName": "phones"},)))
    phone, pbx = world.peer("100", "10.0.1.1"), world.peer("pbx", "10.0.2.1")
    me = "<sip:100@corp.example>"
    phone.ask("REGISTER", "sip:corp.example", ("Expires", "600"), from_=me, to=me)
    got = pbx.request("REGISTER")
    assert [str(one) for one in got.paths] == path and contact(got) == shown_contact
    assert len(got.vias) == 2 and (mode != 1 or "path" in got.supported)
    pbx.answer(got, 200, *[("Path", one) for one in path], contact=f"{contact(got)};expires=600")
    ok = phone.response(200)
    assert contact(ok) == "<sip:100@10.0.1.1:5060>" and not ok.paths
    pbx.ask("INVITE", contact(got).strip("<>"), *[("Route", one) for one in path], body=OFFER)
    arrived = phone.request("INVITE")
    assert arrived.uri_text == "sip:100@10.0.1.1:5060" and not arrived.routes
