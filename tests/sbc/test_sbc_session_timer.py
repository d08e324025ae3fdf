"""Session timers through the SBC, by Session Expires Mode of both legs and the global settings, as both ends see them."""

from __future__ import annotations

import pytest
from sbc_proof import named, shown
from sbc_world import ANSWER, CHANGED, OFFER, Peer, World, acknowledge, hang_up, place, two_servers

from sipstub.dialog.dialog import Dialog, dialog_of_server
from sipstub.sip.message import Message, Request, Response

URI = "sip:200@corp.example"
TIMER = ("Supported", "timer")


def said(message: Message) -> str | None:
    """Return Session-Expires as it stands."""
    return message.headers.get("session-expires")


def modes(
    first: int, second: int, *, minimum: int = 0, expires: int = 600, policy: int = 0, **more: dict[str, int]
) -> tuple[World, Peer, Peer]:
    """Return a world with these modes of the two legs."""
    values = {"SBCSessionExpires": expires, "SBCMinSE": minimum, "SBCSessionRefreshingPolicy": policy}
    return two_servers(
        values,
        {"SBCSessionExpiresMode": first, **more.get("a", {})},
        {"SBCSessionExpiresMode": second, **more.get("b", {})},
    )


def talk(
    caller: Peer, callee: Peer, *asked: tuple[str, str], refresher: str = "", agrees: bool = True
) -> tuple[Request, Response, Dialog]:
    """Call; the callee agrees to whatever timer it is asked for, or takes no notice of any.

    Return the INVITE that it got, the 200 that the caller got, and the caller's dialog.
    """
    invite = caller.ask("INVITE", URI, *asked, body=OFFER)
    arrived = callee.request("INVITE")
    agreed: list[tuple[str, str]] = []
    if agrees and arrived.session_expires is not None:
        role = refresher or arrived.session_expires.refresher or "uac"
        agreed = [("Session-Expires", f"{arrived.session_expires.seconds};refresher={role}"), ("Require", "timer")]
    callee.answer(arrived, 200, *agreed, body=ANSWER)
    ok = caller.response(200)
    return arrived, ok, acknowledge(caller, callee, invite, ok)


CARRIED, OWN_A, OWN_B = "1800", "600;refresher=uac", "600;refresher=uas"
PAIRS = {
    # mode of the caller's leg, of the callee's: what the INVITE says there, what the 200 says here
    (0, 0): (CARRIED, "1800;refresher=uac"),
    (0, 1): (CARRIED, "1800;refresher=uac"),
    (0, 2): (None, None),
    (0, 3): (OWN_B, OWN_B),
    (1, 0): (CARRIED, "1800;refresher=uac"),
    (1, 1): (CARRIED, "1800;refresher=uac"),
    (1, 2): (None, None),
    (1, 3): (OWN_B, OWN_B),
    (2, 0): (None, None),
    (2, 1): (None, None),
    (2, 2): (None, None),
    (2, 3): (OWN_B, None),
    (3, 0): (CARRIED, OWN_A),
    (3, 1): (CARRIED, OWN_A),
    (3, 2): (None, OWN_A),
    (3, 3): (OWN_B, OWN_A),
}


@pytest.mark.parametrize(
    ("a", "b", "invite", "ok"),
    [named("SBCSessionExpiresMode", *pair, *want, case=pair[1]) for pair, want in PAIRS.items()],
)
def test_what_both_legs_say_where_the_caller_asks_for_a_timer(a: int, b: int, invite: str | None, ok: str | None) -> None:
    world, caller, callee = modes(a, b)
    got, answered, dialog = talk(caller, callee, TIMER, ("Session-Expires", CARRIED))
    assert (said(got), said(answered)) == (invite, ok)
    assert ("timer" in got.supported) is (invite is not None), "the tag goes with the timer"
    assert ("timer" in answered.require) is (ok is not None), "the caller is told that there is a timer (RFC 4028 section 9)"
    hang_up(caller, callee, dialog)
    world.assert_both_legs_are_free()


SILENT = {pair: (OWN_B if pair[1] == 3 else None, OWN_A if pair[0] == 3 else None) for pair in PAIRS}


