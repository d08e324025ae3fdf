"""Media of calls whose sides change: transfers, targets in another coder, early media; and hostile offers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_world import MediaWorld, Talk, a_media_world, line_of, read, rtp, sdp
from sbc_proof import named, shown
from sbc_world import hang_up, place

from sipstub.dialog.dialog import Dialog
from sipstub.media.g711 import PCMA, PCMU, transcoded

OFFER, ANSWER = sdp("10.0.1.1", 4000), sdp("10.0.2.1", 5000)
AT_C = ("10.0.3.1", 5500)
VOICE = bytes(range(160))


def transferred(world: MediaWorld, talk: Talk, answer: bytes) -> tuple[int, bytes]:
    """Have a transfer b to c, which answers; return the port that c was told, and the re-INVITE to b if there is one."""
    world.a.send(talk.ours, "REFER", ("Refer-To", "<sip:300@corp.example>"))
    world.a.response(202)
    world.a.answer(world.a.request("NOTIFY"), 200)
    arrived = world.c.request("INVITE")
    assert line_of(arrived.body)[0] == "10.0.0.1"
    assert talk.from_a(rtp(8, 20)) and talk.from_b(rtp(8, 20)), "a and b talk until c answers"
    world.c.answer(arrived, 200, body=answer)
    world.c.request("ACK")
    world.a.answer(world.a.request("NOTIFY"), 200)
    moved = b""
    if world.b.heard == ["INVITE"]:
        asked = world.b.request("INVITE")
        moved = asked.body
        world.b.answer(asked, 200, body=ANSWER)
        world.b.request("ACK")
    world.a.send(talk.ours, "BYE")
    world.a.response(200)
    return line_of(arrived.body)[1], moved


def end(world: MediaWorld, theirs: Dialog) -> None:
    hang_up(world.b, world.c, theirs)


@pytest.mark.parametrize(
    ("sync", "formats", "line", "is_asked"),
    [
        (named if asked else shown)("EnableSBCMediaSync", sync, formats, line, sync in asked, case=f"{formats}-{line}")
        for formats, line, asked in (("8 0", "sendrecv", ()), ("8", "sendrecv", (1,)), ("8 0", "sendonly", (0, 1)))
        for sync in (0, 1, 2)
    ],
)
def test_the_target_of_a_transfer_is_tied_in_whether_or_not_the_other_one_is_asked_again(
    sync: int, formats: str, line: str, is_asked: bool
) -> None:
    with a_media_world({"EnableSBCMediaSync": sync}, None, {"SBCRemoteReferBehavior": 3}) as world:
        talk = Talk(world, sdp("10.0.1.1", 4000, "8 0"), sdp("10.0.2.1", 5000, "8 0"))
        at_c, moved = transferred(world, talk, sdp(*AT_C, formats, line))
        assert bool(moved) is is_asked
        if moved:
            assert line_of(moved)[:2] == ("10.0.0.1", talk.at_b), "the ports of b stay"
        assert world.ledger.taken == {talk.at_b, at_c}, "those of a are free"
        world.ledger.ends[talk.at_b].receive(rtp(8, 30), ("10.0.2.1", 5000), 1.0)
        assert [address for _, address in world.ledger.sent(at_c)] == [AT_C]
        world.ledger.ends[at_c].receive(rtp(8, 7, ssrc=0xCCCC), AT_C, 1.0)
        ((data, address),) = world.ledger.sent(talk.at_b)
        assert address == ("10.0.2.1", 5000) and read(data)[3] == talk.at_b, "b goes on hearing one source"
        end(world, talk.theirs)


@pytest.mark.parametrize(("refresher", "is_asked"), [("uac", True), ("uas", False)])
def test_who_waits_for_the_transferor_to_refresh_it_is_told_that_nobody_does(refresher: str, is_asked: bool) -> None:
    timer = ("Session-Expires", f"90;refresher={refresher}")
    with a_media_world({"EnableSBCMediaSync": 0}, None, {"SBCRemoteReferBehavior": 3}) as world:
        a, b, c = world.a, world.b, world.c
        ours, theirs = place(a, b, "sip:200@corp.example", timer, ("Supported", "timer"), answers=(("Require", "timer"), timer))
        a.send(ours, "REFER", ("Refer-To", "<sip:300@corp.example>"))
        a.response(202)
        a.answer(a.request("NOTIFY"), 200)
        c.answer(c.request("INVITE"), 200, body=sdp(*AT_C))
        c.request("ACK")
        assert (b.heard == ["INVITE"]) is is_asked
        if is_asked:
            asked = b.request("INVITE")
            assert "session-expires" not in asked.headers
            b.answer(asked, 200, body=ANSWER)
            b.request("ACK")
        a.answer(a.request("NOTIFY"), 200)
        a.send(ours, "BYE")
        a.response(200)
        end(world, theirs)


@pytest.mark.parametrize("sync", [0, 1, 2])
@pytest.mark.parametrize(("held", "answered"), [(("10.0.1.1", "sendonly"), "recvonly"), (("0.0.0.0",), "sendrecv")])
def test_who_is_held_while_it_is_transferred_is_resumed(held: tuple[str, ...], answered: str, sync: int) -> None:
    with a_media_world({"EnableSBCMediaSync": sync}, None, {"SBCRemoteReferBehavior": 3}) as world:
        talk = Talk(world, OFFER, ANSWER)
        world.a.send(talk.ours, "INVITE", body=sdp(held[0], 4000, "8", *held[1:]))
        world.b.answer(world.b.request("INVITE"), 200, body=sdp("10.0.2.1", 5000, "8", answered))
        world.a.send(talk.ours, "ACK", cseq=world.a.response(200).cseq.number)
        world.b.request("ACK")
        world.a.send(talk.ours, "REFER", ("Refer-To", "<sip:300@corp.example>"))
        world.a.response(202)
        world.a.answer(world.a.request("NOTIFY"), 200)
        arrived = world.c.request("INVITE")
        assert b"only" not in arrived.body
        world.c.answer(arrived, 200, body=sdp(*AT_C))
        world.c.request("ACK")
        world.a.answer(world.a.request("NOTIFY"), 200)
        assert (world.b.heard == ["INVITE"]) is (sync != 2)
        if sync != 2:
            told = world.b.request("INVITE")
            assert b"only" not in told.body and b"0.0.0.0" not in told.body
            world.b.answer(told, 200, body=ANSWER)
            world.b.request("ACK")
        world.a.send(talk.ours, "BYE")
        world.a.response(200)
        end(world, talk.theirs)


@pytest.mark.parametrize("sync", [0, 1, 2])
@pytest.mark.parametrize("who", ["a", "b"])
def test_a_re_invite_while_the_target_rings_does_not_cut_it_off(sync: int, who: str) -> None:
    with a_media_world({"EnableSBCMediaSync": sync}, None, {"SBCRemoteReferBehavior": 3}) as world:
        talk = Talk(world, OFFER, ANSWER)
        world.a.send(talk.ours, "REFER", ("Refer-To", "<sip:300@corp.example>"))
        world.a.response(202)
        world.a.answer(world.a.request("NOTIFY"), 200)
        arrived = world.c.request("INVITE")
        moved = sdp("10.0.2.1", 5002).replace(b"7 1", b"7 2")
        asks, other, dialog, offer, answer = (
            (world.a, world.b, talk.ours, sdp("10.0.1.1", 4002).replace(b"7 1", b"7 2"), ANSWER)
            if who == "a"
            else (world.b, world.a, talk.theirs, moved, OFFER)
        )
        asks.send(dialog, "INVITE", body=offer)
        other.answer(other.request("INVITE"), 200, body=answer)
        asks.response(200)
        asks.send(dialog, "ACK")
        other.request("ACK")
        world.c.answer(arrived, 200, body=sdp(*AT_C))
        world.c.request("ACK")
        assert world.b.heard == []
        at_c, at_b = line_of(arrived.body)[1], ("10.0.2.1", 5002 if who == "b" else 5000)
        world.ledger.ends[talk.at_b].receive(rtp(8, 30), at_b, 1.0)
        assert [address for _, address in world.ledger.sent(at_c)] == [AT_C]
        world.ledger.ends[at_c].receive(rtp(8, 7, ssrc=0xCCCC), AT_C, 1.0)
        assert [address for _, address in world.ledger.sent(talk.at_b)] == [at_b]
        world.a.inbox.clear()
        world.a.send(talk.ours, "BYE")
        world.a.response(200)
        end(world, talk.theirs)


def test_ports_of_a_target_that_refuses_are_free_while_the_call_goes_on() -> None:
    with a_media_world(None, None, {"SBCRemoteReferBehavior": 3}) as world:
        talk = Talk(world, OFFER, ANSWER)
        before = set(world.ledger.taken)
        for _ in range(3):
            world.a.send(talk.ours, "REFER", ("Refer-To", "<sip:300@corp.example>"))
            world.a.response(202)
            world.a.answer(world.a.request("NOTIFY"), 200)
            arrived = world.c.request("INVITE")
            assert len(world.ledger.taken) > len(before)
            world.c.answer(arrived, 486)
            world.c.request("ACK")
            world.a.answer(world.a.request("NOTIFY"), 200)
            assert world.ledger.taken == before and talk.from_a(rtp(8, 20)) and talk.from_b(rtp(8, 20))
        hang_up(world.a, world.b, talk.ours)


def test_a_target_in_the_other_law_is_transcoded_where_nobody_is_asked_again() -> None:
    profile = {"SBCRemoteReferBehavior": 3}
    with a_media_world({"EnableSBCMediaSync": 2}, None, profile) as world:
        talk = Talk(world, sdp("10.0.1.1", 4000, "8 0"), sdp("10.0.2.1", 5000, "8 0"))
        at_c, _ = transferred(world, talk, sdp(*AT_C, "0"))
        world.ledger.ends[talk.at_b].receive(rtp(8, 30, payload=VOICE), ("10.0.2.1", 5000), 1.0)
        ((data, _),) = world.ledger.sent(at_c)
        assert (read(data)[0], data[12:]) == (0, transcoded(VOICE, PCMA, PCMU))
        end(world, talk.theirs)


def test_a_side_that_moves_its_media_with_the_answer_to_a_refresh_is_followed() -> None:
    values = {"SBCSessionExpires": 120, "SBCSessionRefreshingPolicy": 1}
    with a_media_world(values, None, {"SBCSessionExpiresMode": 3, "SBCRemoteUpdateSupport": 0}) as world:
        talk = Talk(world, OFFER, ANSWER)
        world.run(61.0)
        refresh = world.b.request("INVITE")
        assert line_of(refresh.body)[:2] == ("10.0.0.1", talk.at_b)
        world.b.answer(refresh, 200, ("Session-Expires", "120;refresher=uac"), ("Require", "timer"), body=sdp("10.0.2.1", 5998))
        world.b.request("ACK")
        assert [address for _, address in talk.from_a(rtp())] == [("10.0.2.1", 5998)]
        talk.end()


def test_early_media_reaches_the_caller_before_the_answer() -> None:
    with a_media_world() as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        arrived = world.b.request("INVITE")
        world.b.answer(arrived, 183, body=ANSWER)
        early = world.a.response(183)
        world.ledger.ends[line_of(arrived.body)[1]].receive(rtp(), ("10.0.2.1", 5000), 0.0)
        assert [address for _, address in world.ledger.sent(line_of(early.body)[1])] == [("10.0.1.1", 4000)]
        world.b.answer(arrived, 486)
        world.a.response(486)


@pytest.mark.parametrize(
    "body",
    [
        b"v=0",
        b"\xff\x00",
        b"v=0\r\no=- 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=rtpmap:8\r\n",
        sdp("10.0.1.1", 4000, kind="message", protocol="TCP/MSRP"),
        sdp("10.0.1.1", 4000, kind="application", protocol="UDP/BFCP"),
    ],
)
def test_an_offer_that_nothing_can_be_relayed_of_is_refused(body: bytes) -> None:
    with a_media_world() as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=body)
        world.a.response(488)
        assert not world.b.inbox


def test_an_answer_that_cannot_be_read_ends_the_call_on_both_sides() -> None:
    with a_media_world() as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        world.b.answer(world.b.request("INVITE"), 200, body=b"v=0\r\nnonsense")
        world.b.request("ACK")
        world.b.answer(world.b.request("BYE"), 200)
        world.a.response(488)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["audio", "video", "image", "message"]),
            st.sampled_from(["RTP/AVP", "RTP/SAVP", "udptl", "TCP/MSRP"]),
            st.integers(0, 65_535),
            st.sampled_from(["8", "0 8 101", "t38", "*", "999"]),
        ),
        max_size=8,
    ),
    st.sampled_from(["10.0.1.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "name.example"]),
    st.booleans(),
)
def test_whatever_is_offered_and_answered_nothing_stays(lines: list[tuple[str, str, int, str]], host: str, order: bool) -> None:
    head = f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    offer = (head + "".join(f"m={kind} {port} {protocol} {formats}\r\n" for kind, protocol, port, formats in lines)).encode()
    with a_media_world({"SBCEnforceMediaOrder": int(order)}) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=offer)
        if world.b.inbox:
            arrived = world.b.request("INVITE")
            world.b.answer(arrived, 200, body=offer)
        world.run(60.0)
