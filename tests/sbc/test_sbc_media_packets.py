"""TranscodingMode, SBCRTCPMode and coders: what becomes of packets on their way."""

from __future__ import annotations

import pytest
from media_world import Talk, a_media_world, line_of, read, rtp, sdp
from sbc_proof import named

from sipstub.media.control import FIRST_S, INTERVAL_S
from sipstub.media.g711 import PCMA, PCMU, transcoded
from sipstub.media.rtcp import Block, Goodbye, Report, Sender, SourceName, compound, parse_compound
from sipstub.sip.sdp import Sdp

OFFER, ANSWER = sdp("10.0.1.1", 4000), sdp("10.0.2.1", 5000)
VOICE = bytes(range(160))
BOTH = ("8 101", "rtpmap:101 telephone-event/8000")


@pytest.mark.parametrize(
    ("value", "table", "is_same"),
    [
        named(f"{table}TranscodingMode", value, table, is_same)
        for table in ("", "IpProfile.")
        for value, is_same in ((0, False), (1, False), (2, True))
    ],
)
def test_packets_pass_as_they_came_or_as_a_source_of_the_sbc(value: int, table: str, is_same: bool) -> None:
    mode = {"TranscodingMode": value}
    values, profile = (None, mode) if table else (mode, None)
    with a_media_world(values, profile, profile) as world:
        talk = Talk(world, OFFER, ANSWER)
        packets = [rtp(8, sequence, 160 * sequence, payload=VOICE) for sequence in (7, 8, 10)]
        out = [talk.from_a(one)[0][0] for one in packets]
        assert (out == packets) is is_same
        assert [one[12:] for one in out] == [VOICE] * 3
        if not is_same:
            numbers = [read(one) for one in out]
            assert {number[3] for number in numbers} == {talk.at_b}, "the source is the SBC's own"
            assert [number[1] - numbers[0][1] for number in numbers] == [0, 1, 3], "what was lost before us is seen behind us"
            assert [number[2] - numbers[0][2] for number in numbers] == [0, 160, 480]
        assert world.media.dsps.taken == (1 if value == 1 else 0)
        assert world.ledger.ends[talk.at_b].transcoded == (3 if value == 1 else 0)
        talk.end()


@pytest.mark.parametrize(("of_a", "of_b", "is_same"), [(2, 0, False), (0, 2, False), (2, 2, True)])
def test_packets_pass_as_they_came_only_if_both_sides_have_it(of_a: int, of_b: int, is_same: bool) -> None:
    with a_media_world(None, {"TranscodingMode": of_a}, {"TranscodingMode": of_b}) as world:
        talk = Talk(world, OFFER, ANSWER)
        assert (talk.from_a(rtp())[0][0] == rtp()) is is_same
        assert (talk.from_b(rtp())[0][0] == rtp()) is is_same
        talk.end()


def test_numbers_and_timestamps_go_on_when_a_source_begins_anew() -> None:
    with a_media_world() as world:
        talk = Talk(world, OFFER, ANSWER)
        first = [read(talk.from_a(rtp(8, 65535 + at & 0xFFFF, 160 * at, 0xA), at=0.02 * at)[0][0]) for at in range(2)]
        other = read(talk.from_a(rtp(8, 30000, 999_999, 0xB), at=0.52)[0][0])
        assert [one[1] for one in (*first, other)] == [100, 101, 102]
        assert [one[2] for one in (*first, other)] == [1000, 1160, 1160 + 4000], "half a second later by its timestamp too"
        assert len({one[3] for one in (*first, other)}) == 1
        talk.end()


def test_what_is_no_rtp_of_the_call_does_not_pass_and_is_never_believed() -> None:
    with a_media_world() as world:
        talk = Talk(world, OFFER, ANSWER)
        for data in (
            b"",
            b"\x00\x01" + bytes(18),
            b"SIP/2.0 200 OK\r\n",
            rtp(18),
            b"\x80\xc8" + bytes(26),
            b"\x40\x08" + bytes(20),
        ):
            assert not talk.from_a(data, ("203.0.113.5", 1))
        assert world.ledger.ends[talk.at_a].strange == 6
        assert talk.from_a(rtp(), ("192.0.2.9", 31000))
        talk.end()


