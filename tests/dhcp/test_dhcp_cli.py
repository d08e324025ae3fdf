"""`provisioner dhcp` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner.cli import cli
from provisioner.errors import SettingsError

TEMPLATES = str(Path(__file__).parent.parent.parent / "templates")


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_block_goes_to_stdout_and_the_guess_to_stderr() -> None:
    result = CliRunner().invoke(cli, ["dhcp", "dnsmasq", "--templates", TEMPLATES])
    assert result.exit_code == 0
    assert result.stdout.startswith("# dnsmasq") and "note:" not in result.stdout
    assert "note: the address is a guess" in result.stderr


def test_json_holds_the_same_block() -> None:
    call = ["dhcp", "kea", "--advertise", "10.1.0.5", "--templates", TEMPLATES]
    text = CliRunner().invoke(cli, call).stdout
    data = json.loads(CliRunner().invoke(cli, [*call, "--json"]).stdout)
    assert data["block"] == text and data["url"] == "http://10.1.0.5:8080/" and data["vendor_class"] == "yealink"


def test_another_url_can_be_given() -> None:
    result = CliRunner().invoke(cli, ["dhcp", "isc", "--url", "https://provisioning.example/t4/", "--templates", TEMPLATES])
    assert 'option tftp-server-name "https://provisioning.example/t4/";' in result.stdout


@pytest.mark.parametrize("hostile", ['10.1.0.5"', "10.1.0.5\ndhcp-script=/tmp/x", "10.1.0.5'; Remove-Item C:\\"])
def test_a_hostile_advertised_host_prints_no_block(hostile: str) -> None:
    result = CliRunner().invoke(cli, ["dhcp", "dnsmasq", "--advertise", hostile, "--templates", TEMPLATES])
    assert isinstance(result.exception, SettingsError)
    assert result.stdout == ""


def test_an_unknown_server_is_a_usage_error_that_lists_the_known_ones() -> None:
    result = CliRunner().invoke(cli, ["dhcp", "dnsmask"])
    assert result.exit_code == 2 and "mikrotik" in result.stderr
