"""Typed values of headers: what they say, how they come out again, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sipstub.sip.contact import Contact, Contacts
from sipstub.sip.credentials import AuthenticationInfo, Challenge, Credentials
from sipstub.sip.cseq import CSeq, RAck, parse_rseq
from sipstub.sip.date import SipDate
from sipstub.sip.error import SipError
from sipstub.sip.event import Event, SubscriptionState
from sipstub.sip.interval import MinSE, RetryAfter, SessionExpires
from sipstub.sip.media_type import Disposition, MediaType
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.params import Params
from sipstub.sip.replaces import Replaces
from sipstub.sip.scanner import parse_number, quote, split, unquote
from sipstub.sip.via import Via

SAME_AGAIN: list[tuple[Callable[[str], Any], str]] = [
    (NameAddr.parse, "<sip:lena@desk.example>;tag=1"),
    (NameAddr.parse, '"Lena \\"the\\\\ desk\\"" <sip:lena@desk.example;transport=tcp>;tag=x;y="a;b,<c>"'),
    (NameAddr.parse, "Lena <tel:+1-555-0100>"),
    (Contact.parse, '<sip:lena@[2001:db8::1]:5062;line=0a1b>;q=0.5;expires=60;+sip.instance="<urn:uuid:1-2>";reg-id=1'),
    (Via.parse, "SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1;rport=5062;received=2001:db8::2"),
    (Via.parse, "SIP/2.0/TLS pbx1.lan2;alias;branch=z9hG4bK.x;rport"),
    (CSeq.parse, "2147483647 REGISTER"),
    (RAck.parse, "4294967295 17 INVITE"),
    (SessionExpires.parse, "1800;refresher=uac"),
    (MinSE.parse, "90;x"),
    (RetryAfter.parse, "18 (in a meeting);duration=60"),
    (Event.parse, "dialog;id=7;sla"),
    (Event.parse, "presence.winfo"),
    (SubscriptionState.parse, "terminated;reason=timeout;retry-after=5"),
    (Replaces.parse, "a@b;to-tag=1;from-tag=2;early-only"),
    (MediaType.parse, "multipart/mixed;boundary=x;y"),
    (Disposition.parse, "session;handling=optional"),
    (SipDate.parse, "Sun, 01 Mar 2026 07:08:09 GMT"),
    (SipDate.parse, "Thu, 29 Feb 2024 23:59:59 GMT"),
    (SipDate.parse, "Fri, 31 Dec 1999 00:00:00 GMT"),
    (Challenge.parse, 'Digest realm="a, b=\\"c\\"", nonce="n", qop="auth,auth-int", algorithm=SHA-256, stale=true'),
    (
        Credentials.parse,
        'Digest username="u", realm="", nonce="n", uri="x", response="0", qop=auth, cnonce="c", nc=0000000a',
    ),
    (Credentials.parse, "Bearer abc.def=="),
    (AuthenticationInfo.parse, 'nextnonce="n", qop=auth, rspauth="0", cnonce="c", nc=00000001'),
]
REFUSED: list[tuple[Callable[[str], Any], str]] = [
    (NameAddr.parse, "Lena, Desk <sip:lena@desk.example>"),
    (NameAddr.parse, '"Lena <sip:lena@desk.example>'),
    (NameAddr.parse, '"Lena" x <sip:lena@desk.example>'),
    (NameAddr.parse, '"Lena" sip:lena@desk.example'),
    (NameAddr.parse, "<sip:lena@desk.example"),
    (NameAddr.parse, "<sip:lena@desk.example> tag=1"),
    (NameAddr.parse, "<sip:lena@desk.example>;tag=1;TAG=2"),
    (NameAddr.parse, "<sip:lena@desk.example>;;tag=1"),
    (NameAddr.parse, "<sip:lena@desk.example>;tag="),
    (NameAddr.parse, "sip:lena@desk.example?Subject=x"),
    (NameAddr.parse, "<>"),
    (NameAddr.parse, ""),
    (Contact.parse, "<sip:a@b>;q=1.1"),
    (Contact.parse, "<sip:a@b>;q=0.1234"),
    (Via.parse, "SIP/2.0/UDP"),
    (Via.parse, "SIP/2.0 UDP h"),
    (Via.parse, "SIP/3.0/UDP h"),
    (Via.parse, "HTTP/2.0/UDP h"),
    (Via.parse, "SIP/2.0/UDP h;received=h"),
    (Via.parse, "SIP/2.0/UDP h;rport=70000"),
    (Via.parse, "SIP/2.0/UDP h;ttl=256"),
    (Via.parse, "SIP/2.0/UDP 2001:db8::1;branch=x"),
    (Via.parse, "SIP/2.0/UDP h h"),
    (CSeq.parse, "2147483648 INVITE"),
    (CSeq.parse, "-1 INVITE"),
    (CSeq.parse, "\u0661 INVITE"),
    (CSeq.parse, "1"),
    (CSeq.parse, "1 INVITE x"),
    (RAck.parse, "0 1 INVITE"),
    (RAck.parse, "1 INVITE"),
    (parse_rseq, "4294967296"),
    (SessionExpires.parse, "1800;refresher=me"),
    (SessionExpires.parse, "1800;refresher"),
    (SessionExpires.parse, ""),
    (SessionExpires.parse, "90x"),
    (RetryAfter.parse, "18 (open"),
    (RetryAfter.parse, "soon"),
    (Event.parse, ";id=1"),
    (Replaces.parse, "a@b;to-tag=1"),
    (MediaType.parse, "application"),
    (MediaType.parse, "a/b/c"),
    (SipDate.parse, "Sun, 01 Mar 2026 07:08:09 UTC"),
    (SipDate.parse, "Sun, 30 Feb 2026 07:08:09 GMT"),
    (SipDate.parse, "Sun, 01 Mar 0000 07:08:09 GMT"),
    (SipDate.parse, "Sun, 01 Mar 2026 24:08:09 GMT"),
    (Challenge.parse, 'Digest realm="a"'),
    (Challenge.parse, "Digest"),
    (Credentials.parse, 'Digest username="u", realm="r", nonce="n", uri="sip:x"'),
    (Credentials.parse, 'Digest username="u", realm="r", nonce="n", uri="sip:x", response="0", qop=auth'),
    (Credentials.parse, 'Digest username="u", username="v", realm="r", nonce="n", uri="sip:x", response="0"'),
    (Credentials.parse, 'Digest username="u" realm="r", nonce="n", uri="sip:x", response="0"'),
    (Credentials.parse, 'Digest username="u", realm="r", nonce="n", uri="sip:x", response="0",'),
    (Credentials.parse, 'Digest username="u, realm="r", nonce="n", uri="sip:x", response="0"'),
]


def named(value: tuple[Callable[[str], Any], str]) -> str:
    return f"{value[0].__qualname__}-{value[1][:40]}"


@pytest.mark.parametrize("given", SAME_AGAIN, ids=named)
def test_a_value_comes_out_as_it_went_in_and_equal(given: tuple[Callable[[str], Any], str]) -> None:
    parse, text = given
    value = parse(text)
    assert str(value) == text
    assert parse(str(value)) == value


@pytest.mark.parametrize("given", REFUSED, ids=named)
def test_what_is_not_such_a_value_is_refused(given: tuple[Callable[[str], Any], str]) -> None:
    parse, text = given
    with pytest.raises(SipError) as caught:
        parse(text)
    assert caught.value.status == 400 and caught.value.fact


def test_commas_separate_only_outside_of_quotes_and_angle_brackets() -> None:
    text = '"a,b" <sip:x,y@h;p="q">;z="1,\\",2" , <sip:b@h> ,c'
    assert split(text) == ['"a,b" <sip:x,y@h;p="q">;z="1,\\",2"', "<sip:b@h>", "c"]
    assert split('a;b="c;d";e', ";") == ["a", 'b="c;d"', "e"]
    assert split(",a,,b ,") == ["", "a", "", "b", ""]
    for broken in ('a,"b', "a,<b", '"a\\",b'):
        with pytest.raises(SipError):
            split(broken)


def test_more_values_than_anyone_sends_are_refused() -> None:
    with pytest.raises(SipError):
        split(",".join("x" * 600))
    with pytest.raises(SipError):
        Params.parse("".join(f";p{number}" for number in range(600)))


def test_quoting_is_undone_by_unquoting() -> None:
    for text in ("", "a", 'a"b', "a\\b", '\\"', "\u00e9"):
        assert unquote(quote(text)) == text
    for text in ("a\rb", "a\nb", "a\0b"):
        with pytest.raises(SipError):
            quote(text)


def test_numbers_have_a_limit_at_any_length() -> None:
    assert parse_number("0" * 5000 + "7", "n", limit=7) == 7
    for text in ("8", "9" * 5000, "", "+1", "-1", "1.0", "\u0663", "0x1"):
        with pytest.raises(SipError):
            parse_number(text, "n", limit=7)


def test_parameters_compare_without_case_and_keep_their_order() -> None:
    params = Params.parse(';Expires=60;+sip.instance="<urn:x>";lr')
    assert params.get("expires") == "60" and params.get("+SIP.INSTANCE") == "<urn:x>"
    assert "LR" in params and params.get("lr") is None and "tag" not in params
    assert str(params.set("EXPIRES", "5").set("tag", "a b")) == ';Expires=5;+sip.instance="<urn:x>";lr;tag="a b"'
    assert str(params.without("expires")) == ';+sip.instance="<urn:x>";lr'
    for name, value in (("a b", "1"), ("a", "1\r\nX: y"), ("a", "\0")):
        with pytest.raises(SipError):
            params.set(name, value)


def test_two_quoted_contacts_on_one_line_are_two() -> None:
    found = Contacts.parse_all(['"a" <sip:a@h>;EXPIRES=60, "b, c" <sip:b@h>;self=1', "sip:c@h"])
    assert [str(contact.uri) for contact in found] == ["sip:a@h", "sip:b@h", "sip:c@h"]
    assert found.addresses[0].expires_s == 60 and found.addresses[1].display == "b, c"


def test_the_star_stands_alone() -> None:
    assert Contacts.parse_all(["*"]).is_star
    for lines in (["*, <sip:a@h>"], ["*", "<sip:a@h>"], ["*", "*"], ["*;expires=0"]):
        with pytest.raises(SipError):
            Contacts.parse_all(lines)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("60", 60), ("4294967295", 2**32 - 1), ("4294967296", 3600), ("soon", 3600), ("9" * 99, 3600)],
)
def test_expiry_of_a_contact_is_lenient_as_the_rfc_wishes(text: str, seconds: int) -> None:
    assert Contact.parse(f"<sip:a@h>;expires={text}").expires_s == seconds


def test_what_outbound_adds_to_a_contact_is_read() -> None:
    contact = Contact.parse('<sip:a@h>;reg-id=2;+sip.instance="<urn:uuid:1>"')
    assert (contact.reg_id, contact.instance, contact.q) == (2, "urn:uuid:1", 1.0)
    assert Contact.parse("<sip:a@h>;reg-id=0").reg_id is None and Contact.parse("<sip:a@h>;reg-id=x").reg_id is None


def test_a_via_gets_received_and_rport_as_rfc_3581_says() -> None:
    asked = Via.parse("SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1").seen_from("10.0.0.1", 5062)
    assert str(asked) == "SIP/2.0/UDP 10.0.0.1:5060;rport=5062;branch=z9hG4bK1;received=10.0.0.1"
    silent = Via.parse("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1")
    assert silent.seen_from("10.0.0.1", 5062) == silent
    assert silent.seen_from("192.0.2.7", 5062).received == "192.0.2.7"
    assert Via.parse("SIP/2.0/UDP [2001:db8::1]").seen_from("2001:db8::1", 5060).received is None


def test_a_branch_identifies_a_transaction_only_with_something_behind_the_cookie() -> None:
    branches = {"z9hG4bKx": True, "Z9HG4BKx": True, "z9hG4bK": False, "x": False}
    assert {branch: Via.parse(f"SIP/2.0/UDP h;branch={branch}").has_transaction_id for branch in branches} == branches


def test_addresses_match_by_uri_and_parameters_that_both_have() -> None:
    one = NameAddr.parse('"A" <sip:a@h>;tag=1;x=y')
    assert one.matches(NameAddr.parse("<sip:a@H>;tag=1"))
    assert not one.matches(NameAddr.parse("<sip:a@h>")) and not one.matches(NameAddr.parse("<sip:a@h>;tag=1;x=z"))


def test_subscriptions_match_by_package_and_id() -> None:
    assert Event.parse("dialog;id=1").matches(Event.parse("dialog;x;id=1"))
    assert not Event.parse("dialog").matches(Event.parse("dialog;id=1")) and not Event.parse("dialog").matches(
        Event.parse("Dialog")
    )


def test_a_date_is_seconds_since_1970() -> None:
    assert SipDate.parse("Thu, 01 Jan 1970 00:00:00 GMT").at == 0
    assert SipDate.parse("sat, 13 NOV 2010 23:29:00 gmt").at == 1289690940
    assert str(SipDate(1289690940)) == "Sat, 13 Nov 2010 23:29:00 GMT"


def test_commas_in_quotes_do_not_end_a_parameter_of_authentication() -> None:
    challenge = Challenge.parse('Digest realm="a, b", nonce="x=,y", qop="auth, auth-int", stale=TRUE')
    assert (challenge.realm, challenge.nonce, challenge.qops) == ("a, b", "x=,y", ("auth", "auth-int"))
    assert challenge.is_stale and challenge.algorithm == "MD5"


def test_no_digest_shows_in_a_repr_or_an_error() -> None:
    text = 'Digest username="u", realm="r", nonce="n", uri="sip:x", response="5ec7e7", qop=auth, cnonce="c", nc=00000001'
    assert "5ec7e7" not in repr(Credentials.parse(text))
    with pytest.raises(SipError) as caught:
        Credentials.parse(text + ', response="5ec7e7"')
    assert "5ec7e7" not in caught.value.fact