def test_srtp_passes_untouched_whatever_the_mode_says() -> None:
    offer, answer = (
        sdp(host, 4000, "8", "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", protocol="RTP/SAVP")
        for host in ("10.0.1.1", "10.0.2.1")
    )
    with a_media_world({"TranscodingMode": 1, "SBCRTCPMode": 1}) as world:
        talk = Talk(world, offer, answer)
        assert talk.from_a(rtp())[0][0] == rtp()
        world.ledger.ends[talk.at_a].receive_control(b"\x80\xc9\x00\x01 encrypted", ("10.0.1.1", 4001), 0.0)
        assert world.ledger.control_sent(talk.at_b) == [(b"\x80\xc9\x00\x01 encrypted", ("10.0.2.1", 4001))]
        talk.end()


# Coders


def test_extension_coders_are_offered_and_g711_is_transcoded_both_ways() -> None:
    with a_media_world(None, None, {"SBCExtensionCodersGroupName": "more"}, coders={"more": ("PCMU",)}) as world:
        talk = Talk(world, sdp("10.0.1.1", 4000, *BOTH), sdp("10.0.2.1", 5000, "0 101", BOTH[1]))
        assert line_of(talk.arrived.body)[2] == ("8", "101", "0")
        assert b"a=rtpmap:0 PCMU/8000\r\n" in talk.arrived.body
        assert line_of(talk.ok.body)[2] == ("8", "101"), "the caller is answered in what it offered"
        to_b, to_a = talk.from_a(rtp(8, payload=VOICE))[0][0], talk.from_b(rtp(0, payload=VOICE))[0][0]
        assert (read(to_b)[0], to_b[12:]) == (0, transcoded(VOICE, PCMA, PCMU))
        assert (read(to_a)[0], to_a[12:]) == (8, transcoded(VOICE, PCMU, PCMA))
        event = talk.from_a(rtp(101, 6, payload=b"\x01\x0a\x00\xa0"))[0][0]
        assert (read(event)[0], event[12:]) == (101, b"\x01\x0a\x00\xa0"), "digits pass beside it"
        assert world.media.dsps.taken == 1
        talk.end()


@pytest.mark.parametrize(
    ("value", "name", "coders"),
    [
        named("SBCExtensionCodersGroupName", "more", "SBCExtensionCodersGroupName", ("8", "18", "0")),
        named("SBCAllowedAudioCodersGroupName", "more", "SBCAllowedAudioCodersGroupName", ("18",)),
    ],
)
def test_a_profile_names_its_coders(value: str, name: str, coders: tuple[str, ...]) -> None:
    lists = {"more": ("PCMU", "G729")}
    with a_media_world(None, None, {name: value}, coders=lists, allowed=lists) as world:
        talk = Talk(world, sdp("10.0.1.1", 4000, "8 18"), sdp("10.0.2.1", 5000, coders[0]))
        assert line_of(talk.arrived.body)[2] == coders
        talk.end()


@pytest.mark.parametrize("value", [named("SBCExtensionCodersGroupName", ""), named("SBCAllowedAudioCodersGroupName", "")])
def test_without_a_list_coders_pass_as_they_came(value: str) -> None:
    lists = {"other": ("PCMU",)}
    profile = {"SBCExtensionCodersGroupName": value, "SBCAllowedAudioCodersGroupName": value}
    with a_media_world(None, None, profile, coders=lists, allowed=lists) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=sdp("10.0.1.1", 4000, "8 18"))
        arrived = world.b.request("INVITE")
        assert line_of(arrived.body)[2] == ("8", "18")
        world.b.answer(arrived, 486)


def test_an_extension_coder_that_nobody_could_transcode_is_not_offered() -> None:
    with a_media_world(None, None, {"SBCExtensionCodersGroupName": "more"}, coders={"more": ("G729", "PCMU")}) as world:
        talk = Talk(world, sdp("10.0.1.1", 4000, "9"), sdp("10.0.2.1", 5000, "9"))
        assert line_of(talk.arrived.body)[2] == ("9",)
        talk.end()


