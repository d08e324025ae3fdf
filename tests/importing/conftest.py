"""The devices folder that these tests import into."""

from __future__ import annotations

from pathlib import Path

import pytest
from import_builders import a_devices_folder


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    return a_devices_folder(tmp_path)
