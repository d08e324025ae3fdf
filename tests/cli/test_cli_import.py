"""`provisioner import` as people and scripts call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from provisioner.cli import cli

CSV = "MAC Address;Name;Model;Ext;Password\n00:15:65:aa:bb:02;new1;SIP-T46G;102;pass-word\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path = tmp_path / "mine"
    tmp_path.mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "devices").mkdir()
    (tmp_path / "phones.csv").write_text(CSV, "utf-8")
    return tmp_path


def call(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(arguments), input=stdin, standalone_mode=False)


def test_without_write_the_plan_is_shown_and_nothing_is_written(folder: Path) -> None:
    outcome = call("import", "csv", "phones.csv")
    assert outcome.return_value == 0
    assert "+ new1  00:15:65:aa:bb:02  T46G  phones/new1.toml" in outcome.stdout
    assert "line 1 extension  102" in outcome.stdout
    assert "1 rows: 1 added, 0 changed, 0 unchanged." in outcome.stdout
    assert "do it: provisioner import csv phones.csv --write" in outcome.stderr
    assert list((folder / "devices").iterdir()) == []


def test_with_write_it_says_what_changed_how_to_undo_it_and_what_is_next(folder: Path) -> None:
    outcome = call("import", "csv", "phones.csv", "--write")
    assert "2 files written below devices." in outcome.stdout
    assert "undo  provisioner import undo" in outcome.stderr
    assert "next  provisioner check" in outcome.stderr
    assert (folder / "devices/phones/new1.toml").exists()
    again = call("import", "csv", "phones.csv", "--write")
    assert "1 unchanged" in again.stdout
    assert "Nothing to do." in again.stderr
    assert "2 files are as before" in call("import", "undo").stdout
    assert not (folder / "devices/phones/new1.toml").exists()


def test_a_password_is_never_printed(folder: Path) -> None:
    for arguments in ([], ["--json"], ["--write"]):
        outcome = call("import", "csv", "phones.csv", *arguments)
        assert "pass-word" not in outcome.output
    (folder / "phones.csv").write_text(CSV.replace("pass-word", "other-word"), "utf-8")
    for arguments in ([], ["--json"]):
        outcome = call("import", "csv", "phones.csv", *arguments)
        assert "-word" not in outcome.output
        assert "changed" in outcome.output


def test_json_names_each_phone_with_its_changes(folder: Path) -> None:
    data = json.loads(call("import", "csv", "phones.csv", "--json", "--write").stdout)
    assert data["ok"] is True
    assert data["written"] is True
    assert data["separator"] == "semicolon"
    assert data["phones"][0]["phone"] == "new1"
    assert data["phones"][0]["action"] == "added"
    assert {"key": "line 1 extension", "from": None, "to": "102"} in data["phones"][0]["changes"]
    assert {"key": "line 1 password", "secret": "set"} in data["phones"][0]["changes"]
    assert data["files"] == ["phones/new1.toml", "secrets/001565aabb02-1"]


def test_one_bad_row_stops_all_unless_it_may_be_skipped(folder: Path) -> None:
    (folder / "phones.csv").write_text(CSV + "1565aabb03;new2;T46G;103;x\n", "utf-8")
    outcome = call("import", "csv", "phones.csv", "--write")
    assert outcome.return_value == 1
    assert "phones.csv:3:1" in outcome.stderr
    assert "leading zeros lost" in outcome.stderr
    assert "Nothing was written" in outcome.stderr
    assert list((folder / "devices").iterdir()) == []
    skipped = call("import", "csv", "phones.csv", "--write", "--skip-bad")
    assert skipped.return_value == 1
    assert (folder / "devices/phones/new1.toml").exists()


def test_a_wrong_header_cannot_be_skipped(folder: Path) -> None:
    (folder / "phones.csv").write_text(CSV.replace("Ext", "Extnsion2x"), "utf-8")
    outcome = call("import", "csv", "phones.csv", "--write", "--skip-bad")
    assert outcome.return_value == 1
    assert list((folder / "devices").iterdir()) == []


def test_standard_input_is_read_from_a_dash(folder: Path) -> None:
    assert "1 added" in call("import", "csv", "-", stdin=CSV).stdout


@pytest.mark.parametrize("arguments", [["missing.csv"], ["phones.csv", "--devices", "nowhere"]])
def test_a_missing_file_or_folder_is_named(folder: Path, arguments: list[str]) -> None:
    outcome = CliRunner().invoke(cli, ["import", "csv", *arguments], standalone_mode=False)
    assert type(outcome.exception).__name__ == "NotFound"


def test_write_and_dry_run_contradict_each_other(folder: Path) -> None:
    assert "contradict" in str(call("import", "csv", "phones.csv", "--write", "--dry-run").exception)


def test_generated_passwords_reach_the_export_that_reveals_them_and_nothing_else(folder: Path) -> None:
    (folder / "phones.csv").write_text(CSV.replace("pass-word", ""), "utf-8")
    outcome = call("import", "csv", "phones.csv", "--write", "--generate-passwords")
    made = (folder / "devices/secrets/001565aabb02-1").read_text("utf-8").strip()
    assert made not in outcome.output
    assert made not in call("export", "csv").output
    assert made in call("export", "csv", "--reveal").output


def test_a_cell_cannot_talk_to_the_terminal(folder: Path) -> None:
    (folder / "phones.csv").write_text("mac,name,model,description\n\x1b[2J,a,T46G,x\n001565aabb02,b,T46G,\x1b[2Jy\n", "utf-8")
    outcome = call("import", "csv", "phones.csv")
    assert "\x1b" not in outcome.output
    assert "\\x1b[2J" in outcome.stderr
