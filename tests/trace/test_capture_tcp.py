"""SIP over TCP is put together whatever the order of its segments; what is missing is told, never invented."""

from __future__ import annotations

import random

import pytest
from capture_samples import ACK, FIN, RST, SYN, TcpTalk, a_datagram, a_pcap, read, read_packets
from hypothesis import given, settings
from hypothesis import strategies as st
from message_samples import a_registration, a_request, a_response

from sipstub.trace.capture import reading, tcp_stream
from sipstub.trace.capture.sip_stream import MAX_BREAKS
from sipstub.trace.exported_pdu import ExportedPdu
from sipstub.trace.record import Endpoint

REGISTER = a_request(transport="TCP")
FINE = a_response(transport="TCP")
SECOND = a_request(cseq=2, branch="z9hG4bKb", transport="TCP")
PHONE, SERVER = Endpoint("tcp", "10.1.2.3", 40_000), Endpoint("tcp", "10.1.0.5", 5060)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def test_messages_of_both_directions_are_found_across_segments_and_sequence_numbers_that_go_round() -> None:
    talk = TcpTalk()
    packets = talk.hello()
    packets += [talk.segment(0, piece) for piece in pieces(REGISTER + SECOND, 100)]
    packets += [talk.segment(1, FINE), talk.segment(0, flags=FIN | ACK), talk.segment(1, flags=FIN | ACK)]
    found = read_packets(packets)
    assert [message.data for message in found.messages] == [REGISTER, SECOND, FINE]
    assert [(message.peer, message.local) for message in found.messages] == [(PHONE, SERVER)] * 3
    assert found.notes == ()


def test_a_message_has_the_time_of_the_segment_that_completed_it() -> None:
    talk = TcpTalk()
    packets = [talk.segment(0, piece) for piece in pieces(REGISTER, 100)]
    assert read_packets(packets).messages[0].at == pytest.approx(1_700_000_000 + 0.01 * (len(packets) - 1))


@given(st.randoms(use_true_random=False), st.integers(40, 300))
@settings(max_examples=40)
def test_segments_in_any_order_and_doubled_give_the_same_messages(chance: random.Random, size: int) -> None:
    talk = TcpTalk()
    hello = talk.hello()
    packets = [talk.segment(0, piece) for piece in pieces(REGISTER + SECOND + REGISTER, size)]
    packets += chance.choices(packets, k=5)
    chance.shuffle(packets)
    found = read_packets([*hello, *packets])
    assert [message.data for message in found.messages] == [REGISTER, SECOND, REGISTER] and found.notes == ()


def test_overlapping_retransmissions_are_cut() -> None:
    talk = TcpTalk()
    packets = talk.hello()
    begin = talk.next[0]
    packets += [talk.segment(0, REGISTER[:200]), talk.segment(0, REGISTER[100:], number=(begin + 100) % 2**32)]
    assert [message.data for message in read_packets(packets).messages] == [REGISTER]


def test_a_missing_segment_is_told_and_the_next_message_found() -> None:
    talk = TcpTalk()
    packets = talk.hello()
    lost = talk.segment(0, REGISTER[:150])
    assert lost
    packets += [talk.segment(0, REGISTER[150:]), talk.segment(0, SECOND)]
    found = read_packets(packets)
    assert [message.data for message in found.messages] == [SECOND]
    assert found.notes == ("150 bytes are missing in tcp 10.1.2.3:40000 to 10.1.0.5:5060",)


def test_a_hole_in_the_middle_costs_the_messages_that_it_touches_only() -> None:
    talk = TcpTalk()
    packets = talk.hello()
    packets += [talk.segment(0, REGISTER), talk.segment(0, SECOND[:100])]
    talk.segment(0, SECOND[100:200])
    packets += [talk.segment(0, SECOND[200:]), talk.segment(0, REGISTER), talk.segment(0, SECOND)]
    found = read_packets(packets)
    assert [message.data for message in found.messages] == [REGISTER, REGISTER, SECOND]
    assert "100 bytes are missing" in found.notes[0]


def test_what_waits_behind_a_hole_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_stream, "MAX_HELD", 4)
    talk = TcpTalk()
    packets = talk.hello()
    talk.segment(0, b"lost")
    packets += [talk.segment(0, REGISTER) for _ in range(20)]
    streams = tcp_stream.TcpStreams()
    most = 0
    for packet in packets:
        list(streams.feed("10.1.2.3", "10.1.0.5", packet[20:], 0.0))
        most = max([most, *(len(half.held) for half in streams._halves.values())])
    assert most == 4
    assert len(read_packets(packets).messages) == 20


