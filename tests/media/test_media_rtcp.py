"""RTCP: packets that are read back, reports that say what was counted, and what the other side reports of us."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_lab import PHONE, a_packet, a_session, agreed

from sipstub.media.control import FIRST_S, INTERVAL_S, Control, ntp
from sipstub.media.packet import PacketProblem
from sipstub.media.rtcp import (
    Block,
    Goodbye,
    OtherPacket,
    Report,
    RtcpPacket,
    Sender,
    SourceName,
    compound,
    parse_compound,
)
from sipstub.media.rtp_session import UNHEARD_S, RtpSession

WORD = st.integers(0, 2**32 - 1)
BLOCKS = st.builds(Block, WORD, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), WORD, WORD, WORD, WORD)
SENDERS = st.builds(Sender, st.integers(0, 2**64 - 1), WORD, WORD, WORD)
REPORTS = st.builds(Report, WORD, st.none() | SENDERS, st.lists(BLOCKS, max_size=31).map(tuple))
OTHERS = st.one_of(
    REPORTS,
    st.builds(SourceName, WORD, st.text(max_size=60)),
    st.builds(Goodbye, st.lists(WORD, max_size=31).map(tuple)),
)
CONTROL = (PHONE[0], PHONE[1] + 1)


@given(REPORTS, st.lists(OTHERS, max_size=5))
def test_a_compound_that_is_written_is_read_back(first: Report, more: list[RtcpPacket]) -> None:
    data = compound([first, *more])
    assert len(data) % 4 == 0
    assert parse_compound(data) == (first, *more)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"\x80\xc9\x00\x01\x00\x00\x00\x01" + data))
def test_any_datagram_is_a_compound_or_a_problem(data: bytes) -> None:
    try:
        assert compound(parse_compound(data)) is not None
    except PacketProblem as problem:
        assert "RTCP" in problem.message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc9\x00",
        bytes.fromhex("80c80001 00000001"),  # a sender report without what the sender says
        bytes.fromhex("81c90001 00000001"),  # a block that is not there
        bytes.fromhex("80ca0001 00000001"),  # begins with a name
        bytes.fromhex("40c90001 00000001"),  # version 1
        bytes.fromhex("80c90005 00000001"),  # longer than the datagram
        bytes.fromhex("a0c90001 00000001 80c90001 00000001"),  # padding in the middle
        bytes.fromhex("80c90001 00000001 82cb0001 00000001"),  # a goodbye of two, one of which is not there
    ],
)
def test_what_is_no_compound_is_refused(data: bytes) -> None:
    with pytest.raises(PacketProblem):
        parse_compound(data)


def test_kinds_that_are_not_known_are_kept_as_they_are() -> None:
    data = bytes.fromhex("80c90001 00000001 81cc0002 00000001 61626364")
    assert parse_compound(data) == (Report(1), OtherPacket(204, data[8:]))


# What one call says


def reports(session: RtpSession, until: float, since: float) -> list[tuple[float, Report]]:
    """Return the reports that go out while packets do."""
    found = []
    for tick in range(int((until - since) * 50) + 1):
        now = since + tick / 50
        session.due(now)
        for data, address in session.due_control(now):
            assert address == CONTROL
            first, name = parse_compound(data)
            assert isinstance(first, Report) and isinstance(name, SourceName)
            found.append((now, first))
    return found


def test_reports_go_out_at_once_half_and_then_each_whole_interval() -> None:
    session = a_session()
    session.agree(agreed(), 100.0)
    found = reports(session, 113.0, 100.0)
    assert [round(at - 100, 2) for at, _ in found] == [FIRST_S, FIRST_S + INTERVAL_S, FIRST_S + 2 * INTERVAL_S]
    first, second = (report.sender for _, report in found[:2])
    assert first is not None and second is not None
    assert (first.packets, first.octets) == (126, 126 * 160)
    assert second.packets - first.packets == 250
    assert (second.timestamp - first.timestamp) % 2**32 == 5 * 8000
    assert second.time - first.time == 5 << 32
    assert found[0][1].blocks == ()


def test_who_sends_nothing_reports_as_a_receiver() -> None:
    session = a_session()
    session.agree(agreed("a=sendonly"), 0.0)
    for number in (1, 2, 5):
        session.receive(a_packet(number), PHONE, number * 0.02)
    ((_, report),) = reports(session, 3.0, 0.0)
    assert report.sender is None
    (block,) = report.blocks
    assert (block.ssrc, block.lost, block.highest) == (99, 2, 5)
    assert block.fraction == 2 * 256 // 5


def test_the_fraction_is_that_since_the_report_before() -> None:
    control = Control(7, "stub")
    session = a_session()
    session.agree(agreed(), 0.0)

    def block() -> Block:
        (first, _) = parse_compound(control.report(0.0, session.source, None))
        assert isinstance(first, Report)
        return first.blocks[0]

    for number in (0, 1, 3):
        session.receive(a_packet(number), PHONE, number * 0.02)
    assert (block().fraction, block().fraction) == (64, 0)
    for number in range(4, 14):
        session.receive(a_packet(number), PHONE, number * 0.02)
    found = block()
    assert (found.fraction, found.lost) == (0, 1)
    for number in range(200, 300):
        session.receive(a_packet(number), PHONE, number * 0.02)
    assert block().fraction == 186 * 256 // 286


def test_what_the_other_side_lost_and_the_way_there_and_back_are_known() -> None:
    session = a_session()
    session.agree(agreed(), 100.0)
    ((sent_at, report),) = reports(session, 103.0, 100.0)
    assert report.sender is not None
    back = Block(session.ssrc, 0, 4, 1, 80, report.sender.time >> 16 & 0xFFFFFFFF, 65_536 // 2)
    session.receive_control(compound([Report(99, None, (back,))]), CONTROL, sent_at + 0.7)
    assert session.report.told_lost == 4
    assert session.report.round_trip_s == pytest.approx(0.2, abs=0.001)
    assert "the other side lost 4" in str(session.report)


def test_a_report_that_came_is_named_in_the_next_one() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    session.receive(a_packet(1), PHONE, 0.0)
    session.receive_control(compound([Report(99, Sender(0x1122334455667788, 1, 2, 3))]), CONTROL, 1.0)
    ((at, report),) = reports(session, 3.0, 1.0)
    assert (report.blocks[0].last, report.blocks[0].delay) == (0x33445566, round((at - 1.0) * 65_536))


def test_reports_of_others_and_nonsense_change_nothing() -> None:
    session = a_session()
    session.agree(agreed(), 0.0)
    session.receive_control(compound([Report(99, None, (Block(session.ssrc, 0, 9, 1, 1),))]), ("198.51.100.1", 5), 1.0)
    session.receive_control(compound([Report(99, None, (Block(session.ssrc + 1, 0, 9, 1, 1),))]), CONTROL, 1.0)
    session.receive_control(b"nonsense", CONTROL, 1.0)
    assert (session.report.told_lost, session.control.heard, session.control.strange) == (None, 1, 1)


def test_a_call_that_ends_says_goodbye_and_one_that_never_began_does_not() -> None:
    session = a_session()
    assert session.goodbye(0.0) == []
    session.agree(agreed(), 0.0)
    session.due(0.0)
    ((data, address),) = session.goodbye(1.0)
    assert address == CONTROL
    first, _, last = parse_compound(data)
    assert isinstance(first, Report) and last == Goodbye((session.ssrc,))
    assert (session.next_at, session.control.next_at) == (None, None)


def test_an_address_where_nobody_is_gets_no_reports_for_ever() -> None:
    session = a_session(near="192.0.2.200")
    session.agree(agreed("a=sendonly"), 0.0)
    found = reports(session, UNHEARD_S + 60, 0.0)
    assert found and found[-1][0] < UNHEARD_S
    heard = a_session(near="192.0.2.200")
    heard.agree(agreed("a=sendonly"), 0.0)
    heard.receive_control(compound([Report(99)]), CONTROL, 1.0)
    assert reports(heard, UNHEARD_S + 60, 0.0)[-1][0] > UNHEARD_S + 50


def test_time_is_written_as_ntp_has_it() -> None:
    assert ntp(1.5) == 0x1_8000_0000
    assert 0 <= ntp(1e12) < 2**64
