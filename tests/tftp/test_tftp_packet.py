"""Requests read from any bytes, behind the interface of tftpy's factory."""

from __future__ import annotations

import pytest
import tftpy
from hypothesis import given
from hypothesis import strategies as st
from tftp_running import request

from provisioner.services.tftp_packet import (
    MAX_OPTIONS,
    MalformedRequest,
    PacketFactory,
    ReadRequest,
    WriteRequest,
    error_text,
    oack_packet,
)

FACTORY = PacketFactory()


def test_the_factory_stands_in_for_that_of_tftpy() -> None:
    packet = FACTORY.parse(request("a.cfg", "OCTET", blksize=1428))
    assert isinstance(packet, ReadRequest) and isinstance(packet, tftpy.TftpPacketTypes.TftpPacketRRQ)
    assert (packet.filename, packet.mode, packet.options) == ("a.cfg", "octet", {"blksize": "1428"})
    assert isinstance(FACTORY.parse(request("a.cfg", opcode=2)), WriteRequest)
    assert isinstance(FACTORY.parse(b"\0\4\0\1"), tftpy.TftpPacketTypes.TftpPacketACK)


def test_an_oack_reads_back_with_the_parser_of_tftpy() -> None:
    packet = FACTORY.parse(oack_packet((("blksize", "1428"), ("tsize", "7"))))
    assert packet.options == {"blksize": "1428", "tsize": "7"}


@pytest.mark.parametrize("name", [b"", b"\xff\xfe.cfg", "größe.cfg".encode(), b"a" * 1500, b"../../etc/passwd", b"a\nb", b"%00"])
def test_any_file_name_is_read_as_text_that_can_be_stored(name: bytes) -> None:
    text = FACTORY.parse_request(request(name)).filename
    text.encode("utf-8")
    if name.isascii():
        assert text.encode() == name


@pytest.mark.parametrize(
    "datagram", [b"", b"\0", b"\0\1", b"\0\1a", b"\0\1a\0", b"\0\1a\0octet", b"\0\3\0\1", b"\1\1a\0octet\0", b"\0\1\0\0"[:3]]
)
def test_what_has_no_name_or_no_mode_is_malformed(datagram: bytes) -> None:
    with pytest.raises(MalformedRequest):
        FACTORY.parse_request(datagram)


@pytest.mark.parametrize("tail", [b"blksize", b"blksize\0", b"blksize\x001428", b"\xff\xff\0\xfe\0", b"\0\0\0\0", b"\0"])
def test_a_damaged_option_does_not_spoil_the_request(tail: bytes) -> None:
    packet = FACTORY.parse_request(request("a.cfg") + tail)
    assert (packet.filename, packet.mode) == ("a.cfg", "octet")


def test_options_beyond_a_number_are_not_read() -> None:
    packet = FACTORY.parse_request(request("a.cfg", **{f"o{number}": number for number in range(100)}))
    assert len(packet.options) == MAX_OPTIONS


@given(st.binary(max_size=600))
def test_any_bytes_are_a_request_or_malformed(datagram: bytes) -> None:
    for data in (datagram, b"\0\1" + datagram, b"\0\2" + datagram):
        try:
            packet = FACTORY.parse_request(data)
        except MalformedRequest:
            continue
        packet.filename.encode("utf-8")
        assert len(packet.options) <= MAX_OPTIONS


@given(st.binary(min_size=4, max_size=600))
def test_the_text_of_a_clients_error_is_one_short_printable_line(datagram: bytes) -> None:
    shown = error_text(datagram)
    assert shown.isprintable() and len(shown) < 120
