"""The HTTP answers of good and bad servers, whole and byte by byte."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipstub.phone.http_message import MAX_HEAD_BYTES, ResponseReader, authorize, get_request
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.location import Location
from sipstub.phone.outcome import Fetched, FetchLimits, Outcome
from sipstub.testing import T46G

LIMITS = FetchLimits(size_bytes=1000)
PHONE = PhoneIdentity.of("00:15:65:aa:bb:cc", T46G)
OK = b"HTTP/1.1 200 OK\r\n"


def read(data: bytes, *, step: int | None = None) -> Fetched | None:
    reader = ResponseReader(LIMITS)
    for at in range(0, len(data), step or len(data) or 1):
        reader.feed(data[at : at + (step or len(data))])
    reader.feed(b"")
    return reader.result


@pytest.mark.parametrize("step", [None, 1, 7])
@pytest.mark.parametrize(
    ("data", "outcome", "body"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabc", Outcome.RECEIVED, b"abc"),
        (OK + b"Content-Length: 0\r\n\r\n", Outcome.RECEIVED, b""),
        (OK + b"content-length:3\r\n\r\nabc and more", Outcome.RECEIVED, b"abc"),
        (OK + b"\r\nuntil the end", Outcome.RECEIVED, b"until the end"),
        (b"HTTP/1.0 200\r\n\r\nold", Outcome.RECEIVED, b"old"),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
            Outcome.RECEIVED,
            b"abcde",
        ),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Outcome.RECEIVED, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na", Outcome.RECEIVED, b"a"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", Outcome.NOT_FOUND, b""),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2000\r\n\r\nno", Outcome.NOT_FOUND, b""),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nno", Outcome.NOT_FOUND, b""),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Outcome.REFUSED, b""),
        (b"HTTP/1.1 503 Busy\r\n\r\nlater", Outcome.BAD_STATUS, b""),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", Outcome.BAD_STATUS, b""),
        (b"HTTP/1.1 204 None\r\n\r\n", Outcome.BAD_STATUS, b""),
        (OK + b"Content-Length: 5\r\n\r\nabc", Outcome.BROKEN, b""),
        (OK + b"Content-Length: -5\r\n\r\nabc", Outcome.BROKEN, b""),
        (OK + b"Content-Length: 1001\r\n\r\nabc", Outcome.TOO_LARGE, b""),
        (OK + b"\r\n" + b"x" * 1001, Outcome.TOO_LARGE, b""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000, Outcome.TOO_LARGE, b""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", Outcome.BROKEN, b""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", Outcome.BROKEN, b""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Outcome.BROKEN, b""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 2000, Outcome.BROKEN, b""),
        (OK + b"X: " + b"x" * MAX_HEAD_BYTES, Outcome.BROKEN, b""),
        (b"SSH-2.0-x\r\n\r\n", Outcome.BROKEN, b""),
        (b"", Outcome.BROKEN, b""),
    ],
)
def test_an_answer_ends_in_one_outcome_however_it_is_cut(data: bytes, outcome: Outcome, body: bytes, step: int | None) -> None:
    if step == 1 and len(data) > 5000:
        step = 997
    result = read(data, step=step)
    assert result is not None
    assert (result.outcome, result.body) == (outcome, body)


@given(
    st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda data: OK + b"Transfer-Encoding: chunked\r\n\r\n" + data))
)
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    result = read(data)
    assert result is not None
    assert len(result.body) <= LIMITS.size_bytes


def test_a_request_has_the_phones_agent_and_one_connection() -> None:
    request = get_request(Location.parse("http://[::1]:8080/a b".replace(" ", "%20"), PHONE), "x.cfg", PHONE.agent)
    assert request == (
        b"GET /a%20b/x.cfg HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc\r\n"
        b"Accept: */*\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize("endless", [OK + b"X: ", OK + b"Transfer-Encoding: chunked\r\n\r\n1", OK + b"\r\n"])
def test_an_answer_without_end_is_cut_off_while_it_comes(endless: bytes) -> None:
    reader = ResponseReader(LIMITS)
    reader.feed(endless)
    for _ in range(40):
        reader.feed(b"1" * 1000)
    assert reader.result is not None


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


WHERE = Location.parse("http://Mufasa:Circle%20Of%20Life@host/dir/", PHONE)


def test_digest_is_answered_as_in_the_example_of_rfc_2617() -> None:
    challenge = (
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    answer = authorize(['Basic realm="x"', challenge], WHERE, "index.html", cnonce="0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in answer
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in answer


def test_digest_without_qop_is_the_old_form() -> None:
    answer = authorize(['Digest realm="r", nonce=n'], WHERE, "f", cnonce="c")
    secret, wanted = md5("Mufasa:r:Circle Of Life"), md5("GET:/dir/f")
    assert f'response="{md5(f"{secret}:n:{wanted}")}"' in answer
    assert "cnonce" not in answer


@pytest.mark.parametrize(
    ("challenges", "begin"),
    [
        (['Basic realm="x"'], "Basic TXVmYXNhOkNpcmNsZSBPZiBMaWZl"),
        (['Digest realm="x", nonce="n", algorithm=SHA-256', "basic"], "Basic "),
        (['Digest realm="x", nonce="n", qop="auth-int"'], ""),
        (["Negotiate"], ""),
        (["", ",,,"], ""),
        ([], ""),
    ],
)
def test_a_challenge_that_cannot_be_answered_is_not(challenges: list[str], begin: str) -> None:
    answer = authorize(challenges, WHERE, "f", cnonce="c")
    assert answer.startswith(begin)
    assert bool(answer) == bool(begin)
