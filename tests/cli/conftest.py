"""What tests of the command line may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from fleet_here import copy_example


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a copy of the example fleet and of the templates."""
    copy_example(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
