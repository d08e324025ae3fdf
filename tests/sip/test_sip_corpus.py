"""The 49 cases of RFC 4475, the 12 of RFC 5118, and what real clients sent: every one with its verdict, none left out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sip_corpus import CAPTURES, FOLDER, Case, cases, seen

from sipstub.parse_command import judge
from sipstub.sip.digest import Exchange, compute
from sipstub.sip.message import Request
from sipstub.sip.reader import parse_message
from sipstub.sip.sdp import Sdp

CASES = cases()
COUNTS = {"rfc4475": 49, "rfc5118": 12}
VALID = {"rfc4475": 21, "rfc5118": 10}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rfc}-{case.name}")
def test_the_verdict_is_the_expected_one(case: Case) -> None:
    verdict = judge(case.path, case.name)
    said = "ok" if verdict.error is None else str(verdict.error.status)
    assert said == case.verdict, f"{case.defect}: {verdict.text()}"


@pytest.mark.parametrize("case", [case for case in CASES if case.sees], ids=lambda case: f"{case.rfc}-{case.name}")
def test_a_valid_message_is_understood_and_not_only_let_pass(case: Case) -> None:
    message = parse_message(case.path.read_bytes())
    assert {path: seen(message, path) for path in case.sees} == case.sees


def test_every_case_of_both_rfcs_is_there_and_every_file_has_its_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    found = Counter(case.rfc for case in CASES)
    assert found == COUNTS
    assert Counter(case.rfc for case in CASES if case.verdict == "ok") == VALID
    for rfc in COUNTS:
        assert {path.stem for path in (FOLDER / rfc).iterdir()} == {case.name for case in CASES if case.rfc == rfc}
    with capsys.disabled():
        print(
            f" torture cases run: {found['rfc4475']} of RFC 4475, {found['rfc5118']} of RFC 5118; captures: {len(CAPTURES)} ",
            end="",
        )


def test_no_refusal_is_for_the_lack_of_something_else() -> None:
    """A case with one defect must not be refused for a second one that slipped into our message."""
    reasons = {case.name: judge(case.path, case.name).text() for case in CASES if case.verdict != "ok"}
    words = {
        "badinv01": "empty value",
        "clerr": "Content-Length says",
        "ncl": "Content-Length is not",
        "scalar02": "CSeq is over",
        "scalarlg": "CSeq is over",
        "quotbal": "quote is not closed",
        "ltgtruri": "Request-URI",
        "escruri": "headers in the Request-URI",
        "baddate": "GMT",
        "regbadct": "angle brackets",
        "badaspec": "blank inside",
        "baddn": "display name",
        "mismatch01": "CSeq is of INVITE",
        "mismatch02": "CSeq is of INVITE",
        "bigcode": "not a status",
        "badbranch": "cookie",
        "insuf": "no From",
        "unksm2": "no address of record",
        "multi01": "stands 2 times",
        "mcl01": "Content-Length stands 2 times",
        "ipv6-bad": "not a sip URI",
        "ipv6-bug-abnf-3-colons": "IPv6",
        **dict.fromkeys(("lwsruri", "lwsstart", "trws"), "three words"),
    }
    for name, word in words.items():
        assert word in reasons[name], reasons[name]


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_what_real_clients_sent_is_taken_and_goes_out_again_byte_by_byte(path: Path) -> None:
    data = path.read_bytes()
    assert judge(path, path.name).text() == "ok"
    message = parse_message(data)
    assert message.to_bytes() == data
    message.headers.add("X-Seen", "1")
    again = parse_message(message.to_bytes())
    assert again == message and again.body == message.body
    if message.body:
        assert bytes(Sdp.parse(message.body)) == message.body


@pytest.mark.parametrize("path", [path for path in CAPTURES if "auth" in path.stem], ids=lambda path: path.stem)
def test_credentials_of_real_clients_give_a_digest_of_their_form(path: Path) -> None:
    message = parse_message(path.read_bytes())
    assert isinstance(message, Request)
    (credentials,) = message.authorization
    assert credentials.is_digest and credentials.qop == "auth" and credentials.nc == 1 and len(credentials.response) == 32
    assert credentials.uri == message.uri_text
    assert len(compute("0" * 32, Exchange.of(credentials, message.method))) == 32