def test_directions_that_are_followed_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_stream, "MAX_HALVES", 10)
    monkeypatch.setattr(reading, "MAX_STREAMS", 10)
    packets = [TcpTalk(ports=(port, 5060)).segment(0, REGISTER[:200]) for port in range(1_000, 1_100)]
    packets.append(TcpTalk().segment(0, REGISTER))
    found = read_packets(packets)
    assert [message.data for message in found.messages] == [REGISTER] and "oldest" in found.notes[0]


def test_a_capture_that_begins_within_a_connection_waits_for_a_message() -> None:
    talk = TcpTalk()
    found = read_packets([talk.segment(0, REGISTER[200:]), talk.segment(0, SECOND), talk.segment(1, FINE)])
    assert [message.data for message in found.messages] == [SECOND, FINE]


def test_a_segment_in_its_turn_frees_those_behind_it_at_once() -> None:
    talk, streams = TcpTalk(), tcp_stream.TcpStreams()
    hello, one, two, three = talk.hello()[0], *(talk.segment(0, data) for data in (b"one", b"two", b"three"))

    def fed(packet: bytes) -> list[bytes]:
        return [chunk.data for chunk in streams.feed("10.1.2.3", "10.1.0.5", packet[20:], 0.0)]

    assert [fed(packet) for packet in (hello, three, two, one)] == [[], [], [], [b"one", b"two", b"three"]]
    assert fed(talk.segment(0, flags=FIN | ACK)) == [] and not streams._halves


def test_a_fin_that_overtakes_the_last_segment_waits_for_it() -> None:
    talk = TcpTalk()
    packets = [*talk.hello(), talk.segment(0, REGISTER[:120])]
    last, fin = talk.segment(0, REGISTER[120:]), talk.segment(0, flags=FIN | ACK)
    found = read_packets([*packets, fin, last])
    assert [message.data for message in found.messages] == [REGISTER] and found.notes == ()


def test_the_same_ports_with_numbers_far_away_are_another_connection() -> None:
    talk = TcpTalk()
    packets = [*talk.hello(), talk.segment(0, REGISTER), talk.segment(0, SECOND, number=0x4000_0000)]
    found = read_packets(packets)
    assert [message.data for message in found.messages] == [REGISTER, SECOND] and found.notes == ()


def test_behind_a_hole_a_message_is_found_in_the_middle_of_a_segment() -> None:
    talk = TcpTalk()
    packets = [*talk.hello(), talk.segment(0, REGISTER)]
    talk.segment(0, REGISTER[:80])
    packets.append(talk.segment(0, REGISTER[80:] + SECOND))
    assert [message.data for message in read_packets(packets).messages] == [REGISTER, SECOND]


def test_a_long_stream_of_something_else_is_given_up() -> None:
    talk = TcpTalk()
    packets = [talk.segment(0, b"\x80" * 30_000) for _ in range(10)]
    assert read_packets([*packets, talk.segment(0, REGISTER)]).messages == ()
    assert len(read_packets([*packets[:5], talk.segment(0, REGISTER, number=(0xFFFF_FFF0 + 150_000) % 2**32)]).messages) == 1


def test_padding_of_short_frames_is_no_data() -> None:
    talk = TcpTalk()
    packets = [*talk.hello(), talk.segment(0), talk.segment(0, REGISTER), talk.segment(0), talk.segment(0, SECOND)]
    frames = [(bytes(12) + b"\x08\x00" + packet).ljust(60, b"\x55") for packet in packets]
    found = read(a_pcap([(1.0 + number, frame) for number, frame in enumerate(frames)], link_type=1))
    assert [message.data for message in found.messages] == [REGISTER, SECOND] and found.notes == ()


def test_the_same_ports_can_be_used_again() -> None:
    first, second = TcpTalk(), TcpTalk()
    second.next = [77, 99]
    packets = [*first.hello(), first.segment(0, REGISTER), first.segment(0, flags=RST), *second.hello()]
    packets += [second.segment(0, SECOND), *TcpTalk().hello()]
    assert [message.data for message in read_packets(packets).messages] == [REGISTER, SECOND]


def test_a_syn_sent_twice_changes_nothing() -> None:
    talk = TcpTalk()
    syn = talk.segment(0, flags=SYN)
    assert len(read_packets([syn, syn, talk.segment(0, REGISTER), syn]).messages) == 1


def test_keep_alives_of_a_stream_are_messages() -> None:
    talk = TcpTalk()
    packets = [*talk.hello(), talk.segment(0, REGISTER), talk.segment(0, b"\r\n\r\n"), talk.segment(1, FINE)]
    found = read_packets(packets)
    assert [message.data for message in found.messages] == [REGISTER, b"\r\n\r\n", FINE]


