"""Whole messages: raw and typed, touched and untouched, refused with the right status."""

from __future__ import annotations

import pytest

from sipstub.sip.answer import answer, refuse
from sipstub.sip.error import SipError
from sipstub.sip.examine import Abilities, demand, examine
from sipstub.sip.message import Request, Response
from sipstub.sip.names import header_key
from sipstub.sip.reader import Limits, parse_message

HEAD = (
    "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1\r\n"
    "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n"
)


def raw(method: str = "OPTIONS", extra: str = "", body: str = "", uri: str = "sip:b@h") -> bytes:
    return f"{method} {uri} SIP/2.0\r\n{HEAD.format(method=method)}{extra}\r\n{body}".encode()


def request(method: str = "OPTIONS", extra: str = "", body: str = "", uri: str = "sip:b@h") -> Request:
    found = parse_message(raw(method, extra, body, uri))
    assert isinstance(found, Request)
    return found


def refused(data: bytes, **limits: int) -> SipError:
    with pytest.raises(SipError) as caught:
        parse_message(data, limits=Limits(**limits))
    return caught.value


@pytest.mark.parametrize(
    ("letter", "name"),
    [
        ("v", "Via"),
        ("f", "From"),
        ("t", "To"),
        ("i", "Call-ID"),
        ("m", "Contact"),
        ("l", "Content-Length"),
        ("c", "Content-Type"),
        ("e", "Content-Encoding"),
        ("k", "Supported"),
        ("s", "Subject"),
        ("o", "Event"),
        ("u", "Allow-Events"),
        ("r", "Refer-To"),
        ("b", "Referred-By"),
        ("x", "Session-Expires"),
        ("a", "Accept-Contact"),
        ("j", "Reject-Contact"),
        ("d", "Request-Disposition"),
        ("y", "Identity"),
        ("n", "Identity-Info"),
    ],
)
def test_compact_names_are_the_long_ones(letter: str, name: str) -> None:
    assert header_key(letter) == header_key(letter.upper()) == header_key(f"{name} \t") == name.lower()


def test_the_compact_session_expires_is_typed() -> None:
    found = request("INVITE", "x: 90;refresher=UAC\r\n").session_expires
    assert found is not None and (found.seconds, found.refresher) == (90, "uac")


def test_an_untouched_message_goes_out_byte_by_byte_however_odd() -> None:
    data = raw(extra="X-Odd :  a\r\n\tb\r\nx-odd:c  \r\nL :  3\r\n", body="abc")
    message = parse_message(data)
    assert message.to_bytes() == data == message.raw and message.is_untouched
    assert message.headers.all("x-ODD") == ["a b", "c"]


def test_a_touched_message_keeps_order_and_spelling_of_the_rest() -> None:
    message = request(extra="X-Odd :  a\r\n\tb\r\nk: timer\r\nContent-Length: 0\r\n")
    message.headers.set("Max-Forwards", 69)
    message.headers.add("X-New", "1")
    out = message.to_bytes().decode()
    assert "Max-Forwards: 69\r\nX-Odd :  a\r\n\tb\r\nk: timer\r\nContent-Length: 0\r\nX-New: 1\r\n\r\n" in out
    assert message.max_forwards == 69 and not message.is_untouched and message.raw != message.to_bytes()


def test_a_touched_message_says_its_true_length() -> None:
    message = request("INVITE", "Content-Length: 3\r\n", "abc")
    message.set_body(b"longer", "text/plain")
    assert message.to_bytes().endswith(b"Content-Length: 6\r\nContent-Type: text/plain\r\n\r\nlonger")
    without = request()
    without.headers.set("Max-Forwards", "1")
    assert without.to_bytes().endswith(b"Max-Forwards: 1\r\nContent-Length: 0\r\n\r\n")


def test_the_bytes_of_a_datagram_end_with_the_message() -> None:
    message = parse_message(raw(extra="l: 2\r\n", body="abINVITE sip:x"))
    assert message.body == b"ab" and message.raw is not None and message.raw.endswith(b"\r\n\r\nab")


def test_leading_empty_lines_are_skipped() -> None:
    assert parse_message(b"\r\n\r\n" + raw()).to_bytes() == raw()


def test_compact_writing_uses_letters_and_says_the_same() -> None:
    message = request("INVITE", "Session-Expires: 90\r\nSupported: timer\r\nX-Odd: 1\r\n")
    out = message.to_bytes(compact=True)
    assert b"\r\nx: 90\r\nk: timer\r\nX-Odd: 1\r\nl: 0\r\n" in out and b"\r\nv: SIP" in out
    assert parse_message(out) == message


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b"])
def test_no_setter_lets_a_value_end_its_line(value: str) -> None:
    message = request()
    before = message.to_bytes()
    for act in (message.headers.add, message.headers.set, message.headers.add_first, message.headers.replace_first):
        with pytest.raises(SipError):
            act("Via", value)
        with pytest.raises(SipError):
            act(value, "x")
    with pytest.raises(SipError):
        message.uri = value
    with pytest.raises(SipError):
        Request(value, "sip:h")
    with pytest.raises(SipError):
        Request("OPTIONS", f"sip:{value}")
    with pytest.raises(SipError):
        Response(200, value)
    with pytest.raises(SipError):
        message.set_body(b"", value)
    assert message.to_bytes() == before


