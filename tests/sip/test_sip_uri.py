"""URIs: what is one, what is not, and when two are the same (RFC 3261 section 19.1.4)."""

from __future__ import annotations

import pytest

from sipstub.sip.error import SipError
from sipstub.sip.uri import AbsoluteUri, SipUri, TelUri, parse_uri

SAME = [
    ("sip:%61lena@desk.example;transport=TCP", "sip:alena@DESK.example;Transport=tcp"),
    ("sip:lena@desk.example", "sip:lena@desk.example;fresh=5"),
    ("sip:lena@desk.example;fresh=5", "sip:lena@desk.example;other=on"),
    (
        "sip:desk.example;transport=tcp;method=REGISTER?to=sip:x%40y",
        "sip:desk.example;method=REGISTER;transport=tcp?to=sip:x%40y",
    ),
    ("sip:lena@desk.example?subject=tea&priority=urgent", "sip:lena@desk.example?priority=urgent&subject=tea"),
    ("SIP:lena@desk.example", "sip:lena@desk.example"),
    ("sip:lena@[2001:DB8::7]", "sip:lena@[2001:db8:0:0:0:0:0:7]"),
    ("sip:lena@[::ffff:192.0.2.1]", "sip:lena@[::ffff:c000:201]"),
    ("sip:lena@desk.example;lr", "sip:lena@desk.example"),
    ("sip:a%2cb@desk.example", "sip:a%2Cb@desk.example"),
    ("sip:lena@desk.example.", "sip:lena@desk.example"),
    ("tel:+1-555-0100", "tel:+1(555)0100"),
    ("tel:5;phone-context=DESK", "TEL:5;phone-context=desk"),
    ("urn:isbn:1", "URN:isbn:1"),
]
DIFFERENT = [
    ("SIP:LENA@desk.example", "sip:lena@desk.example"),
    ("sip:lena@desk.example", "sip:lena@desk.example:5060"),
    ("sip:lena@desk.example", "sip:lena@desk.example;transport=udp"),
    ("sip:lena@desk.example", "sip:lena@desk.example:6000;transport=tcp"),
    ("sip:lena@desk.example", "sip:lena@desk.example?Subject=tea"),
    ("sip:lena@desk.example", "sips:lena@desk.example"),
    ("sip:lena@desk.example", "sip:desk.example"),
    ("sip:lena:x@desk.example", "sip:lena:y@desk.example"),
    ("sip:lena@desk.example;maddr=192.0.2.1", "sip:lena@desk.example"),
    ("sip:lena@desk.example;user=phone", "sip:lena@desk.example"),
    ("sip:lena@desk.example;fresh=5", "sip:lena@desk.example;fresh=6"),
    ("sip:lena%2Fx@desk.example", "sip:lena/x@desk.example"),
    ("sip:lena@192.0.2.1", "sip:lena@desk.example"),
    ("tel:5;phone-context=a", "tel:5"),
    ("tel:5", "sip:5@desk.example"),
    ("urn:isbn:1", "urn:ISBN:1"),
    ("urn:isbn:1", "sip:isbn"),
]
GOOD = [
    "sip:pbx1",
    "sip:pbx1.lan2",
    "sip:my_host",
    "sip:lena@desk.example:5061;transport=tls",
    "sips:lena:secret@[2001:db8::1]:5061;lr?a=b&c=",
    "sip:*97#@desk.example",
    "sip:+15550100;phone-context=desk.example@hall.example;user=phone",
    "sip:a@b?x=y",
    "sip:lena@desk.example;+oddities=[x]/:&$",
    "sip:1234",
    "tel:+1-555-0100;ext=7",
    "tel:*97",
    "http://desk.example/x?y=z",
    "urn:service:sos",
]
BAD = [
    "",
    "sip:",
    "sip:@desk.example",
    "sip:lena@",
    "sip:lena@desk..example",
    "sip:lena@-desk.example",
    "sip:lena@desk.example:",
    "sip:lena@desk.example:0",
    "sip:lena@desk.example:65536",
    "sip:lena@desk.example:9999999999999999999999",
    "sip:le na@desk.example",
    "sip:lena@desk.example;",
    "sip:lena@desk.example;a=1;A=2",
    "sip:lena@desk.example;a=",
    "sip:lena@desk.example?x",
    "sip:lena@desk.example?x=1?y=2",
    "sip:lena%4@desk.example",
    "sip:lena%zz@desk.example",
    "sip:l\u00e9na@desk.example",
    "sip:lena@999.1.1.1",
    "sip:lena@1.2.3",
    "sip:lena@[2001:db8::1",
    "sip:lena@[192.0.2.1]",
    "sip:lena@[fe80::1%25eth0]",
    "sip:lena@2001:db8::1",
    'sip:"lena"@desk.example',
    "sip:lena@desk.example\r\nX: y",
    "<sip:lena@desk.example>",
    "tel:",
    "tel:lena",
    "://x",
    "1x:y",
    "sip:" + "a" * 300,
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_these_are_the_same_both_ways(one: str, two: str) -> None:
    assert parse_uri(one).matches(parse_uri(two)) and parse_uri(two).matches(parse_uri(one))


@pytest.mark.parametrize(("one", "two"), DIFFERENT)
def test_these_differ_both_ways(one: str, two: str) -> None:
    assert not parse_uri(one).matches(parse_uri(two)) and not parse_uri(two).matches(parse_uri(one))


@pytest.mark.parametrize("text", GOOD)
def test_what_is_a_uri_comes_out_as_it_went_in(text: str) -> None:
    assert str(parse_uri(text)) == text and parse_uri(text).matches(parse_uri(text))


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_uri_is_refused_with_400(text: str) -> None:
    with pytest.raises(SipError) as caught:
        parse_uri(text)
    assert caught.value.status == 400


def test_the_parts_of_a_uri_are_what_the_phone_put_there() -> None:
    uri = SipUri.parse("sips:le%6Ea:pw@[2001:db8::1]:5071;transport=tls;lr?Subject=tea")
    assert (uri.scheme, uri.user, uri.username, uri.password) == ("sips", "le%6Ea", "lena", "pw")
    assert (uri.host, uri.port, uri.transport, uri.is_loose) == ("[2001:db8::1]", 5071, "TLS", True)
    assert uri.headers == (("Subject", "tea"),)


def test_ports_default_by_scheme() -> None:
    ports = [SipUri.parse(text).effective_port for text in ("sip:h", "sips:h", "sip:h;transport=tls", "sip:h:7")]
    assert ports == [5060, 5061, 5061, 7]


def test_the_address_of_record_drops_what_says_how_and_keeps_who() -> None:
    assert SipUri.parse("sip:l%65na@Desk.Example;transport=tcp;lr?x=y").aor() == "sip:lena@desk.example"
    assert SipUri.parse("sip:a%2Fb@desk.example:5070").aor() == "sip:a%2Fb@desk.example:5070"
    assert SipUri.parse("sip:*97#@desk.example").aor() == SipUri.parse("sip:*97%23@desk.example").aor()


def test_other_schemes_are_kept_and_asking_them_to_be_sip_is_416() -> None:
    assert parse_uri("GOPHER://h/x") == AbsoluteUri("gopher", "//h/x")
    assert isinstance(parse_uri("tel:7"), TelUri)
    with pytest.raises(SipError) as caught:
        SipUri.parse("gopher://h/x")
    assert caught.value.status == 416


def test_a_password_shows_on_the_wire_alone() -> None:
    uri = SipUri.parse("sip:lena:opensesame@desk.example")
    assert "opensesame" in str(uri)
    assert "opensesame" not in repr(uri) and uri.masked() == "sip:lena:***@desk.example"
