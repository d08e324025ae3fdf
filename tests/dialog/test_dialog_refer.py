"""REFER: what it asks for, and the words that tell how it went.  RFC 3515, 3891, 4488."""

from __future__ import annotations

import pytest
from dialog_builders import a_phones
from hypothesis import given
from hypothesis import strategies as st

from sipstub.dialog.refer import Refer, sipfrag, sipfrag_status
from sipstub.sip.error import SipError


def refer(*headers: tuple[str, str]) -> Refer:
    return Refer.read(a_phones("REFER", cseq=93809823, to_tag="us", headers=headers))


def test_a_plain_refer() -> None:
    found = refer(("Refer-To", "<sip:300@pbx.example.com>"), ("Referred-By", "<sip:100@pbx.example.com>"))
    assert str(found.target) == "sip:300@pbx.example.com" and found.method == "INVITE" and found.replaces is None
    assert found.event_id == 93809823 and not found.is_silent and found.referred_by is not None


def test_an_attended_transfer_names_the_call_to_replace() -> None:
    found = refer(("Refer-To", "<sip:300@pbx.example.com?Replaces=abc%40x%3Bto-tag%3D1%3Bfrom-tag%3D2>"))
    assert found.replaces is not None and (found.replaces.call_id, found.replaces.to_tag, found.replaces.from_tag) == (
        "abc@x",
        "1",
        "2",
    )
    assert str(found.target) == "sip:300@pbx.example.com"


def test_another_method_is_named_in_the_uri() -> None:
    found = refer(("Refer-To", "<sip:300@pbx.example.com;method=bye>"))
    assert found.method == "BYE" and str(found.target) == "sip:300@pbx.example.com"


def test_a_tel_uri_is_fine() -> None:
    assert str(refer(("Refer-To", "<tel:+49301234>")).target) == "tel:+49301234"


@pytest.mark.parametrize(("text", "is_silent"), [("false", True), ("FALSE ;x=y", True), ("true", False), ("", False)])
def test_refer_sub_false_wants_no_subscription(text: str, is_silent: bool) -> None:
    assert refer(("Refer-To", "<sip:a@b>"), ("Refer-Sub", text)).is_silent is is_silent


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Refer-To", "<sip:a@b>"), ("Refer-To", "<sip:c@d>")),
        (("Refer-To", "rubbish"),),
        (("Refer-To", "<sip:a@b?Replaces=no-tags>"),),
        (("Refer-To", "<sip:a@b?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2&replaces=b%3Bto-tag%3D1%3Bfrom-tag%3D2>"),),
    ],
)
def test_none_two_or_broken_refer_to_get_400(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(SipError) as caught:
        refer(*headers)
    assert caught.value.status == 400


def test_sipfrag_says_how_it_went() -> None:
    assert sipfrag(100) == b"SIP/2.0 100 Trying\r\n" and sipfrag_status(sipfrag(503, "No")) == 503


@pytest.mark.parametrize(
    "body", [b"", b"SIP/2.0", b"SIP/2.0 abc", b"SIP/2.0 099 x", b"SIP/2.0 700", b"HTTP/1.1 200 OK", b"SIP/2.0 2000"]
)
def test_what_is_no_sipfrag_says_nothing(body: bytes) -> None:
    assert sipfrag_status(body) is None


@given(st.binary(max_size=60))
def test_any_body_is_read_without_raising(body: bytes) -> None:
    assert sipfrag_status(body) is None or 100 <= (sipfrag_status(body) or 0) < 700