@pytest.mark.parametrize(
    ("value", "order"),
    [named("SBCPreferencesMode", 0, ("8", "18", "101", "0")), named("SBCPreferencesMode", 1, ("0", "18", "8", "101"))],
)
def test_extension_coders_come_last_or_in_the_order_of_the_allowed_ones(value: int, order: tuple[str, ...]) -> None:
    profile = {"SBCExtensionCodersGroupName": "more", "SBCAllowedAudioCodersGroupName": "these"}
    with a_media_world(
        {"SBCPreferencesMode": value}, None, profile, coders={"more": ("PCMU",)}, allowed={"these": ("PCMU", "G729", "PCMA")}
    ) as world:
        talk = Talk(world, sdp("10.0.1.1", 4000, "8 9 18 101", BOTH[1]), sdp("10.0.2.1", 5000, "8"))
        assert line_of(talk.arrived.body)[2] == order, "G.722 is not allowed"
        talk.end()


def test_what_is_said_of_a_coder_goes_with_it() -> None:
    said = (
        "rtpmap:18 G729/8000",
        "fmtp:18 annexb=no",
        "rtpmap:9 G722/8000",
        "fmtp:9 x=1",
        "rtcp-fb:9 nack",
        "rtcp-fb:* nack",
        "ptime:20",
    )
    with a_media_world(None, None, {"SBCAllowedAudioCodersGroupName": "these"}, allowed={"these": ("G729",)}) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=sdp("10.0.1.1", 4000, "9 18", *said))
        arrived = world.b.request("INVITE")
        (line,) = Sdp.parse(arrived.body).media
        stays = [one for one in said if ":9 " not in one]
        assert [value for letter, value in line.lines if letter == "a"] == stays and line.formats == ("18",)
        world.b.answer(arrived, 486)


def test_a_call_without_an_allowed_coder_is_refused() -> None:
    with a_media_world(None, None, {"SBCAllowedAudioCodersGroupName": "these"}, allowed={"these": ("G729",)}) as world:
        world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
        world.a.response(488)


# DSPs


@pytest.mark.parametrize(
    ("value", "coder", "accepted"),
    [
        named("ReserveDSPOnSDPOffer", 1, "8", 1),
        named("ReserveDSPOnSDPOffer", 0, "8", 2),
        pytest.param(0, "0", 1, id="ReserveDSPOnSDPOffer=0 and both need one"),
    ],
)
def test_calls_that_might_need_a_dsp_take_it_with_the_offer_or_with_the_answer(value: int, coder: str, accepted: int) -> None:
    with a_media_world(
        {"ReserveDSPOnSDPOffer": value}, None, {"SBCExtensionCodersGroupName": "more"}, coders={"more": ("PCMU",)}, dsps=1
    ) as world:
        talks = [Talk(world, OFFER, sdp("10.0.2.1", 5000, coder))]
        if accepted == 2:
            talks.append(Talk(world, OFFER, sdp("10.0.2.1", 5002, coder)))
        else:
            world.a.ask("INVITE", "sip:200@corp.example", body=OFFER)
            if not value:
                world.b.answer(world.b.request("INVITE"), 200, body=sdp("10.0.2.1", 5002, coder))
                world.b.request("ACK")
                world.b.answer(world.b.request("BYE"), 200)
            world.a.response(503)
        for talk in talks:
            talk.end()


# Order of lines


@pytest.mark.parametrize("direct", [0, 1])
@pytest.mark.parametrize(
    ("value", "lines"),
    [named("SBCEnforceMediaOrder", 0, [("image", True)]), named("SBCEnforceMediaOrder", 1, [("audio", False), ("image", True)])],
)
def test_a_line_of_the_session_keeps_its_place(value: int, lines: list[tuple[str, bool]], direct: int) -> None:
    fax = sdp("10.0.1.1", 4100, "t38", kind="image", protocol="udptl").replace(b"7 1 IN", b"7 2 IN")
    with a_media_world({"SBCEnforceMediaOrder": value, "SBCDirectMedia": direct}) as world:
        talk = Talk(world, OFFER, ANSWER)
        world.a.send(talk.ours, "INVITE", body=fax)
        arrived = world.b.request("INVITE")
        found = Sdp.parse(arrived.body).media
        assert [(line.kind, line.port > 0) for line in found] == lines
        tail = b"m=audio 0 RTP/AVP 8\r\n" if value else b""
        answer = fax.replace(b"10.0.1.1", b"10.0.2.1").replace(b"m=image", tail + b"m=image")
        world.b.answer(arrived, 200, body=answer)
        told = Sdp.parse(world.a.response(200).body).media
        assert [line.kind for line in told] == ["image"], "who offered one line is answered one"
        world.a.send(talk.ours, "ACK")
        world.b.request("ACK")
        if not direct:
            world.ledger.ends[told[0].port].receive(b"\x00\x01T.38", ("10.0.1.1", 4100), 0.0)
            assert world.ledger.sent(found[-1].port) == [(b"\x00\x01T.38", ("10.0.2.1", 4100))]
        talk.end()


