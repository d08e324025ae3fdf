"""Media of calls of which one side is replaced: they follow at once, and nothing of the other side stays."""

from __future__ import annotations

import pytest
from media_world import MediaWorld, Talk, a_media_world, line_of, rtp, sdp
from sbc_world import acknowledge, hang_up

from sipstub.dialog.dialog import Dialog, dialog_of_client, dialog_of_server
from sipstub.sip.message import Request
from sipstub.sip.uri import escape

OFFER, ANSWER = sdp("10.0.1.1", 4000), sdp("10.0.2.1", 5000)
AT_A, AT_B, AT_C = ("10.0.1.1", 4000), ("10.0.2.1", 5000), ("10.0.3.1", 5500)
LOCALLY = {"SBCRemoteReplacesBehavior": 1}


def naming(dialog: Dialog) -> tuple[str, str]:
    """Return Replaces that names a dialog as its other side knows it."""
    return "Replaces", f"{dialog.id.call_id};to-tag={dialog.id.remote_tag};from-tag={dialog.id.local_tag}"


def join(world: MediaWorld, talk: Talk) -> tuple[Request, Request]:
    """Have c ask to take the place of a, and return its INVITE and what b is asked."""
    invite = world.c.ask("INVITE", "sip:200@corp.example", naming(talk.ours), body=sdp(*AT_C))
    asked = world.b.request("INVITE")
    assert line_of(asked.body)[:2] == ("10.0.0.1", talk.at_b), "the ports of b stay"
    assert talk.from_a(rtp(8, 20)) and talk.from_b(rtp(8, 20)), "a and b talk until b agrees"
    return invite, asked


def connecting(world: MediaWorld, talk: Talk) -> tuple[Dialog, int, int]:
    """Have a call c too, and connect it with b; return that second call, and the ports that c and a were told for it."""
    invite = world.a.ask("INVITE", "sip:300@corp.example", body=OFFER)
    arrived = world.c.request("INVITE")
    world.c.answer(arrived, 200, body=sdp(*AT_C))
    ok = world.a.response(200)
    second = acknowledge(world.a, world.c, invite, ok)
    escaped = escape(naming(second)[1]).replace("=", "%3D")
    world.a.send(talk.ours, "REFER", ("Refer-To", f"<sip:300@corp.example?Replaces={escaped}>"))
    world.a.response(202)
    world.a.answer(world.a.request("NOTIFY"), 200)
    return second, line_of(arrived.body)[1], line_of(ok.body)[1]


def assert_they_talk(world: MediaWorld, one: int, at: tuple[str, int], other: int, there: tuple[str, int]) -> None:
    """Fail if packets of one side do not come to the other one and back."""
    world.ledger.sent(one)
    world.ledger.sent(other)
    world.ledger.ends[one].receive(rtp(8, 50, ssrc=0xCCCC), at, 1.0)
    assert [address for _, address in world.ledger.sent(other)] == [there]
    world.ledger.ends[other].receive(rtp(8, 60, ssrc=0xDDDD), there, 1.0)
    assert [address for _, address in world.ledger.sent(one)] == [at]


def test_media_go_to_the_new_side_and_the_ports_of_the_replaced_one_are_free() -> None:
    with a_media_world({}, None, LOCALLY) as world:
        talk = Talk(world, OFFER, ANSWER)
        invite, asked = join(world, talk)
        world.b.answer(asked, 200, body=ANSWER)
        ok = world.c.response(200)
        at_c = line_of(ok.body)[1]
        acknowledge(world.c, world.b, invite, ok)
        world.a.answer(world.a.request("BYE"), 200)
        assert world.ledger.taken == {talk.at_b, at_c}
        assert_they_talk(world, at_c, AT_C, talk.at_b, AT_B)
        hang_up(world.b, world.c, talk.theirs)


@pytest.mark.parametrize("status", [488, 603])
def test_a_new_side_that_is_refused_leaves_media_and_ports_as_they_were(status: int) -> None:
    with a_media_world({}, None, LOCALLY) as world:
        talk = Talk(world, OFFER, ANSWER)
        _, asked = join(world, talk)
        world.b.answer(asked, status)
        world.b.request("ACK")
        world.c.response(status)
        assert world.ledger.taken == {talk.at_a, talk.at_b}
        assert_they_talk(world, talk.at_a, AT_A, talk.at_b, AT_B)
        talk.end()


