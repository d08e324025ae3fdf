"""INVITE and UPDATE inside of a call, by what the other side can take; and what happens when several meet."""

from __future__ import annotations

import pytest
from sbc_proof import named
from sbc_world import ANSWER, CHANGED, OFFER, acknowledge, hang_up, place, two_servers

from sipstub.dialog.dialog import dialog_of_client, dialog_of_server
from sipstub.transaction.follow import cancel_for


@pytest.mark.parametrize(
    ("support", "body", "want"),
    [
        named("SBCRemoteUpdateSupport", 0, CHANGED, "INVITE"),
        named("SBCRemoteUpdateSupport", 0, b"", "INVITE"),
        named("SBCRemoteUpdateSupport", 1, CHANGED, "UPDATE"),
        named("SBCRemoteUpdateSupport", 2, CHANGED, "UPDATE"),
        named("SBCRemoteUpdateSupport", 3, CHANGED, "UPDATE"),
    ],
)
def test_an_update_reaches_the_other_side_as_it_can_take_it(support: int, body: bytes, want: str) -> None:
    world, a, b = two_servers(b={"SBCRemoteUpdateSupport": support})
    ours, _ = place(a, b)
    a.send(ours, "UPDATE", body=body)
    got = b.request(want)
    assert got.body == (body or OFFER), "without a description the last one, which changes nothing"
    b.answer(got, 200, body=ANSWER)
    assert a.response(200).body == (ANSWER if body else b"")
    if want == "INVITE":
        b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("support", "want"), [named("SBCRemoteUpdateSupport", *pair) for pair in ((0, ""), (1, ""), (2, "UPDATE"), (3, "UPDATE"))]
)
def test_an_update_before_the_answer(support: int, want: str) -> None:
    _, a, b = two_servers(b={"SBCRemoteUpdateSupport": support})
    invite = a.ask("INVITE", "sip:200@corp.example", body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 183, body=ANSWER)
    early = dialog_of_client(invite, a.response(183))
    assert early is not None
    a.send(early, "UPDATE")
    if want:
        b.answer(b.request("UPDATE"), 200)
    assert a.response(200) and b.heard == []


@pytest.mark.parametrize(
    ("support", "body", "want"),
    [
        named("SBCRemoteReinviteSupport", 0, CHANGED, "UPDATE"),
        named("SBCRemoteReinviteSupport", 0, b"", ""),
        named("SBCRemoteReinviteSupport", 1, CHANGED, "INVITE"),
        named("SBCRemoteReinviteSupport", 1, b"", ""),
        named("SBCRemoteReinviteSupport", 2, CHANGED, "INVITE"),
        named("SBCRemoteReinviteSupport", 2, b"", "INVITE"),
    ],
)
def test_a_reinvite_reaches_the_other_side_as_it_can_take_it(support: int, body: bytes, want: str) -> None:
    world, a, b = two_servers(b={"SBCRemoteReinviteSupport": support})
    ours, _ = place(a, b)
    a.send(ours, "INVITE", body=body)
    if want:
        b.answer(b.request(want), 200, body=ANSWER)
    assert a.response(200).body == ANSWER
    a.send(ours, "ACK", body=b"" if body else OFFER)
    if want == "INVITE":
        assert b.request("ACK").body == (b"" if body else OFFER)
    assert b.heard == []
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_a_side_that_takes_neither_hears_nothing() -> None:
    world, a, b = two_servers(b={"SBCRemoteReinviteSupport": 0, "SBCRemoteUpdateSupport": 0})
    ours, _ = place(a, b)
    for method in ("INVITE", "UPDATE"):
        a.send(ours, method, body=CHANGED)
        assert a.response(200).body == ANSWER and b.heard == []
        if method == "INVITE":
            a.send(ours, "ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("value", "want"), [named("SBC100TryingUponReinvite", 0, []), named("SBC100TryingUponReinvite", 1, ["100"])]
)
def test_trying_upon_a_reinvite(value: int, want: list[str]) -> None:
    world, a, b = two_servers({"SBC100TryingUponReinvite": value})
    ours, _ = place(a, b)
    a.send(ours, "INVITE", body=CHANGED)
    assert a.heard == want
    world.run(0.3)
    assert a.heard == ["100"], "late answers are announced in any case [choice]"
    b.answer(b.request("INVITE"), 488)
    a.response(488)
    b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_glare_on_both_legs_at_once_is_491_for_both() -> None:
    world, a, b = two_servers()
    ours, theirs = place(a, b)
    a.send(ours, "INVITE", body=CHANGED)
    b.send(theirs, "INVITE", body=CHANGED)
    arrived = b.request("INVITE")
    b.response(491)
    b.answer(arrived, 491)
    a.response(491)
    b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_a_reinvite_is_cancelled_on_the_other_leg() -> None:
    world, a, b = two_servers()
    ours, _ = place(a, b)
    invite = a.send(ours, "INVITE", body=CHANGED)
    arrived = b.request("INVITE")
    b.answer(arrived, 100)
    a.say(cancel_for(invite))
    a.response(200)
    b.answer(b.request("CANCEL"), 200)
    b.answer(arrived, 487)
    a.response(487)
    b.request("ACK")
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_a_bye_that_crosses_a_reinvite_frees_both_legs() -> None:
    world, a, b = two_servers()
    ours, theirs = place(a, b)
    a.send(ours, "INVITE", body=CHANGED)
    arrived = b.request("INVITE")
    hang_up(b, a, theirs)
    b.answer(arrived, 200, body=ANSWER)
    b.request("ACK")
    a.response(200)
    a.send(ours, "ACK")
    world.assert_both_legs_are_free()


