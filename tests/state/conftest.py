"""Fixtures of the state folder: a folder, a database, a journal that is flushed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.publisher import Publisher
from provisioner.state.reading import Reading


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder.open(tmp_path / "state")


@pytest.fixture
def publisher(folder: StateFolder) -> Iterator[Publisher]:
    with Publisher(folder) as opened:
        yield opened


@pytest.fixture
def database(folder: StateFolder) -> Database:
    return Database.open(folder, busy_timeout_s=0.05)


@pytest.fixture
def journal(database: Database) -> Journal:
    return Journal(database, has_thread=False)


@pytest.fixture
def reading(database: Database) -> Reading:
    return Reading(database)
