"""How long and how far calls go, and what their dialogs are called: durations, Max-Forwards, To tag, Call-ID."""

from __future__ import annotations

import pytest
from sbc_proof import named, proves, shown
from sbc_world import ANSWER, OFFER, a_site, acknowledge, hang_up, place, two_servers

from sipstub.dialog.dialog import dialog_of_client

URI = "sip:200@corp.example"


@pytest.mark.parametrize("minutes", [named("SBCMaxCallDuration", value) for value in (0, 1, 60, 35_791)])
def test_a_call_ends_after_the_longest_time(minutes: int) -> None:
    world, a, b = two_servers({"SBCMaxCallDuration": minutes})
    ours, _ = place(a, b)
    if not minutes:
        world.run(1e7)
        assert a.heard == b.heard == []
        hang_up(a, b, ours)
    else:
        world.run(minutes * 60 - 1)
        assert a.heard == b.heard == []
        world.run(2)
        for peer in (a, b):
            peer.answer(peer.request("BYE"), 200)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("minutes", [named("IpProfile.SBCMaxCallDuration", value) for value in (0, 1, 35_791)])
@pytest.mark.parametrize("side", ["a", "b"])
def test_the_profile_of_either_leg_has_a_longest_time_too(minutes: int, side: str) -> None:
    world, a, b = two_servers({}, **{side: {"SBCMaxCallDuration": minutes}})  # type: ignore[arg-type]
    place(a, b)
    world.run(minutes * 60 - 1 if minutes else 1e7)
    assert a.heard == b.heard == []
    world.run(2)
    assert a.heard == b.heard == (["BYE"] if minutes else [])


def test_a_profile_without_limit_lifts_the_global_one_for_its_leg() -> None:
    values = {"SBCMaxCallDuration": 1}
    world, a, b = two_servers(values, {"SBCMaxCallDuration": 0}, {"SBCMaxCallDuration": 0})
    place(a, b)
    world.run(3600)
    assert a.heard == b.heard == []


@pytest.mark.parametrize("limit", [named("SBCAlertTimeout", value) for value in (1, 5, 600, 3600)])
def test_a_callee_that_rings_and_never_answers(limit: int) -> None:
    world, a, b = two_servers({"SBCAlertTimeout": limit})
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 100)
    world.run(limit * 0.8)
    b.answer(arrived, 180)
    a.response(180)
    world.run(limit * 0.9)
    assert a.heard == [], "the clock began anew with the 180"
    world.run(limit * 0.1 + 1)
    b.answer(b.request("CANCEL"), 200)
    b.answer(arrived, 487)
    assert a.response(408), "the code is documented nowhere [choice]"
    b.request("ACK")
    world.assert_both_legs_are_free()


def test_a_callee_that_only_says_trying_is_given_up_too() -> None:
    world, a, b = two_servers({"SBCAlertTimeout": 5})
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 100)
    world.run(5.1)
    assert a.response(408)
    b.request("CANCEL")
    world.assert_both_legs_are_free()


@proves("SBCAlertTimeout", 0)
def test_no_limit_leaves_a_call_to_the_limit_of_sip() -> None:
    world, a, b = two_servers({"SBCAlertTimeout": 0})
    a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 100)
    world.run(100)
    b.answer(arrived, 180)
    a.response(180)
    world.run(599)
    assert a.heard == b.heard == []
    world.run(2)
    b.answer(b.request("CANCEL"), 200)
    b.answer(arrived, 487)
    assert a.response(408)
    world.assert_both_legs_are_free()


