"""Who sends a request that cannot be read is told so, if only it can be seen who that is."""

from __future__ import annotations

import pytest
from fuzz_core import Fuzzed, must_be_answered

from sipstub.sip.framing import StreamFramer
from sipstub.sip.salvage import MAX_BYTES, salvage

WHOLE = (
    b"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.9.0.0:5062;branch=z9hG4bK1\r\nf: <sip:100@a>;tag=1\r\n"
    b"To: <sip:100@a>\r\nCall-ID: one\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia", 505),
        (b"sip:127.0.0.1 ", b"<sip:127.0.0.1> ", 400),
        (b"sip:127.0.0.1 ", b"sip:a b ", 400),
        (b"Max-Forwards", b"Supported: path\r\n, replaces\r\nMax-Forwards", 400),
        (b"Max-Forwards", b"<Max>: 1\r\nMax-Forwards", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: \0", 400),
        (b"Max-Forwards: 70", b"X: a\nb", 400),
        (b"Max-Forwards", b"X: y\r\n" * 1100 + b"Max-Forwards", 513),
        (b"Max-Forwards", b"X-a: bcdef\r\n" * 3000 + b"Max-Forwards", 513),
        (b"Max-Forwards", b"X: y\r\n" * 9000 + b"Max-Forwards", 513),
    ],
    ids=[
        "version",
        "brackets",
        "blank in the uri",
        "fold lost",
        "name",
        "NUL",
        "LF",
        "many headers",
        "a large head",
        "a huge head",
    ],
)
def test_a_request_that_cannot_be_read_is_refused_and_not_met_with_silence(old: bytes, new: bytes, status: int) -> None:
    fuzzed = Fuzzed(host="127.9.0.0")
    data = WHOLE.replace(old, new, 1)
    assert not must_be_answered(data)
    answer = fuzzed.one(data)
    assert answer.status == status
    assert (answer.via.branch, answer.call_id, answer.cseq.number, answer.from_.tag) == ("z9hG4bK1", "one", 1, "1")
    assert answer.to.tag
    assert len(fuzzed.stub.core.layer) == 0


def test_the_answer_says_where_the_broken_request_came_from_as_every_answer_does() -> None:
    fuzzed = Fuzzed(host="127.9.0.0")
    answer = fuzzed.one(WHOLE.replace(b"branch=z9hG4bK1", b"rport;branch=z9hG4bK1").replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"))
    assert (answer.status, answer.via.received, answer.via.rport) == (505, "127.9.0.0", 5062)


@pytest.mark.parametrize(
    "data",
    [
        WHOLE[:-2],
        b"SIP/3.0" + WHOLE[8:],
        WHOLE.replace(b"SIP/2.0\r\nVia", b"HTTP/1.1\r\nVia"),
        WHOLE.replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia").replace(b"REGISTER sip", b"ACK sip"),
        *(WHOLE.replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia").replace(name, b"X") for name in (b"CSeq:", b"Call-ID:", b"f:")),
        WHOLE.replace(b"Call-ID: one", b"Call-ID: one\nX: two"),
        WHOLE.replace(b"Via", b"X" * MAX_BYTES + b"\r\nVia", 1),
    ],
    ids=["no end", "a response", "http", "ack", "no cseq", "no call-id", "no from", "injection", "too late"],
)
def test_what_gives_no_sender_or_no_request_gets_no_answer(data: bytes) -> None:
    assert Fuzzed(host="127.9.0.0").throw(data) == []


def test_nothing_but_what_an_answer_copies_is_taken() -> None:
    found = salvage(WHOLE.replace(b"Max-Forwards", b"Authorization: Digest x\r\nVia: SIP/2.0/UDP b\r\nMax-Forwards"))
    assert found is not None
    assert [key for key, _ in found.headers.pairs()] == ["via", "from", "to", "call-id", "cseq", "via"]
    assert salvage(b"") is None and salvage(b"\xff" * 100) is None


def test_a_line_that_is_cut_in_two_is_not_taken_for_a_whole_one() -> None:
    start = WHOLE.index(b"Call-ID: one")
    filling = b"X: " + b"y" * (MAX_BYTES - start - len(b"X: \r\nCall-ID: o")) + b"\r\n"
    long = WHOLE[:start] + filling + WHOLE[start:]
    assert long[:MAX_BYTES].endswith(b"Call-ID: o")
    assert salvage(long) is None


def test_a_head_too_large_on_a_stream_is_answered_before_the_connection_ends() -> None:
    framer = StreamFramer()
    assert framer.feed(WHOLE.replace(b"Max-Forwards", b"X: y\r\n" * 6000 + b"Max-Forwards")) == []
    assert framer.error is not None and framer.error.status == 513
    request = framer.error.partial
    assert request is not None and request.call_id == "one"
