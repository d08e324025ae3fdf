"""Capture files of every kind, and every link layer that tools write, give the same messages."""

from __future__ import annotations

import io
import struct

import pytest
from capture_samples import a_block, a_datagram, a_pcap, a_pcapng, ip6_fragments, ip_fragments, read, read_packets, timed
from hypothesis import example, given
from hypothesis import strategies as st
from message_samples import a_registration, a_request, a_response

from sipstub.trace.capture import reading
from sipstub.trace.capture.ip_layer import MAX_DATAGRAMS, MAX_WAIT_S, IpLayer
from sipstub.trace.capture.packet_file import PacketFile
from sipstub.trace.record import Endpoint
from sipstub.trace.recording import CaptureProblem, Notes

PHONE, SERVER = Endpoint("udp", "10.1.2.3", 5060), Endpoint("udp", "10.1.0.5", 5060)
FRAMES = [
    a_datagram(a_request()),
    a_datagram(a_response(), source=SERVER.host, target=PHONE.host),
]
ETHERNET = bytes(12)


def linked(before: bytes) -> list[bytes]:
    return [before + frame for frame in FRAMES]


LINKS = {
    "ethernet": (1, ETHERNET + b"\x08\x00"),
    "vlan": (1, ETHERNET + b"\x81\x00\x00\x05\x08\x00"),
    "two vlans": (1, ETHERNET + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00"),
    "pppoe": (1, ETHERNET + b"\x88\x64" + b"\x11\0\0\1\2\0\0\x21"),
    "cooked": (113, bytes(14) + b"\x08\x00"),
    "cooked 2": (276, b"\x08\x00" + bytes(18)),
    "cooked 2 with a vlan": (276, b"\x81\x00" + bytes(18) + b"\x00\x05\x08\x00"),
    "null, little endian": (0, b"\2\0\0\0"),
    "null, big endian": (0, b"\0\0\0\2"),
    "loop": (108, b"\0\0\0\2"),
    "raw": (101, b""),
    "raw of BSD": (12, b""),
    "ipv4": (228, b""),
}


@pytest.mark.parametrize("name", LINKS)
def test_every_link_layer_gives_the_same_messages(name: str) -> None:
    link_type, before = LINKS[name]
    found = read(a_pcap(timed(linked(before)), link_type=link_type))
    assert [message.data for message in found.messages] == [a_request(), a_response()]
    assert [message.is_inbound for message in found.messages] == [True, False]
    assert {message.peer for message in found.messages} == {PHONE} and found.notes == ()
    assert {message.local for message in found.messages} == {SERVER}


@pytest.mark.parametrize("end", "<>")
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_of_either_byte_order_and_resolution(end: str, nanoseconds: bool) -> None:
    found = read(a_pcap([(1_700_000_000.123456, FRAMES[0])], end=end, nanoseconds=nanoseconds))
    assert found.messages[0].at == pytest.approx(1_700_000_000.123456, abs=1e-6)


@pytest.mark.parametrize("end", "<>")
@pytest.mark.parametrize("resolution", [None, 3, 6, 9, 0x80 | 20])
def test_pcapng_of_either_byte_order_and_any_resolution(end: str, resolution: int | None) -> None:
    found = read(a_pcapng([(1_700_000_000.125, FRAMES[0])], end=end, resolution=resolution))
    assert found.messages[0].at == pytest.approx(1_700_000_000.125, abs=1e-5) and found.notes == ()


def test_a_file_of_two_sections_in_two_byte_orders() -> None:
    data = a_pcapng([(1.0, FRAMES[0])], end="<") + a_pcapng([(2.0, FRAMES[1])], end=">", link_type=101)
    assert [message.at for message in read(data).messages] == [1.0, 2.0]


def test_a_new_section_begins_with_new_interfaces() -> None:
    ethernet = [ETHERNET + b"\x08\x00" + frame for frame in FRAMES]
    data = a_pcapng([(1.0, FRAMES[0])]) + a_pcapng([(2.0, ethernet[1])], link_type=1)
    assert [message.data for message in read(data).messages] == [a_request(), a_response()]


def test_the_time_offset_of_an_interface_counts() -> None:
    section = a_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = a_block(1, struct.pack("<HHI", 101, 0, 0) + struct.pack("<HHqI", 14, 8, -100, 0))
    packet = a_block(6, struct.pack("<IIIII", 0, 0, 101_500_000, len(FRAMES[0]), len(FRAMES[0])) + FRAMES[0])
    assert read(section + interface + packet).messages[0].at == 1.5


def test_simple_and_obsolete_packet_blocks_are_read_and_other_blocks_skipped() -> None:
    data = a_pcapng([(5.0, FRAMES[0])])
    data += a_block(10, b"secrets of TLS") + a_block(4, bytes(4)) + a_block(0xBAD, b"whatever")
    data += a_block(3, struct.pack("<I", len(FRAMES[1])) + FRAMES[1])
    data += a_block(2, struct.pack("<HHIIII", 0, 0, 0, 7_000_000, len(FRAMES[0]), len(FRAMES[0])) + FRAMES[0])
    found = read(data)
    assert [message.at for message in found.messages] == [5.0, 5.0, 7.0] and found.notes == ()


def test_a_packet_of_an_unknown_interface_is_noted() -> None:
    data = a_pcapng([(5.0, FRAMES[0])]) + a_block(6, struct.pack("<IIIII", 9, 0, 0, 4, 4) + b"data")
    found = read(data)
    assert len(found.messages) == 1 and found.notes == ("a packet of an interface that is not described",)


@pytest.mark.parametrize("kind", [a_pcap, a_pcapng])
def test_a_file_cut_anywhere_gives_what_stands_before_the_cut(kind: object) -> None:
    whole: bytes = kind(timed(FRAMES))  # type: ignore[operator]
    for size in range(4, len(whole)):
        found = read(whole[:size])
        assert len(found.messages) <= 2
        if size > len(whole) - 4:
            assert len(found.messages) >= 1
    assert len(read(whole).messages) == 2


def test_a_damaged_length_ends_the_reading_with_a_note() -> None:
    data = a_pcap(timed(FRAMES[:1])) + struct.pack("<IIII", 1, 0, 0x7FFFFFFF, 0x7FFFFFFF) + bytes(100)
    assert read(data).notes == ("the file is damaged after packet 1",)
    data = a_pcapng(timed(FRAMES[:1])) + struct.pack("<II", 6, 0x7FFFFFFC) + bytes(100)
    assert read(data).notes == ("the file is damaged after packet 1",)


@pytest.mark.parametrize(("data", "hint"), [(b"", "tcpdump"), (b"PK\3\4", "tcpdump"), (b"\x1f\x8b\x08\0", "gunzip")])
def test_what_is_no_capture_is_refused_with_a_hint(data: bytes, hint: str) -> None:
    with pytest.raises(CaptureProblem) as caught:
        read(data)
    assert hint in caught.value.hint


def test_a_link_type_that_we_do_not_know_is_noted() -> None:
    found = read(a_pcap(timed([b"x" * 40] * 3), link_type=105))
    assert found.messages == () and found.packets == 3
    assert found.notes == ("packets of link type 105 cannot be read (3 times)",)


def test_a_packet_that_the_capture_cut_is_kept_and_noted() -> None:
    data = a_pcap([])
    data += struct.pack("<IIII", 1, 0, 100, len(FRAMES[0])) + FRAMES[0][:100]
    found = read(data)
    assert found.messages[0].message is None and "only so many bytes" in found.notes[0]


def test_ethernet_padding_is_no_part_of_the_message() -> None:
    frame = ETHERNET + b"\x08\x00" + a_datagram(b"\r\n\r\n") + b"\0" * 14
    found = read(a_pcap(timed([*linked(ETHERNET + b"\x08\x00"), frame]), link_type=1))
    assert found.messages[2].data == b"\r\n\r\n" and found.messages[2].is_keep_alive


@pytest.mark.parametrize("order", [1, -1])
def test_fragments_of_ipv4_are_put_together_in_any_order(order: int) -> None:
    data = a_request("MESSAGE", body=b"x" * 3_000)
    pieces = ip_fragments(a_datagram(data), 1_480)[::order]
    assert len(pieces) == 3
    found = read_packets([*pieces, FRAMES[0]])
    assert found.messages[0].data == data and found.notes == ()


@pytest.mark.parametrize("order", [1, -1])
def test_fragments_of_ipv6_are_put_together_in_any_order(order: int) -> None:
    data = a_request("MESSAGE", body=b"x" * 3_000)
    pieces = ip6_fragments(a_datagram(data, source="2001:db8::1", target="2001:db8::2"), 1_448)[::order]
    found = read_packets(pieces)
    assert found.messages[0].data == data and found.messages[0].peer.host == "2001:db8::1"


def test_missing_and_doubled_fragments() -> None:
    data = a_request("MESSAGE", body=b"x" * 3_000)
    first, second, third = ip_fragments(a_datagram(data), 1_480)
    assert read_packets([first, third]).notes == ("a fragmented datagram lacks pieces",)
    assert read_packets([first, first, third, second, second]).messages[0].data == data


def test_fragments_of_several_datagrams_may_mix() -> None:
    one, two = (a_request("MESSAGE", cseq=number, body=b"x" * 2_000) for number in (1, 2))
    first, second = ip_fragments(a_datagram(one), 1_480, number=1), ip_fragments(a_datagram(two), 1_480, number=2)
    assert [message.data for message in read_packets([first[0], second[0], second[1], first[1]]).messages] == [two, one]


def test_datagrams_that_wait_for_their_rest_are_bounded_in_number_and_time() -> None:
    pieces = ip_fragments(a_datagram(a_request("MESSAGE", body=b"x" * 2_000)), 1_480, number=1)
    notes = Notes()
    layer = IpLayer(notes)
    for number in range(2, MAX_DATAGRAMS + 10):
        layer.feed(ip_fragments(a_datagram(bytes(3_000)), 1_480, number=number)[0], 0.0)
    assert len(layer._waiting) == MAX_DATAGRAMS and notes.texts() == ("a fragmented datagram lacks pieces (8 times)",)
    late = read(a_pcap([(0.0, pieces[0]), (MAX_WAIT_S + 1, pieces[1])]))
    assert late.messages == () and "lacks pieces" in late.notes[0]


def test_messages_taken_of_one_capture_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_MESSAGES", 3)
    found = read_packets([a_datagram(a_request(cseq=number)) for number in range(10)])
    assert len(found.messages) == 3 and found.notes == ("only the first 3 messages were taken (7 times)",)


def test_ipv6_behind_extension_headers() -> None:
    packet = a_datagram(a_request(), source="2001:db8::1", target="2001:db8::2")
    hop_by_hop = bytes((packet[6], 0)) + bytes(6)
    extended = packet[:4] + struct.pack("!HB", len(packet) - 40 + 8, 0) + packet[7:40] + hop_by_hop + packet[40:]
    assert read_packets([extended]).messages[0].data == a_request()


def test_keep_alives_and_garbage_count_only_between_ends_that_speak_sip() -> None:
    elsewhere = a_datagram(b"\0\0\0\0", source="10.9.9.9", ports=(4_000, 4_001))
    stun = a_datagram(struct.pack("!HHI12x", 1, 0, 0x2112A442))
    found = read_packets([a_datagram(b"\0\0\0\0"), elsewhere, stun, FRAMES[0], a_datagram(b"REGISTER nonsense")])
    assert [message.data for message in found.messages] == [b"\0\0\0\0", a_request(), b"REGISTER nonsense"]


def test_a_datagram_captured_twice_counts_once_but_a_retransmission_counts() -> None:
    packets = [(1.0, FRAMES[0]), (1.0005, FRAMES[0]), (1.5, FRAMES[0])]
    found = read(a_pcap(packets))
    assert [message.at for message in found.messages] == [1.0, 1.5] and found.notes == ("a datagram was captured twice",)


def test_sip_on_any_port_is_found() -> None:
    found = read_packets([a_datagram(a_request(), ports=(15_060, 15_070))])
    assert (found.messages[0].peer.port, found.messages[0].local.port) == (15_060, 15_070)


def test_who_gets_register_is_the_server_even_when_the_phone_is_called_first() -> None:
    call = a_datagram(a_request("INVITE"), source=SERVER.host, target=PHONE.host)
    found = read_packets([call, FRAMES[0], FRAMES[1]])
    assert [message.is_inbound for message in found.messages] == [False, True, False]
    assert [message.is_inbound for message in read(a_pcap(timed([call])), phone=PHONE.host).messages] == [False]
    assert [message.is_inbound for message in read(a_pcap(timed([call])), phone=SERVER.host).messages] == [True]


def test_a_proxy_is_the_server_of_its_phones_and_the_phone_of_its_registrar() -> None:
    onward = a_datagram(a_request(), source=SERVER.host, target="10.1.0.9")
    found = read_packets([FRAMES[0], onward, FRAMES[1]])
    assert [message.peer.host for message in found.messages] == [PHONE.host, SERVER.host, PHONE.host]


def test_a_connection_that_the_server_opens_goes_to_the_phone() -> None:
    call = a_datagram(a_request("INVITE"), source=SERVER.host, target=PHONE.host, ports=(33_333, 5_099))
    assert [message.is_inbound for message in read_packets([call, FRAMES[0]]).messages] == [False, True]


def test_without_register_the_port_of_sip_is_the_servers() -> None:
    found = read_packets([a_datagram(a_request("INVITE"), source=SERVER.host, target=PHONE.host, ports=(5060, 30_000))])
    assert found.messages[0].peer == Endpoint("udp", PHONE.host, 30_000)


def test_two_ends_of_one_machine_are_told_apart_by_port() -> None:
    there = a_datagram(a_request("OPTIONS"), source="127.0.0.1", target="127.0.0.1", ports=(5070, 5062))
    back = a_datagram(a_request(), source="127.0.0.1", target="127.0.0.1", ports=(5062, 5070))
    found = read_packets([there, back])
    assert [message.is_inbound for message in found.messages] == [False, True]


WHOLE = a_pcap(timed(linked(LINKS["vlan"][1])), link_type=1)
WHOLE_NG = a_pcapng(timed([*ip_fragments(FRAMES[0], 64), *FRAMES]))


@given(
    st.sampled_from([WHOLE, WHOLE_NG]), st.lists(st.tuples(st.integers(4, 900), st.binary(min_size=1, max_size=6)), max_size=8)
)
@example(WHOLE_NG, [])
def test_damage_anywhere_neither_crashes_nor_hangs(data: bytes, damage: list[tuple[int, bytes]]) -> None:
    for at, patch in damage:
        data = data[:at] + patch + data[at + len(patch) :]
    for message in read(data).messages:
        assert message.message is not None or message.error is not None


@given(st.sampled_from([WHOLE[:24], WHOLE_NG[:52], bytes.fromhex("0a0d0d0a")]), st.binary(max_size=600))
def test_any_bytes_behind_a_header_neither_crash_nor_hang(head: bytes, data: bytes) -> None:
    read(head + data)


@given(st.lists(st.binary(max_size=120), max_size=12), st.sampled_from([0, 1, 101, 108, 113, 252, 276]))
def test_any_packets_neither_crash_nor_hang(packets: list[bytes], link_type: int) -> None:
    read(a_pcap(timed(packets), link_type=link_type))


def test_packets_are_counted_as_tshark_counts_them() -> None:
    file = PacketFile(io.BytesIO(WHOLE), Notes())
    assert [packet.number for packet in file] == [1, 2] and file.packets == 2 and not file.is_own


def test_the_sample_registration_reads_back_with_its_times() -> None:
    said = a_registration()
    packets = [
        (one.at, a_datagram(one.data, source=one.source.host, target=one.target.host, ports=(one.source.port, one.target.port)))
        for one in said
    ]
    found = read(a_pcapng(packets)).messages
    assert [(m.local, m.peer, m.is_inbound, m.data) for m in found] == [(m.local, m.peer, m.is_inbound, m.data) for m in said]
    assert [m.at for m in found] == pytest.approx([m.at for m in said], abs=1e-6)
