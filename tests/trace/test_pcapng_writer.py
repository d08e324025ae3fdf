"""What we write opens in tshark: addresses, ports, SIP fields, right checksums, comments."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_samples import PHONE, STUB, a_registration, a_request

from sipstub.trace.packet import checksum, udp_packet
from sipstub.trace.pcapng_writer import MAX_COMMENT_BYTES, write_pcapng
from sipstub.trace.record import Endpoint, RecordedMessage

TLS_PHONE, TLS_STUB = Endpoint("tls", "10.1.2.3", 40_001), Endpoint("tls", "10.1.0.5", 5061)
TCP6_PHONE, TCP6_STUB = Endpoint("tcp", "2001:db8::3", 40_002), Endpoint("tcp", "2001:db8::5", 5060)
UDP6_PHONE, UDP6_STUB = Endpoint("udp", "fe80::3%eth0", 5060), Endpoint("udp", "fe80::5", 5060)
FIELDS = (
    "frame.number frame.interface_name frame.time_epoch frame.comment frame.packet_id ip.src ip.dst ipv6.src ipv6.dst "
    "udp.srcport udp.dstport exported_pdu.ipv4_src exported_pdu.ipv6_dst exported_pdu.src_port exported_pdu.dst_port "
    "ip.checksum.status udp.checksum.status sip.Method sip.Status-Code sip.auth.username exported_pdu.port_type"
).split()


def everything() -> list[RecordedMessage]:
    pairs = [(PHONE, STUB), (TLS_PHONE, TLS_STUB), (TCP6_PHONE, TCP6_STUB), (UDP6_PHONE, UDP6_STUB)]
    found = [message for phone, stub in pairs for message in a_registration(phone, stub)]
    return [dataclasses.replace(message, number=number, at=message.at + number) for number, message in enumerate(found, 1)]


def written(messages: list[RecordedMessage], comments: dict[int, list[str]] | None = None) -> bytes:
    stream = io.BytesIO()
    assert write_pcapng(stream, messages, comments or {}) == len(messages)
    return stream.getvalue()


def tshark(data: bytes, folder: Path, *options: str) -> list[dict[str, Any]]:
    """Return per packet the fields that tshark finds, each the text of its first occurrence, comments as lists."""
    file = folder / "capture.pcapng"
    file.write_bytes(data)
    checks = ("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
    command = ["tshark", "-r", str(file), "-T", "json", *checks, *options]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    packets = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
    return [{key: value if key == "frame.comment" else value[0] for key, value in packet.items()} for packet in packets]


@pytest.mark.needs("tshark")
def test_tshark_reads_every_transport_with_its_true_ends_and_our_comments(tmp_path: Path) -> None:
    messages = everything()
    comments = {3: ["FAIL register-expiry: expected 600, seen 3600", "WARN other: Ümläut"], 7: ["FAIL over tls"]}
    packets = tshark(written(messages, comments), tmp_path)
    assert len(packets) == len(messages) == 16
    udp, tls, tcp6, udp6 = packets[2], packets[6], packets[8], packets[12]
    assert (udp["ip.src"], udp["udp.srcport"], udp["ip.dst"], udp["udp.dstport"]) == ("127.0.5.1", "5062", "127.0.0.1", "5060")
    assert udp["ip.checksum.status"] == udp["udp.checksum.status"] == udp6["udp.checksum.status"] == "1"
    assert udp["frame.comment"] == comments[3] and tls["frame.comment"] == comments[7] and "frame.comment" not in packets[0]
    assert udp["sip.Method"] == tls["sip.Method"] == tcp6["sip.Method"] == udp6["sip.Method"] == "REGISTER"
    assert packets[7]["sip.Status-Code"] == "200" and udp["sip.auth.username"].strip('"') == "101"
    assert (tls["exported_pdu.ipv4_src"], tls["exported_pdu.src_port"]) == ("10.1.2.3", "40001")
    assert (tcp6["exported_pdu.ipv6_dst"], tcp6["exported_pdu.dst_port"]) == ("2001:db8::5", "5060")
    assert (udp6["ipv6.src"], udp6["ipv6.dst"]) == ("fe80::3", "fe80::5")
    assert tls["exported_pdu.port_type"] == tcp6["exported_pdu.port_type"] == "2"  # TCP, as Wireshark counts
    assert (udp["frame.interface_name"], tls["frame.interface_name"]) == ("udp", "tcp+tls")
    assert [float(packet["frame.time_epoch"]) for packet in packets] == pytest.approx([m.at for m in messages], abs=1e-6)
    assert [int(packet["frame.packet_id"], 0) for packet in packets] == [message.number for message in messages]


@pytest.mark.needs("tshark")
def test_a_datagram_too_large_for_ip_is_written_as_an_exported_pdu(tmp_path: Path) -> None:
    body = b"x" * 65_000
    large = [RecordedMessage(1, 1.0, True, STUB, PHONE, a_request("MESSAGE", body=body + b"y" * 300))]
    large.append(dataclasses.replace(large[0], number=2, data=a_request("MESSAGE", body=body)))
    packets = tshark(written(large), tmp_path)
    assert [packet["sip.Method"] for packet in packets] == ["MESSAGE"] * 2
    assert [packet["frame.interface_name"] for packet in packets] == ["tcp+tls", "udp"]


@pytest.mark.needs("tshark")
def test_names_and_mixed_families_still_give_a_readable_file(tmp_path: Path) -> None:
    named = RecordedMessage(1, 1.0, True, Endpoint("udp", "pbx.example", 5060), PHONE, a_request())
    mixed = RecordedMessage(2, -1.0, True, Endpoint("tcp", "::1", 5060), Endpoint("tcp", "::ffff:10.0.0.1", 1), a_request())
    packets = tshark(written([named, mixed]), tmp_path)
    assert packets[0]["ip.dst"] == "0.0.0.0" and packets[1]["exported_pdu.ipv6_dst"] == "::1"


@pytest.mark.needs("tshark")
def test_a_long_comment_is_cut_where_a_letter_ends(tmp_path: Path) -> None:
    packets = tshark(written(a_registration()[:1], {1: ["ä" * MAX_COMMENT_BYTES]}), tmp_path)
    text = packets[0]["frame.comment"][0]
    assert text.endswith("ä...") and len(text.encode()) <= MAX_COMMENT_BYTES


def slow_checksum(data: bytes) -> int:
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(st.binary(max_size=200))
def test_the_checksum_is_that_of_rfc_1071(data: bytes) -> None:
    assert checksum(data) == slow_checksum(data)


@given(st.binary(max_size=100), st.sampled_from(["10.0.0.1", "2001:db8::1"]))
def test_a_packet_checks_to_zero(payload: bytes, host: str) -> None:
    packet = udp_packet(host, 5060, host, 5061, payload)
    if ":" in host:
        addresses, datagram = packet[8:40], packet[40:]
    else:
        assert checksum(packet[:20]) == 0
        addresses, datagram = packet[12:20], packet[20:]
    assert checksum(addresses + len(datagram).to_bytes(2, "big") + b"\0\x11" + datagram) == 0


def test_a_checksum_of_zero_is_written_as_all_ones() -> None:
    sum_of_nothing = udp_packet("10.0.0.1", 1, "10.0.0.2", 2, b"\0\0")[26:28]
    assert udp_packet("10.0.0.1", 1, "10.0.0.2", 2, sum_of_nothing)[26:28] == b"\xff\xff"