def test_a_leg_that_vanishes_ends_the_other_when_something_is_asked_of_it() -> None:
    world, a, b = two_servers()
    ours, _ = place(a, b)
    a.send(ours, "INFO")
    world.run(40)
    assert "BYE" in a.heard
    world.assert_both_legs_are_free()


def test_a_481_in_a_call_ends_both_sides() -> None:
    world, a, b = two_servers()
    ours, _ = place(a, b)
    a.send(ours, "INFO")
    b.answer(b.request("INFO"), 481)
    a.response(481)
    a.answer(a.request("BYE"), 200)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("value", [named("SBCTerminateOptions", 0), named("SBCTerminateOptions", 1)])
def test_options_in_a_call(value: int) -> None:
    world, a, b = two_servers({"SBCTerminateOptions": value})
    ours, _ = place(a, b)
    sent = a.send(ours, "OPTIONS")
    if value == 0:
        got = b.request("OPTIONS")
        assert got.call_id != sent.call_id
        b.answer(got, 200, ("Accept-Language", "eo"))
        assert a.response(200).headers.get("accept-language") == "eo"
    else:
        assert "INVITE" in a.response(200).allow and b.heard == []
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("value", [named("SBCEnableByeAuthentication", 0), named("SBCEnableByeAuthentication", 1)])
def test_a_bye_that_is_challenged(value: int) -> None:
    world, a, b = two_servers({"SBCEnableByeAuthentication": value})
    ours, _ = place(a, b)
    a.send(ours, "BYE")
    got = b.request("BYE")
    if value == 0:
        a.response(200)
        b.answer(got, 407, ("Proxy-Authenticate", 'Digest realm="r", nonce="n"'))
    else:
        assert a.heard == []
        b.answer(got, 407, ("Proxy-Authenticate", 'Digest realm="r", nonce="n"'))
        assert a.response(407).headers.get("proxy-authenticate") == 'Digest realm="r", nonce="n"'
        assert world.sbc.relays, "the call goes on"
        a.send(ours, "BYE", ("Proxy-Authorization", 'Digest username="a", realm="r", nonce="n", uri="sip:b", response="00"'))
        b.answer(b.request("BYE"), 200)
        a.response(200)
    world.assert_both_legs_are_free()


def test_a_dialog_that_ended_here_is_unknown_there() -> None:
    world, a, b = two_servers()
    invite = a.ask("INVITE", "sip:200@corp.example", body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 200, body=ANSWER)
    ours = acknowledge(a, b, invite, a.response(200))
    theirs = dialog_of_server(arrived, "b-tag", is_accepted=True)
    hang_up(a, b, ours)
    b.send(theirs, "INVITE", body=CHANGED)
    b.response(481)
    world.assert_both_legs_are_free()


def test_a_bye_cancels_a_reinvite_that_still_has_no_answer() -> None:
    world, a, b = two_servers()
    ours, theirs = place(a, b)
    a.send(ours, "INVITE", body=CHANGED)
    arrived = b.request("INVITE")
    b.answer(arrived, 180)
    a.response(180)
    b.send(theirs, "BYE")
    b.response(200)
    b.answer(b.request("CANCEL"), 200)
    b.answer(arrived, 487)
    a.answer(a.request("BYE"), 200)
    a.response(487)
    b.request("ACK")
    world.assert_both_legs_are_free()