@pytest.mark.parametrize(
    ("a", "b", "invite", "ok"),
    [named("SBCSessionExpiresMode", *pair, *want, case=pair[1]) for pair, want in SILENT.items()],
)
def test_what_both_legs_say_where_the_caller_knows_timers_and_asks_for_none(
    a: int, b: int, invite: str | None, ok: str | None
) -> None:
    world, caller, callee = modes(a, b)
    got, answered, dialog = talk(caller, callee, TIMER)
    assert (said(got), said(answered)) == (invite, ok)
    hang_up(caller, callee, dialog)
    world.assert_both_legs_are_free()


# Who is hung up when nobody refreshes, and when: seconds after the answer; None is never
SILENCE = {
    (0, 0): None,
    (0, 1): 1768,
    (0, 2): None,
    (0, 3): 568,
    (1, 0): 1768,
    (1, 1): 1768,
    (1, 2): None,
    (1, 3): 568,
    (2, 0): None,
    (2, 1): None,
    (2, 2): None,
    (2, 3): 568,
    (3, 0): 568,
    (3, 1): 568,
    (3, 2): 568,
    (3, 3): 568,
}


@pytest.mark.parametrize(
    ("a", "b", "when"),
    [
        (shown if pair in ((0, 3), (1, 3), (2, 3)) else named)("SBCSessionExpiresMode", *pair, at, case=pair[1])
        for pair, at in SILENCE.items()
    ],
)
def test_when_both_legs_end_if_nobody_refreshes(a: int, b: int, when: int | None) -> None:
    world, caller, callee = modes(a, b)
    _, _, dialog = talk(caller, callee, TIMER, ("Session-Expires", CARRIED))
    start = world.now
    world.run((when or 7200) - 1)
    assert caller.heard == callee.heard == [], "too early"
    if when is None:
        hang_up(caller, callee, dialog)
    else:
        world.run(2)
        assert caller.heard == callee.heard == ["BYE"]
        byes = {to: at for at, _, to, message in reversed(world.log) if isinstance(message, Request) and message.method == "BYE"}
        assert {to: at - start for to, at in byes.items()} == {"a": when, "b": when}
        for peer in (caller, callee):
            peer.answer(peer.request("BYE"), 200)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("policy", "want"), [named("SBCSessionRefreshingPolicy", 0, "uas"), named("SBCSessionRefreshingPolicy", 1, "uac")]
)
def test_the_refresher_that_the_sbc_writes_in_its_invite(policy: int, want: str) -> None:
    _world, caller, callee = modes(0, 3, policy=policy, expires=120)
    got, _, _ = talk(caller, callee)
    assert said(got) == f"120;refresher={want}" and got.supported == ("timer",)


@pytest.mark.parametrize(
    ("policy", "want"), [named("SBCSessionRefreshingPolicy", 0, "uac"), named("SBCSessionRefreshingPolicy", 1, "uas")]
)
def test_the_refresher_that_the_sbc_writes_in_its_200_is_the_other_word_for_the_same(policy: int, want: str) -> None:
    _world, caller, callee = modes(3, 0, policy=policy)
    _, ok, _ = talk(caller, callee, TIMER)
    assert said(ok) == f"600;refresher={want}"


@pytest.mark.parametrize("policy", [shown("SBCSessionRefreshingPolicy", 0), shown("SBCSessionRefreshingPolicy", 1)])
def test_a_caller_without_timers_is_refreshed_by_the_sbc_whatever_the_policy(policy: int) -> None:
    world, caller, callee = modes(3, 2, policy=policy)
    _, ok, dialog = talk(caller, callee)
    assert said(ok) == "600;refresher=uas" and ok.require == ()
    world.run(301)
    refresh = caller.request("INVITE")
    assert refresh.body == ANSWER, "the same description, o= line and all"
    caller.answer(refresh, 200, body=OFFER)
    caller.request("ACK")
    assert callee.heard == []
    hang_up(caller, callee, dialog)
    world.assert_both_legs_are_free()


