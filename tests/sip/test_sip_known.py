"""What was read once: shared by messages that say the same, bounded, and never a way for one message to change another."""

from __future__ import annotations

from sipstub.sip.message import Message, Request
from sipstub.sip.reader import parse_message
from sipstub.sip.typed import MAX_KNOWN_LENGTH

_INVITE = (
    "INVITE sip:200@corp.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-{branch}\r\n"
    "From: <sip:{user}@corp.example>;tag=1\r\nTo: <sip:200@corp.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:{user}@192.0.2.1>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def an_invite(branch: str, user: str = "100") -> Message:
    return parse_message(_INVITE.format(branch=branch, user=user).encode())


def test_messages_that_say_the_same_share_what_was_read() -> None:
    one, two = an_invite("a"), an_invite("b")
    assert one.from_ is two.from_ and one.contacts is two.contacts
    assert one.via.branch != two.via.branch


def test_a_header_that_is_changed_in_one_message_stays_as_it_is_in_the_others() -> None:
    one, two = an_invite("a"), an_invite("b")
    one.headers.set("From", "<sip:300@corp.example>;tag=2")
    one.headers.remove("Contact")
    assert one.from_.tag == "2" and len(one.contacts) == 0
    assert two.from_.tag == "1" and two.headers.lines("contact") == ["<sip:100@192.0.2.1>"]


def test_a_value_that_is_long_is_read_each_time() -> None:
    long = "1" * MAX_KNOWN_LENGTH
    assert an_invite("a", long).from_ is not an_invite("b", long).from_


def test_a_message_of_ours_says_what_was_put_into_it_whether_its_lines_were_asked_for_before_or_not() -> None:
    pairs = [("Supported", "timer"), ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"), ("Supported", "100rel")]
    asked, written = Request("OPTIONS", "sip:a@b", pairs), Request("OPTIONS", "sip:a@b", pairs)
    assert asked.headers.by_key["supported"] == ["timer", "100rel"]
    for one in (asked, written):
        one.headers.add_first("Via", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2")
        one.headers.set("Supported", "path")
        one.headers.add("Supported", "gruu")
        one.headers.remove("Nothing")
        assert one.headers.lines("supported") == ["path", "gruu"] and "supported" in one.headers
        assert len(one.headers.lines("via")) == 2 and one.supported == ("path", "gruu")
    assert asked.to_bytes() == written.to_bytes() and dict(asked.headers.by_key) == dict(written.headers.by_key)
