"""INVITE with Replaces for a side that cannot: the SBC joins the new side and hangs up on the replaced one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sbc_proof import named, proves
from sbc_world import ANSWER, CHANGED, OFFER, Peer, World, a_site, acknowledge, hang_up, place

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.dialog.refer import sipfrag_status
from sipstub.sip.message import Request, Response
from sipstub.sip.uri import escape

TARGET = "sip:300@corp.example"
OF_B = OFFER.replace(b"10.0.1.1", b"10.0.2.1").replace(b"o=- 1 1", b"o=- 7 1")
OF_C = ANSWER.replace(b"10.0.2.1", b"10.0.3.1")
LOCALLY = {"SBCRemoteReplacesBehavior": 1}
ROUTES = (
    {"DestUsernamePrefix": "3*", "DestIPGroupName": "c"},
    {"DestUsernamePrefix": "1*", "DestIPGroupName": "a"},
    {"DestIPGroupName": "b"},
)


def a_world(
    c: Mapping[str, int] = LOCALLY,
    a: Mapping[str, int] | None = None,
    b: Mapping[str, int] | None = None,
    values: dict[str, int | str] | None = None,
    **more: Mapping[str, object],
) -> tuple[World, Peer, Peer, Peer]:
    """Return a world of three sides: numbers with 1 are a's, with 3 c's, all others b's."""
    groups = {
        name: {"proxies": [f"10.0.{number}.1:5060"], "profile": profile or {}, **more.get(f"{name}_more", {})}
        for number, (name, profile) in enumerate((("a", a), ("b", b), ("c", c)), 1)
    }
    world = World(a_site(values or {}, groups, ROUTES))
    return world, world.peer("a", "10.0.1.1"), world.peer("b", "10.0.2.1"), world.peer("c", "10.0.3.1")


def naming(dialog: Dialog) -> str:
    """Return Replaces that names a dialog as the other side of it knows it."""
    return f"{dialog.id.call_id};to-tag={dialog.id.remote_tag};from-tag={dialog.id.local_tag}"


def consulted(a: Peer, c: Peer) -> tuple[Dialog, Dialog]:
    """Have a call c; the numbers with 3 go there."""
    invite = a.ask("INVITE", TARGET, body=OFFER)
    arrived = c.request("INVITE")
    c.answer(arrived, 200, body=OF_C)
    return acknowledge(a, c, invite, a.response(200)), dialog_of_server(arrived, "c-tag", is_accepted=True)


def joined(b: Peer, c: Peer, at_c: Dialog, replaces: str, *headers: tuple[str, str]) -> tuple[Request, Request]:
    """Have b ask to take the place of a; return its INVITE, and what c is asked."""
    invite = b.ask("INVITE", TARGET, ("Replaces", replaces), ("Require", "replaces"), *headers, body=OF_B)
    asked = c.request("INVITE")
    assert (asked.call_id, asked.to.tag, asked.from_.tag) == (at_c.id.call_id, at_c.id.local_tag, at_c.id.remote_tag)
    return invite, asked


@proves("SBCRemoteReplacesBehavior", 1)
def test_the_new_side_takes_the_place_of_the_other_one() -> None:
    world, a, b, c = a_world()
    ours, at_c = consulted(a, c)
    invite, asked = joined(b, c, at_c, naming(ours))
    assert asked.body == OF_B and asked.replaces is None and "replaces" not in asked.require, "c is asked nothing that it cannot"
    assert b"10.0.2.1" not in asked.to_bytes().replace(OF_B, b""), "and sees nothing of the way of b"
    assert a.heard == [], "nobody is hung up on before c agrees"
    c.answer(asked, 200, body=OF_C)
    ok = b.response(200)
    assert ok.body == OF_C and b"10.0.3.1" not in ok.to_bytes().replace(OF_C, b"") and ok.to.tag
    bye = a.request("BYE")
    assert (bye.call_id, bye.to.tag) == (ours.id.call_id, ours.id.local_tag)
    a.answer(bye, 200)
    new = acknowledge(b, c, invite, ok)
    c.send(at_c, "INFO")
    b.answer(b.request("INFO"), 200)
    c.response(200)
    b.send(new, "INVITE", body=CHANGED)
    again = c.request("INVITE")
    assert again.body == CHANGED
    c.answer(again, 200, body=OF_C)
    b.send(new, "ACK", cseq=b.response(200).cseq.number)
    c.request("ACK")
    assert world.sbc.dialogs == 2
    hang_up(c, b, at_c)
    assert a.heard == []
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("mode", [named("SBCRemoteReplacesBehavior", mode, case="wire") for mode in (0, 1, 2)])
def test_who_carries_it_out(mode: int) -> None:
    _, a, b, c = a_world({"SBCRemoteReplacesBehavior": mode})
    ours, at_c = consulted(a, c)
    b.ask("INVITE", TARGET, ("Replaces", naming(ours)), body=OF_B)
    asked = c.request("INVITE")
    if mode == 1:
        assert asked.to.tag and asked.replaces is None
    else:
        theirs = at_c.id
        known = f"{theirs.call_id};to-tag={theirs.local_tag};from-tag={theirs.remote_tag}"
        assert not asked.to.tag and str(asked.replaces) == (naming(ours) if mode == 2 else known)