def test_a_line_of_another_kind_over_the_same_protocol_does_not_take_the_place_of_one_of_the_session() -> None:
    video = sdp("10.0.1.1", 4100, "31", kind="video").replace(b"7 1 IN", b"7 2 IN")
    with a_media_world({"SBCEnforceMediaOrder": 1}) as world:
        talk = Talk(world, OFFER, ANSWER)
        world.a.send(talk.ours, "INVITE", body=video)
        arrived = world.b.request("INVITE")
        assert [(line.kind, line.port > 0) for line in Sdp.parse(arrived.body).media] == [("audio", False), ("video", True)]
        world.b.answer(arrived, 488)
        world.b.request("ACK")
        world.a.response(488)
        talk.end()


# RTCP

REPORT = compound([Report(0xAAAA, Sender(1 << 40, 800, 3, 480)), SourceName(0xAAAA, "me")])


@pytest.mark.parametrize(
    ("value", "table", "passes", "idle", "active"),
    [
        named(f"{table}SBCRTCPMode", value, table, *more)
        for table in ("", "IpProfile.")
        for value, *more in ((0, True, False, False), (1, False, True, True), (2, False, False, True))
    ],
)
def test_rtcp_is_relayed_or_made_here(value: int, table: str, passes: bool, idle: bool, active: bool) -> None:
    mode = {"SBCRTCPMode": value}
    values, profile = (None, mode) if table else (mode, None)
    with a_media_world(values, profile, profile) as world:
        talk = Talk(world, OFFER, ANSWER)
        end = world.ledger.ends[talk.at_b]

        def reports(begin: float, *, speaks: bool) -> list[bytes]:
            for tenth in range(int(10 * (FIRST_S + INTERVAL_S)) + 2):
                now = begin + tenth / 10
                if speaks:
                    talk.from_a(rtp(8, tenth, 800 * tenth), at=now)
                end.begin_reports(now)
                end.on_timer(now)
            return [data for data, _ in world.ledger.control_sent(talk.at_b)]

        assert bool(reports(100.0, speaks=False)) is idle
        made = reports(200.0, speaks=True)
        assert bool(made) is active
        for one in made:
            report, name = parse_compound(one)
            assert isinstance(report, Report) and isinstance(name, SourceName)
            assert report.ssrc == talk.at_b and report.sender is not None and report.sender.packets > 0
        world.ledger.ends[talk.at_a].receive_control(REPORT, ("10.0.1.1", 4001), 300.0)
        assert len(world.ledger.control_sent(talk.at_b)) == passes
        talk.end()


def test_relayed_rtcp_names_the_sources_of_rebuilt_streams() -> None:
    with a_media_world() as world:
        talk = Talk(world, OFFER, ANSWER)
        talk.from_a(rtp(8, 7, 800, 0xAAAA))
        talk.from_b(rtp(8, 40, 9000, 0xBBBB))
        about = Report(0xAAAA, Sender(1 << 40, 800, 3, 480), (Block(talk.at_a, 0, 0, 102, 7),))
        data = compound([about, SourceName(0xAAAA, "me"), Goodbye((0xAAAA,))])
        world.ledger.ends[talk.at_a].receive_control(data, ("10.0.1.1", 4001), 0.0)
        ((out, _),) = world.ledger.control_sent(talk.at_b)
        report, name, goodbye = parse_compound(out)
        assert isinstance(report, Report) and report.sender is not None
        assert (report.ssrc, report.sender.timestamp) == (talk.at_b, 1000), "as the packets that went out"
        assert (report.blocks[0].ssrc, report.blocks[0].highest) == (0xBBBB, 42), "as b numbers them: 102 went out for 42"
        assert name == SourceName(talk.at_b, "me") and goodbye == Goodbye((talk.at_b,))
        talk.end()
