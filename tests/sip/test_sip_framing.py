"""Streams: messages cut at the right byte however the pieces come, keep-alives, and peers that never end."""

from __future__ import annotations

import pytest

from sipstub.sip.framing import MAX_BLANK_LINES, Frame, KeepAlive, StreamFramer, is_keep_alive
from sipstub.sip.message import Request
from sipstub.sip.reader import Limits, parse_message

HEAD = b"Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 MESSAGE\r\n"


def message(body: bytes = b"", length: bytes | None = None, name: bytes = b"Content-Length: ") -> bytes:
    stated = str(len(body)).encode() if length is None else length
    return b"MESSAGE sip:b@h SIP/2.0\r\n" + HEAD + name + stated + b"\r\n\r\n" + body


ONE, TWO, THREE = message(b"a\r\n\r\nb"), message(name=b"l\t:  "), message(b"x" * 3000, name=b"CONTENT-LENGTH:\r\n ")
STREAM = ONE + TWO + b"\r\n\r\n" + THREE + b"\r\n" + ONE


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000, len(STREAM)])
def test_messages_and_pings_come_out_whole_whatever_the_pieces(size: int) -> None:
    framer, found = StreamFramer(), []
    for at in range(0, len(STREAM), size):
        found += framer.feed(STREAM[at : at + size])
    assert found == [Frame(ONE), Frame(TWO), KeepAlive.PING, Frame(THREE), Frame(ONE)]
    assert framer.pending_bytes == 0 and framer.error is None
    assert all(parse_message(frame.data, is_stream=True).raw == frame.data for frame in found if isinstance(frame, Frame))


def test_a_ping_in_two_halves_is_one_ping() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n") == [] and framer.feed(b"\r\n") == [KeepAlive.PING]
    assert framer.feed(b"\r\n\r\n\r\n\r\n\r") == [KeepAlive.PING, KeepAlive.PING] and framer.feed(b"\n\r\n") == [KeepAlive.PING]


def test_a_pong_is_seen_by_who_waits_for_one() -> None:
    framer = StreamFramer()
    framer.expects_pong = True
    assert framer.feed(b"\r\n") == [KeepAlive.PONG] and not framer.expects_pong
    framer.expects_pong = True
    assert framer.feed(b"\r\n" + ONE) == [KeepAlive.PONG, Frame(ONE)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"MESSAGE sip:b@h SIP/2.0\r\n" + HEAD + b"\r\n", 400),
        (message(length=b"-1"), 400),
        (message(length=b""), 400),
        (message(length=b"1 2"), 400),
        (message(length=b"9" * 30), 400),
        (message(length=b"5\r\nl: 0"), 400),
        (message(length=b"70000"), 413),
    ],
)
def test_a_length_that_does_not_say_where_the_message_ends_kills_the_stream(data: bytes, status: int) -> None:
    framer = StreamFramer()
    assert framer.feed(ONE + data + ONE) == [Frame(ONE)]
    assert framer.error is not None and framer.error.status == status
    assert isinstance(framer.error.partial, Request) and framer.error.partial.call_id == "x"
    assert framer.feed(ONE) == [] and framer.pending_bytes == 0


@pytest.mark.parametrize("data", [b"\n", b"\n\n", b"\r\r", b"\r\n\n", b"\rX", b"\r\n\rX"])
def test_between_messages_only_crlf_may_stand(data: bytes) -> None:
    framer = StreamFramer()
    framer.feed(data)
    assert framer.error is not None and framer.error.status == 400


def test_a_head_without_end_is_cut_off() -> None:
    framer = StreamFramer(Limits(head_bytes=1000))
    framer.feed(b"MESSAGE sip:b@h SIP/2.0\r\n")
    for _ in range(200):
        framer.feed(b"X: y\r\n")
    assert framer.error is not None and framer.error.status == 513 and framer.pending_bytes == 0


def test_a_long_head_in_one_piece_is_cut_off_too() -> None:
    framer = StreamFramer(Limits(head_bytes=100))
    assert framer.feed(ONE) == [] and framer.error is not None and framer.error.status == 513


def test_empty_lines_without_end_are_cut_off() -> None:
    framer = StreamFramer()
    framer.feed(b"\r\n" * (MAX_BLANK_LINES + 1))
    assert framer.error is not None


def test_what_waits_is_counted() -> None:
    framer = StreamFramer()
    framer.feed(ONE[:50])
    assert framer.pending_bytes == 50


def test_a_datagram_of_line_ends_or_zeros_is_a_keep_alive() -> None:
    assert all(is_keep_alive(data) for data in (b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0"))
    assert not is_keep_alive(ONE)
