"""Secrets are cut out of messages, and nothing else is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_samples import CREDENTIALS, a_registration, a_request

from sipstub.sip.message import Request
from sipstub.trace.masking import mask


def test_a_digest_is_cut_and_its_header_stays() -> None:
    before = a_registration()[2]
    after = before.masked()
    assert b"0123456789abcdef" in before.data and b"c0ffee" in before.data
    assert b"0123456789abcdef" not in after.data and b"c0ffee" not in after.data
    assert isinstance(after.message, Request)
    credentials = after.message.authorization[0]
    assert credentials.params.get("username") == "101" and credentials.nonce == "6f1c"
    assert credentials.params.get("nc") == "00000001"
    assert set(credentials.params.get("response") or "") == {"*"}


@pytest.mark.parametrize(
    "line",
    [
        CREDENTIALS,
        "proxy-" + CREDENTIALS.lower(),
        CREDENTIALS.replace(", ", ",\r\n "),
        CREDENTIALS.replace("response=", "RESPONSE = "),
        CREDENTIALS.replace("Authorization:", "Authorization  :"),
        "Authorization: Digest response=0123456789abcdef0123456789abcdef,cnonce=c0ffee",
        'Authentication-Info: rspauth="0123456789abcdef0123456789abcdef", cnonce="c0ffee", nextnonce="1"',
        'Proxy-Authentication-Info: rspauth="0123456789abcdef0123456789abcdef"',
        "Authorization: Basic c0ffee0123456789abcdef==",
        "Authorization: Bearer c0ffee.0123456789abcdef",
        'Authorization: Digest response="0123456789abcdef',
        r'Authorization: Digest response="\"0123456789abcdef", cnonce="a\"c0ffee"',
    ],
)
def test_every_form_of_credentials_is_cut(line: str) -> None:
    data = a_request(extra=(line,))
    after = mask(data)
    assert b"0123456789abcdef" not in after.lower() and b"c0ffee" not in after.lower()
    assert len(after) == len(data)
    assert after.count(b"\r\n") == data.count(b"\r\n")


def test_media_keys_are_cut_and_the_length_stays() -> None:
    sdp = (
        b"v=0\r\nm=audio 4000 RTP/SAVP 8\r\nk=base64:c2VjcmV0\r\n"
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20|1:4;inline:c2VjcmV0 UNENCRYPTED_SRTCP\r\n"
        b"a=key-mgmt:mikey c2VjcmV0\r\na=rtpmap:8 PCMA/8000\r\n"
    )
    data = a_request("INVITE", body=sdp)
    after = mask(data)
    assert b"c2VjcmV0" not in after and len(after) == len(data)
    assert b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:********|2^20|1:4;inline:******** UNENCRYPTED_SRTCP\r\n" in after
    assert b"a=rtpmap:8 PCMA/8000" in after


def test_a_password_in_a_uri_is_cut() -> None:
    after = mask(a_request(contact="<sip:101:opensesame@127.0.5.1:5062>"))
    assert b"opensesame" not in after and b"<sip:101:**********@127.0.5.1:5062>" in after


def test_credentials_quoted_in_a_body_are_cut_too() -> None:
    fragment = b"REGISTER sip:a SIP/2.0\r\n" + CREDENTIALS.encode() + b"\r\n"
    assert b"0123456789abcdef" not in mask(a_request("NOTIFY", body=fragment))


def test_a_message_without_secrets_stays_as_it_is() -> None:
    data = a_request("INVITE", contact="<sip:101@127.0.5.1:5062;transport=tcp>", extra=("X-Response: response=12",))
    assert mask(data) == data


@given(st.binary(max_size=400))
def test_any_bytes_keep_their_length_and_line_ends(data: bytes) -> None:
    after = mask(b"Authorization: " + data)
    assert len(after) == len(data) + 15
    assert re.findall(rb"[\r\n]", after) == re.findall(rb"[\r\n]", data)
