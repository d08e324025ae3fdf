"""The demo shows what is there, and any difference between what a phone got and what it should get ends it with 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from runtime_folder import Folder

from provisioner.cli import cli
from provisioner.runtime import demo as demo_module
from provisioner.runtime.bundled import bundled

IN_SCOPE = {"T48G", "T46G", "T42G", "T41P", "T40P", "T29G", "T27P", "T23G", "T21P E2", "T19P E2", "CP860"}


def test_the_example_fleet_has_every_model_over_both_transports_and_a_harmless_404() -> None:
    found = CliRunner().invoke(cli, ["demo", "--json"], standalone_mode=False)
    assert found.exception is None, found.output
    data = json.loads(found.stdout)
    rows = data["phones"]
    assert {row["model"] for row in rows} >= IN_SCOPE
    assert {row["transport"] for row in rows} == {"http", "tftp"}
    assert any(row["files"] == "boot 404, boot 404, common, mac" for row in rows)
    assert all(row["lint"] == "clean" and not row["mismatches"] for row in rows)
    counts = [phone["counts"] for phone in data["verify"]["phones"]]
    assert len(counts) == len(rows) and all(count["PASS"] >= 8 and not count.get("FAIL") for count in counts)
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
