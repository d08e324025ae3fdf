"""Peers that send and say anything: nothing breaks, nothing goes where it must not, and counts stay within what came."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_lab import OURS, PHONE, Ledger, a_packet, a_session, agreed, sdp

from sipstub.media.agreement import agree
from sipstub.media.rtcp import Block, Report, Sender, compound
from sipstub.media.srtp import SrtpKey
from sipstub.sip.error import SipError
from sipstub.sip.sdp import Sdp
from sipstub.stimulus.media import MediaTalk

LINES = st.sampled_from(
    [
        "a=rtpmap:97 PCMA/8000",
        "a=rtpmap:0 PCMA/16000/2",
        "a=rtpmap:200 PCMU/8000",
        "a=rtpmap:8 telephone-event/8000",
        "a=rtpmap:x y/z",
        "a=rtpmap:97 PCMA/0",
        "a=ptime:0",
        "a=ptime:99999999999",
        "a=ptime:-20",
        "a=rtcp:",
        "a=rtcp:0",
        "a=rtcp:65536 IN IP4 192.0.2.9",
        "a=sendonly",
        "a=recvonly",
        "a=inactive",
        "a=sendrecv",
        "c=IN IP4 255.255.255.255",
        "c=IN IP4 224.2.1.1/127/3",
        "c=IN IP6 ff02::1",
        "c=IN IP4 0.0.0.0",
        "c=IN IP4 host.example.com",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
        "a=crypto:x",
        "a=fmtp:101 0-99999999",
    ]
)
FORMATS = st.lists(st.sampled_from(["0", "8", "9", "97", "101", "200", "x", "00", "99999"]), max_size=6).map(" ".join)
SDPS = st.builds(
    lambda port, formats, lines, protocol: (
        f"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio {port} {protocol} {formats}\r\n"
        + "".join(f"{line}\r\n" for line in lines)
    ).encode(),
    st.sampled_from([0, 1, 9, 11780, 65535]),
    FORMATS,
    st.lists(LINES, max_size=5),
    st.sampled_from(["RTP/AVP", "RTP/SAVP", "RTP/AVPF", "udptl"]),
)


@given(SDPS)
def test_any_description_is_agreed_on_or_not_and_never_leads_to_everybody(body: bytes) -> None:
    with contextlib.suppress(SipError):
        found = agree(OURS, Sdp.parse(body))
        if found is not None:
            for target in (found.target, found.rtcp):
                assert target is None or (0 < target[1] <= 65_535 and not ipaddress.ip_address(target[0]).is_multicast)
            assert 10 <= found.ptime_ms <= 60 and 0 <= found.payload_type <= 127
            session = a_session()
            session.agree(found, 0.0)
            session.due(0.0)


@given(st.lists(st.tuples(st.booleans(), SDPS), max_size=8))
def test_any_course_of_descriptions_leaves_one_line_that_is_closed(course: list[tuple[bool, bytes]]) -> None:
    ledger = Ledger()
    talk = MediaTalk("127.0.0.1", key=lambda: "k" * 40, place=ledger, near="192.0.2.7")
    talk.begin()
    for is_offer, body in course:
        if is_offer:
            answer = talk.answer(body)
            assert answer is None or Sdp.parse(answer).media
        else:
            talk.offer()
            talk.answered(body)
    talk.end()
    assert len(ledger.lines) <= 1 and ledger.taken == 0


@pytest.mark.parametrize("is_secure", [False, True])
def test_any_datagrams_change_no_more_than_counts(is_secure: bool) -> None:
    head = st.sampled_from([b"", b"\x80\x00", b"\x80\x65\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02", b"\x00\x01", b"\x80\xc8"])

    @given(st.lists(st.tuples(head, st.binary(max_size=60), st.booleans()), max_size=40))
    def scenario(datagrams: list[tuple[bytes, bytes, bool]]) -> None:
        session = a_session()
        session.agree(agreed(), 0.0)
        if is_secure:
            session.agree(_secured(), 0.0)
        for at, (first, rest, is_control) in enumerate(datagrams):
            take = session.receive_control if is_control else session.receive
            take(first + rest, PHONE, at * 0.01)
        report = session.report
        assert report.received + report.strange + report.stun + report.foreign <= len(datagrams)
        assert str(report)

    scenario()


def _secured() -> object:
    from dataclasses import replace

    return replace(agreed(), is_secure=True, keys=(SrtpKey(bytes(16), bytes(14), 10), SrtpKey(bytes(16), bytes(14), 10)))


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), max_size=10))
def test_reports_that_lie_give_no_time_that_cannot_be(told: list[tuple[int, int, int]]) -> None:
    session = a_session()
    session.agree(agreed(), 1000.0)
    session.receive(a_packet(1), PHONE, 1000.0)
    for at, (time, last, delay) in enumerate(told):
        block = Block(session.ssrc, 255, -(2**23), 2**32 - 1, 2**32 - 1, last, delay)
        data = compound([Report(99, Sender(time, 1, 2, 3), (block,))])
        session.receive_control(data, (PHONE[0], PHONE[1] + 1), 1000.0 + at)
        trip = session.report.round_trip_s
        assert trip is None or 0 <= trip < 60
        session.due_control(1000.0 + 10 * at)


def test_a_codec_without_a_clock_is_refused_and_the_call_ends_with_its_counts() -> None:
    """The stub answers with the numbers and clocks of the offer, so they would be its own from then on."""
    talk = MediaTalk("127.0.0.1", place=Ledger(), near="192.0.2.7")
    assert talk.answer(bytes(sdp(*PHONE, "97", "a=rtpmap:97 PCMA/0"))) is None
    assert talk.answer(bytes(sdp(*PHONE, "97", "a=rtpmap:97 PCMA/8000"))) is not None
    talk.end()


def test_a_payload_type_of_eight_bits_is_none() -> None:
    found = agree(OURS, sdp(*PHONE, "200 8", "a=rtpmap:200 PCMU/8000"))
    assert found is not None and (found.codec, found.payload_type) == ("PCMA", 8)
