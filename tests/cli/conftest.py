"""What tests of the command line may ask for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fleet_here import ROOT


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a copy of the example fleet and of the templates."""
    shutil.copytree(ROOT / "devices", tmp_path / "devices")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    (tmp_path / "provisioner.toml").write_text('advertise = "10.1.0.5"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path
