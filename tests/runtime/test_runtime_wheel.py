"""The program as a wheel, away from the checkout: templates and example fleet travel in it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's contents, as an installer would lay them down."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, capture_output=True, check=False
    )
    assert built.returncode == 0, built.stderr.decode()
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(site)}
    command = [sys.executable, "-P", "-m", "provisioner", *arguments]
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_wheel_runs_its_own_code(site: Path, tmp_path: Path) -> None:
    code = "import provisioner, sipstub; print(provisioner.__file__, sipstub.__file__)"
    environment = os.environ | {"PYTHONPATH": str(site)}
    shown = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == [str(site / "provisioner/__init__.py"), str(site / "sipstub/__init__.py")]


def test_the_demo_runs_from_the_wheel_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    done = run(site, tmp_path, "demo")
    assert done.returncode == 0, done.stderr
    assert "12 phones booted over http and tftp" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_folder_to_start_from_is_written_and_has_no_errors(site: Path, tmp_path: Path) -> None:
    assert run(site, tmp_path, "init", "start").returncode == 0
    checked = run(site, tmp_path / "start", "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_wheel_holds_no_state_and_no_tests(site: Path) -> None:
    names = {path.relative_to(site).parts[0] for path in site.rglob("*") if path.is_file()}
    assert names == {"provisioner", "sipstub", next(name for name in names if name.endswith(".dist-info"))}
