"""The demo shows what is there, and any difference between what a phone got and what it should get ends it with 1."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from ports import HERE
from runtime_folder import Folder

from provisioner.cli import cli
from provisioner.cli.demo import _show_findings
from provisioner.runtime import demo as demo_module
from provisioner.runtime import demo_calls, demo_sbc
from provisioner.runtime.bundled import bundled
from sipstub.verify.finding import Finding
from sipstub.verify.report.document import PhoneReport, Report
from sipstub.verify.verdict import Verdict

IN_SCOPE = {"T48G", "T46G", "T42G", "T41P", "T40P", "T29G", "T27P", "T23G", "T21P E2", "T19P E2", "CP860"}
SHOWN_BY_STIMULI = {
    "register-refresh", "answers-requests", "session-timer", "codec-order", "codec-payload", "dtmf", "acknowledges",
    "register-too-brief", "check-sync",
}  # fmt: skip
"Rules that PASS only because of what was done to the phones."
WANT_MINUTES = {"keepalive-interval"}
SHORT_S = 24.0
"Of calls of session timers with one phone: those that wait for half an interval are played in simulated time elsewhere."


SHOWN_BY_SHORT_CALLS = {
    "session-retry", "session-answer", "session-answer-refresher", "session-too-short", "session-takes-refresh",
    "session-answer-origin", "session-off",
}  # fmt: skip


@pytest.fixture(autouse=True)
def short_calls_behind_the_sbc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an interval is waited for in simulated time elsewhere: `tests/scenario/test_sbc_director.py`."""
    monkeypatch.setattr(demo_sbc, "CALLS", "offer")
    monkeypatch.setattr(demo_sbc, "CALLED", "open")


def of_timers(finding: dict[str, str]) -> bool:
    """Return whether it is about session timers: their calls are shared out among the phones."""
    return finding["rule"].startswith("session-")


def is_missing(finding: dict[str, str]) -> bool:
    """Return whether nothing was seen of a setting."""
    return finding["verdict"] == "INCONCLUSIVE" or (finding["verdict"] == "SKIPPED" and "wants" in finding["seen"])


def with_addresses_of_its_own(folder: Path) -> Path:
    """Return a copy of the example fleet with MACs, and by them addresses of phones on loopback, that no other process takes."""
    devices = folder / "devices"
    shutil.copytree(bundled("devices"), devices)
    for file in (devices / "phones").glob("*.toml"):
        file.write_text(file.read_text("utf-8").replace("00:15:65:20:", f"00:15:65:{0x71 + HERE:02x}:"), "utf-8")
    return devices


def test_the_example_fleet_has_every_model_over_both_transports_and_a_harmless_404(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_calls, "BUDGET_S", SHORT_S)
    command = ["demo", "--json", "--devices", str(with_addresses_of_its_own(tmp_path))]
    found = CliRunner().invoke(cli, command, standalone_mode=False)
    assert found.exception is None, found.output
    data = json.loads(found.stdout)
    rows = data["phones"]
    assert {row["model"] for row in rows} >= IN_SCOPE
    assert {row["transport"] for row in rows} == {"http", "tftp"}
    assert any(row["files"] == "boot 404, boot 404, common, mac" for row in rows)
    assert all(row["lint"] == "clean" and not row["mismatches"] for row in rows)
    report = data["verify"]
    assert report["summary"]["exit_code"] == 0 and len(report["phones"]) == len(rows)
    for phone in report["phones"]:
        passed = {finding["rule"] for finding in phone["findings"] if finding["verdict"] == "PASS"}
        assert passed >= SHOWN_BY_STIMULI, phone["name"]
        missing = {finding["rule"] for finding in phone["findings"] if is_missing(finding) and not of_timers(finding)}
        assert missing <= WANT_MINUTES, phone["name"]
    shown = {
        finding["rule"]
        for phone in report["phones"]
        for finding in phone["findings"]
        if of_timers(finding) and not is_missing(finding)
    }
    assert shown >= SHOWN_BY_SHORT_CALLS
    behind = {phone["name"]: phone for phone in data["through_sbc"]["phones"]}
    assert set(behind) == {phone["name"] for phone in report["phones"]}
    assert all(phone["state"].startswith("registered") and phone["through_sbc"] for phone in behind.values())
    assert not [row for phone in behind.values() for row in phone["through_sbc"] if row["agrees"] is False]
    asked = [row["seen"] for row in behind["lab-t23g"]["through_sbc"] if (row["leg"], row["what"]) == ("phone", "422")]
    assert asked == ["Min-SE: 100"], "its file says 90 s, the SBC wants 100"
    secrets = [path.read_text().strip() for path in (bundled("devices") / "secrets").iterdir() if path.suffix != ".md"]
    assert not any(secret in found.output for secret in secrets)


