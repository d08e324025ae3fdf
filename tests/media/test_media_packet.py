"""RTP packets: what is written is read back, and nothing that is not one gets through."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipstub.errors import SipstubError
from sipstub.media.packet import PacketProblem, RtpPacket

PACKETS = st.builds(
    RtpPacket,
    st.integers(0, 63),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF_FFFF),
    st.integers(0, 0xFFFF_FFFF),
    st.binary(max_size=400),
    st.booleans(),
    st.lists(st.integers(0, 0xFFFF_FFFF), max_size=15).map(tuple),
    st.none() | st.tuples(st.integers(0, 0xFFFF), st.integers(0, 8).map(lambda words: b"word" * words)),
)


@given(PACKETS)
def test_a_packet_that_is_written_is_read_back(packet: RtpPacket) -> None:
    assert RtpPacket.parse(bytes(packet)) == packet


@given(st.binary(max_size=200))
def test_any_datagram_is_a_packet_or_a_problem(data: bytes) -> None:
    try:
        assert len(RtpPacket.parse(data).payload) <= len(data) - 12
    except PacketProblem as problem:
        assert problem.message.startswith("RT")


def test_the_fields_stand_where_the_rfc_puts_them() -> None:
    data = bytes.fromhex("80 88 0102 03040506 0708090a") + b"voice"
    packet = RtpPacket.parse(data)
    assert (packet.payload_type, packet.is_marked, packet.sequence) == (8, True, 0x0102)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (0x03040506, 0x0708090A, b"voice")


def test_padding_is_left_out() -> None:
    assert RtpPacket.parse(bytes.fromhex("a000 0001 00000000 00000001") + b"ab\x00\x00\x03").payload == b"ab"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x00" * 5,
        bytes(12),  # version 0
        bytes.fromhex("81000001 00000000 00000001"),  # a source that is not there
        bytes.fromhex("90000001 00000000 00000001"),  # an extension that is not there
        bytes.fromhex("90000001 00000000 00000001 bede0002 00000000"),  # an extension that is cut off
        bytes.fromhex("a0000001 00000000 00000001 05"),  # more padding than there is
        bytes.fromhex("a0000001 00000000 00000001 00"),  # padding of no bytes
        bytes.fromhex("a0000001 00000000 00000001"),  # padding and nothing to say how much
        struct.pack("!BBHII", 0x80, 200, 6, 1, 2),  # RTCP
    ],
)
def test_what_is_no_packet_is_refused(data: bytes) -> None:
    with pytest.raises(SipstubError):
        RtpPacket.parse(data)
