"""3xx through the SBC: what the caller is told, or who is called instead."""

from __future__ import annotations

import pytest
from sbc_proof import named
from sbc_world import ANSWER, OFFER, acknowledge, hang_up, three_servers, two_servers

from sipstub.sbc.marks import LIFE_S, MAX_ENTRIES
from sipstub.sip.uri import SipUri

URI = "sip:200@corp.example"
WHERE = "sip:300@203.0.113.9:5070;transport=tcp;x=y"


@pytest.mark.parametrize(
    ("mode", "name", "want"),
    [
        named(name, mode, name, want)
        for name in ("SBC3xxBehavior", "SBCRemote3xxBehavior")
        for mode, want in (
            (0, f'"N. N."<{WHERE}>;q=0.50'),
            (1, '"N. N." <sip:T~&R-_k1_300@10.0.0.1:5060;transport=udp>;q=0.50'),
            (3, '"N. N." <sip:300@here.example:5070;transport=tcp;x=y>;q=0.50'),
            (4, '"N. N." <sip:300@10.0.0.1:5060;transport=udp;x=y>;q=0.50'),
        )
    ],
)
def test_the_contact_that_the_caller_gets(mode: int, name: str, want: str) -> None:
    values, profile = ({name: mode}, {}) if name == "SBC3xxBehavior" else ({}, {name: mode})
    world, a, b = two_servers(values, profile, a_more={"SIPGroupName": "here.example"})
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 302, ("Contact", f'"N. N."<{WHERE}>;q=0.50'))
    b.request("ACK")
    assert a.response(302).headers.get("contact") == want
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(("group", "want"), [({"LocalHostName": "sbc.example"}, "sbc.example"), ({}, "10.0.0.1")])
def test_local_host_is_its_name_or_our_address(group: dict[str, str], want: str) -> None:
    _, a, b = two_servers({"SBC3xxBehavior": 4}, a_more=group)
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 302, ("Contact", "<sip:300@203.0.113.9>"))
    assert a.response(302).headers.get("contact") == f"<sip:300@{want}>"


@pytest.mark.parametrize("mode", range(5))
@pytest.mark.parametrize(
    ("method", "more"),
    [("MESSAGE", ()), ("SUBSCRIBE", (("Event", "dialog"),)), ("REFER", (("Refer-To", "<sip:300@x.example>"),))],
)
def test_other_requests_than_calls_are_sent_elsewhere_to_the_letter(
    method: str, more: tuple[tuple[str, str], ...], mode: int
) -> None:
    world, a, b = two_servers({"SBC3xxBehavior": mode}, a_more={"SIPGroupName": "here.example"})
    a.ask(method, URI, *more)
    b.answer(b.request(method), 302, ("Contact", f'"N. N."<{WHERE}>;q=0.50'))
    assert a.response(302).headers.all("contact") == [f'"N. N."<{WHERE}>;q=0.50']
    world.assert_both_legs_are_free()


def test_a_group_without_a_name_changes_nothing() -> None:
    _, a, b = two_servers({"SBC3xxBehavior": 3})
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 302, ("Contact", f"<{WHERE}>"))
    assert a.response(302).headers.get("contact") == f"<{WHERE}>"


@pytest.mark.parametrize(("mode", "name"), [named("SBC3xxBehavior", 2, "SBC3xxBehavior"), named("SBCRemote3xxBehavior", 2, "")])
def test_the_other_places_are_called_by_preference(mode: int, name: str) -> None:
    world, a, b, c = three_servers({name: mode}) if name else three_servers({}, {"SBCRemote3xxBehavior": mode})
    invite = a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 302, ("Contact", "<sip:301@x.example>;q=0.2, <sip:302@x.example>;q=0.8"))
    b.request("ACK")
    first = c.request("INVITE")
    assert first.uri_text == "sip:302@x.example" and first.call_id != invite.call_id
    c.answer(first, 486)
    c.request("ACK")
    second = c.request("INVITE")
    assert second.uri_text == "sip:301@x.example"
    c.answer(second, 200, body=ANSWER)
    ours = acknowledge(a, c, invite, a.response(200))
    hang_up(a, c, ours)
    world.assert_both_legs_are_free()


def test_a_redirection_in_a_circle_comes_to_an_end() -> None:
    world, a, _, c = three_servers({"SBC3xxBehavior": 2})
    a.ask("INVITE", "sip:300@x.example", body=OFFER)
    count = 0
    while c.inbox and count < 100:
        arrived = c.request("INVITE")
        c.answer(arrived, 302, ("Contact", "<sip:300@x.example>"))
        c.request("ACK")
        count += 1
    assert count == 16
    assert a.next()
    world.assert_both_legs_are_free()


