"""SBCDirectMedia, ports and latching: who is told to send where, and what gets there."""

from __future__ import annotations

import pytest
from media_world import Talk, a_media_world, line_of, rtp, sdp
from sbc_proof import named

from sipstub.dialog.dialog import dialog_of_client
from sipstub.sbc.media.rules import MediaRules
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sip.message import Request
from sipstub.sip.sdp import Sdp

OFFER, ANSWER = sdp("10.0.1.1", 4000), sdp("10.0.2.1", 5000)
SBC = "10.0.0.1"


@pytest.mark.parametrize(
    ("value", "hosts"), [named("SBCDirectMedia", 0, (SBC, SBC)), named("SBCDirectMedia", 1, ("10.0.1.1", "10.0.2.1"))]
)
def test_each_side_is_told_the_address_of_the_sbc_or_of_the_other_side(value: int, hosts: tuple[str, str]) -> None:
    with a_media_world({"SBCDirectMedia": value}) as world:
        talk = Talk(world, OFFER, ANSWER)
        assert (line_of(talk.arrived.body)[0], line_of(talk.ok.body)[0]) == hosts
        assert len(world.ledger.taken) == (2 if value == 0 else 0)
        talk.end()


def test_packets_go_from_side_to_side_and_to_the_addresses_that_descriptions_name() -> None:
    with a_media_world() as world:
        talk = Talk(world, OFFER, ANSWER)
        assert [address for _, address in talk.from_a(rtp())] == [("10.0.2.1", 5000)]
        assert [address for _, address in talk.from_b(rtp())] == [("10.0.1.1", 4000)]
        talk.end()


def test_a_phone_behind_nat_is_answered_where_it_sends_from_and_nobody_else_is_believed() -> None:
    with a_media_world() as world:
        talk = Talk(world, OFFER, ANSWER)
        assert talk.from_a(rtp(), ("192.0.2.9", 31000))
        assert [address for _, address in talk.from_b(rtp())] == [("192.0.2.9", 31000)]
        assert not talk.from_a(rtp(), ("203.0.113.5", 4000))
        assert world.ledger.ends[talk.at_a].foreign == 1
        talk.end()


def test_lines_that_would_lead_past_the_sbc_are_left_out_and_rtcp_is_named_anew() -> None:
    offer = sdp(
        "10.0.1.1", 4000, "8", "rtcp:4555 IN IP4 10.0.1.1", "rtcp-mux", "candidate:1 1 UDP 1 10.0.1.1 4000 typ host", "ptime:20"
    )
    with a_media_world() as world:
        talk = Talk(world, offer, ANSWER)
        assert b"10.0.1.1" not in talk.arrived.body
        assert Sdp.parse(talk.arrived.body).media[0].lines == (("a", "ptime:20"), ("a", f"rtcp:{talk.at_b + 1}"))
        world.ledger.ends[talk.at_b].receive_control(b"\x80\xc9\x00\x01\x00\x00\x00\x05", ("10.0.2.1", 5001), 0.0)
        assert [address for _, address in world.ledger.control_sent(talk.at_a)] == [("10.0.1.1", 4555)]
        talk.end()


def test_a_hold_by_address_stays_one() -> None:
    with a_media_world() as world:
        talk = Talk(world, OFFER, ANSWER)
        world.a.send(
            talk.ours, "INVITE", body=OFFER.replace(b"c=IN IP4 10.0.1.1", b"c=IN IP4 0.0.0.0").replace(b"7 1 IN", b"7 2 IN")
        )
        held = world.b.request("INVITE")
        assert line_of(held.body)[0] == "0.0.0.0"
        world.b.answer(held, 200, body=ANSWER)
        world.a.response(200)
        world.a.send(talk.ours, "ACK")
        world.b.request("ACK")
        talk.end()


