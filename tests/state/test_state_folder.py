from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from state_builders import a_fleet, an_event

from provisioner.errors import EnvironmentProblem, NotFound
from provisioner.state.database import Database
from provisioner.state.folder import FolderLock, StateFolder
from provisioner.state.journal import Journal
from provisioner.state.publisher import Publisher


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_in_the_state_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        folder = StateFolder.open(tmp_path / "deep" / "state")
        database = Database.open(folder)
        journal = Journal(database)
        with Publisher(folder) as publisher, database.reading():
            publisher.publish(a_fleet(range(3)), now=1.0)
            journal.record(an_event())
            journal.close()
            found = {path.name: mode(path) for path in folder.path.rglob("*") if path.is_file()}
    finally:
        os.umask(old)
    assert mode(folder.path) == 0o700
    assert len(found) >= 8
    assert {name for name, bits in found.items() if bits != 0o600} == set()


def test_an_empty_open_folder_of_ours_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.mkdir(mode=0o755)
    StateFolder.open(path)
    assert mode(path) == 0o700


def test_an_open_folder_with_other_things_in_it_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "home"
    path.mkdir(mode=0o755)
    (path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(EnvironmentProblem, match="open to other users") as caught:
        StateFolder.open(path)
    assert caught.value.hint == f"chmod 700 {path}"
    assert mode(path) == 0o755


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    StateFolder.open(tmp_path / "state")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(EnvironmentProblem, match="belongs to user"):
        StateFolder.open(tmp_path / "state")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    StateFolder.open(tmp_path / "state")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere, so the question itself is answered
    with pytest.raises(EnvironmentProblem, match="not writable"):
        StateFolder.open(tmp_path / "state")


def test_a_file_in_the_place_of_the_folder_is_one_line_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("", encoding="utf-8")
    with pytest.raises(EnvironmentProblem, match="cannot be used"):
        StateFolder.open(tmp_path / "state")


def test_a_command_that_only_looks_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        StateFolder.existing(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_a_second_loader_is_refused_also_from_another_process(folder: StateFolder, publisher: Publisher) -> None:
    with pytest.raises(EnvironmentProblem, match="another loader"):
        Publisher(folder)
    program = f"from provisioner.state.published import *; Publisher(StateFolder.open({str(folder.path)!r}))"
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "another loader publishes" in other.stderr


def test_the_lock_is_free_again_after_close_and_a_forked_child_does_not_hold_it(folder: StateFolder) -> None:
    lock = FolderLock(folder.loader_lock)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    lock.release()
    program = f"from provisioner.state.folder import *; FolderLock(Path({str(folder.loader_lock)!r}))"
    taken = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    os.close(writing)
    os.close(reading)
    os.waitpid(child, 0)
    assert taken.stderr == ""
