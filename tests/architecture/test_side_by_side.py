"""The whole suite goes to several processes: what begins first is there, and what is asked for by name runs in one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from side_by_side import FOLDER, LONG, LONG_FOLDERS, long_first, unit


@pytest.mark.parametrize("name", [*LONG, *LONG_FOLDERS])
def test_what_is_dealt_out_in_a_way_of_its_own_exists(name: str) -> None:
    assert (FOLDER / name).exists()


def test_what_takes_long_begins_first_and_the_rest_keeps_its_order() -> None:
    names = ["sip/test_b.py", "lab/test_new.py", "sip/test_a.py", next(iter(LONG))]
    items = [SimpleNamespace(nodeid=f"tests/{name}::test_it") for name in names]
    found = [item.nodeid.removeprefix("tests/").removesuffix("::test_it") for item in long_first(items)]  # type: ignore[arg-type]
    assert found == [names[3], names[1], names[0], names[2]]


def test_a_file_stays_in_one_process_unless_its_tests_share_nothing() -> None:
    assert unit("tests/sip/test_sip_uri.py::test_a[1::2]") == unit("tests/sip/test_sip_uri.py::test_b")
    apart = next(file for file, is_apart in LONG.items() if is_apart)
    assert unit(f"tests/{apart}::test_a") != unit(f"tests/{apart}::test_b")


TESTS = """\
import os
import pytest

@pytest.mark.needs("no-such-program")
def test_wants_a_program():
    raise AssertionError

@pytest.mark.parametrize("number", range(3))
def test_says_where_it_runs(number):
    print("in", os.environ.get("PYTEST_XDIST_WORKER", "one process"))
"""


def run(folder: Path, *args: str) -> str:
    """Return what pytest says of a suite with the conftest of this one."""
    tests = folder / "tests"
    if not tests.is_dir():
        tests.mkdir()
        for name in ("conftest.py", "side_by_side.py", "parsed_once.py", "postgres_cluster.py"):
            text = (FOLDER / name).read_text("utf-8")
            (tests / name).write_text(text.replace('"curl": "curl"', '"no-such-program": "no-such-package"'), "utf-8")
        for name in ("test_one.py", "test_two.py"):
            (tests / name).write_text(TESTS, "utf-8")
        (folder / "pytest.ini").write_text(
            "[pytest]\naddopts = -ra -n auto --strict-markers\ntestpaths = tests\nmarkers = needs: a program\n", "utf-8"
        )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rP", *args]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ours["PYTEST_XDIST_AUTO_NUM_WORKERS"] = "2"
    return subprocess.run(command, cwd=folder, env=ours, capture_output=True, text=True, timeout=120, check=False).stdout


def test_the_whole_suite_runs_side_by_side_and_says_once_which_programs_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    said = run(tmp_path)
    assert "6 passed, 2 skipped" in said and "in gw0" in said and "in gw2" not in said and "in one process" not in said
    assert said.count("to run everything: apt install no-such-package") == 1


@pytest.mark.parametrize("args", [["tests/test_one.py"], ["-k", "one"], ["-n", "0"]], ids=" ".join)
def test_what_is_chosen_runs_in_one_process(args: list[str], tmp_path: Path) -> None:
    said = run(tmp_path, *args)
    assert "in one process" in said and "in gw" not in said


def test_with_ci_a_missing_program_fails_a_test_in_another_process_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert "6 passed, 2 errors" in run(tmp_path)