def test_a_longer_time_to_ring_holds_from_the_next_call_after_settings_are_read_again() -> None:
    world, a, b = two_servers({"SBCAlertTimeout": 60})
    groups = {"a": {"proxies": ["10.0.1.1:5060"]}, "b": {"proxies": ["10.0.2.1:5060"]}}
    world.sbc.reload(a_site({"SBCAlertTimeout": 3600}, groups), world.now)
    a.ask("INVITE", URI, body=OFFER)
    b.answer(b.request("INVITE"), 180)
    a.response(180)
    world.run(3590)
    assert a.heard == b.heard == []
    world.run(20)
    assert a.response(408)
    b.request("CANCEL")
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("limit", "received", "sent"),
    [
        (named if received > 2 else shown)("SBCMaxForwardsLimit", limit, received, sent, case=received)
        for limit, pairs in {
            1: ((0, None), (1, 0), (2, 1), (70, 1)),
            5: ((4, 3), (5, 4), (6, 5), (70, 5)),
            10: ((0, None), (1, 0), (5, 4), (9, 8), (10, 9), (11, 10), (70, 10)),
            70: ((0, None), (1, 0), (69, 68), (70, 69), (71, 70)),
        }.items()
        for received, sent in pairs
    ],
)
def test_max_forwards(limit: int, received: int, sent: int | None) -> None:
    world, a, b = two_servers({"SBCMaxForwardsLimit": limit})
    for method in ("INVITE", "MESSAGE"):
        a.ask(method, URI, forwards=received)
        if sent is None:
            a.response(483)
            assert b.inbox == []
        else:
            arrived = b.request(method)
            assert arrived.max_forwards == sent
            b.answer(arrived, 603)
            a.response(603)
            b.inbox.clear()
    world.assert_both_legs_are_free()


def test_a_spiral_comes_to_an_end() -> None:
    """The callee sends the call back to the SBC again and again; Max-Forwards, which never grows, ends it."""
    world, a, b = two_servers({"SBCMaxForwardsLimit": 10})
    a.ask("INVITE", URI, body=OFFER)
    for _ in range(20):
        if not b.inbox or b.heard[0] != "INVITE":
            break
        arrived = b.request("INVITE")
        received = arrived.max_forwards
        assert received is not None
        # b's own requests are routed to a; have a send on what it gets, as a proxy in a loop would
        a_sent = a.ask("INVITE", URI, forwards=received, body=OFFER)
        assert a_sent
    assert a.response(483)
    world.run(100)
    world.run(7300)
    world.assert_both_legs_are_free()


LONG_TAG = "a" * 40


@pytest.mark.parametrize("value", [named("ForceGenerateToTag", 0), named("ForceGenerateToTag", 1)])
def test_the_to_tag_that_the_caller_sees(value: int) -> None:
    world, a, b = two_servers({"ForceGenerateToTag": value})
    invite = a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 180, tag=LONG_TAG)
    first = a.response(180).to.tag or ""
    b.answer(arrived, 200, body=ANSWER, tag=LONG_TAG)
    ok = a.response(200)
    assert ok.to.tag == first
    assert (first == LONG_TAG) if value == 0 else (0 < len(first) <= 12)
    ours = dialog_of_client(invite, ok)
    assert ours is not None
    a.send(ours, "ACK")
    assert b.request("ACK").to.tag == LONG_TAG
    a.send(ours, "BYE")
    a.response(200)
    assert b.request("BYE").to.tag == LONG_TAG
    world.run(40)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("value", [named("SBCKeepOriginalCallId", 0), named("SBCKeepOriginalCallId", 1)])
def test_the_call_id_of_the_other_leg(value: int) -> None:
    world, a, b = two_servers({"SBCKeepOriginalCallId": value})
    invite = a.ask("INVITE", URI, body=OFFER)
    arrived = b.request("INVITE")
    assert (arrived.call_id == invite.call_id) is (value == 1)
    b.answer(arrived, 200, body=ANSWER)
    ours = acknowledge(a, b, invite, a.response(200))
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


OWN = ((-1, 0, False), (-1, 1, True), (1, 0, True), (0, 1, False))


@pytest.mark.parametrize(("own", "value", "same"), [named("IPGroup.SBCKeepOriginalCallID", *row, case=row[1]) for row in OWN])
def test_the_group_goes_before_the_global_setting(own: int, value: int, same: bool) -> None:
    _, a, b = two_servers({"SBCKeepOriginalCallId": value}, b_more={"SBCKeepOriginalCallID": own})
    invite = a.ask("INVITE", URI, body=OFFER)
    assert (b.request("INVITE").call_id == invite.call_id) is same
