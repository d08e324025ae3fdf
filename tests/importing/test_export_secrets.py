"""An export shows no secret, wherever in a phone's file it stands, and importing it changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner.cli import cli

ROOT = Path(__file__).parents[2]
PHONE = """\
name = "lobby"
mac = "00:15:65:aa:bb:cc"
model = "T46G"

[[line]]
extension = "101"
password = "inline-geheim"

[settings]
"wifi.1.password" = "wifi-geheim"
"network.802_1x.md5_password" = "dot1x-geheim"
"action_url.setup_completed" = "http://robot:url-geheim@10.1.0.9/"
"phone_setting.contrast" = 4
"""


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "devices/secrets", tmp_path / "devices/secrets")
    (tmp_path / "devices/phones").mkdir()
    (tmp_path / "devices/phones/lobby.toml").write_text(PHONE)
    return tmp_path / "devices"


def run(devices: Path, *arguments: str) -> str:
    options = ["--devices", str(devices), "--templates", str(ROOT / "templates")]
    found = CliRunner().invoke(cli, [*arguments, *options], standalone_mode=False)
    assert found.exception is None, found.output
    return found.output


@pytest.mark.parametrize("form", ["csv", "toml"])
def test_no_secret_setting_is_in_an_export(devices: Path, form: str) -> None:
    shown = run(devices, "export", form)
    assert "geheim" not in shown and "phone_setting.contrast" in shown
    revealed = run(devices, "export", form, "--reveal")
    assert all(word + "-geheim" in revealed for word in ("inline", "wifi", "dot1x", "url"))


def test_importing_a_masked_export_changes_nothing(devices: Path, tmp_path: Path) -> None:
    table = tmp_path / "phones.csv"
    run(devices, "export", "csv", "-o", str(table))
    run(devices, "import", "csv", str(table), "--write")
    assert (devices / "phones/lobby.toml").read_text() == PHONE