def test_a_caller_without_timers_is_refreshed_after_a_change_of_the_callee_too() -> None:
    world, caller, callee = modes(3, 2, policy=0)
    arrived, _, dialog = talk(caller, callee)
    theirs = dialog_of_server(arrived, "b-tag", is_accepted=True)
    world.run(100)
    callee.send(theirs, "INVITE", body=CHANGED)
    caller.answer(caller.request("INVITE"), 200, body=OFFER)
    callee.response(200)
    callee.send(theirs, "ACK")
    caller.request("ACK")
    for _ in range(3):
        world.run(301)
        caller.answer(caller.request("INVITE"), 200, body=OFFER)
        caller.request("ACK")
    assert callee.heard == []
    hang_up(caller, callee, dialog)
    world.assert_both_legs_are_free()


def test_policy_1_refreshes_a_callee_without_timers_and_notices_when_it_is_gone() -> None:
    world, caller, callee = modes(0, 3, policy=1)
    talk(caller, callee, agrees=False)
    for _ in range(3):
        world.run(300)
        callee.answer(callee.request("INVITE"), 200, body=ANSWER)
        callee.request("ACK")
    world.run(300)
    callee.request("INVITE")
    world.run(40)
    assert callee.heard == ["BYE"] and caller.heard == ["BYE"]
    caller.answer(caller.request("BYE"), 200)
    world.assert_both_legs_are_free()


def test_policy_0_leaves_a_callee_without_timers_without_an_end() -> None:
    world, caller, callee = modes(0, 3, policy=0)
    _, _, dialog = talk(caller, callee, agrees=False)
    world.run(7200)
    assert caller.heard == callee.heard == []
    hang_up(caller, callee, dialog)
    world.assert_both_legs_are_free()


# SBCMinSE: below, minimum, default, inside, maximum, above; the reader of settings refuses what is out of range


@pytest.mark.parametrize(
    ("minimum", "want"),
    [named("SBCMinSE", *pair) for pair in ((0, None), (1, "90"), (89, "90"), (90, "90"), (300, "300"), (1_000_000, "1000000"))],
)
def test_min_se_in_the_invite_of_the_sbc(minimum: int, want: str | None) -> None:
    _world, caller, callee = modes(0, 3, minimum=minimum, expires=180)
    got, _, _ = talk(caller, callee)
    assert got.headers.get("min-se") == want
    assert got.session_expires is not None and got.session_expires.seconds == max(180, minimum)


@pytest.mark.parametrize(
    ("minimum", "status"),
    [named("SBCMinSE", *pair) for pair in ((0, 200), (90, 200), (91, 422), (300, 422), (1_000_000, 422))],
)
def test_an_interval_of_90_that_is_asked_for(minimum: int, status: int) -> None:
    world, caller, callee = modes(3, 0, minimum=minimum)
    caller.ask("INVITE", URI, TIMER, ("Session-Expires", "90"), body=OFFER)
    if status == 422:
        assert caller.response(422).headers.get("min-se") == str(minimum) and callee.inbox == []
    else:
        callee.answer(callee.request("INVITE"), 200, body=ANSWER)
        assert said(caller.response(200)) == "90;refresher=uac"
        world.run(40)
    world.run(100)
    for peer in (caller, callee):
        while peer.inbox:
            found = peer.inbox.pop(0)
            if isinstance(found, Request) and found.method == "BYE":
                peer.answer(found, 200)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("minimum", "least"), [named("SBCMinSE", *pair) for pair in ((0, None), (1, "90"), (89, "90"), (90, "90"))]
)
def test_an_interval_of_60_that_is_asked_for_is_refused_only_where_there_is_a_minimum(minimum: int, least: str | None) -> None:
    _world, caller, callee = modes(3, 0, minimum=minimum)
    caller.ask("INVITE", URI, TIMER, ("Session-Expires", "60;refresher=uac"), body=OFFER)
    if least is None:
        callee.answer(callee.request("INVITE"), 200, body=ANSWER)
        ok = caller.response(200)
        assert said(ok) == "60;refresher=uac" and ok.headers.get("min-se") is None
    else:
        assert caller.response(422).headers.get("min-se") == least and callee.inbox == []


