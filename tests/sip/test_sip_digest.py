"""Digest: the vectors of the RFCs, our own answers checked by ourselves, and what must not pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sipstub.sip.credentials import AuthParams, Challenge, Credentials
from sipstub.sip.digest import Exchange, authentication_info, challenge_for, check, compute, make_ha1, respond
from sipstub.sip.error import SipError

MUFASA = ("Mufasa", "http-auth@example.org", "Circle of Life")
RFC_7616 = Exchange(
    "GET",
    "/dir/index.html",
    "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
)
RFC_2617 = Exchange("GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093", cnonce="0a4f113b")
WAYS = [
    (algorithm, qops)
    for algorithm in ("MD5", "SHA-256", "MD5-sess", "SHA-256-sess")
    for qops in ((), ("auth",), ("auth-int",), ("auth", "auth-int"))
]


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_vectors_of_rfc_7616_come_out(algorithm: str, response: str) -> None:
    assert compute(make_ha1(*MUFASA, algorithm), replace(RFC_7616, algorithm=algorithm)) == response


def test_the_vectors_of_rfc_2617_come_out() -> None:
    ha1 = make_ha1("Mufasa", "testrealm@host.com", "Circle Of Life")
    assert ha1 == "939e7578ed9e3c518a452acee763bce9"
    assert compute(ha1, RFC_2617) == "6629fae49393a05397450978507c4ef1"
    assert compute(ha1, replace(RFC_2617, qop=None)) == "670fd8c2df070c60b045671b8b24ff02"


def answered(algorithm: str = "MD5", qops: tuple[str, ...] = ("auth",), body: bytes = b"") -> tuple[Credentials, str]:
    ha1 = make_ha1("lena", "desk, \u00e9", "secret", algorithm)
    challenge = Challenge.parse(str(challenge_for("desk, \u00e9", "n\\0nce", algorithm=algorithm, qops=qops, opaque='o\\"')))
    made = respond(challenge, method="REGISTER", uri="sip:h", username="lena", ha1=ha1, cnonce='c"c', nc=17, body=body)
    return Credentials.parse(str(made)), ha1


@pytest.mark.parametrize(("algorithm", "qops"), WAYS)
def test_what_we_answer_we_accept_and_nothing_else(algorithm: str, qops: tuple[str, ...]) -> None:
    credentials, ha1 = answered(algorithm, qops, b"body")
    assert check(credentials, ha1, "REGISTER", b"body")
    assert not check(credentials, make_ha1("lena", "desk, \u00e9", "Secret", algorithm), "REGISTER", b"body")
    assert not check(credentials, ha1, "INVITE", b"body")
    assert check(credentials, ha1, "REGISTER", b"other") is ("auth-int" not in qops or "auth" in qops)
    if qops:
        assert credentials.nc == 17


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response", '"0"'),
        ("response", '"\u00e9"'),
        ("nonce", '"other"'),
        ("uri", '"sip:i"'),
        ("nc", "00000012"),
        ("cnonce", '"d"'),
        ("qop", "auth-int"),
        ("qop", "none"),
        ("algorithm", "SHA-256"),
        ("algorithm", "SHA-999"),
    ],
)
def test_a_changed_parameter_is_a_wrong_answer(name: str, value: str) -> None:
    credentials, ha1 = answered()
    changed = AuthParams(tuple((found, value if found == name else old) for found, old in credentials.params.items))
    assert changed != credentials.params
    assert not check(replace(credentials, params=changed), ha1, "REGISTER")


def test_the_response_may_be_in_capitals() -> None:
    credentials, ha1 = answered()
    loud = AuthParams(tuple((name, old.upper() if name == "response" else old) for name, old in credentials.params.items))
    assert check(replace(credentials, params=loud), ha1, "REGISTER")


def test_opaque_and_nonce_come_back_as_they_were_given() -> None:
    credentials, _ = answered()
    text = str(credentials)
    assert 'nonce="n\\\\0nce"' in text and 'opaque="o\\\\\\""' in text and credentials.realm == "desk, \u00e9"


def test_challenges_that_we_cannot_answer_are_refused() -> None:
    for text in ('Digest realm="r", nonce="n", algorithm=SHA-1', 'Digest realm="r", nonce="n", qop="other"', "Basic realm=x"):
        with pytest.raises(SipError):
            respond(Challenge.parse(text), method="X", uri="sip:h", username="u", ha1="0", cnonce="c")


def test_a_challenge_quotes_what_phones_want_quoted() -> None:
    text = str(challenge_for("h", "n", qops=("auth", "auth-int"), is_stale=True))
    assert text == 'Digest realm="h", nonce="n", algorithm=MD5, stale=true, qop="auth,auth-int"'


def test_the_server_can_prove_that_it_knows_the_secret() -> None:
    credentials, ha1 = answered()
    info = authentication_info(credentials, ha1, nextnonce="m")
    assert info.nextnonce == "m" and info.rspauth == compute(ha1, Exchange.of(credentials, ""))
    assert info.rspauth != credentials.response
    assert str(authentication_info(answered("MD5", ())[0], ha1)) == ""


def test_nc_is_eight_hexadecimal_digits_or_nothing() -> None:
    for text, number in (("0000001f", 31), ("1f", 0), ("0000001g", 0), ("000000001", 0)):
        assert Credentials("Digest", AuthParams((("nc", text),))).nc == number
