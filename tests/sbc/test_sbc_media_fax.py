"""SBCFaxDetectionTimeout and Remote Renegotiate on Fax Detection: who is asked for T.38 when a fax calls, and when."""

from __future__ import annotations

import array
import math

import pytest
from media_world import Talk, a_media_world, line_of, rtp, sdp
from sbc_proof import named, shown
from sbc_world import Peer

from sipstub.media.g711 import PCMA, encode
from sipstub.sip.sdp import Sdp

OFFER, ANSWER = sdp("10.0.1.1", 4000), sdp("10.0.2.1", 5000)
CNG = encode(array.array("h", [round(8000 * math.sin(2 * math.pi * 1100 * at / 8000)) for at in range(4000)]), PCMA)
FAX = "SBCRemoteRenegotiateOnFaxDetection"


def t38(host: str, port: int) -> bytes:
    return sdp(host, port, "t38", kind="image", protocol="udptl")


def call_of_a_fax(talk: Talk) -> None:
    """Have the tone come from a."""
    for at in range(0, len(CNG), 160):
        talk.from_a(rtp(8, at // 160, at, payload=CNG[at : at + 160]))


def accept(peer: Peer, port: int) -> bytes:
    """Take a re-INVITE of the SBC for T.38; return its description."""
    asked = peer.request("INVITE")
    assert Sdp.parse(asked.body).media[0].text.endswith("udptl t38")
    peer.answer(asked, 200, body=t38(peer.hop.host, port))
    peer.request("ACK")
    return asked.body


@pytest.mark.parametrize(
    ("value", "asked"), [named(FAX, 0, (False, False)), named(FAX, 1, (False, True)), named(FAX, 2, (True, True))]
)
def test_the_sides_that_are_asked_for_t38(value: int, asked: tuple[bool, bool]) -> None:
    with a_media_world(None, {FAX: value}, {FAX: value}) as world:
        talk = Talk(world, OFFER, ANSWER)
        call_of_a_fax(talk)
        bodies = [accept(peer, port) if is_asked else b"" for peer, port, is_asked in ((world.b, 5100, asked[1]),)]
        bodies += [accept(world.a, 4100)] if asked[0] else []
        assert not world.a.inbox and not world.b.inbox
        for body in filter(None, bodies):
            host, port, formats = line_of(body)
            assert (host, formats) == ("10.0.0.1", ("t38",)) and port in (talk.at_a, talk.at_b)
        if all(asked):
            world.ledger.ends[talk.at_a].receive(b"\x00\x01\x02", ("10.0.1.1", 4100), 1.0)
            assert world.ledger.sent(talk.at_b)[-1] == (b"\x00\x01\x02", ("10.0.2.1", 5100)), "T.38 passes as it is"
        talk.end()


@pytest.mark.parametrize(
    ("value", "at", "is_heard"),
    [
        shown("SBCFaxDetectionTimeout", 1, 0, True),
        named("SBCFaxDetectionTimeout", 1, 2, False),
        named("SBCFaxDetectionTimeout", 10, 9, True),
        named("SBCFaxDetectionTimeout", 10, 11, False),
        named("SBCFaxDetectionTimeout", 30, 29, True),
        named("SBCFaxDetectionTimeout", 2_147_483_647, 600, True),
    ],
)
def test_the_tone_is_heard_in_its_window_alone(value: int, at: int, is_heard: bool) -> None:
    with a_media_world({"SBCFaxDetectionTimeout": value}, None, {FAX: 2}) as world:
        talk = Talk(world, OFFER, ANSWER)
        world.run(at)
        call_of_a_fax(talk)
        assert bool(world.b.inbox) is is_heard
        if is_heard:
            accept(world.b, 5100)
        talk.end()


def test_who_refuses_t38_is_asked_for_g711() -> None:
    with a_media_world(None, None, {FAX: 2}) as world:
        talk = Talk(world, OFFER, ANSWER)
        call_of_a_fax(talk)
        world.b.answer(world.b.request("INVITE"), 488)
        world.b.request("ACK")
        again = world.b.request("INVITE")
        assert line_of(again.body) == ("10.0.0.1", talk.at_b, ("8",))
        assert b"a=silenceSupp:off" in again.body
        world.b.answer(again, 200, body=ANSWER)
        world.b.request("ACK")
        assert talk.from_a(rtp(8, 99))[-1][1] == ("10.0.2.1", 5000), "the call goes on in voice"
        talk.end()


def test_another_refusal_leaves_the_call_as_it_is() -> None:
    with a_media_world(None, None, {FAX: 2}) as world:
        talk = Talk(world, OFFER, ANSWER)
        call_of_a_fax(talk)
        world.b.answer(world.b.request("INVITE"), 491)
        world.b.request("ACK")
        assert not world.b.inbox
        assert talk.from_a(rtp(8, 99)) and talk.from_b(rtp(8, 99))
        talk.end()


def test_a_tone_in_the_middle_of_a_re_invite_is_asked_about_when_it_comes_again() -> None:
    with a_media_world({"SBCEnforceMediaOrder": 1}, None, {FAX: 2}) as world:
        talk = Talk(world, OFFER, ANSWER)
        world.a.send(talk.ours, "INVITE", body=OFFER.replace(b"7 1", b"7 2"))
        arrived = world.b.request("INVITE")
        call_of_a_fax(talk)
        assert not world.b.inbox
        world.b.answer(arrived, 488)
        world.b.request("ACK")
        world.a.response(488)
        world.a.send(talk.ours, "INVITE", body=OFFER.replace(b"7 1", b"7 3"))
        arrived = world.b.request("INVITE")
        assert [line.kind for line in Sdp.parse(arrived.body).media] == ["audio"], "nobody was told of T.38"
        world.b.answer(arrived, 200, body=ANSWER.replace(b"7 1", b"7 2"))
        world.a.response(200)
        world.a.send(talk.ours, "ACK")
        world.b.request("ACK")
        call_of_a_fax(talk)
        accept(world.b, 5100)
        talk.end()


def test_a_call_whose_t38_was_refused_is_one_of_voice() -> None:
    with a_media_world({"SBCEnforceMediaOrder": 1}, None, {FAX: 2}) as world:
        talk = Talk(world, OFFER, ANSWER)
        call_of_a_fax(talk)
        world.b.answer(world.b.request("INVITE"), 491)
        world.b.request("ACK")
        world.a.send(talk.ours, "INVITE", body=OFFER.replace(b"7 1", b"7 2"))
        arrived = world.b.request("INVITE")
        assert line_of(arrived.body) == ("10.0.0.1", talk.at_b, ("8",))
        world.b.answer(arrived, 200, body=ANSWER.replace(b"7 1", b"7 2"))
        assert line_of(world.a.response(200).body) == ("10.0.0.1", talk.at_a, ("8",))
        world.a.send(talk.ours, "ACK")
        world.b.request("ACK")
        talk.end()


def test_a_tone_is_asked_about_once() -> None:
    with a_media_world(None, None, {FAX: 1}) as world:
        talk = Talk(world, OFFER, ANSWER)
        call_of_a_fax(talk)
        accept(world.b, 5100)
        call_of_a_fax(talk)
        assert not world.b.inbox
        talk.end()