def test_an_interval_under_the_minimum_is_taken_from_a_caller_without_timers() -> None:
    _world, caller, callee = modes(3, 0, minimum=300)
    caller.ask("INVITE", URI, ("Session-Expires", "90"), body=OFFER)
    callee.answer(callee.request("INVITE"), 200, body=ANSWER)
    assert said(caller.response(200)) == "90;refresher=uas"


@pytest.mark.parametrize(
    "expires",
    [
        named("SBCSessionExpires", 90),
        named("SBCSessionExpires", 180),
        named("SBCSessionExpires", 1800),
        named("SBCSessionExpires", 86400),
    ],
)
def test_the_interval_that_the_sbc_asks_for(expires: int) -> None:
    _world, caller, callee = modes(2, 3, expires=expires)
    got, _, _ = talk(caller, callee)
    assert said(got) == f"{expires};refresher=uas"


@pytest.mark.parametrize("mode", [named("SBCSessionExpiresMode", mode) for mode in (2, 3)])
@pytest.mark.parametrize("method", ["INFO", "MESSAGE", "REFER", "NOTIFY", "UPDATE", "INVITE"])
@pytest.mark.parametrize("tags", ["timer, replaces", "replaces"])
def test_every_request_says_whether_there_are_timers_on_its_leg(method: str, mode: int, tags: str) -> None:
    world, caller, callee = modes(0, mode)
    _, _, dialog = talk(caller, callee, ("Supported", tags))
    more = {"REFER": [("Refer-To", "<sip:300@corp.example>")], "NOTIFY": [("Event", "x"), ("Subscription-State", "active")]}
    caller.send(dialog, method, ("Supported", tags), *more.get(method, []), body=CHANGED if method == "INVITE" else b"")
    got = callee.request(method)
    assert sorted(got.supported) == (["replaces", "timer"] if mode == 3 else ["replaces"])
    callee.answer(got, 200, ("Supported", "timer"), body=ANSWER if method == "INVITE" else b"")
    caller.response(200)
    if method == "INVITE":
        caller.send(dialog, "ACK")
        callee.request("ACK")
    hang_up(caller, callee, dialog)
    world.assert_both_legs_are_free()


def test_what_the_sbc_asks_by_itself_says_so_too() -> None:
    _, caller, callee = modes(3, 3, b={"SBCRemoteReferBehavior": 3})
    _, _, dialog = talk(caller, callee, TIMER)
    caller.send(dialog, "REFER", ("Refer-To", "<sip:300@corp.example>"))
    caller.response(202)
    assert caller.request("NOTIFY").supported == ("timer",)


def test_a_side_without_timers_hears_of_none_in_answers() -> None:
    _, caller, callee = modes(2, 0)
    _, _, dialog = talk(caller, callee)
    caller.send(dialog, "INFO")
    callee.answer(callee.request("INFO"), 200, ("Supported", "timer, replaces"))
    assert caller.response(200).supported == ("replaces",)


@pytest.mark.parametrize(("a", "b"), [(mode, 2) for mode in range(4)] + [(2, 0), (2, 1)])
def test_a_side_without_timers_neither_hears_nor_causes_a_422(a: int, b: int) -> None:
    world, caller, callee = modes(a, b)
    caller.ask("INVITE", URI, TIMER, ("Session-Expires", "600"), body=OFFER)
    callee.answer(callee.request("INVITE"), 422, ("Min-SE", "900"))
    callee.request("ACK")
    assert "min-se" not in caller.response(488).headers
    ours, _ = place(caller, callee, URI, TIMER)
    caller.send(ours, "INVITE", TIMER, ("Session-Expires", "600"), body=CHANGED)
    callee.answer(callee.request("INVITE"), 422, ("Min-SE", "900"))
    callee.request("ACK")
    assert "min-se" not in caller.response(488).headers
    caller.send(ours, "ACK")
    hang_up(caller, callee, ours)
    world.assert_both_legs_are_free()