def test_headers_are_added_where_proxies_put_them() -> None:
    message = request(extra="Route: <sip:one;lr>, <sip:two;lr>\r\n")
    message.headers.add_first("Via", "SIP/2.0/TCP p;branch=z9hG4bKp")
    assert [via.host for via in message.vias] == ["p", "10.0.0.1"]
    message.headers.replace_first("Via", message.via.seen_from("192.0.2.1", 5060))
    assert message.via.received == "192.0.2.1" and len(message.vias) == 2
    message.headers.remove_first("Route")
    assert [str(route.uri) for route in message.routes] == ["sip:two;lr"]
    message.headers.remove_first("Route")
    assert message.routes == () and "Route" not in message.headers
    message.headers.remove("v")
    assert "Via" not in message.headers


def test_many_values_in_one_line_and_in_many_are_the_same() -> None:
    one, many = request(extra="Supported: a, b\r\nk: c\r\n"), request(extra="Supported: a\r\nSupported: b,c\r\n")
    assert one.supported == many.supported == ("a", "b", "c")
    assert request(extra="Allow: INVITE, ACK,\r\n").allow == ("INVITE", "ACK")
    assert request(extra="Supported:\r\n").supported == ()


def test_both_challenges_can_be_reached() -> None:
    name = "WWW-Authenticate: Digest"
    extra = f'{name} realm="r", nonce="a", algorithm=SHA-256\r\n{name} realm="r", nonce="b"\r\n'
    assert [challenge.algorithm for challenge in request(extra=extra).www_authenticate] == ["SHA-256", "MD5"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"\r\n\r\n", 400),
        (b"OPTIONS sip:h SIP/2.0\r\n", 400),
        (b"OPTIONS sip:h SIP/2.0\r\nVia\r\n\r\n", 400),
        (b"OPTIONS sip:h SIP/2.0\r\n Via: x\r\n\r\n", 400),
        (b"OPTIONS sip:h SIP/2.0\r\nVi a: x\r\n\r\n", 400),
        (b"OPTIONS sip:h SIP/2.0\r\n: x\r\n\r\n", 400),
        (b"OPTIONS sip:h SIP/2.0\nVia: x\n\n", 400),
        (b"OPTIONS sip:h SIP/2.0\r\nX: a\nVia: x\r\n\r\n", 400),
        (b"OPTIONS sip:h SIP/2.0\r\nX: a\rVia: x\r\n\r\n", 400),
        (b"OPTIONS sip:h SIP/2.0\r\nX: a\0\r\n\r\n", 400),
        (b"OPTIONS sip:h SIP/2.0\r\nX: \\\\\0\r\n\r\n", 400),
        (b"OPTIONS sip:h HTTP/1.1\r\n\r\n", 400),
        (b"OPTIONS sip:h SIP/1.0\r\n\r\n", 505),
        (b"OPTIONS sip:h SIP/20\r\n\r\n", 400),
        (b"OPT\xc3\x96NS sip:h SIP/2.0\r\n\r\n", 400),
        (b"SIP/2.0 99 x\r\n\r\n", 400),
        (b"SIP/2.0 700 x\r\n\r\n", 400),
        (b"SIP/2.0 2000 x\r\n\r\n", 400),
        (b"SIP/2.0 99999999 x\r\n\r\n", 400),
        (b"SIP/7.0 200 OK\r\n\r\n", 505),
        (b"SIP/2.0  200 OK\r\n\r\n", 400),
        (raw(extra="l: 1\r\nContent-Length: 1\r\n", body="a"), 400),
        (raw(extra="l: 0x1\r\n", body="a"), 400),
        (raw(extra="l: +1\r\n", body="a"), 400),
        (raw(extra="l: \r\n", body="a"), 400),
        (raw(extra="l: 99999999999999999999999\r\n", body="a"), 400),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, status: int) -> None:
    assert refused(data).status == status


def test_a_file_that_lost_its_line_ends_is_told_so() -> None:
    assert "LF alone" in refused(raw().replace(b"\r\n", b"\n")).fact


def test_large_things_are_refused_with_their_status() -> None:
    assert refused(raw(body="a" * 200), body_bytes=100).status == 413
    assert refused(raw(extra="l: 70000\r\n")).status == 413
    assert refused(raw(), message_bytes=100).status == 513
    assert refused(raw(), head_bytes=100).status == 513
    assert refused(raw(), headers=3).status == 513
    assert refused(raw(extra=f"X: {'a' * 200}\r\n"), line_bytes=100).status == 513


