"""`provisioner adopt`: an unknown phone becomes a file, its model known from its knocking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from provisioner.cli import cli
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.reading import Reading

MAC = "805e0c112233"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path = tmp_path / "mine"
    tmp_path.mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "devices/groups").mkdir(parents=True)
    (tmp_path / "devices/groups/sales.toml").write_text('[line]\nserver = "10.1.0.9"\n', "utf-8")
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), standalone_mode=False)


def knock(folder: Path, mac: str, model: str | None) -> None:
    from provisioner.state import schema

    database = Database.open(StateFolder.open(folder / "state"))
    with database.writing() as connection:
        connection.execute(
            schema.knocking.insert().values(
                mac=mac,
                first_at=1.0,
                last_at=2.0,
                count=3,
                protocol="http",
                peer="10.1.2.9",
                name=f"/{mac}.cfg",
                agent="",
                model=model,
                firmware="28.83.0.35",
            )
        )


def test_a_phone_that_knocked_is_adopted_with_its_model_and_leaves_the_knocking_list(folder: Path) -> None:
    knock(folder, MAC, "T46G")
    outcome = call(
        "adopt", "80:5E:0C:11:22:33", "--name", "desk7", "--group", "sales", "--extension", "107", "--generate-password"
    )
    assert outcome.exception is None
    text = (folder / "devices/phones/desk7.toml").read_text("utf-8")
    assert 'model = "T46G"' in text
    assert 'password_file = "secrets/805e0c112233-1"' in text
    password = (folder / "devices/secrets/805e0c112233-1").read_text("utf-8").strip()
    assert password not in outcome.output
    assert Reading(Database.open(StateFolder.open(folder / "state"))).knocking() == []
    assert "0 problems in 1 phone" in call("check").output


def test_without_state_the_model_has_to_be_given(folder: Path) -> None:
    outcome = call("adopt", MAC)
    assert "model" in str(outcome.exception)
    assert call("adopt", MAC, "--model", "t46g").exception is None
    assert 'model = "T46G"' in (folder / f"devices/phones/{MAC}.toml").read_text("utf-8")


def test_what_is_still_missing_is_said(folder: Path) -> None:
    assert "missing  a line" in call("adopt", MAC, "--model", "T46G").stderr
    outcome = call("adopt", "805e0c112234", "--model", "T46G", "--group", "sales", "--extension", "107")
    assert "missing  the password" in outcome.stderr


def test_a_dry_run_shows_the_file_and_writes_nothing(folder: Path) -> None:
    outcome = call("adopt", MAC, "--model", "T46G", "--dry-run")
    assert 'mac   = "80:5e:0c:11:22:33"' in outcome.stdout
    assert not (folder / "devices/phones").exists()


def test_a_known_mac_or_name_is_refused_with_its_place(folder: Path) -> None:
    call("adopt", MAC, "--model", "T46G", "--name", "desk7")
    assert "desk7 in phones/desk7.toml:1" in str(call("adopt", MAC, "--model", "T46G").exception)
    assert "desk7" in str(call("adopt", "805e0c112234", "--model", "T46G", "--name", "desk7").exception)


def test_a_model_without_templates_is_refused_with_the_reason(folder: Path) -> None:
    knock(folder, MAC, "T20P")
    outcome = call("adopt", MAC)
    assert getattr(outcome.exception, "code", "") == "cannot-adopt"
    assert "T20P" in str(outcome.exception)
    assert not (folder / "devices/phones").exists()


@pytest.mark.parametrize("mac", ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "1565aabb02", "x"])
def test_what_is_no_phones_mac_is_refused(folder: Path, mac: str) -> None:
    assert call("adopt", mac, "--model", "T46G").exception is not None


def test_a_group_that_is_not_there_is_refused_and_nothing_is_written(folder: Path) -> None:
    outcome = call("adopt", MAC, "--model", "T46G", "--group", "slaes")
    assert outcome.return_value == 1
    assert 'did you mean "sales"?' in outcome.stderr
    assert not (folder / "devices/phones").exists()


def test_a_password_comes_from_a_file_and_is_not_printed(folder: Path) -> None:
    (folder / "word").write_text("from-a-file\n", "utf-8")
    arguments = ["adopt", MAC, "--model", "T46G", "--group", "sales", "--extension", "1", "--password-file", "word", "--json"]
    outcome = call(*arguments)
    data = json.loads(outcome.stdout)
    assert data["written"] is True
    assert data["missing"] == []
    assert "from-a-file" not in outcome.output
    assert (folder / "devices/secrets/805e0c112233-1").read_text("utf-8") == "from-a-file\n"


def test_a_password_without_a_line_is_a_usage_error(folder: Path) -> None:
    assert "--extension" in str(call("adopt", MAC, "--model", "T46G", "--generate-password").exception)