def test_a_422_on_a_leg_of_our_own_is_followed_by_a_longer_interval() -> None:
    _world, caller, callee = modes(0, 3, expires=180)
    caller.ask("INVITE", URI, body=OFFER)
    first = callee.request("INVITE")
    callee.answer(first, 422, ("Min-SE", "500"))
    callee.request("ACK")
    second = callee.request("INVITE")
    assert said(second) == "500;refresher=uas" and second.headers.get("min-se") == "500"
    assert second.call_id == first.call_id and second.cseq.number == first.cseq.number + 1
    callee.answer(second, 200, ("Session-Expires", "500;refresher=uas"), ("Require", "timer"), body=ANSWER)
    caller.response(200)


@pytest.mark.parametrize("mode", [named("SBCSessionExpiresMode", 0), named("SBCSessionExpiresMode", 1)])
def test_a_422_goes_to_the_caller_where_the_timer_is_carried(mode: int) -> None:
    _world, caller, callee = modes(mode, mode)
    caller.ask("INVITE", URI, TIMER, ("Session-Expires", "90"), body=OFFER)
    callee.answer(callee.request("INVITE"), 422, ("Min-SE", "500"))
    assert caller.response(422).headers.get("min-se") == "500"


@pytest.mark.parametrize(
    ("mode", "status"), [named("SBCSessionExpiresMode", *pair) for pair in ((0, 0), (1, 0), (2, 420), (3, 0))]
)
def test_a_caller_that_insists_on_timers(mode: int, status: int) -> None:
    world, caller, callee = modes(mode, 0)
    caller.ask("INVITE", URI, TIMER, ("Require", "timer"), ("Session-Expires", "1800"), body=OFFER)
    if status:
        assert caller.response(status).unsupported == ("timer",) and callee.inbox == []
        world.assert_both_legs_are_free()
    else:
        assert callee.request("INVITE").require == ("timer",)


# Refreshes


@pytest.mark.parametrize(
    ("support", "allow", "want"),
    [
        named("SBCRemoteUpdateSupport", 0, "INVITE, UPDATE", "INVITE"),
        named("SBCRemoteUpdateSupport", 1, "INVITE, UPDATE", "INVITE"),
        named("SBCRemoteUpdateSupport", 2, "INVITE, UPDATE", "INVITE"),
        named("SBCRemoteUpdateSupport", 3, "INVITE, UPDATE", "UPDATE"),
        shown("SBCRemoteUpdateSupport", 3, "INVITE, BYE", "INVITE", case="but Allow"),
    ],
)
def test_the_method_of_a_refresh_that_the_sbc_makes(support: int, allow: str, want: str) -> None:
    world, caller, callee = modes(0, 3, policy=1, b={"SBCRemoteUpdateSupport": support})
    invite = caller.ask("INVITE", URI, body=OFFER)
    arrived = callee.request("INVITE")
    callee.answer(arrived, 200, ("Session-Expires", "600;refresher=uac"), ("Require", "timer"), ("Allow", allow), body=ANSWER)
    acknowledge(caller, callee, invite, caller.response(200))
    world.run(299)
    assert callee.heard == []
    world.run(2)
    refresh = callee.request(want)
    assert said(refresh) == "600;refresher=uac" and refresh.body == (OFFER if want == "INVITE" else b"")
    callee.answer(
        refresh, 200, ("Session-Expires", "600;refresher=uac"), ("Require", "timer"), body=ANSWER if want == "INVITE" else b""
    )
    if want == "INVITE":
        callee.request("ACK")
    assert caller.heard == []
    world.run(310)
    assert callee.heard == [want]


def test_a_refresh_of_a_leg_of_our_own_is_answered_there() -> None:
    _world, caller, callee = modes(3, 3)
    _, _, dialog = talk(caller, callee, TIMER, ("Session-Expires", "600;refresher=uac"))
    for method, body in (("UPDATE", b""), ("INVITE", OFFER)):
        caller.send(dialog, method, TIMER, ("Session-Expires", "600;refresher=uac"), body=body)
        ok = caller.response(200)
        assert said(ok) == "600;refresher=uac" and ok.require == ("timer",) and ok.body == (ANSWER if body else b"")
        if method == "INVITE":
            caller.send(dialog, "ACK")
        assert callee.heard == []


