"""`provisioner doctor` as a person calls it, without a server and beside a real one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from doctor_subject import ROOT, a_fleet

from provisioner.cli import cli
from provisioner.runtime.doctor.checks import CHECKS

START_S = 60.0
LOOPBACK = ("--http", "127.0.0.1:0", "--tftp", "127.0.0.1:0", "--people", "127.0.0.1:0")


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def doctor(*call: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", "--templates", str(ROOT / "templates"), *call])


def test_a_good_folder_ends_with_0_and_a_list_for_the_phone(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    result = doctor(*LOOPBACK, "--advertise", "10.1.0.5")
    assert result.exit_code == 0, result.output
    assert "\nOn the phone:\n" in result.stdout and "0 problems" in result.stdout.splitlines()[-1]


def test_a_problem_ends_with_1_and_json_has_a_row_per_finding() -> None:
    result = doctor(*LOOPBACK, "--json")
    assert result.exit_code == 1
    rows = json.loads(result.stdout)
    assert {row["check"] for row in rows} == {check.name for check in CHECKS}
    assert all(set(row) == {"check", "level", "fact", "hint"} for row in rows)
    (devices,) = (row for row in rows if row["check"] == "devices")
    assert devices["level"] == "problem" and devices["hint"]


def test_rows_can_be_picked(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    result = doctor(*LOOPBACK, "--allow", "0.0.0.0/0", "--where", "check=networks", "-o", "level")
    assert result.stdout.split() == ["level", "warning"] and result.exit_code == 0


def test_the_path_of_a_password_is_shown_and_the_password_is_not(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    assert "s3cret9" not in doctor(*LOOPBACK).output


def test_a_running_server_is_found_and_fetched_from_over_http_and_tftp(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    call = [sys.executable, "-m", "provisioner.cli", "serve", *LOOPBACK, "--templates", str(ROOT / "templates"), "-q"]
    call[1:3] = ["-c", "from provisioner.cli import main; main()"]
    with subprocess.Popen(call, stderr=subprocess.PIPE, text=True) as server:
        try:
            until = time.monotonic() + START_S
            while not (tmp_path / "state" / "ready.json").exists():
                assert server.poll() is None and time.monotonic() < until, "the server did not start"
                with pytest.raises(subprocess.TimeoutExpired):
                    server.wait(0.05)
            rows = {row["check"]: row for row in json.loads(doctor("--json").stdout)}
            block = CliRunner().invoke(cli, ["dhcp", "dnsmasq", "--templates", str(ROOT / "templates")]).stdout
            port = json.loads((tmp_path / "state" / "ready.json").read_text("utf-8"))["http"]["port"]
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=START_S)
    for name in ("http", "tftp"):
        assert rows[name]["level"] == "ok" and "our own server: y000000000028.cfg" in rows[name]["fact"], rows[name]
    assert "answered by our own server" in rows["people"]["fact"]
    assert f":{port}/" in block, "the DHCP block names the port that was really taken"
