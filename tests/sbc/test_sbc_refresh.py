"""Who refreshes a leg of the SBC's own, and by what: as its side can take it, and one of all who could."""

from __future__ import annotations

import pytest
from sbc_proof import named, proves, shown
from sbc_world import ANSWER, CHANGED, OFFER, Peer, acknowledge, hang_up
from test_sbc_session_timer import TIMER, URI, modes, said, talk

from sipstub.dialog.dialog import Dialog, dialog_of_server
from sipstub.sip.message import Request

UPDATES, NO_UPDATES = ("Allow", "INVITE, UPDATE"), ("Allow", "INVITE, BYE")
Header = tuple[str, str]


def takes(update: int, reinvite: int) -> dict[str, int]:
    return {"SBCRemoteUpdateSupport": update, "SBCRemoteReinviteSupport": reinvite}


def accept(peer: Peer, request: Request, *, role: str = "uac") -> None:
    """Agree to a refresh as it was asked for."""
    expires = request.session_expires
    assert expires is not None
    agreed = (("Session-Expires", f"{expires.seconds};refresher={role}"), ("Require", "timer"))
    peer.answer(request, 200, *agreed, body=ANSWER if request.body else b"")
    if request.method == "INVITE":
        peer.request("ACK")


@pytest.mark.parametrize(
    ("value", "update", "want"),
    [
        named("SBCRemoteReinviteSupport", 0, 1, "UPDATE"),
        named("SBCRemoteReinviteSupport", 0, 2, "UPDATE"),
        named("SBCRemoteReinviteSupport", 1, 2, "INVITE"),
        named("SBCRemoteReinviteSupport", 2, 2, "INVITE"),
        named("SBCRemoteReinviteSupport", 2, 0, "INVITE"),
    ],
)
def test_the_sbc_refreshes_a_side_by_what_it_takes(value: int, update: int, want: str) -> None:
    world, caller, callee = modes(0, 3, policy=1, b=takes(update, value))
    arrived, _, ours = talk(caller, callee)
    assert said(arrived) == "600;refresher=uac"
    for _ in range(2):
        world.run(301)
        refresh = callee.request(want)
        assert refresh.body == (OFFER if want == "INVITE" else b"")
        accept(callee, refresh)
    hang_up(caller, callee, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("value", "update"), [named("SBCRemoteReinviteSupport", 0, 0), named("SBCRemoteReinviteSupport", 0, 3, case="by Allow")]
)
def test_a_callee_that_may_take_no_refresh_is_asked_to_refresh_itself(value: int, update: int) -> None:
    world, caller, callee = modes(0, 3, policy=1, b=takes(update, value))
    arrived, _, ours = talk(caller, callee)
    assert said(arrived) == "600;refresher=uas"
    theirs = dialog_of_server(arrived, "b-tag", is_accepted=True)
    for _ in range(2):
        world.run(301)
        callee.send(theirs, "UPDATE", TIMER, ("Session-Expires", "600;refresher=uac"))
        assert said(callee.response(200)) == "600;refresher=uac"
    assert callee.heard == caller.heard == []
    hang_up(caller, callee, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("value", "update", "allow", "want"),
    [
        named("SBCRemoteReinviteSupport", 0, 0, UPDATES, ""),
        named("SBCRemoteReinviteSupport", 0, 3, NO_UPDATES, ""),
        named("SBCRemoteReinviteSupport", 0, 2, NO_UPDATES, "UPDATE"),
        named("SBCRemoteReinviteSupport", 2, 0, NO_UPDATES, "INVITE"),
    ],
)
@pytest.mark.parametrize("asked", [(), (TIMER, ("Session-Expires", "600;refresher=uas"))])
def test_a_caller_that_only_the_sbc_could_refresh_has_no_timer_where_it_takes_none(
    value: int, update: int, allow: Header, want: str, asked: tuple[Header, ...]
) -> None:
    world, caller, callee = modes(3, 2, a=takes(update, value))
    _, ok, ours = talk(caller, callee, allow, *asked)
    assert said(ok) == ("600;refresher=uas" if want else None)
    world.run(301)
    assert caller.heard == ([want] if want else [])
    if not want:
        world.run(5000)
        assert caller.heard == callee.heard == [], "nothing expires"
        hang_up(caller, callee, ours)
        world.assert_both_legs_are_free()


@proves("SBCRemoteReinviteSupport", 0)
@pytest.mark.parametrize(("update", "allow", "want"), [(0, UPDATES, "uac"), (3, NO_UPDATES, "uac"), (3, UPDATES, "uas")])
def test_a_caller_that_leaves_it_open_refreshes_where_the_sbc_cannot(update: int, allow: Header, want: str) -> None:
    _, caller, callee = modes(3, 2, policy=1, a=takes(update, 0))
    _, ok, _ = talk(caller, callee, allow, TIMER, ("Session-Expires", "600"))
    assert said(ok) == f"600;refresher={want}"
    if want == "uas":
        _, caller, callee = modes(3, 2, policy=1, a=takes(0, 0))
        assert said(talk(caller, callee, allow, TIMER, ("Session-Expires", "600"))[1]) == "600;refresher=uac"


