"""`sipstub verify` from files: recordings and captures, all reports, exit codes, and what is no expectation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from verify_builders import ACCOUNT, PASSWORD, ROOT, Talk, expect

from sipstub.cli import cli
from sipstub.trace.pcapng_writer import write_pcapng
from sipstub.trace.recording import Recording
from sipstub.trace.recording_json import recording_as_json
from sipstub.verify.expectation import ExpectationProblem, read_expectations
from sipstub.verify.report.document import read_report

ITEMS = (*ACCOUNT, ("password", PASSWORD), ("register-expiry.1", "600"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lobby.json").write_text(json.dumps(expect(*ITEMS).as_json(reveal=True)))
    messages = tuple(Talk().register(3600).messages)
    (tmp_path / "talk.json").write_text(json.dumps(recording_as_json(Recording(messages, is_own=True))))
    with (tmp_path / "talk.pcapng").open("wb") as stream:
        write_pcapng(stream, messages)
    return tmp_path


def sipstub(folder: Path, *args: str) -> tuple[int, str]:
    """Run `sipstub verify`; names with a dot are files of the folder."""
    given = [str(folder / word) if "." in word and not word.startswith("-") else word for word in args]
    result = CliRunner().invoke(cli, ["verify", *given], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return int(result.return_value), result.output


def test_a_recording_is_judged_and_every_report_written(folder: Path) -> None:
    outputs = ("--json", "out.json", "--junit", "out.xml", "--html", "out.html", "--csv", "out.csv")
    code, text = sipstub(folder, "--expectations", "lobby.json", "--messages", "talk.json", *outputs)
    assert code == 1
    assert "FAIL t46g-lobby  register-expiry" in text
    assert "out.html" in text.splitlines()[-1]
    assert read_report((folder / "out.json").read_text()).exit_code == 1
    for name in ("out.json", "out.xml", "out.html", "out.csv"):
        written = (folder / name).read_text()
        assert "register-expiry" in written
        assert PASSWORD not in written
    assert "<svg" in (folder / "out.html").read_text()


def test_a_capture_is_judged_like_the_recording_it_was_made_from(folder: Path) -> None:
    one = sipstub(folder, "--expectations", "lobby.json", "--messages", "talk.json", "--all")
    two = sipstub(folder, "--expectations", "lobby.json", "--from", "talk.pcapng", "--all")
    assert two == one


def test_json_can_be_printed_instead_of_the_text(folder: Path) -> None:
    code, text = sipstub(folder, "--expectations", "lobby.json", "--messages", "talk.json", "--json", "-")
    assert (code, json.loads(text)["summary"]["FAIL"]) == (1, 1)


def test_a_stimulus_that_was_given_makes_silence_inconclusive(folder: Path) -> None:
    (folder / "lobby.json").write_text(json.dumps(expect(*ITEMS, ("ptime", "20")).as_json()))
    args = ("--expectations", "lobby.json", "--messages", "talk.json", "--all")
    assert "SKIPPED t46g-lobby  ptime" in sipstub(folder, *args)[1]
    assert "INCONCLUSIVE t46g-lobby  ptime" in sipstub(folder, *args, "--stimulus", "call-out")[1]


def test_without_the_password_its_digest_is_not_judged(folder: Path) -> None:
    (folder / "lobby.json").write_text(json.dumps(expect(*ITEMS).as_json()))
    text = sipstub(folder, "--expectations", "lobby.json", "--messages", "talk.json", "--all")[1]
    assert "SKIPPED t46g-lobby  password" in text


def test_expectations_come_back_as_they_were_written() -> None:
    found = expect(*ITEMS)
    assert read_expectations(json.dumps([found.as_json(reveal=True)])) == [found]


GOOD: dict[str, Any] = expect(("rport", "on")).as_json()
ROW: dict[str, Any] = GOOD["expectations"][0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        "3",
        "{}",
        json.dumps({**GOOD, "phone": {}}),
        json.dumps({**GOOD, "phone": {"name": 3}}),
        json.dumps({**GOOD, "phone": {"name": "a", "addresses": "b"}}),
        json.dumps({**GOOD, "expectations": {}}),
        json.dumps({**GOOD, "expectations": [3]}),
        json.dumps({**GOOD, "expectations": [{**ROW, "setting": "warp"}]}),
        json.dumps({**GOOD, "expectations": [{**ROW, "value": "maybe"}]}),
        json.dumps({**GOOD, "expectations": [{**ROW, "value": 3}]}),
        json.dumps({**GOOD, "expectations": [{**ROW, "line": True}]}),
        json.dumps({**GOOD, "expectations": [{**ROW, "account": "1"}]}),
        json.dumps({**GOOD, "expectations": [{**ROW, "more": 1}]}),
        json.dumps({**GOOD, "expectations": [{"setting": "rport"}]}),
    ],
)
def test_what_is_no_file_of_expectations_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ExpectationProblem) as caught:
        read_expectations(text)
    assert caught.value.message


def test_two_phones_of_one_name_are_refused(folder: Path) -> None:
    (folder / "b.json").write_text((folder / "lobby.json").read_text())
    with pytest.raises(Exception, match="two phones are called"):
        sipstub(folder, "--expectations", "lobby.json", "--expectations", "b.json", "--messages", "talk.json")


def test_the_sample_of_the_reference_is_what_the_command_prints(folder: Path) -> None:
    items = (*ITEMS, ("rport", "on"), ("display-name", "Lobby"), ("ptime", "20"))
    (folder / "lobby.json").write_text(json.dumps(expect(*items).as_json(reveal=True)))
    text = sipstub(folder, "--expectations", "lobby.json", "--from", "talk.pcapng", "--html", "report.html")[1]
    text = text.replace(str(folder) + "/", "")
    assert f"--html report.html\n{text}```" in (ROOT / "docs" / "reference" / "rules.md").read_text("utf-8")
