"""Fixtures over verify_desk.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from verify_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A folder without a server."""
    made = Desk(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A folder with a server, for all tests of a file: each takes other phones."""
    made = Desk(tmp_path_factory.mktemp("served"))
    try:
        yield made.serve()
    finally:
        made.close()