def test_one_different_byte_is_a_mismatch_of_that_phone(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = demo_module._Rendered.file

    def lying(self: demo_module._Rendered, phone: str, kind: str, common_name: str) -> bytes | None:
        body = honest(self, phone, kind, common_name)
        return body if body is None or (phone, kind) != ("ben", "mac") else body.replace(b"102", b"103", 1)

    monkeypatch.setattr(demo_module._Rendered, "file", lying)
    options = ["--devices", str(folder.devices), "--templates", str(folder.templates)]
    found = CliRunner().invoke(cli, ["demo", *options], standalone_mode=False)
    assert found.return_value == 1 or (found.exception is not None and getattr(found.exception, "code", None) == 1)
    assert "MISMATCH  ben: mac file: the phone has" in found.stderr
    assert "MISMATCH  anna" not in found.stderr and "booted over" not in found.stdout


def test_a_phone_without_a_good_file_ends_the_demo_with_its_name(folder: Folder) -> None:
    folder.phone("dora", "001565000009", "T42G", "nowhere", "104")
    options = ["--devices", str(folder.devices), "--templates", str(folder.templates)]
    found = CliRunner().invoke(cli, ["demo", *options], standalone_mode=False)
    assert "MISMATCH  dora: it was not provisioned" in found.stderr


def test_a_server_that_does_not_start_says_its_own_words(tmp_path: Path) -> None:
    empty = tmp_path / "templates"
    empty.mkdir()
    found = CliRunner().invoke(cli, ["demo", "--devices", str(tmp_path), "--templates", str(empty)], standalone_mode=False)
    assert "the server did not start" in str(found.exception)


def test_phones_that_disobey_end_the_demo_with_1_and_are_the_only_ones_named(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_calls, "BUDGET_S", 0.0)
    monkeypatch.setattr(demo_calls, "CLOSER_S", 18.0)
    line = 'server = "@stub"\nsession_timer = true\nkeepalive = "udp"\nkeepalive_seconds = 60\ncodecs = ["PCMA", "PCMU"]\n'
    folder.write("defaults.toml", f"[line]\n{line}")
    monkeypatch.setenv("COLUMNS", "100")
    options = ["--devices", str(folder.devices), "--templates", str(folder.templates), "--disobey", "ben:wrong-codec-order"]
    options += ["--disobey", "anna:session-answer-raised"]
    found = CliRunner().invoke(cli, ["demo", *options], standalone_mode=False)
    assert found.return_value == 1 or getattr(found.exception, "code", None) == 1
    assert "This takes about" in found.stderr.splitlines()[0]
    accused = [line for line in found.stdout.splitlines() if line.startswith("FAIL ")]
    behind = "FAIL anna  session-answer"
    assert accused == ["FAIL anna  session-answer", "FAIL ben  codec-order", behind], "ben was called alone behind the SBC"
    different = [line.split()[:2] for line in found.stdout.splitlines() if line.endswith("DIFFERS")]
    assert different and all(line[0] == "anna" for line in different), "what it answered is not what was predicted"
    assert "More calls, of up to five minutes, with anna: it breaks session timers" in found.stderr
    table = found.stdout.split("\n\n")[2].splitlines()
    assert table[0].split() == ["setting", "expected", "seen", "for", "example", "verdicts"]
    assert table[1].startswith("codec-order ") and " ben " in table[1] and table[1].endswith("FAIL 1, PASS 2")
    assert max(map(len, table)) <= 120, "the last cell may be longer than its room"
    timers = found.stdout.split("\n\n")[4].splitlines()
    assert timers[0].split() == ["account", "setting", "expected", "seen", "verdicts"]
    assert timers[1].split()[:2] == ["anna", "session-answer"] and timers[1].endswith("FAIL")
    assert any(line.startswith("ben ") and line.endswith("PASS 3") for line in timers)
    assert "calls of session timers" in found.stdout and "verify --all --session-timers --dial" in found.stdout
    assert "left out for want of time: keepalive" in found.stdout and "verify --all --stimulate --dial" in found.stdout


def test_phones_that_register_elsewhere_are_counted_and_only_their_files_are_looked_at(folder: Folder) -> None:
    options = ["--devices", str(folder.devices), "--templates", str(folder.templates)]
    found = CliRunner().invoke(cli, ["demo", *options], standalone_mode=False)
    assert found.return_value == 0, found.output
    assert "3 phones booted over" in found.stdout and "setting " not in found.stdout
    assert "note:  3 phones register elsewhere" in found.stderr


@pytest.mark.parametrize("text", ["ben", "ben:no-such-thing", ":wrong-codec-order"])
def test_a_mutant_that_does_not_exist_is_a_usage_error_before_anything_is_started(text: str) -> None:
    found = CliRunner().invoke(cli, ["demo", "--disobey", text])
    assert found.exit_code == 2 and "PHONE:NAME" in found.output


def test_a_phone_that_is_not_there_cannot_disobey(folder: Folder) -> None:
    options = ["--devices", str(folder.devices), "--templates", str(folder.templates), "--disobey", "zoe:wrong-codec-order"]
    found = CliRunner().invoke(cli, ["demo", *options], standalone_mode=False)
    assert "no phone of the demo is called zoe" in str(found.exception)


def test_every_finding_of_a_phone_is_in_its_table_worst_first(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        Finding("rport", Verdict.PASS, "rport", "devices/a.toml:3", "rport", "account.1.nat.rport"),
        Finding("ptime", Verdict.FAIL, "ptime 20", "devices/a.toml:4", "ptime 30", "account.1.ptime"),
    ]
    good = PhoneReport("anna", "", "", "", "", "registered udp", 3, tuple(found[:1]))
    bad = PhoneReport("ben", "", "", "", "", "registered udp", 3, tuple(found))
    _show_findings(Report(0.0, (good, bad)))
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert [line[0] for line in lines] == ["ben", "ptime", "rport", "anna", "rport"]
    assert lines[1] == ["ptime", "ptime", "20", "ptime", "30", "FAIL", "devices/a.toml:4"]
