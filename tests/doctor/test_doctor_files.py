"""What lies on disk: the state folder, files with passwords, templates and devices."""

from __future__ import annotations

from pathlib import Path

import pytest
from doctor_subject import PHONE, a_fleet, a_subject

from provisioner.errors import CatalogueError
from provisioner.runtime.doctor import fleet, secrets, state_folder
from provisioner.runtime.doctor.finding import Finding, Level


def state(folder: Path) -> Finding:
    (found,) = state_folder.look(a_subject(folder))
    return found


def test_a_state_folder_that_is_not_there_yet_is_fine_and_is_not_made(tmp_path: Path) -> None:
    assert state(tmp_path).level is Level.OK
    assert not (tmp_path / "state").exists()


def test_a_closed_state_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    assert "readable by its owner alone" in state(tmp_path).fact


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701])
def test_an_open_state_folder_is_a_problem(tmp_path: Path, mode: int) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(mode)
    found = state(tmp_path)
    assert found.level is Level.PROBLEM and found.hint.startswith("chmod 700") and f"{mode:04o}" in found.fact


def test_an_open_file_in_a_closed_state_folder_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "published.sqlite").touch(0o600)
    (tmp_path / "state" / "published.sqlite").chmod(0o644)
    assert state(tmp_path).level is Level.WARNING


def test_a_state_folder_that_is_a_file_or_that_nobody_can_make_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert state(tmp_path).level is Level.PROBLEM
    (found,) = state_folder.look(a_subject(tmp_path, state=str(tmp_path / "state" / "below")))
    assert found.level is Level.PROBLEM


def test_a_state_folder_of_another_user_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    monkeypatch.setattr(state_folder.os, "geteuid", lambda: 54321)
    found = state(tmp_path)
    assert found.level is Level.PROBLEM and "this is user 54321" in found.fact


@pytest.fixture
def in_the_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the folders above count as open, as below /srv: those that tests run in are closed."""
    monkeypatch.setattr(secrets, "is_open_to_all", lambda path: bool(path.stat().st_mode & 0o004))


def exposed(folder: Path) -> Finding:
    (found,) = secrets.look(a_subject(folder))
    return found


@pytest.mark.usefixtures("in_the_open")
def test_a_password_file_that_every_user_can_read_is_a_warning(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    assert exposed(tmp_path) == Finding(Level.OK, "1 files with passwords, none open to every user")
    (tmp_path / "devices" / "secrets" / "101").chmod(0o644)
    found = exposed(tmp_path)
    assert found.level is Level.WARNING and "secrets/101 holds a password" in found.fact


@pytest.mark.usefixtures("in_the_open")
@pytest.mark.parametrize(
    "text",
    [
        'password = "s3cret9"',
        '[[phone]]\n[[phone.line]]\npassword = "s3cret9"',
        'settings = { "a.b" = "c" }\n[line]\nadmin_password = "x"',
    ],
)
def test_a_password_in_the_phones_own_file_counts_and_is_not_repeated(tmp_path: Path, text: str) -> None:
    (tmp_path / "devices").mkdir()
    file = tmp_path / "devices" / "phone.toml"
    file.write_text(text, "utf-8")
    file.chmod(0o644)
    found = exposed(tmp_path)
    assert found.level is Level.WARNING and "phone.toml" in found.fact and "s3cret9" not in found.fact


@pytest.mark.usefixtures("in_the_open")
def test_a_password_file_elsewhere_is_found_by_the_key_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "phone.toml").write_text('password_file = "keys/a"', "utf-8")
    (tmp_path / "devices" / "keys").mkdir()
    (tmp_path / "devices" / "keys" / "a").touch()
    (tmp_path / "devices" / "keys" / "a").chmod(0o644)
    assert "keys/a" in exposed(tmp_path).fact


@pytest.mark.usefixtures("in_the_open")
def test_files_without_passwords_and_broken_files_may_be_open(tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "plain.toml").write_text('name = "x"\npassword = ""', "utf-8")
    (tmp_path / "devices" / "broken.toml").write_text('password = "', "utf-8")
    (tmp_path / "devices" / "deep.toml").write_text("a = " + "[" * 5000, "utf-8")
    assert exposed(tmp_path).level is Level.OK


def test_a_file_is_open_to_all_only_if_every_folder_above_it_is(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    file.parent.mkdir(mode=0o700)
    file.touch()
    file.chmod(0o644)
    assert not secrets.is_open_to_all(file)
    assert not secrets.is_open_to_all(tmp_path / "missing")
    assert secrets.is_open_to_all(Path("/proc/version"))


def loaded(folder: Path) -> Finding:
    (found,) = fleet.look(a_subject(folder))
    return found


def test_a_good_fleet_is_fine(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    assert loaded(tmp_path) == Finding(Level.OK, "1 phone, no problems")


def test_a_mistake_in_devices_is_a_problem_with_its_place(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    (tmp_path / "devices" / "phones" / "lobby.toml").write_text(PHONE.replace("model =", "modle ="), "utf-8")
    found = loaded(tmp_path)
    assert found.level is Level.PROBLEM and "phones/lobby.toml:" in found.fact and found.hint == "provisioner check"


def test_an_empty_fleet_is_a_warning_and_a_missing_one_a_problem(tmp_path: Path) -> None:
    assert loaded(tmp_path).level is Level.PROBLEM
    (tmp_path / "devices").mkdir()
    assert loaded(tmp_path).level is Level.WARNING


def test_a_password_in_clear_is_counted_as_a_warning(tmp_path: Path) -> None:
    a_fleet(tmp_path)
    text = PHONE.replace('password_file = "secrets/101"', 'password = "s3cret9"')
    (tmp_path / "devices" / "phones" / "lobby.toml").write_text(text, "utf-8")
    assert loaded(tmp_path) == Finding(Level.WARNING, "1 phone, 1 warning", "provisioner check")


def test_a_folder_without_facts_is_an_error_of_ours(tmp_path: Path) -> None:
    subject = a_subject(tmp_path)
    object.__setattr__(subject, "templates", tmp_path)
    with pytest.raises(CatalogueError):
        list(fleet.look(subject))
