"""Whatever comes in: one error type, no hang, and what we write we read back the same."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sip_corpus import CAPTURES, cases

from sipstub.sip.contact import Contact, Contacts
from sipstub.sip.credentials import AuthenticationInfo, Challenge, Credentials
from sipstub.sip.cseq import CSeq, RAck
from sipstub.sip.date import SipDate
from sipstub.sip.error import SipError
from sipstub.sip.event import Event
from sipstub.sip.examine import demand, examine
from sipstub.sip.framing import Frame, StreamFramer
from sipstub.sip.interval import RetryAfter, SessionExpires
from sipstub.sip.message import Message, Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.nonce import NonceMaker
from sipstub.sip.params import Params
from sipstub.sip.reader import Limits, parse_message
from sipstub.sip.replaces import Replaces
from sipstub.sip.scanner import split
from sipstub.sip.sdp import Sdp
from sipstub.sip.typed import RULES
from sipstub.sip.uri import SipUri, parse_uri
from sipstub.sip.via import Via

SEEDS = [path.read_bytes() for path in CAPTURES] + [case.path.read_bytes() for case in cases()]
TOKEN = st.text(string.ascii_letters + string.digits + "-.!%*_+`'~", min_size=1, max_size=12)
VALUE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)), max_size=40)
READERS: list[Callable[[str], Any]] = [
    Via.parse,
    NameAddr.parse,
    Contact.parse,
    parse_uri,
    CSeq.parse,
    RAck.parse,
    Event.parse,
    Replaces.parse,
    SessionExpires.parse,
    RetryAfter.parse,
    SipDate.parse,
    Challenge.parse,
    Credentials.parse,
    AuthenticationInfo.parse,
    Params.parse,
    split,
    Sdp.parse,
    lambda text: Contacts.parse_all([text]),
    lambda text: parse_message(text.encode("utf-8", "surrogateescape")),
    lambda text: NonceMaker(b"k" * 16).judge(text, 0.0),
    *(lambda text, read=rule.read: read([text]) for rule in RULES.values()),
]
HOSTILE = {
    "quotes": '"' * 65_536,
    "open quote": '"' + "a" * 65_535,
    "backslashes": '"' + "\\" * 65_535,
    "commas": "," * 65_536,
    "semicolons": ";" * 65_536,
    "open brackets": "<" * 65_536,
    "brackets": "<>" * 32_768,
    "blanks": "a" + " " * 65_534 + "b",
    "blanks before a parameter": "sip:a@b" + " " * 65_500 + "=",
    "parameters": "sip:a@b" + ";x=y" * 16_000,
    "numbered parameters": "<sip:a@b>" + "".join(f";p{number}=1" for number in range(6000)),
    "parameter without end": "<sip:a@b>;x=" + "y" * 65_500 + "\x7f",
    "empty parameters": "<sip:a@b>" + ";x" * 32_000 + '"',
    "display tokens": "a " * 32_000 + "(",
    "user": "sip:" + "a" * 65_000 + "@",
    "escapes": "sip:" + "%41" * 21_000 + "%",
    "passwords": "sip:a" + ":a" * 32_000,
    "labels": "sip:" + "a." * 32_000 + "-",
    "hyphens": "sip:a" + "-" * 65_000 + ".",
    "uri headers": "sip:a@b?" + "x=y&" * 16_000,
    "ipv6": "sip:[" + ":1" * 32_000 + "]",
    "digits": "9" * 65_536,
    "zeros": "0" * 65_535 + "x",
    "via": "SIP/2.0/UDP " + " " * 65_000 + "h;",
    "via parameters": "SIP/2.0/UDP h" + " ;a" * 21_000 + " ,",
    "authentication": "Digest " + 'a="b", ' * 9_000,
    "authentication without end": 'Digest a="' + "\\a" * 32_000,
    "comments": "18 (" + "\\a" * 32_000,
    "sdp": "v=0\r\n" + "a=x\r\n" * 13_000,
    "sdp formats": "v=0\r\no=- 1 1 IN IP4 h\r\nm=audio 1 RTP/AVP" + " 1" * 32_000 + "\x01",
    "folds": "OPTIONS sip:h SIP/2.0\r\nX: a" + "\r\n b" * 8_000 + "\r\n\r\n",
    "blank folds": "OPTIONS sip:h SIP/2.0\r\nX: a" + "\r\n" + " " * 30_000 + "b\r\n\r\n",
    "header lines": "OPTIONS sip:h SIP/2.0\r\n" + "X:\r\n" * 8_000 + "\r\n",
    "line ends": "\r\n" * 32_000,
    "no line ends": "a" * 65_000,
}
LONGEST_S = 0.5
"Far more than linear work on 64 kB takes, far less than quadratic work."


def read_all(data: bytes) -> Message | None:
    """Parse and read everything; anything but SipError is a failure of the test."""
    try:
        message = parse_message(data)
    except SipError as error:
        assert error.status in (400, 413, 505, 513) and len(error.fact) <= 160
        return None
    assert message.raw is not None and message.raw in data
    for key in {field.key for field in message.headers} & RULES.keys():
        try:
            str(RULES[key].read(message.headers.lines(key)))
        except SipError:
            continue
    try:
        examine(message)
        if isinstance(message, Request):
            demand(message)
    except SipError as error:
        assert error.status in (400, 405, 413, 415, 416, 420)
    return message


def same_again(message: Message) -> None:
    """Check that what is written is read the same, as it was and after a change."""
    message.headers.add("X-Last", "1")
    again = parse_message(message.to_bytes(), limits=Limits(message_bytes=10**6, body_bytes=10**6))
    assert again == message and again.body == message.body


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600))
@example(b"OPTIONS sip:h SIP/2.0\r\nl: 0\r\n\r\n")
@example(b"SIP/2.0 200 \r\n\r\n")
def test_any_bytes_give_a_message_or_the_one_error(data: bytes) -> None:
    read_all(data)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.binary(max_size=12)), max_size=6))
def test_a_damaged_message_gives_a_message_or_the_one_error(data: bytes, cuts: list[tuple[float, int, bytes]]) -> None:
    for where, length, put in cuts:
        at = int(where * len(data))
        data = data[:at] + put + data[at + length :]
    message = read_all(data)
    if message is not None:
        same_again(message)


SNIPPETS = [
    *'",;<>=:/@%\\ []?&*\t',
    "\r\n ",
    "\r\n",
    "SIP/2.0",
    "sip:",
    "tag=",
    "Digest ",
    "\0",
    "\u00e9",
    "\udcff",
    "0",
    "-1",
    "99999999999",
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(SNIPPETS), TOKEN), max_size=12).map("".join))
def test_any_text_in_any_header_gives_a_value_or_the_one_error(text: str) -> None:
    for read in READERS:
        try:
            value = read(text)
        except SipError:
            continue
        str(value)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.tuples(TOKEN, st.just("sip:b@h")), st.tuples(st.integers(100, 699), VALUE.filter(lambda text: "\x85" not in text))
    ),
    st.lists(st.tuples(TOKEN, VALUE), max_size=8),
    st.binary(max_size=50),
)
def test_what_we_write_we_read_back_the_same(start: tuple[Any, str], pairs: list[tuple[str, str]], body: bytes) -> None:
    pairs = [(name, value) for name, value in pairs if name.lower() not in ("l", "content-length")]
    made = Request(start[0], start[1], pairs, body) if isinstance(start[0], str) else Response(start[0], start[1], pairs, body)
    again = parse_message(made.to_bytes())
    assert again == made and again.body == body and again.to_bytes() == made.to_bytes()
    assert parse_message(made.to_bytes(compact=True)) == made


@settings(max_examples=200, deadline=None)
@given(VALUE, st.lists(st.tuples(TOKEN, st.one_of(st.none(), VALUE)), max_size=4, unique_by=lambda pair: pair[0].lower()))
def test_any_display_name_and_any_parameter_survive_quoting(display: str, pairs: list[tuple[str, str | None]]) -> None:
    params = Params()
    for name, value in pairs:
        params = params.set(name, value)
    made = NameAddr(SipUri("h", "lena"), display, params)
    again = NameAddr.parse(str(made))
    assert again.display == display and again.params.as_dict() == params.as_dict() and again.uri == made.uri
    assert split(f"{made}, {made}") == [str(made)] * 2


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(SEEDS[:16]), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_a_stream_is_cut_where_the_messages_end(messages: list[bytes], chance: random.Random) -> None:
    whole = []
    for data in messages:
        message = parse_message(data)
        message.headers.set("Content-Length", len(message.body))
        whole.append(message.to_bytes())
    stream, framer, found = b"".join(whole), StreamFramer(), []
    while stream:
        size = chance.randint(1, 400)
        found += framer.feed(stream[:size])
        stream = stream[size:]
    assert [frame.data for frame in found if isinstance(frame, Frame)] == whole


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8), st.sampled_from(SEEDS))
def test_any_stream_gives_frames_that_parse_or_an_end(pieces: list[bytes], seed: bytes) -> None:
    framer = StreamFramer()
    for piece in [seed[:200], *pieces, seed]:
        for frame in framer.feed(piece):
            if isinstance(frame, Frame):
                read_all(frame.data)
    assert framer.pending_bytes <= 100_000


@pytest.mark.parametrize("name", HOSTILE)
def test_64_kilobytes_of_anything_take_no_time(name: str) -> None:
    text = HOSTILE[name]
    for number, read in enumerate(READERS):
        begun = time.process_time()
        try:
            value = read(text)
            str(value)
        except SipError:
            pass
        took = time.process_time() - begun
        assert took < LONGEST_S, f"reader {number} took {took:.2f} s for {name}"


def test_a_stream_in_single_bytes_takes_linear_time() -> None:
    framer = StreamFramer()
    begun = time.process_time()
    for at in range(32_000):
        framer.feed(b"OPTIONS sip:h SIP/2.0\r\nX: "[at : at + 1] or b"a")
    assert time.process_time() - begun < LONGEST_S * 2


def test_twelve_headers_of_hostile_parameters_take_no_time() -> None:
    """A whole message of the largest size, examined."""
    line = "Contact: <sip:a@h>" + ";p" * 10 + ', "q,' + '\\"' * 500 + '" <sip:b@h>\r\n'
    data = ("OPTIONS sip:h SIP/2.0\r\n" + line * 28 + "\r\n").encode()
    begun = time.process_time()
    read_all(data)
    assert time.process_time() - begun < LONGEST_S