@proves("SBCRemoteReinviteSupport", 0)
def test_a_callee_that_turns_out_to_take_no_update_has_no_timer_any_more() -> None:
    world, caller, callee = modes(0, 3, policy=1, b=takes(2, 0))
    _, _, ours = talk(caller, callee, agrees=False)
    world.run(301)
    callee.answer(callee.request("UPDATE"), 405)
    world.run(5000)
    assert caller.heard == callee.heard == []
    hang_up(caller, callee, ours)
    world.assert_both_legs_are_free()


# One refresher of several


def refresh(end: Peer, dialog: Dialog, other: Peer, text: str = "600;refresher=uac") -> None:
    """Refresh by UPDATE, which has to reach the other side."""
    end.send(dialog, "UPDATE", TIMER, ("Session-Expires", text))
    got = other.request("UPDATE")
    accept(other, got)
    assert said(end.response(200)) == text


@pytest.mark.parametrize("mode", [named("SBCSessionExpiresMode", 0), named("SBCSessionExpiresMode", 1)])
def test_a_caller_that_refreshes_keeps_both_legs_up_and_the_sbc_sends_none(mode: int) -> None:
    world, caller, callee = modes(mode, 3)
    got, ok, ours = talk(caller, callee, TIMER, ("Session-Expires", "1800;refresher=uac"))
    assert said(got) == said(ok) == "600;refresher=uac"
    for _ in range(4):
        world.run(300)
        assert callee.heard == []
        refresh(caller, ours, callee)
    world.run(562)
    assert callee.heard == [], "the callee hears of it what the caller does, and nothing else"
    hang_up(caller, callee, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(("mode", "end"), [named("SBCSessionExpiresMode", 0, 600), named("SBCSessionExpiresMode", 1, 568)])
def test_a_caller_that_should_refresh_and_does_not_ends_the_call(mode: int, end: int) -> None:
    world, caller, callee = modes(mode, 3)
    talk(caller, callee, TIMER, ("Session-Expires", "1800;refresher=uac"))
    world.run(end - 1)
    assert caller.heard == callee.heard == []
    world.run(2)
    assert caller.heard == callee.heard == ["BYE"]


@pytest.mark.parametrize("mode", [named("SBCSessionExpiresMode", 3)])
def test_a_callee_that_refreshes_keeps_both_legs_up_too(mode: int) -> None:
    world, caller, callee = modes(mode, 0)
    got, ok, ours = talk(caller, callee, TIMER, ("Session-Expires", "600;refresher=uas"))
    assert said(got) == said(ok) == "600;refresher=uas"
    theirs = dialog_of_server(got, "b-tag", is_accepted=True)
    for _ in range(3):
        world.run(300)
        assert caller.heard == []
        refresh(callee, theirs, caller)
    hang_up(caller, callee, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("mode", [named("SBCSessionExpiresMode", 3)])
def test_the_sbc_refreshes_a_leg_whose_interval_is_shorter_than_that_of_the_other_end(mode: int) -> None:
    world, caller, callee = modes(mode, 0)
    got, ok, _ = talk(caller, callee, TIMER, ("Session-Expires", "1800;refresher=uas"))
    assert (said(got), said(ok)) == ("1800;refresher=uas", "600;refresher=uas")
    world.run(301)
    accept(caller, caller.request("INVITE"))
    assert callee.heard == []


@pytest.mark.parametrize("policy", [shown("SBCSessionRefreshingPolicy", 0), shown("SBCSessionRefreshingPolicy", 1)])
@pytest.mark.parametrize("role", ["", ";refresher=uac"])
@pytest.mark.parametrize(("theirs", "want"), [(1800, 600), (600, 600), (300, 300)])
def test_a_callee_that_waits_for_refreshes_has_them_of_the_caller(policy: int, theirs: int, want: int, role: str) -> None:
    world, caller, callee = modes(3, 0, policy=policy)
    invite = caller.ask("INVITE", URI, TIMER, ("Session-Expires", f"1800{role}"), body=OFFER)
    arrived = callee.request("INVITE")
    callee.answer(arrived, 200, ("Session-Expires", f"{theirs};refresher=uac"), ("Require", "timer"), body=ANSWER)
    ok = caller.response(200)
    assert said(ok) == f"{want};refresher=uac"
    ours = acknowledge(caller, callee, invite, ok)
    for _ in range(3):
        world.run(want / 2)
        assert caller.heard == callee.heard == []
        refresh(caller, ours, callee, said(ok) or "")
    hang_up(caller, callee, ours)
    world.assert_both_legs_are_free()


def test_the_sbc_takes_over_when_the_caller_has_no_timer_any_more() -> None:
    world, caller, callee = modes(0, 3, policy=1)
    _, _, ours = talk(caller, callee, TIMER, ("Session-Expires", "600;refresher=uac"))
    caller.send(ours, "INVITE", body=CHANGED)
    agreed = (("Session-Expires", "600;refresher=uac"), ("Require", "timer"))
    callee.answer(callee.request("INVITE"), 200, *agreed, body=ANSWER)
    assert said(caller.response(200)) is None
    caller.send(ours, "ACK")
    callee.request("ACK")
    world.run(301)
    accept(callee, callee.request("INVITE"))
    assert caller.heard == []
