"""Fixtures of the state folder: a folder, a database, a journal that is flushed by hand.

Files of tests that say `WITH_BOTH = True` run each test that opens a database with SQLite and with PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_cluster import KINDS

from provisioner.state.database import Database
from provisioner.state.database_place import name_database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.publisher import Publisher
from provisioner.state.reading import Reading


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" in metafunc.fixturenames and getattr(metafunc.module, "WITH_BOTH", False):
        metafunc.parametrize("database_kind", KINDS)


@pytest.fixture
def database_kind() -> str:
    return "sqlite"


@pytest.fixture
def folder(tmp_path: Path, database_kind: str, request: pytest.FixtureRequest) -> StateFolder:
    opened = StateFolder.open(tmp_path / "state")
    if database_kind == "postgresql":
        name_database(opened, request.getfixturevalue("postgres").migrated_database())
    return opened


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