def test_the_sender_of_a_message_with_a_wrong_length_can_be_answered() -> None:
    error = refused(raw(extra="l: 99\r\n"))
    assert isinstance(error.partial, Request)
    told = refuse(error.partial, error, to_tag="t")
    assert (told.status, told.reason, told.call_id, told.to.tag) == (400, "Bad Request", "x", "t")


@pytest.mark.parametrize("missing", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_what_must_be_there_is_named_when_it_is_missing(missing: str) -> None:
    message = request()
    message.headers.remove(missing)
    with pytest.raises(SipError, match=f"no {missing}"):
        examine(message)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("x: never", "Session-Expires"), ("Min-SE: -1", "Min-SE"), ("Min-SE: 90\r\nMin-SE: 91", "Min-SE"),
        ("m: <sip:a@b", "Contact"), ("Route: rubbish", "Route"), ('WWW-Authenticate: Digest realm="', "WWW-Authenticate"),
    ],
)  # fmt: skip
def test_a_400_names_the_header_that_cannot_be_read_and_nothing_that_a_peer_wrote(line: str, name: str) -> None:
    message = request(extra=f"{line}\r\n")
    with pytest.raises(SipError) as caught:
        examine(message)
    assert refuse(message, caught.value).reason == f"Malformed {name} header field"


def test_a_bad_value_of_a_header_that_nobody_reads_is_found_by_examine() -> None:
    message = request(extra="Session-Expires: never\r\n")
    assert message.cseq.number == 1
    with pytest.raises(SipError) as caught:
        examine(message)
    assert caught.value.partial is message


def test_what_an_agent_cannot_do_is_refused_with_what_it_can() -> None:
    able = Abilities(methods=("OPTIONS", "MESSAGE"), extensions=("timer",), bodies=("text/plain",))

    def told(message: Request) -> tuple[int, tuple[tuple[str, str], ...]]:
        with pytest.raises(SipError) as caught:
            demand(message, able)
        return caught.value.status, caught.value.headers

    assert told(request("INVITE")) == (405, (("Allow", "OPTIONS, MESSAGE"),))
    assert told(request(uri="news:x")) == (416, ())
    assert told(request(extra="Require: timer, 100rel\r\n")) == (420, (("Unsupported", "100rel"),))
    assert told(request("MESSAGE", "c: text/html\r\n", "x")) == (415, (("Accept", "text/plain"),))
    assert told(request("MESSAGE", "c: text/plain\r\ne: gzip\r\n", "x")) == (415, (("Accept-Encoding", "identity"),))
    demand(request("MESSAGE", "c: text/html\r\nContent-Disposition: render;handling=optional\r\n", "x"), able)
    demand(request("MESSAGE", "c: text/plain\r\n", "x"), able)
    demand(request(extra="Proxy-Require: nonsense\r\n"))
    with pytest.raises(SipError, match="nonsense"):
        demand(request(extra="Proxy-Require: nonsense\r\n"), Abilities(is_proxy=True))
    demand(request("MESSAGE", "c: text/html\r\n"), able)


def test_an_ack_is_never_asked_for_extensions() -> None:
    demand(request("ACK", "Require: nonsense\r\n"))


def test_an_answer_copies_what_leads_back() -> None:
    asked = request("INVITE", "v: SIP/2.0/TCP far;branch=z9hG4bK2\r\nRecord-Route: <sip:p;lr>\r\nTimestamp: 7\r\n")
    ringing = answer(asked, 180, to_tag="t1")
    assert [via.host for via in ringing.vias] == ["10.0.0.1", "far"] and ringing.to.tag == "t1"
    assert ringing.reason == "Ringing" and len(ringing.record_routes) == 1
    assert answer(asked, 100).headers.get("timestamp") == "7" and answer(asked, 100).to.tag is None
    assert not answer(asked, 486).record_routes
    assert parse_message(answer(asked, 200).to_bytes()) == answer(asked, 200)


def test_a_message_of_ours_is_read_back_equal() -> None:
    pairs = [("Via", "SIP/2.0/UDP a;branch=z9hG4bK1"), ("CSeq", "1 REGISTER"), ("v", "SIP/2.0/UDP b")]
    made = Request("REGISTER", "sip:h", pairs, b"x")
    again = parse_message(made.to_bytes())
    assert again == made and again.body == b"x" and made.raw is None
    assert made != Request("REGISTER", "sip:i") and made != object()


def test_bytes_that_are_not_utf_8_survive_a_change() -> None:
    message = parse_message(raw(extra="X-Odd: ?\r\n").replace(b"?", b"\xff"))
    message.headers.add("X-New", "1")
    assert b"X-Odd: \xff\r\n" in message.to_bytes()


def test_neither_repr_shows_values_of_headers_or_passwords() -> None:
    message = request(uri="sip:b:opensesame@h")
    assert "opensesame" not in repr(message) and "tag" not in repr(message.headers)