def test_a_side_that_can_be_told_nothing_goes_on_with_what_it_said() -> None:
    with a_media_world({}, None, {**LOCALLY, "SBCRemoteReinviteSupport": 0, "SBCRemoteUpdateSupport": 0}) as world:
        talk = Talk(world, OFFER, ANSWER)
        invite = world.c.ask("INVITE", "sip:200@corp.example", naming(talk.ours), body=sdp(*AT_C))
        ok = world.c.response(200)
        at_c = line_of(ok.body)[1]
        assert world.b.heard == [] and line_of(ok.body)[0] == "10.0.0.1"
        new = dialog_of_client(invite, ok)
        assert new is not None
        world.c.send(new, "ACK")
        world.a.answer(world.a.request("BYE"), 200)
        assert world.ledger.taken == {talk.at_b, at_c} and world.b.heard == []
        assert_they_talk(world, at_c, AT_C, talk.at_b, AT_B)
        hang_up(world.b, world.c, talk.theirs)


def test_media_of_a_call_that_is_picked_up_go_to_who_did() -> None:
    with a_media_world({}, LOCALLY) as world:
        invite = world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 180)
        world.a.response(180)
        theirs = dialog_of_server(arrived, "b-tag", is_accepted=False)
        pick_up = world.c.ask("INVITE", "sip:100@corp.example", naming(theirs), body=sdp(*AT_C))
        to_c, to_a = world.c.response(200), world.a.response(200)
        at_c, at_a = line_of(to_c.body)[1], line_of(to_a.body)[1]
        assert line_of(to_c.body)[0] == line_of(to_a.body)[0] == "10.0.0.1" and at_a != at_c
        world.b.answer(world.b.request("CANCEL"), 200)
        world.b.answer(arrived, 487)
        world.b.request("ACK")
        ours, new = dialog_of_client(invite, to_a), dialog_of_client(pick_up, to_c)
        assert ours is not None and new is not None
        world.a.send(ours, "ACK")
        world.c.send(new, "ACK")
        assert world.ledger.taken == {at_a, at_c}
        assert_they_talk(world, at_a, AT_A, at_c, AT_C)
        hang_up(world.a, world.c, ours)


def test_offers_that_do_not_meet_take_no_port_for_longer_than_the_call() -> None:
    with a_media_world({}, LOCALLY) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 180)
        world.a.response(180)
        theirs = dialog_of_server(arrived, "b-tag", is_accepted=False)
        for _ in range(40):
            world.c.ask("INVITE", "sip:100@corp.example", naming(theirs), body=sdp(*AT_C, "18"))
            world.c.response(488)
        assert len(world.ledger.taken) < 36, "sides of one call are bounded"
        world.b.answer(arrived, 486)
        world.b.request("ACK")
        world.a.response(486)


def test_media_of_two_calls_that_become_one() -> None:
    profile = {"SBCRemoteReplacesBehavior": 1}
    with a_media_world({"SBCReferBehavior": 3, "EnableSBCMediaSync": 2}, profile, None, c=profile) as world:
        talk = Talk(world, OFFER, ANSWER)
        _, at_c, other_a = connecting(world, talk)
        moved = world.c.request("INVITE")
        assert line_of(moved.body)[:2] == ("10.0.0.1", at_c), "the ports of c stay"
        world.c.answer(moved, 200, body=sdp(*AT_C))
        world.c.request("ACK")
        offer = world.b.request("INVITE")
        at_b = line_of(offer.body)[1]
        assert at_b not in (talk.at_b, at_c)
        world.b.answer(offer, 200, body=ANSWER)
        world.b.request("ACK")
        world.a.answer(world.a.request("BYE"), 200)
        world.a.answer(world.a.request("NOTIFY"), 200)
        assert other_a not in world.ledger.taken
        world.a.send(talk.ours, "BYE")
        world.a.response(200)
        world.run(5)
        assert world.ledger.taken == {at_b, at_c}
        assert_they_talk(world, at_b, AT_B, at_c, AT_C)
        hang_up(world.b, world.c, talk.theirs)


def test_calls_that_could_not_become_one_keep_their_ports() -> None:
    profile = {"SBCRemoteReplacesBehavior": 1}
    with a_media_world({"SBCReferBehavior": 3}, None, None, c=profile) as world:
        talk = Talk(world, OFFER, ANSWER)
        second, at_c, other_a = connecting(world, talk)
        world.c.answer(world.c.request("INVITE"), 488)
        world.c.request("ACK")
        world.a.answer(world.a.request("NOTIFY"), 200)
        assert world.ledger.taken == {talk.at_a, talk.at_b, other_a, at_c}
        assert_they_talk(world, talk.at_a, AT_A, talk.at_b, AT_B)
        assert_they_talk(world, other_a, AT_A, at_c, AT_C)
        world.a.send(talk.ours, "INVITE", body=sdp(*AT_A, "8", "sendonly"))
        again = world.b.request("INVITE")
        assert line_of(again.body)[:2] == ("10.0.0.1", talk.at_b)
        world.b.answer(again, 200, body=ANSWER)
        world.a.send(talk.ours, "ACK", cseq=world.a.response(200).cseq.number)
        world.b.request("ACK")
        hang_up(world.a, world.c, second)
        talk.end()