def test_the_profile_is_that_of_the_side_that_stays() -> None:
    _, a, b, c = a_world({}, LOCALLY, LOCALLY)
    ours, _ = consulted(a, c)
    b.ask("INVITE", TARGET, ("Replaces", naming(ours)), body=OF_B)
    assert c.request("INVITE").replaces is not None


def test_the_dialog_may_be_named_as_the_side_that_stays_knows_it() -> None:
    world, a, b, c = a_world()
    _, at_c = consulted(a, c)
    own = at_c.id
    invite, asked = joined(b, c, at_c, f"{own.call_id};to-tag={own.local_tag};from-tag={own.remote_tag}")
    c.answer(asked, 200, body=OF_C)
    acknowledge(b, c, invite, b.response(200))
    a.answer(a.request("BYE"), 200)
    hang_up(c, b, at_c)
    world.assert_both_legs_are_free()


def test_a_callee_may_be_replaced_too() -> None:
    world, a, b, c = a_world({}, LOCALLY)
    ours, theirs = place(a, b, "sip:200@corp.example")
    invite = c.ask("INVITE", "sip:100@corp.example", ("Replaces", naming(theirs)), body=OF_C)
    asked = a.request("INVITE")
    assert asked.call_id == ours.id.call_id and asked.body == OF_C
    a.answer(asked, 200, body=CHANGED)
    ok = c.response(200)
    b.answer(b.request("BYE"), 200)
    new = dialog_of_client(invite, ok)
    assert new is not None
    c.send(new, "ACK")
    a.request("ACK")
    hang_up(a, c, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("status", [486, 488, 491, 500, 603])
def test_a_side_that_refuses_the_new_one_keeps_the_old_one(status: int) -> None:
    world, a, b, c = a_world()
    ours, at_c = consulted(a, c)
    _, asked = joined(b, c, at_c, naming(ours))
    c.answer(asked, status)
    c.request("ACK")
    refused = b.response(status)
    assert refused.to.tag and world.sbc.dialogs == 2
    a.send(ours, "INFO")
    c.answer(c.request("INFO"), 200)
    a.response(200)
    hang_up(a, c, ours)
    world.assert_both_legs_are_free()


def test_a_side_that_is_gone_ends_all_of_it() -> None:
    world, a, b, c = a_world()
    ours, at_c = consulted(a, c)
    _, asked = joined(b, c, at_c, naming(ours))
    c.answer(asked, 481)
    c.request("ACK")
    b.response(481)
    a.answer(a.request("BYE"), 200)
    world.assert_both_legs_are_free()


def test_a_side_that_never_answers_refuses_the_new_one() -> None:
    world, a, b, c = a_world()
    ours, at_c = consulted(a, c)
    joined(b, c, at_c, naming(ours))
    world.run(40)
    b.response(408)
    a.answer(a.request("BYE"), 200)
    world.assert_both_legs_are_free()


def test_the_new_side_may_call_it_off() -> None:
    world, a, b, c = a_world()
    ours, at_c = consulted(a, c)
    invite, asked = joined(b, c, at_c, naming(ours))
    c.answer(asked, 100)
    b.say(cancel_of(invite))
    assert b.response(200).cseq.method == "CANCEL"
    c.answer(c.request("CANCEL"), 200)
    c.answer(asked, 487)
    c.request("ACK")
    b.response(487)
    hang_up(a, c, ours)
    world.assert_both_legs_are_free()


def cancel_of(invite: Request) -> Request:
    """Return its CANCEL."""
    made = Request("CANCEL", invite.uri)
    for name in ("Via", "From", "To", "Call-ID"):
        made.headers.add(name, invite.headers.get(name.lower()) or "")
    made.headers.add("CSeq", f"{invite.cseq.number} CANCEL")
    made.headers.add("Max-Forwards", 70)
    return made


def test_the_replaced_side_may_hang_up_meanwhile() -> None:
    world, a, b, c = a_world()
    ours, at_c = consulted(a, c)
    _, asked = joined(b, c, at_c, naming(ours))
    a.send(ours, "BYE")
    a.response(200)
    c.answer(c.request("BYE"), 200)
    c.answer(asked, 200, body=OF_C)
    c.request("ACK")
    b.response(481)
    world.assert_both_legs_are_free()


def test_two_at_once_are_one_too_many() -> None:
    world, a, b, c = a_world()
    ours, at_c = consulted(a, c)
    invite, asked = joined(b, c, at_c, naming(ours))
    b.ask("INVITE", TARGET, ("Replaces", naming(ours)), body=OF_B)
    b.response(491)
    c.answer(asked, 200, body=OF_C)
    acknowledge(b, c, invite, b.response(200))
    a.answer(a.request("BYE"), 200)
    b.ask("INVITE", TARGET, ("Replaces", naming(ours)), body=OF_B)
    b.response(481)
    hang_up(c, b, at_c)
    world.assert_both_legs_are_free()


def test_side_after_side_leaves_nothing_behind() -> None:
    world, a, b, c = a_world()
    ours, at_c = consulted(a, c)
    replaced, dialog = a, ours
    for number in range(6):
        joiner = (b, a)[number % 2]
        invite, asked = joined(joiner, c, at_c, naming(dialog))
        c.answer(asked, 200, body=OF_C)
        ok = joiner.response(200)
        replaced.answer(replaced.request("BYE"), 200)
        replaced, dialog = joiner, acknowledge(joiner, c, invite, ok)
    (call,) = world.sbc.relays
    assert len(call.legs) == 2 and world.sbc.dialogs == 2
    hang_up(c, replaced, at_c)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(
    ("replaces", "more", "status"),
    [
        ("nobody;to-tag=1;from-tag=2", (), 481),
        ("{};early-only", (), 486),
        ("{}", (("Replaces", "nobody;to-tag=1;from-tag=2"),), 400),
        ("{}", (("Join", "nobody;to-tag=1;from-tag=2"),), 400),
    ],
)
def test_what_cannot_be_replaced(replaces: str, more: tuple[tuple[str, str], ...], status: int) -> None:
    world, a, b, c = a_world()
    ours, _ = consulted(a, c)
    b.ask("INVITE", TARGET, ("Replaces", replaces.format(naming(ours))), *more, body=OF_B)
    b.response(status)
    assert a.heard == c.heard == []
    hang_up(a, c, ours)
    world.assert_both_legs_are_free()


def test_a_call_that_is_being_changed_is_not_replaced_now() -> None:
    world, a, b, c = a_world()
    ours, _ = consulted(a, c)
    a.send(ours, "INVITE", body=CHANGED)
    asked = c.request("INVITE")
    b.ask("INVITE", TARGET, ("Replaces", naming(ours)), body=OF_B)
    b.response(491)
    c.answer(asked, 200, body=OF_C)
    b.ask("INVITE", TARGET, ("Replaces", naming(ours)), body=OF_B)
    b.response(491)
    a.send(ours, "ACK", cseq=a.response(200).cseq.number)
    c.request("ACK")
    hang_up(a, c, ours)
    world.assert_both_legs_are_free()


def test_an_offer_may_come_from_the_side_that_stays() -> None:
    world, a, b, c = a_world()
    ours, _ = consulted(a, c)
    invite = b.ask("INVITE", TARGET, ("Replaces", naming(ours)))
    asked = c.request("INVITE")
    assert not asked.body and asked.to.tag
    c.answer(asked, 200, body=OF_C)
    ok = b.response(200)
    assert ok.body == OF_C
    new = dialog_of_client(invite, ok)
    assert new is not None
    b.send(new, "ACK", body=OF_B)
    assert c.request("ACK").body == OF_B
    a.answer(a.request("BYE"), 200)
    hang_up(b, c, new)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize(("update", "status"), [(2, 200), (0, 488)])
def test_a_side_that_takes_no_reinvite_is_asked_by_update(update: int, status: int) -> None:
    world, a, b, c = a_world({**LOCALLY, "SBCRemoteReinviteSupport": 0, "SBCRemoteUpdateSupport": update})
    ours, at_c = consulted(a, c)
    b.ask("INVITE", TARGET, ("Replaces", naming(ours)), body=OF_B)
    if status == 200:
        c.answer(c.request("UPDATE"), 200, body=OF_C)
        a.answer(a.request("BYE"), 200)
        assert b.response(200).body == OF_C
        world.run(40)
        assert b.heard == ["BYE"], "nobody acknowledged"
    else:
        b.response(488)
        assert c.heard == [], "it can be told nothing, and media would have to go straight to b"
        hang_up(a, c, ours)
        world.assert_both_legs_are_free()
    assert at_c.id.call_id != ours.id.call_id


@pytest.mark.parametrize("mode", [0, 2, 3])
def test_session_timers_of_the_new_side_are_its_own(mode: int) -> None:
    world, a, b, c = a_world(LOCALLY, None, {"SBCSessionExpiresMode": mode})
    ours, at_c = consulted(a, c)
    timer = (("Session-Expires", "1800;refresher=uas"), ("Supported", "timer"))
    invite, asked = joined(b, c, at_c, naming(ours), *timer)
    assert (asked.headers.get("session-expires") is not None) is (mode != 2)
    c.answer(asked, 200, body=OF_C)
    ok = b.response(200)
    assert (ok.headers.get("session-expires") is not None) is (mode == 3)
    acknowledge(b, c, invite, ok)
    a.answer(a.request("BYE"), 200)
    if mode == 3:
        world.run(95)
        refresh = b.request("INVITE")
        assert refresh.body == OF_C
        b.answer(refresh, 200, ("Session-Expires", "180;refresher=uac"), body=OF_B)
        b.request("ACK")
    hang_up(c, b, at_c)
    world.assert_both_legs_are_free()


def test_a_new_side_without_a_timer_that_is_long_enough_is_refused_on_its_leg() -> None:
    world, a, b, c = a_world(LOCALLY, None, {"SBCSessionExpiresMode": 3}, {"SBCMinSE": 90})
    ours, _ = consulted(a, c)
    timer = (("Session-Expires", "60"), ("Supported", "timer"))
    b.ask("INVITE", TARGET, ("Replaces", naming(ours)), *timer, body=OF_B)
    assert b.response(422).to.tag and c.heard == []
    hang_up(a, c, ours)
    world.assert_both_legs_are_free()


# Calls that ring


def ringing(a: Peer, b: Peer) -> tuple[Request, Request, Dialog]:
    """Have a call b, which rings; return both INVITEs and the dialog of b."""
    invite = a.ask("INVITE", "sip:200@corp.example", body=OFFER)
    arrived = b.request("INVITE")
    b.answer(arrived, 180)
    a.response(180)
    return invite, arrived, dialog_of_server(arrived, "b-tag", is_accepted=False)


@proves("SBCRemoteReplacesBehavior", 1)
def test_a_call_that_rings_is_picked_up_for_its_caller() -> None:
    world, a, b, c = a_world({}, LOCALLY)
    invite, arrived, theirs = ringing(a, b)
    pick_up = c.ask("INVITE", "sip:100@corp.example", ("Replaces", f"{naming(theirs)};early-only"), body=OF_C)
    ok = c.response(200)
    assert ok.body == OFFER, "what the caller offers is the answer to who picks it up"
    cancel = b.request("CANCEL")
    assert "Call completed elsewhere" in (cancel.headers.get("reason") or "")
    b.answer(cancel, 200)
    b.answer(arrived, 487)
    b.request("ACK")
    connected = a.response(200)
    assert connected.body == OF_C and connected.to.tag == "b-tag", "the caller's dialog is the one that it knows"
    ours, new = dialog_of_client(invite, connected), dialog_of_client(pick_up, ok)
    assert ours is not None and new is not None
    a.send(ours, "ACK")
    c.send(new, "ACK")
    a.send(ours, "INFO")
    c.answer(c.request("INFO"), 200)
    a.response(200)
    hang_up(a, c, ours)
    assert b.heard == []
    world.assert_both_legs_are_free()


def test_a_phone_that_answers_while_it_is_called_off_is_hung_up_on() -> None:
    world, a, b, c = a_world({}, LOCALLY)
    _, arrived, theirs = ringing(a, b)
    c.ask("INVITE", "sip:100@corp.example", ("Replaces", naming(theirs)), body=OF_C)
    b.answer(arrived, 200, body=ANSWER)
    b.inbox = [one for one in b.inbox if isinstance(one, Request) and one.method != "CANCEL"]
    b.request("ACK")
    b.answer(b.request("BYE"), 200)
    assert a.response(200).body == OF_C
    c.response(200)
    world.run(40)
    a.answer(a.request("BYE"), 200)
    c.answer(c.request("BYE"), 200)
    world.assert_both_legs_are_free()


def test_a_side_that_rings_is_given_no_other_caller() -> None:
    world, a, b, c = a_world({}, None, LOCALLY)
    invite, arrived, theirs = ringing(a, b)
    early = f"{invite.call_id};to-tag=b-tag;from-tag={invite.from_.tag}"
    c.ask("INVITE", "sip:200@corp.example", ("Replaces", early), body=OF_C)
    c.response(481)
    b.answer(arrived, 486)
    b.request("ACK")
    a.response(486)
    world.assert_both_legs_are_free()
    assert theirs.is_ended is False


OTHER_CODER = OF_C.replace(b"RTP/AVP 8", b"RTP/AVP 18")


@pytest.mark.parametrize("body", [b"", OTHER_CODER, b"not a description"])
def test_offers_that_do_not_meet_leave_the_phone_ringing(body: bytes) -> None:
    world, a, b, c = a_world({}, LOCALLY)
    invite, arrived, theirs = ringing(a, b)
    c.ask("INVITE", "sip:100@corp.example", ("Replaces", naming(theirs)), body=body)
    c.response(488)
    b.answer(arrived, 200, body=ANSWER)
    ours = acknowledge(a, b, invite, a.response(200))
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_both_hear_of_what_they_have_in_common_alone() -> None:
    world, a, b, c = a_world({}, LOCALLY)
    many = OFFER.replace(b"RTP/AVP 8", b"RTP/AVP 0 8 101") + b"a=rtpmap:101 telephone-event/8000\r\n"
    invite = a.ask("INVITE", "sip:200@corp.example", body=many)
    arrived = b.request("INVITE")
    b.answer(arrived, 180)
    a.response(180)
    theirs = dialog_of_server(arrived, "b-tag", is_accepted=False)
    c.ask("INVITE", "sip:100@corp.example", ("Replaces", naming(theirs)), body=OF_C)
    to_c, to_a = c.response(200), a.response(200)
    assert b"RTP/AVP 8\r\n" in to_c.body and b"telephone-event" not in to_c.body and b"10.0.1.1" in to_c.body
    assert to_a.body == OF_C
    assert isinstance(to_a, Response) and invite.call_id == to_a.call_id and world.sbc.dialogs == 3


# An attended transfer that the SBC carries out to a side that knows no Replaces

BOTH = {"SBCRemoteReplacesBehavior": 1}
REFERS = {"SBCReferBehavior": 3}


def two_calls(**more: Mapping[str, int]) -> tuple[World, Peer, Peer, Peer, tuple[Dialog, Dialog], tuple[Dialog, Dialog]]:
    """Return a's calls with b and with c, who knows no Replaces."""
    world, a, b, c = a_world(more.get("c", BOTH), None, more.get("b"), {**REFERS})
    first = place(a, b, "sip:200@corp.example")
    return world, a, b, c, first, consulted(a, c)


def refer(a: Peer, ours: Dialog, to: Dialog, user: str = "300") -> None:
    """Have a refer b to c, up to the first NOTIFY."""
    escaped = escape(naming(to)).replace("=", "%3D")
    a.send(ours, "REFER", ("Refer-To", f"<sip:{user}@corp.example?Replaces={escaped}>"))
    a.response(202)
    assert told(a) == 100


def told(a: Peer) -> int:
    """Return what the next NOTIFY says."""
    notify = a.request("NOTIFY")
    a.answer(notify, 200)
    found = sipfrag_status(notify.body)
    assert found is not None
    return found


@proves("SBCRemoteReplacesBehavior", 1)
def test_two_calls_become_one_and_the_transferor_is_in_none() -> None:
    world, a, b, c, (ours, theirs), (asked_c, at_c) = two_calls()
    refer(a, ours, asked_c)
    moved = c.request("INVITE")
    assert moved.to.tag == at_c.id.local_tag and moved.body == ANSWER, "what b said of its media"
    assert b.heard == [] and a.heard == []
    c.answer(moved, 200, body=CHANGED)
    c.request("ACK")
    offer = b.request("INVITE")
    assert offer.call_id == theirs.id.call_id and offer.body == CHANGED
    b.answer(offer, 200, body=ANSWER)
    b.request("ACK")
    assert a.request("BYE").call_id == asked_c.id.call_id
    assert told(a) == 200
    a.send(ours, "BYE")
    a.response(200)
    b.send(theirs, "INFO")
    c.answer(c.request("INFO"), 200)
    b.response(200)
    c.send(at_c, "INVITE", body=OF_C)
    again = b.request("INVITE")
    b.answer(again, 200, body=ANSWER)
    c.send(at_c, "ACK", cseq=c.response(200).cseq.number)
    b.request("ACK")
    world.run(10)
    assert len(world.sbc.relays) == 1 and world.sbc.dialogs == 2
    hang_up(b, c, theirs)
    world.assert_both_legs_are_free()


def test_a_transferor_that_says_no_bye_gets_one_in_both_calls() -> None:
    world, a, b, c, (ours, theirs), (asked_c, _) = two_calls()
    refer(a, ours, asked_c)
    c.answer(c.request("INVITE"), 200, body=CHANGED)
    c.request("ACK")
    b.answer(b.request("INVITE"), 200, body=ANSWER)
    b.request("ACK")
    a.answer(a.request("BYE"), 200)
    assert told(a) == 200
    world.run(5)
    bye = a.request("BYE")
    assert bye.call_id == ours.id.call_id
    a.answer(bye, 200)
    world.run(40)
    assert b.heard == c.heard == []
    hang_up(b, c, theirs)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("status", [488, 491, 603, 481])
def test_a_target_that_refuses_leaves_both_calls_as_they_are(status: int) -> None:
    world, a, b, c, (ours, _), (asked_c, _) = two_calls()
    refer(a, ours, asked_c)
    c.answer(c.request("INVITE"), status)
    c.request("ACK")
    if status == 481:  # c is gone
        assert a.request("BYE").call_id == asked_c.id.call_id
    assert told(a) == status
    if status != 481:
        a.send(asked_c, "INFO")
        c.answer(c.request("INFO"), 200)
        a.response(200)
        hang_up(a, c, asked_c)
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_who_was_to_be_transferred_may_hang_up_meanwhile() -> None:
    world, a, b, c, (ours, theirs), (asked_c, _) = two_calls()
    refer(a, ours, asked_c)
    moved = c.request("INVITE")
    hang_up(b, a, theirs)
    c.answer(moved, 200, body=CHANGED)
    c.request("ACK")
    back = c.request("INVITE")
    assert back.body == OFFER, "its call is with a as before"
    c.answer(back, 200, body=OF_C)
    c.request("ACK")
    hang_up(a, c, asked_c)
    world.assert_both_legs_are_free()
    assert ours.id.call_id != asked_c.id.call_id


def test_a_target_that_never_answers_is_told_as_such() -> None:
    world, a, b, c, (ours, _), (asked_c, _) = two_calls()
    refer(a, ours, asked_c)
    c.request("INVITE")
    world.run(40)
    bye = a.request("BYE")
    assert bye.call_id == asked_c.id.call_id
    a.answer(bye, 200)
    assert told(a) == 408
    c.inbox.clear()
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


def test_a_target_that_is_unknown_or_the_call_itself_is_refused() -> None:
    world, a, b, c, (ours, _), (asked_c, _) = two_calls(b=BOTH)
    hang_up(a, c, asked_c)
    refer(a, ours, asked_c)
    assert told(a) == 481 and c.heard == []
    refer(a, ours, ours, "200")
    assert told(a) == 481 and b.heard == []
    hang_up(a, b, ours)
    world.assert_both_legs_are_free()


@pytest.mark.parametrize("is_target", [False, True])
def test_calls_that_are_being_changed_are_not_tied_now(is_target: bool) -> None:
    world, a, b, c, (ours, theirs), (asked_c, at_c) = two_calls()
    changing, dialog = (c, at_c) if is_target else (b, theirs)
    changing.send(dialog, "INVITE", body=CHANGED)
    asked = a.request("INVITE")
    refer(a, ours, asked_c)
    assert told(a) == 491
    a.answer(asked, 200, body=OFFER)
    changing.send(dialog, "ACK", cseq=changing.response(200).cseq.number)
    a.request("ACK")
    hang_up(a, b, ours)
    hang_up(a, c, asked_c)
    world.assert_both_legs_are_free()
