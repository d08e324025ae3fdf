"""`provisioner settings`: values with origin, and the reference page that is made from the same table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner.cli import cli
from provisioner.cli.settings import reference_text
from provisioner.settings import SETTINGS, load_settings

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "settings.md"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def rows_of(*call: str) -> dict[str, dict[str, object]]:
    result = CliRunner().invoke(cli, ["settings", "--json", *call])
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.stdout)}


def test_the_reference_page_is_what_the_table_makes() -> None:
    # After a change of the table: provisioner settings --reference > docs/reference/settings.md
    assert PAGE.read_text("utf-8") == reference_text()
    assert CliRunner().invoke(cli, ["settings", "--reference"]).stdout == reference_text()


@pytest.mark.parametrize("spec", SETTINGS, ids=lambda spec: str(spec.name))
def test_every_setting_has_a_heading_and_its_example_can_be_loaded(spec: object, tmp_path: Path) -> None:
    name, example = spec.name, spec.example  # type: ignore[attr-defined]
    assert f"\n## {name}\n" in PAGE.read_text("utf-8")
    text = example if name != "https" else f'{example}\ncertificate = "server.pem"'
    (tmp_path / "provisioner.toml").write_text(text + "\n", "utf-8")
    assert load_settings(None, {}, {}, tmp_path).origin(name).endswith("provisioner.toml:1")


def test_every_setting_is_listed_in_the_order_of_the_table() -> None:
    assert list(rows_of()) == [spec.name for spec in SETTINGS]


def test_each_value_names_who_gave_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "provisioner.toml").write_text('# ours\nhttp = ":81"\ntftp = ":6969"\nworkers = 3\n', "utf-8")
    monkeypatch.setenv("PROVISIONER_TFTP", ":7070")
    monkeypatch.setenv("PROVISIONER_ALLOW", "10.1.0.0/16, fd00::/8")
    rows = rows_of("--workers", "4")
    assert (rows["http"]["value"], rows["http"]["origin"]) == (":81", "provisioner.toml:2")
    assert (rows["tftp"]["value"], rows["tftp"]["origin"]) == (":7070", "PROVISIONER_TFTP")
    assert (rows["workers"]["value"], rows["workers"]["origin"]) == (4, "--workers")
    assert (rows["people"]["value"], rows["people"]["origin"]) == ("127.0.0.1:8081", "default")
    assert rows["allow"]["value"] == ["10.1.0.0/16", "fd00::/8"]


def test_the_table_can_be_cut_to_one_setting() -> None:
    lines = CliRunner().invoke(cli, ["settings", "--where", "name=http"]).stdout.splitlines()
    assert len(lines) == 2 and lines[1].split() == ["http", ":8080", "default"]
