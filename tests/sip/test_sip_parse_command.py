"""`sipstub parse`: verdicts in words and JSON, exit codes, and no secrets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sip_corpus import CAPTURES, FOLDER, cases

from sipstub import parse_command
from sipstub.cli import cli
from sipstub.sip.error import STATUSES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "sip-messages.md").read_text("utf-8")


def run(*call: str) -> Result:
    # standalone_mode=False hands the exit code back instead of leaving with it, as sipstub's own main does
    return CliRunner().invoke(cli, ["parse", *call], standalone_mode=False)


def told(*call: str) -> Any:
    return json.loads(run(*call, "--json").stdout)


def test_a_folder_gives_a_line_for_each_file_and_the_count() -> None:
    result = run(str(FOLDER / "rfc4475"))
    lines = result.stdout.splitlines()
    assert lines[-1] == "49 messages, 21 ok, 28 refused" and len(lines) == 50
    assert result.return_value == 1
    assert run(str(FOLDER / "captures")).return_value == 0


@pytest.mark.parametrize("rfc", ["rfc4475", "rfc5118"])
def test_json_of_a_folder_has_the_same_verdicts(rfc: str) -> None:
    found = {
        entry["file"].removesuffix(".sip"): "ok" if entry["verdict"] == "ok" else str(entry["status"])
        for entry in told(str(FOLDER / rfc))
    }
    assert found == {case.name: case.verdict for case in cases() if case.rfc == rfc}


def test_json_of_a_file_has_the_typed_headers() -> None:
    found = told(str(FOLDER / "rfc4475" / "wsinv.sip"))
    assert (found["verdict"], found["status"], found["kind"], found["method"]) == ("ok", None, "request", "INVITE")
    headers = {entry["name"]: entry for entry in found["headers"]}
    assert headers["CSeq"]["value"] == {"number": 12, "method": "INVITE"} and headers["Max-Forwards"]["value"] == 42
    assert [via["transport"] for via in headers["Via"]["value"]] == ["UDP", "TCP", "UDP"]
    assert headers["OddThing"]["lines"] == [",;,;;,,;"]
    assert found["uri"]["text"] == "sip:lena@desk.example;strange"


def test_a_wrong_header_is_shown_as_wrong_beside_the_right_ones() -> None:
    found = told(str(FOLDER / "rfc4475" / "baddate.sip"))
    headers = {entry["name"]: entry for entry in found["headers"]}
    assert "GMT" in headers["Date"]["error"] and headers["CSeq"]["value"]["number"] == 17
    assert "  Date: wrong: " in run(str(FOLDER / "rfc4475" / "baddate.sip")).stdout


@pytest.mark.parametrize(
    ("method", "headers", "verdict"),
    [
        ("REFER", "", "400 Bad Request: REFER without Refer-To"),
        ("REFER", "r: <sip:lena@desk.example>\r\n", "ok"),
        ("SUBSCRIBE", "", "489 Bad Event: SUBSCRIBE without Event"),
        ("SUBSCRIBE", "o: dialog\r\n", "400 Bad Request: SUBSCRIBE without Contact"),
        ("SUBSCRIBE", "o: dialog\r\nm: <sip:omar@desk.example>\r\n", "ok"),
        ("NOTIFY", "", "489 Bad Event: NOTIFY without Event"),
        ("PUBLISH", "Event: presence\r\n", "ok"),
        ("PRACK", "", "400 Bad Request: PRACK without RAck"),
        ("PRACK", "RAck: 1 1 INVITE\r\n", "ok"),
    ],
)
def test_a_method_without_what_it_needs_is_refused_as_its_rfc_says(
    tmp_path: Path, method: str, headers: str, verdict: str
) -> None:
    path = tmp_path / "x.sip"
    path.write_bytes(
        f"{method} sip:lena@desk.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        "From: <sip:omar@desk.example>;tag=1\r\nTo: <sip:lena@desk.example>;tag=2\r\nCall-ID: one\r\n"
        f"CSeq: 1 {method}\r\n{headers}Content-Length: 0\r\n\r\n".encode()
    )
    assert run(str(path)).stdout.splitlines()[0] == f"x.sip  {verdict}"


def test_responses_and_rubbish_have_their_kind(tmp_path: Path) -> None:
    assert told(str(FOLDER / "rfc4475" / "noreason.sip"))["code"] == 183
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"\x00\xff\x1b[2J")
    found = told(str(rubbish))
    assert (found["kind"], found["status"], found["headers"]) == (None, 400, [])
    rubbish.write_bytes(b"x" * 70_000)
    assert told(str(rubbish))["status"] == 513


@pytest.mark.parametrize("path", [path for path in CAPTURES if "auth" in path.stem], ids=lambda path: path.stem)
def test_no_digest_and_no_nonce_is_printed(path: Path) -> None:
    data = path.read_text()
    secrets = re.findall(r'(?:response|nonce|cnonce)="([^"]+)"', data)
    assert len(secrets) == 3
    for out in (run(str(path)).stdout, run(str(path), "--json").stdout):
        assert not any(secret in out for secret in secrets) and "***" in out


def test_a_password_in_an_address_is_masked(tmp_path: Path) -> None:
    path = tmp_path / "x.sip"
    data = (FOLDER / "rfc4475" / "zeromf.sip").read_bytes().replace(b"lena@", b"lena:opensesame@")
    path.write_bytes(data)
    for out in (run(str(path)).stdout, run(str(path), "--json").stdout, run(str(tmp_path)).stdout):
        assert "ok" in out and "opensesame" not in out


def test_nothing_that_a_terminal_obeys_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "x.sip"
    path.write_bytes(
        (FOLDER / "rfc4475" / "zeromf.sip").read_bytes().replace(b"\r\n\r\n", b"\r\nX: \x1b[2J\xff\r\nDate: \x1b[2J\r\n\r\n")
    )
    assert "\x1b" not in run(str(path)).stdout and "\x1b" not in run(str(tmp_path)).stdout


def test_hidden_files_are_left_out_and_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    for name in (".hidden", "a", "deep/b"):
        (tmp_path / name).write_bytes((FOLDER / "rfc4475" / "zeromf.sip").read_bytes())
    assert [entry["file"] for entry in told(str(tmp_path))] == ["a", "deep/b"]
    monkeypatch.setattr(parse_command, "MAX_FILES", 1)
    result = run(str(tmp_path))
    assert result.exception is not None and "at most 1" in str(result.exception)


def test_the_page_has_every_status_and_its_example_is_true() -> None:
    for status in STATUSES:
        assert f"\n| {status} | " in PAGE
    out = run(str(FOLDER / "rfc5118")).stdout
    for line in PAGE.split("$ sipstub parse tests/corpus/sip/rfc5118\n")[1].split("\n\n")[0].splitlines():
        assert line.strip() == "..." or line.strip() in [printed.strip() for printed in out.splitlines()]