def test_a_change_on_a_leg_of_our_own_is_passed_on_and_refreshes_both() -> None:
    world, caller, callee = modes(3, 3)
    _, _, dialog = talk(caller, callee, TIMER, ("Session-Expires", "600;refresher=uac"))
    world.run(500)
    caller.send(dialog, "INVITE", TIMER, ("Session-Expires", "600;refresher=uac"), body=CHANGED)
    got = callee.request("INVITE")
    assert got.body == CHANGED and said(got) == "600;refresher=uas"
    callee.answer(got, 200, ("Session-Expires", "600;refresher=uas"), ("Require", "timer"), body=ANSWER)
    assert said(caller.response(200)) == "600;refresher=uac"
    caller.send(dialog, "ACK")
    callee.request("ACK")
    world.run(560)
    assert caller.heard == callee.heard == []
    world.run(10)
    assert caller.heard == callee.heard == ["BYE"]


@pytest.mark.parametrize("mode", [named("SBCSessionExpiresMode", 0), named("SBCSessionExpiresMode", 1)])
def test_a_refresh_is_passed_on_where_the_timer_is_carried(mode: int) -> None:
    world, caller, callee = modes(mode, mode)
    _, _, dialog = talk(caller, callee, TIMER, ("Session-Expires", "1800"))
    for _ in range(3):
        world.run(900)
        caller.send(dialog, "UPDATE", TIMER, ("Session-Expires", "1800;refresher=uac"))
        got = callee.request("UPDATE")
        assert said(got) == "1800;refresher=uac"
        callee.answer(got, 200, ("Session-Expires", "1800;refresher=uac"), ("Require", "timer"))
        assert said(caller.response(200)) == "1800;refresher=uac"
    hang_up(caller, callee, dialog)
    world.assert_both_legs_are_free()


def test_nothing_but_a_2xx_puts_the_end_off_for_an_observer() -> None:
    world, caller, callee = modes(1, 1)
    _, _, dialog = talk(caller, callee, TIMER, ("Session-Expires", "1800"))
    world.run(900)
    caller.send(dialog, "UPDATE", TIMER, ("Session-Expires", "1800;refresher=uac"))
    callee.answer(callee.request("UPDATE"), 500)
    caller.response(500)
    world.run(869)
    assert caller.heard == callee.heard == ["BYE"]


def test_a_2xx_without_an_interval_stops_the_clock_of_an_observer() -> None:
    world, caller, callee = modes(1, 1)
    _, _, dialog = talk(caller, callee, TIMER, ("Session-Expires", "1800"))
    caller.send(dialog, "UPDATE")
    callee.answer(callee.request("UPDATE"), 200)
    caller.response(200)
    world.run(7200)
    assert caller.heard == callee.heard == []


def test_a_refresh_of_the_callee_reaches_a_caller_whose_timer_it_carries() -> None:
    """Leg pair 0/3: the caller's timer lives on what the callee's leg agreed, so its refreshes have to arrive [inferred]."""
    world, caller, callee = modes(0, 3)
    got, ok, _ = talk(caller, callee, TIMER, ("Session-Expires", "1800"))
    assert said(ok) == "600;refresher=uas"
    theirs = dialog_of_server(got, "b-tag", is_accepted=True)
    world.run(300)
    callee.send(theirs, "UPDATE", TIMER, ("Session-Expires", "600;refresher=uac"))
    refresh = caller.request("UPDATE")
    caller.answer(refresh, 200, ("Session-Expires", "600;refresher=uac"), ("Require", "timer"))
    assert said(callee.response(200)) == "600;refresher=uac"
    world.run(560)
    assert caller.heard == callee.heard == []


@pytest.mark.parametrize(("value", "status"), [named("EnableSBCApplication", 0, 503), named("EnableSBCApplication", 1, 0)])
def test_the_master_switch(value: int, status: int) -> None:
    world, caller, callee = two_servers({"EnableSBCApplication": value})
    caller.ask("INVITE", URI, body=OFFER)
    if status:
        caller.response(status)
        assert callee.inbox == [] and world.told
        world.assert_both_legs_are_free()
    else:
        callee.request("INVITE")


def test_place_is_what_other_tests_do() -> None:
    world, caller, callee = modes(3, 3)
    ours, _ = place(caller, callee)
    hang_up(caller, callee, ours)
    world.assert_both_legs_are_free()
