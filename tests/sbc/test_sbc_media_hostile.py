"""Sides of a call that say and send anything: the relay breaks by nothing, and passes no more than it may."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_world import Ledger, Talk, a_media_world, line_of, rtp, sdp
from test_sbc_media_fax import CNG, FAX

from sipstub.media.connect_tone import ConnectTone
from sipstub.media.control import INTERVAL_S
from sipstub.media.relay_terms import ControlMode, Mediation, RelayTerms
from sipstub.media.rtcp import Report, parse_compound
from sipstub.sbc.media.session import MAX_LINES
from sipstub.sip.sdp import MAX_FORMATS, MAX_MEDIA, Sdp

OFFER, ANSWER = sdp("10.0.1.1", 4000), sdp("10.0.2.1", 5000)
LISTS = {"more": ("PCMU",)}


@pytest.mark.parametrize("number", ["128", "255", "256", "999"])
def test_a_payload_type_that_no_packet_can_have_leads_nowhere(number: str) -> None:
    with a_media_world(None, None, {"SBCExtensionCodersGroupName": "more"}, coders=LISTS) as world:
        talk = Talk(world, OFFER, sdp("10.0.2.1", 5000, number, f"rtpmap:{number} PCMU/8000"))
        talk.from_a(rtp(8))
        talk.from_b(rtp(int(number) & 0x7F))
        talk.end()


def test_a_tone_is_not_played_by_a_payload_type_that_no_packet_can_have(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "tone.wav"), "wb") as wav:
        wav.setparams((1, 2, 8000, 160, "NONE", ""))
        wav.writeframes(bytes(320))
    tone = ConnectTone.parse(f"src:{tmp_path / 'tone.wav'}")
    with a_media_world({"PlayToneOnConnectFailureBehavior": 1}, tone=tone) as world:
        lines = ("999", "rtpmap:999 PCMA/8000")
        talk = Talk(world, sdp("10.0.1.1", 4000, *lines), sdp("10.0.2.1", 5000, *lines))
        assert not world.ledger.sent(talk.at_a)
        talk.end()


def test_a_fax_in_a_call_with_formats_that_are_no_numbers_is_asked_for_g711_all_the_same() -> None:
    with a_media_world(None, None, {FAX: 2}) as world:
        talk = Talk(world, sdp("10.0.1.1", 4000, "8 x"), sdp("10.0.2.1", 5000, "8 x"))
        for at in range(0, len(CNG), 160):
            talk.from_a(rtp(8, at // 160, at, payload=CNG[at : at + 160]))
        world.b.answer(world.b.request("INVITE"), 488)
        world.b.request("ACK")
        again = world.b.request("INVITE")
        assert line_of(again.body)[2] == ("8",)
        world.b.answer(again, 200, body=ANSWER)
        world.b.request("ACK")
        talk.end()


def test_lines_beyond_the_bound_are_refused_and_take_no_port() -> None:
    with a_media_world() as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=OFFER + b"m=audio 4002 RTP/AVP 8\r\n" * (MAX_MEDIA - 1))
        arrived = world.b.request("INVITE")
        ports = [line.port for line in Sdp.parse(arrived.body).media]
        assert len(ports) == MAX_MEDIA and len({*ports[:MAX_LINES]}) == MAX_LINES
        assert all(ports[:MAX_LINES]) and not any(ports[MAX_LINES:])
        assert len(world.ledger.taken) == 2 * MAX_LINES
        world.b.answer(arrived, 488)


def test_an_offer_of_more_formats_than_there_are_is_refused() -> None:
    """Whoever looked for each of 30,000 formats in all the others would look for half a minute."""
    with a_media_world(None, None, {"SBCExtensionCodersGroupName": "more"}, coders=LISTS) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=sdp("10.0.1.1", 4000, "8 1 " * MAX_FORMATS))
        world.a.response(488)
        assert not world.b.inbox


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\xc9\xff\xff\x00\x00\x00\x05", id="longer than its datagram"),
        pytest.param(b"\x80\xc9\x00\x00", id="without a source"),
        pytest.param(b"\x9f\xc9\x00\x01\x00\x00\x00\x05", id="31 blocks in no bytes"),
        pytest.param(b"\x80\xc8\x00\x01\x00\x00\x00\x05", id="a sender that says nothing"),
        pytest.param(b"\x80\xc9\x00\x01\x00\x00\x00\x05\x9f\xcb\x00\x00", id="31 goodbyes of nobody"),
        pytest.param(b"\x80\xc9\x00\x01\x00\x00\x00\x05" * 100, id="a hundred packets"),
        pytest.param(b"\x80\xc9\x00\x01\x00\x00\x00\x05\x80", id="a byte behind it"),
    ],
)
def test_rtcp_that_lies_about_its_length_does_not_pass_and_is_not_believed(data: bytes) -> None:
    with a_media_world() as world:
        talk = Talk(world, OFFER, ANSWER)
        end = world.ledger.ends[talk.at_a]
        end.receive_control(data, ("203.0.113.5", 1), 0.0)
        assert (end.strange, world.ledger.control_sent(talk.at_b)) == (1, [])
        end.receive_control(b"\x80\xc9\x00\x01\x00\x00\x00\x05", ("192.0.2.9", 31001), 0.0)
        assert len(world.ledger.control_sent(talk.at_b)) == 1
        talk.end()


def test_a_report_of_more_than_four_gigabytes_counts_on_from_zero() -> None:
    with a_media_world({"SBCRTCPMode": 1}) as world:
        talk = Talk(world, OFFER, ANSWER)
        end = world.ledger.ends[talk.at_b]
        end._octets = 2**32 - 160  # so much is sent in seventy minutes by who sends all that is read
        talk.from_a(rtp())
        talk.from_a(rtp(sequence=6))
        end.begin_reports(0.0)
        end.on_timer(INTERVAL_S)
        report = parse_compound(world.ledger.control_sent(talk.at_b)[0][0])[0]
        assert isinstance(report, Report) and report.sender is not None and report.sender.octets == 160
        talk.end()


HEADS = st.sampled_from(
    [b"", b"\x80\x08", b"\xbf\x08\x00\x01", b"\x90\x65\x00\x02" + bytes(8), b"\x80\xc8\x00\x06", b"\x81\xc9\x00\x07"]
)
NAMES = st.dictionaries(st.integers(0, 127), st.sampled_from(["PCMA/8000", "PCMU/8000", "G729/8000", "18"]), max_size=4)


@given(
    st.tuples(NAMES, NAMES, NAMES, NAMES),
    st.sampled_from(Mediation),
    st.sampled_from(ControlMode),
    st.lists(st.tuples(st.booleans(), st.booleans(), HEADS, st.binary(max_size=60)), max_size=30),
)
def test_any_datagrams_lead_to_no_more_than_came(
    names: tuple[dict[int, str], ...], mode: Mediation, control: ControlMode, course: list[tuple[bool, bool, bytes, bytes]]
) -> None:
    ledger = Ledger()
    ends = [ledger.open("10.0.1.1"), ledger.open("10.0.2.1")]
    one, other = (end for end in ends if end is not None)
    one.tie(other)
    for end, taken, said in ((one, *names[:2]), (other, *names[2:])):
        end.mediation, end.control_mode = mode, control
        end.name(RelayTerms(("10.0.1.1", 4000), ("10.0.1.1", 4001), taken))
        end.tell(said)
        end.hears = lambda packet, codec, now: None
    for at, (is_other, is_control, head, rest) in enumerate(course):
        end = other if is_other else one
        (end.receive_control if is_control else end.receive)(head + rest, ("10.0.1.1", 4001 if is_control else 4000), at * 1.0)
        for each in (one, other):
            each.begin_reports(at * 1.0)
            each.on_timer(at * 1.0)
    assert one.sent + other.sent + one.strange + other.strange + one.unsent + other.unsent <= 2 * len(course)
    assert one.sent + other.sent <= sum(not is_control for _, is_control, _, _ in course)