def test_the_description_of_one_side_is_one_session_whose_version_grows_with_changes_alone() -> None:
    with a_media_world() as world:
        talk = Talk(world, OFFER, ANSWER)
        origins = [Sdp.parse(talk.arrived.body).origin]
        for change in (b"", b"a=sendonly\r\n"):
            world.a.send(talk.ours, "INVITE", body=OFFER + change)
            again = world.b.request("INVITE")
            origins.append(Sdp.parse(again.body).origin)
            world.b.answer(again, 200, body=ANSWER)
            world.a.response(200)
            world.a.send(talk.ours, "ACK")
            world.b.request("ACK")
        assert len({origin.session for origin in origins}) == 1
        assert [origin.version for origin in origins] == ["1", "1", "2"]
        assert len(world.ledger.taken) == 2
        talk.end()


def test_a_re_invite_that_is_refused_leaves_packets_where_they_went() -> None:
    with a_media_world() as world:
        talk = Talk(world, OFFER, ANSWER)
        world.a.send(talk.ours, "INVITE", body=sdp("10.0.1.1", 4444).replace(b"7 1 IN", b"7 2 IN"))
        world.b.answer(world.b.request("INVITE"), 488)
        world.a.response(488)
        world.b.request("ACK")
        assert [address for _, address in talk.from_b(rtp())] == [("10.0.1.1", 4000)]
        talk.end()


def test_a_call_without_a_free_port_is_refused_and_holds_nothing() -> None:
    with a_media_world(limit=1) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        world.a.response(503)
        assert not world.b.inbox


def test_a_re_invite_without_a_free_port_is_refused_and_the_call_goes_on() -> None:
    with a_media_world(limit=2) as world:
        talk = Talk(world, OFFER, ANSWER)
        world.a.send(talk.ours, "INVITE", body=OFFER + b"m=video 4002 RTP/AVP 34\r\n")
        world.a.response(503)
        assert talk.from_a(rtp())
        talk.end()


def test_the_offer_may_come_with_the_answer_to_an_invite_without_one() -> None:
    with a_media_world() as world:
        invite = world.a.ask("INVITE", "sip:200@corp.example")
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 200, body=ANSWER)
        ok = world.a.response(200)
        assert line_of(ok.body)[0] == SBC
        ours = dialog_of_client(invite, ok)
        assert ours is not None
        world.a.send(ours, "ACK", body=OFFER)
        ack = world.b.request("ACK")
        at_a, at_b = line_of(ok.body)[1], line_of(ack.body)[1]
        world.ledger.ends[at_a].receive(rtp(), ("10.0.1.1", 4000), 0.0)
        assert [address for _, address in world.ledger.sent(at_b)] == [("10.0.2.1", 5000)]
        world.a.send(ours, "BYE")
        world.b.answer(world.b.request("BYE"), 200)


@pytest.mark.parametrize("end", ["refused", "cancelled", "silent"])
def test_ports_are_free_again_however_a_call_ends_before_the_answer(end: str) -> None:
    with a_media_world({"SBCAlertTimeout": 10}) as world:
        invite = world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 180)
        assert len(world.ledger.taken) == 2
        if end == "refused":
            world.b.answer(arrived, 486)
        elif end == "cancelled":
            cancel = Request("CANCEL", invite.uri)
            for name in ("Via", "Max-Forwards", "From", "To", "Call-ID"):
                cancel.headers.add(name, invite.headers.get(name) or "")
            cancel.headers.add("CSeq", f"{invite.cseq.number} CANCEL")
            world.a.say(cancel)
            world.b.answer(world.b.request("CANCEL"), 200)
            world.b.answer(arrived, 487)
        else:
            world.run(30.0)
            world.b.answer(world.b.request("CANCEL"), 200)
            world.b.answer(arrived, 487)


def test_ports_are_free_again_when_nobody_acknowledges() -> None:
    with a_media_world() as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        world.b.answer(world.b.request("INVITE"), 200, body=ANSWER)
        world.run(60.0)


def test_a_media_realm_names_the_ports_of_its_group() -> None:
    settings = SbcSettings().with_row("CpMediaRealm", MediaRealmName="voice", PortRangeStart=7000, PortRangeEnd=7099)
    settings = settings.with_row("IPGroup", Name="a", MediaRealm="voice").with_row("IPGroup", Name="b")
    rules = MediaRules.of(settings)
    assert (str(rules.profile("a").ports), rules.profile("b").ports) == ("7000-7099", None)
