"""One call's RTP on simulated time: what is sent when, what is counted, and what does not belong to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_lab import OURS, PHONE, a_packet, a_session, agreed, sdp

from sipstub.media.agreement import agree
from sipstub.media.g711 import PCMA, PCMU
from sipstub.media.packet import RtpPacket
from sipstub.media.rtp_session import MAX_LATE, MAX_SENDING_S, UNHEARD_S, RtpSession
from sipstub.media.sound import Sound, payload
from sipstub.media.telephone_event import MAX_PRESSES, TelephoneEvent

ELSEWHERE = ("198.51.100.9", 4000)


def sent(session: RtpSession, until: float, since: float = 0.0, step_s: float = 0.005) -> list[RtpPacket]:
    """Return what goes out while somebody looks often."""
    found = []
    for at in range(int((until - since) / step_s) + 1):
        found += [RtpPacket.parse(data) for data, _ in session.due(since + at * step_s)]
    return found


def test_a_call_sends_a_packet_each_20_ms_with_numbers_that_go_round() -> None:
    session = a_session(Sound.TONE)
    session.agree(agreed(), 10.004)
    packets = sent(session, 10.2, 10.0)
    assert len(packets) == 10
    assert [packet.sequence for packet in packets[:4]] == [65_534, 65_535, 0, 1]
    assert [packet.timestamp for packet in packets[:3]] == [0xFFFF_FFF0, 0x90, 0x130]
    assert [packet.is_marked for packet in packets] == [True] + [False] * 9
    assert {packet.payload for packet in packets} == {payload(Sound.TONE, PCMU, 20)}
    assert {(packet.payload_type, packet.ssrc) for packet in packets} == {(0, 7)}


def test_the_other_side_chooses_codec_number_and_packet_time() -> None:
    session = a_session()
    there = agreed("a=rtpmap:97 PCMA/8000", "a=ptime:30", formats="9 97 0")
    session.agree(there, 0.0)
    packets = sent(session, 0.299)
    assert {(packet.payload_type, packet.payload) for packet in packets} == {(97, payload(Sound.SILENCE, PCMA, 30))}
    assert len(packets) == 10


@pytest.mark.parametrize(("wish", "obeyed"), [("0", 20), ("1", 10), ("10", 10), ("25", 20), ("60", 60), ("200", 60), ("x", 20)])
def test_packet_times_that_nobody_speaks_become_the_nearest(wish: str, obeyed: int) -> None:
    assert agreed(f"a=ptime:{wish}").ptime_ms == obeyed


def test_nothing_is_sent_before_the_first_agreement() -> None:
    session = a_session()
    assert (session.next_at, session.due(5.0)) == (None, [])
    assert str(session.report) == "RTP: 0 sent (the call was not answered), 0 received"


@pytest.mark.parametrize(
    ("lines", "address", "formats", "why"),
    [
        (("a=sendonly",), PHONE[0], "0", "held"),
        (("a=inactive",), PHONE[0], "0", "held"),
        ((), "0.0.0.0", "0", "held"),
        ((), "239.0.0.1", "0", "no address to send to"),
        ((), "phone.example.com", "0", "no address to send to"),
        ((), PHONE[0], "9", "no codec that is spoken here"),
        ((), PHONE[0], "101", "no codec that is spoken here"),
    ],
)
def test_why_nothing_is_sent_is_said(lines: tuple[str, ...], address: str, formats: str, why: str) -> None:
    session = a_session()
    session.agree(agreed(*lines, address=address, formats=formats), 0.0)
    assert sent(session, 1.0) == []
    assert session.report.why_silent == why
    assert f"0 sent ({why})" in str(session.report)


def test_srtp_is_not_sent_as_plain_rtp() -> None:
    ours, theirs = (sdp(port=port, protocol="RTP/SAVP") for port in (16384, 11780))
    found = agree(ours, theirs)
    assert found is not None and found.codec == ""
    session = a_session()
    session.agree(found, 0.0)
    assert (sent(session, 1.0), session.report.why_silent) == ([], "no SRTP key that fits")


def test_hold_stops_sending_and_resuming_goes_on_with_the_next_number() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    before = sent(session, 0.1)
    session.agree(agreed("a=sendonly"), 0.1)
    assert sent(session, 2.0, 0.1) == []
    session.agree(agreed(), 2.0)
    after = sent(session, 2.1, 2.0)
    assert after[0].sequence == (before[-1].sequence + 1) % 65_536
    assert (after[0].timestamp - before[-1].timestamp) % 2**32 == (2.0 - 0.1) * 8000, "time went on meanwhile"
    assert after[0].is_marked and not after[1].is_marked


def test_refused_audio_is_no_agreement() -> None:
    assert agree(OURS, sdp(port=0)) is None
    assert agree(sdp(port=0), OURS) is None


def test_a_loop_that_stood_still_sends_no_burst() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    assert len(session.due(0.0)) == 1
    assert len(session.due(0.02 * (MAX_LATE + 1))) == MAX_LATE + 1, "a little late is made up for"
    first = session.due(1000.0)
    assert len(first) == 1
    packet = RtpPacket.parse(first[0][0])
    assert packet.is_marked
    # the time that was lost is lost: the timestamp tells
    assert (packet.timestamp - 0xFFFF_FFF0) % 2**32 == 1000 * 8000
    assert session.report.skipped == 50_000 - (MAX_LATE + 2)
    assert session.next_at == pytest.approx(1000.02)


def test_sending_ends_after_hours() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    session.receive(a_packet(1), PHONE, 0.0)
    session.due(MAX_SENDING_S - 1)
    assert session.next_at is not None
    assert session.due(MAX_SENDING_S + 1) == []
    assert session.next_at is None
    session.receive(a_packet(2), PHONE, MAX_SENDING_S + 2)
    assert session.next_at is None


def test_an_address_that_is_not_the_callers_is_not_sent_to_for_long_unless_somebody_answers() -> None:
    session = a_session(near="192.0.2.200")
    session.agree(agreed(), 0.0)
    assert len(sent(session, UNHEARD_S + 5, step_s=0.02)) == UNHEARD_S * 50
    assert session.next_at is None
    session.agree(agreed(), UNHEARD_S + 6)  # the same address once more proves nothing
    assert sent(session, UNHEARD_S + 8, UNHEARD_S + 6) == []
    session.receive(a_packet(1), PHONE, UNHEARD_S + 9)
    assert len(sent(session, UNHEARD_S + 10, UNHEARD_S + 9)) in (50, 51)
    near = a_session(near=PHONE[0])
    near.agree(agreed(), 0.0)
    assert len(sent(near, UNHEARD_S + 5, step_s=0.02)) == (UNHEARD_S + 5) * 50 + 1


# What comes


def test_packets_are_counted_with_loss_jitter_and_times() -> None:
    session = a_session()
    session.agree(agreed(), 100.0)
    for number in range(65_500, 65_600):
        if number not in (65_510, 65_536):
            session.receive(a_packet(number), PHONE, 100.0 + (number - 65_500) * 0.02)
    report = session.report
    assert (report.received, report.lost, report.heard) == (98, 2, ("PCMU",))
    assert report.jitter_ms < 0.2
    assert (report.first_at, report.last_at) == (100.0, pytest.approx(101.98))


def test_jitter_is_that_of_the_rfc() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    expected, transit = 0.0, None
    for number in range(20):
        at = number * 0.02 + (0.005 if number % 2 else 0.0)
        session.receive(a_packet(number), PHONE, at)
        now = int(at * 8000) - number * 160
        if transit is not None:
            expected += (abs(now - transit) - expected) / 16
        transit = now
    assert session.report.jitter_ms == pytest.approx(expected / 8, abs=0.01)
    assert 3.0 < session.report.jitter_ms < 4.0, "it has not yet come to the 5 ms that it is"


def test_a_late_and_a_repeated_packet_are_no_loss() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    for number in (10, 12, 11, 12, 13):
        session.receive(a_packet(number), PHONE, number * 0.02)
    assert session.source is not None
    assert (session.report.received, session.report.lost, session.source.late) == (5, 0, 2)


def test_a_source_that_begins_anew_is_counted_on() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    for number in (*range(10), 40_000, 40_001, 40_002):
        session.receive(a_packet(number), PHONE, number * 0.02)
    assert session.source is not None
    assert (session.report.received, session.report.lost, session.source.restarts) == (12, 0, 1)
    session.receive(a_packet(5, ssrc=100), PHONE, 1000.0)
    session.receive(a_packet(7, ssrc=100), PHONE, 1000.1)
    assert (session.report.received, session.report.lost) == (14, 1)


@given(st.lists(st.tuples(st.integers(0, 65_535), st.integers(1, 3)), max_size=300))
def test_no_order_of_numbers_makes_counts_that_cannot_be(numbers: list[tuple[int, int]]) -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    for at, (number, ssrc) in enumerate(numbers):
        session.receive(a_packet(number, ssrc=ssrc), PHONE, at * 0.02)
    report = session.report
    assert 0 <= report.received <= len(numbers)
    assert report.lost >= 0 and report.jitter_ms >= 0


def test_packets_go_where_packets_come_from() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    assert [address for _, address in session.due(0.0)] == [PHONE]
    session.receive(a_packet(1), ELSEWHERE, 0.01)  # a phone behind NAT named an address that is not its own
    assert [address for _, address in session.due(0.02)] == [ELSEWHERE]
    session.receive(a_packet(9, ssrc=5), ("203.0.113.1", 5), 0.03)  # only the first one is believed
    assert [address for _, address in session.due(0.04)] == [ELSEWHERE]
    assert (session.report.received, session.report.foreign) == (1, 1)
    session.receive(a_packet(2), PHONE, 0.05)  # but for the one that was named
    assert [address for _, address in session.due(0.06)] == [PHONE]
    session.receive(a_packet(3), ELSEWHERE, 0.07)
    assert session.report.foreign == 2
    session.agree(agreed(address="192.0.2.99"), 0.08)
    assert [address for _, address in session.due(0.08)] == [("192.0.2.99", PHONE[1])]


def test_who_named_no_address_is_sent_to_as_soon_as_it_is_heard() -> None:
    session = a_session()
    session.agree(agreed(address="phone.example.com"), 0.0)
    assert session.due(1.0) == []
    session.receive(a_packet(1), ELSEWHERE, 1.0)
    assert [address for _, address in session.due(1.0)] == [ELSEWHERE]


def test_what_was_not_agreed_on_is_not_believed() -> None:
    session = a_session()
    session.agree(agreed(formats="0"), 0.0)
    session.receive(bytes.fromhex("000100002112a442") + bytes(12), ELSEWHERE, 0.0)
    assert (session.report.stun, session.report.strange) == (1, 0)
    for data in (b"", b"hello", a_packet(1, 96), a_packet(1, 0)[:11]):
        session.receive(data, ELSEWHERE, 0.0)
    assert (session.report.strange, session.report.received) == (4, 0)
    assert [address for _, address in session.due(0.0)] == [PHONE]


def test_a_press_is_one_digit_however_many_packets_tell_of_it() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    number = 0
    for start, event in enumerate((1, 1, 11, 16), 1):
        for duration, is_end in ((160, False), (320, False), (480, True), (480, True), (480, True)):
            number += 1
            body = bytes(TelephoneEvent(event, duration, is_end=is_end))
            data = bytes(RtpPacket(101, number, start * 8000, 99, body, duration == 160))
            session.receive(data, PHONE, number * 0.02)
    session.receive(bytes(RtpPacket(101, number + 1, 99, 99, b"\x01")), PHONE, 1.0)
    assert session.report.keys == "11#"
    assert (session.report.received, session.report.lost, session.report.strange) == (21, 0, 0)
    assert session.report.jitter_ms == 0.0, "their timestamps stand still"
    for press in range(2 * MAX_PRESSES):
        session.receive(bytes(RtpPacket(101, 100 + press, press, 99, bytes(TelephoneEvent(5, 160)))), PHONE, 2.0)
    assert len(session.report.keys) == MAX_PRESSES


def test_an_event_is_read_back() -> None:
    for event in (TelephoneEvent(10, 65_535, 63, True), TelephoneEvent(255, 0, 0)):
        assert TelephoneEvent.parse(bytes(event)) == event
    assert (TelephoneEvent(10, 0).key, TelephoneEvent(16, 0).key) == ("*", "")


def test_rtcp_goes_where_it_was_told_to() -> None:
    assert agreed().rtcp == (PHONE[0], PHONE[1] + 1)
    assert agreed("a=rtcp:53020").rtcp == (PHONE[0], 53_020)
    assert agreed("a=rtcp:99999999999999999999").rtcp == (PHONE[0], PHONE[1] + 1)


def test_a_call_is_told_in_one_line() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    sent(session, 0.2)
    session.receive(a_packet(1), PHONE, 0.0)
    session.receive(a_packet(3), PHONE, 0.04)
    assert str(session.report) == "RTP: 11 sent (PCMU), 2 received (PCMU, 1 lost, jitter 0.0 ms)"
