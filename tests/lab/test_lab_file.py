"""A file in the lab folder that is broken, foreign or says too much harms no phone: it is ignored, with its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab_fleet import ANNA, NOW, LabSession
from runtime_folder import Folder

from provisioner.errors import Severity
from provisioner.inventory.lab import MAX_LAB_BYTES, Lab, LabProblem, lab_text, read_lab
from provisioner.runtime.lab_folder import LabFolder

NAME = f"@lab/{ANNA}.toml"


@pytest.fixture
def text(session: LabSession) -> str:
    session.load()
    session.start(ANNA)
    found = session.labs.file(ANNA).read_text()
    session.labs.end(ANNA)
    return found


def test_a_layer_reads_back_as_it_was_written(text: str) -> None:
    lab = read_lab(NAME, text.encode())
    assert read_lab(NAME, lab_text(lab, "anna").encode()) == lab
    assert (lab.mac, lab.started, lab.until - lab.started, lab.who) == (ANNA, NOW, 1800.0, "tester")


def test_whoever_lays_it_cannot_write_another_line_by_his_name() -> None:
    lab = read_lab(NAME, lab_text(_a_lab('x"\nuntil = 1\\'), "anna").encode())
    assert lab.who == 'x"until = 1\\'


def _a_lab(who: str) -> Lab:
    text = f'phone = "{ANNA}"\nstarted = 2026-01-01T00:00:00Z\nuntil = 2026-01-01T00:10:00Z\n[[line]]\nnumber = 1\n'
    lab = read_lab(NAME, (text + 'server = "@stub"\n').encode())
    return Lab(lab.mac, lab.started, lab.until, who, lab.lines, lab.file)


@pytest.mark.parametrize(
    ("old", "new", "line", "seen"),
    [
        ('server = "@stub"', 'server = "evil.example"', 10, "server"),
        ('server = "@stub"', 'server = "@stub"\npassword = "x"', 11, "password"),
        ('server = "@stub"', 'server = "@stub"\nsettings = {"a.b" = 1}', 11, "settings"),
        ('server = "@stub"', 'server = "@stub"\noutbound_proxy = "evil.example"', 11, "outbound_proxy"),
        ('server = "@stub"', 'server = "@stub"\nport = 5080', 11, "port"),
        ("number = 1", "number = true", 9, "number"),
        ("number = 1", "number = 0", 9, "number"),
        ("00:15:65:00:00:01", "00:15:65:00:00:02", 3, "001565000002"),
        ('phone = "00:15:65:00:00:01"', "phone = 1565000001", 3, "MAC"),
        ("[[line]]", "[line]", 8, "line"),
        ("who = ", "woh = ", 6, "woh"),
        ("until = ", "until = 2099-01-01T00:00:00Z #", 5, "hold"),
        ("until = ", "until = 12 #", 5, "zone"),
        ("until = ", "until = = ", 5, "TOML"),
    ],
)
def test_a_file_that_says_anything_else_is_ignored_as_a_whole(
    session: LabSession, text: str, old: str, new: str, line: int, seen: str
) -> None:
    assert old in text
    before = session.body(ANNA)
    session.labs.path.mkdir(exist_ok=True)
    session.labs.file(ANNA).write_text(text.replace(old, new, 1))
    session.load()
    assert session.body(ANNA) == before
    assert session.loader.build is not None
    (problem,) = [problem for problem in session.loader.build.problems if problem.code == "bad-lab-layer"]
    assert (problem.file, problem.line, problem.phone, problem.severity) == (NAME, line, ANNA, Severity.WARNING)
    assert seen in problem.message


@pytest.mark.parametrize("kind", ["writable", "link", "fifo", "large", "folder", "future", "binary"])
def test_a_file_that_somebody_else_may_have_made_is_ignored(session: LabSession, text: str, kind: str, tmp_path: Path) -> None:
    before = session.body(ANNA)
    session.labs.path.mkdir(exist_ok=True)
    path = session.labs.file(ANNA)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        elsewhere = tmp_path / "elsewhere.toml"
        elsewhere.write_text(text)
        path.symlink_to(elsewhere)
    else:
        path.write_bytes(b"\xff\xfe" if kind == "binary" else text.encode() + b"#" * (MAX_LAB_BYTES if kind == "large" else 0))
    if kind == "writable":
        path.chmod(0o666)
    if kind == "future":
        session.now = NOW - 600
    session.load()
    assert session.body(ANNA) == before
    assert session.loader.build is not None
    assert "bad-lab-layer" in {problem.code for problem in session.loader.build.problems}
    if kind == "writable":
        path.chmod(0o600)
        session.load()
        assert session.body(ANNA) != before


def test_a_layer_for_a_phone_that_nobody_knows_or_a_line_it_has_not_changes_nothing(
    session: LabSession, text: str, folder: Folder
) -> None:
    before = {mac: session.body(mac) for mac in (ANNA, "001565000002", "001565000003")}
    session.labs.path.mkdir(exist_ok=True)
    session.labs.file("001565000009").write_text(text.replace("00:15:65:00:00:01", "00:15:65:00:00:09"))
    session.labs.file(ANNA).write_text(text.replace("number = 1", "number = 7"))
    session.load()
    assert {mac: session.body(mac) for mac in before} == before


def test_a_folder_that_is_not_there_or_cannot_be_read_is_no_layer(tmp_path: Path) -> None:
    assert LabFolder(tmp_path / "nowhere").at(NOW).on == {}
    (tmp_path / "lab").write_text("a file")
    assert LabFolder(tmp_path).at(NOW).on == {}


def test_the_problem_says_what_to_do() -> None:
    with pytest.raises(LabProblem) as caught:
        read_lab(NAME, b"phone = 1\n")
    assert "provisioner lab start" in caught.value.as_problem(NAME, ANNA).hint