def test_the_new_call_id_of_a_redirection_is_new_though_it_is_to_be_kept() -> None:
    _, a, b, c = three_servers({"SBC3xxBehavior": 2, "SBCKeepOriginalCallId": 1})
    invite = a.ask("INVITE", URI, body=OFFER)
    got = b.request("INVITE")
    assert got.call_id == invite.call_id
    b.answer(got, 302, ("Contact", "<sip:301@x.example>"))
    assert c.request("INVITE").call_id != invite.call_id


@pytest.mark.parametrize(("prefix", "want"), [named("SBCXferPrefix", "", "300"), named("SBCXferPrefix", "*98", "*98300")])
def test_the_marked_call_comes_back_and_goes_on_to_the_place_that_was_remembered(prefix: str, want: str) -> None:
    _, a, b = two_servers({"SBC3xxBehavior": 1, "SBCXferPrefix": prefix})
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 302, ("Contact", "<sip:300@pbx.example:5070;transport=tcp;param=a>;q=0.5"))
    b.request("ACK")
    contact = a.response(302).contacts.addresses[0]
    assert contact.q == 0.5
    a.ask("INVITE", str(contact.uri), body=OFFER)
    assert b.request("INVITE").uri_text == f"sip:{want}@pbx.example:5070;transport=tcp;param=a"


def test_fifty_places_are_remembered_and_each_for_two_hours() -> None:
    world, *_ = two_servers({"SBC3xxBehavior": 1})
    marks, own = world.sbc.marks, SipUri("10.0.0.1")
    uris = [marks.marked(SipUri(f"h{number}.example", "x"), own, 0.0) for number in range(MAX_ENTRIES + 1)]
    assert len(marks) == MAX_ENTRIES
    assert marks.restored(uris[0], "", 1.0) == uris[0], "the first made room"
    assert str(marks.restored(uris[50], "", LIFE_S - 1)) == "sip:T~&R-x@h50.example"
    assert str(marks.restored(uris[50], "", 2 * LIFE_S - 2)) == "sip:T~&R-x@h50.example", "two hours after the last use"
    assert marks.restored(uris[1], "", 2 * LIFE_S) == uris[1]


def test_a_call_to_a_place_that_is_forgotten_goes_nowhere() -> None:
    world, a, b = two_servers({"SBC3xxBehavior": 1})
    found = []
    for number in range(MAX_ENTRIES + 1):
        a.ask("INVITE", URI, body=OFFER)
        b.answer(b.request("INVITE"), 302, ("Contact", f"<sip:300@h{number}.example>"))
        b.request("ACK")
        found.append(str(a.response(302).contacts.addresses[0].uri))
    a.ask("INVITE", found[0], body=OFFER)
    assert a.response(404) and b.inbox == []
    a.ask("INVITE", found[1], body=OFFER)
    assert b.request("INVITE").uri_text == "sip:300@h1.example"
    world.run(LIFE_S + 1)
    b.inbox.clear()
    a.inbox.clear()
    a.ask("INVITE", found[2], body=OFFER)
    assert a.response(404) and b.inbox == []


def test_a_redirection_that_names_no_place_is_not_shown_to_the_caller() -> None:
    world, a, b = two_servers({"SBC3xxBehavior": 2})
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 302)
    b.request("ACK")
    assert a.response(480).contacts.addresses == ()
    world.assert_both_legs_are_free()


def test_a_place_that_is_used_outlives_one_that_is_not() -> None:
    world, *_ = two_servers()
    marks, own = world.sbc.marks, SipUri("10.0.0.1")
    one = marks.marked(SipUri("one.example", "x"), own, 0.0)
    two = marks.marked(SipUri("two.example", "x"), own, 10.0)
    assert marks.restored(one, "", 20.0) != one
    assert marks.is_lost(two, LIFE_S + 15.0) and not marks.is_lost(one, LIFE_S + 15.0)
    for number in range(MAX_ENTRIES - 1):
        marks.marked(SipUri(f"h{number}.example", "x"), own, LIFE_S + 16.0)
        marks.restored(one, "", LIFE_S + 16.0)
    marks.marked(SipUri("last.example", "x"), own, LIFE_S + 17.0)
    assert not marks.is_lost(one, LIFE_S + 17.0), "who was used least makes room"


def test_other_parameters_make_no_other_entry() -> None:
    world, *_ = two_servers()
    marks, own = world.sbc.marks, SipUri("10.0.0.1")
    one = marks.marked(SipUri.parse("sip:1@h.example:5070;transport=tcp;a=1"), own, 0.0)
    two = marks.marked(SipUri.parse("sip:2@h.example:5070;transport=tcp;a=2"), own, 0.0)
    assert len(marks) == 1 and str(one).partition("_k1_")[0] == str(two).partition("_k1_")[0]
