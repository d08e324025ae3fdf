"""`provisioner init`: a folder that checks without an error, and never a file overwritten."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from provisioner.cli import cli
from provisioner.runtime.start_folder import settings_text
from provisioner.settings import SETTINGS, load_settings


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), standalone_mode=False)


def test_check_finds_nothing_wrong_in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("init", str(tmp_path / "start")).exception is None
    monkeypatch.chdir(tmp_path / "start")
    outcome = call("check")
    assert outcome.return_value in (0, None)
    assert "0 problems in 1 phone" in outcome.output


def test_check_finds_nothing_wrong_with_copied_templates_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("init", str(tmp_path / "start"), "--with-templates")
    monkeypatch.chdir(tmp_path / "start")
    assert (tmp_path / "start/templates/yealink/vocabulary.toml").exists()
    assert "0 problems in 1 phone" in call("check").output


def test_secrets_and_state_are_for_their_owner_alone_and_not_for_git(tmp_path: Path) -> None:
    call("init", str(tmp_path / "start"))
    assert (tmp_path / "start/devices/secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "start/state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "start/devices/secrets/example-101").stat().st_mode & 0o777 == 0o600
    ignored = (tmp_path / "start/.gitignore").read_text("utf-8").splitlines()
    assert {"/state/", "/devices/secrets/", "/devices/.undo/"} <= set(ignored)


def test_every_setting_is_explained_and_commented_out(tmp_path: Path) -> None:
    text = settings_text()
    assert tomllib.loads(text) == {}
    for spec in SETTINGS:
        assert f"\n# {spec.name} = " in text
        assert f"\n# Example: {spec.example}\n" in text
    uncommented = "\n".join(
        line.removeprefix("# ") if line.startswith(tuple(f"# {spec.name} = " for spec in SETTINGS)) else line
        for line in text.splitlines()
    )
    (tmp_path / "provisioner.toml").write_text(uncommented, "utf-8")
    settings = load_settings(str(tmp_path / "provisioner.toml"), {}, {})
    defaults = load_settings(None, {}, {}, tmp_path / "none")
    for spec in SETTINGS:
        if spec.name not in ("devices", "state"):
            assert settings[spec.name] == defaults[spec.name], spec.name


def test_a_folder_with_something_in_it_is_refused_and_with_force_only_filled_up(tmp_path: Path) -> None:
    tmp_path = tmp_path / "mine"
    tmp_path.mkdir()
    (tmp_path / "provisioner.toml").write_text("# mine\n", "utf-8")
    outcome = call("init", str(tmp_path))
    assert getattr(outcome.exception, "code", "") == "not-empty"
    assert [path.name for path in tmp_path.iterdir()] == ["provisioner.toml"]
    data = json.loads(call("init", str(tmp_path), "--force", "--json").stdout)
    assert data["kept"] == ["provisioner.toml"]
    assert "devices/phones/example.toml" in data["written"]
    assert (tmp_path / "provisioner.toml").read_text("utf-8") == "# mine\n"
    assert json.loads(call("init", str(tmp_path), "--force", "--json").stdout)["written"] == []


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("", "utf-8")
    assert CliRunner().invoke(cli, ["init", str(tmp_path / "x")]).exit_code != 0