def test_a_stream_of_something_else_is_left_alone_even_if_it_quotes_sip() -> None:
    talk = TcpTalk(ports=(40_000, 80))
    page = b"GET / HTTP/1.1\r\n\r\n"
    packets = [*talk.hello(), talk.segment(0, page), talk.segment(1, b"HTTP/1.1 200 OK\r\n\r\n"), talk.segment(1, REGISTER)]
    found = read_packets(packets)
    assert found.messages == () and found.notes == ()


def test_encrypted_tls_is_told() -> None:
    talk = TcpTalk(ports=(40_000, 5061))
    found = read_packets([*talk.hello(), talk.segment(0, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200))])
    assert found.notes == ("tls between 10.1.2.3:40000 and 10.1.0.5:5061 is encrypted: nothing of it can be read",)


def test_a_message_without_content_length_is_kept_and_told_and_the_next_found() -> None:
    talk = TcpTalk()
    broken = REGISTER.replace(b"Content-Length: 0\r\n", b"")
    found = read_packets([*talk.hello(), talk.segment(0, broken + SECOND), talk.segment(0, REGISTER)])
    assert [message.data for message in found.messages] == [broken, SECOND, REGISTER]
    assert "no Content-Length" in found.notes[0]


def test_a_stream_that_breaks_again_and_again_is_given_up() -> None:
    talk = TcpTalk()
    broken = b"OPTIONS sip:a SIP/2.0\r\n\r\n" * 500
    found = read_packets([*talk.hello(), talk.segment(0, broken), talk.segment(0, REGISTER)])
    assert len(found.messages) == MAX_BREAKS + 1


def test_a_last_message_that_is_not_complete_is_told() -> None:
    talk = TcpTalk()
    found = read_packets([*talk.hello(), talk.segment(0, REGISTER + SECOND[:100])])
    assert len(found.messages) == 1 and "not complete" in found.notes[0]


def test_a_start_line_in_pieces_of_one_byte_is_still_found() -> None:
    talk = TcpTalk()
    found = read_packets([*talk.hello(), *(talk.segment(0, REGISTER[at : at + 1]) for at in range(len(REGISTER)))])
    assert [message.data for message in found.messages] == [REGISTER]


def test_tcp_over_ipv6() -> None:
    talk = TcpTalk(client="2001:db8::3", server="2001:db8::5")
    found = read_packets([*talk.hello(), talk.segment(0, REGISTER)])
    assert found.messages[0].peer == Endpoint("tcp", "2001:db8::3", 40_000)


def test_exported_pdus_of_tls_are_known_by_their_via() -> None:
    pdus = [
        bytes(ExportedPdu("sip", "10.1.2.3", 40_001, "10.1.0.5", 5061, "tcp", a_request(transport="TLS"))),
        bytes(ExportedPdu("sip.tcp", "10.1.2.3", 40_001, "10.1.0.5", 5060, "tcp", a_request(transport="TCP"))),
        bytes(ExportedPdu("sip", "2001:db8::3", 5060, "2001:db8::5", 5060, "udp", a_request())),
        bytes(ExportedPdu("http", "10.1.2.3", 40_001, "10.1.0.5", 80, "tcp", a_request())),
        b"\0\x0c\0\xff",
    ]
    found = read(a_pcap([(1.0 + number, pdu) for number, pdu in enumerate(pdus)], link_type=252))
    assert [str(message.peer) for message in found.messages] == [
        "tls 10.1.2.3:40001",
        "tcp 10.1.2.3:40001",
        "udp [2001:db8::3]:5060",
    ]


def test_udp_and_tcp_stand_in_the_order_of_time() -> None:
    talk = TcpTalk()
    packets = [*talk.hello(), talk.segment(0, REGISTER), a_datagram(a_request()), talk.segment(1, FINE)]
    assert [message.peer.transport for message in read_packets(packets).messages] == ["tcp", "udp", "tcp"]


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=40), st.integers(0, 63), st.integers(0, 2**32 - 1)), max_size=12))
def test_any_segments_neither_crash_nor_hang(segments: list[tuple[int, bytes, int, int]]) -> None:
    talk = TcpTalk()
    packets = [*talk.hello(), talk.segment(0, REGISTER[:50])]
    packets += [talk.segment(side, data, flags=flags, number=number) for side, data, flags, number in segments]
    read_packets(packets)


@given(st.binary(max_size=300))
def test_any_bytes_behind_a_message_neither_crash_nor_hang(data: bytes) -> None:
    talk = TcpTalk()
    found = read_packets([*talk.hello(), talk.segment(0, REGISTER + data), talk.segment(0, SECOND)])
    assert found.messages[0].data == REGISTER


def test_the_registration_sample_over_tcp_reads_as_said() -> None:
    talk = TcpTalk()
    said = [message.data for message in a_registration()]
    packets = [*talk.hello(), *(talk.segment(number % 2, data) for number, data in enumerate(said))]
    assert [message.data for message in read_packets(packets).messages] == said
