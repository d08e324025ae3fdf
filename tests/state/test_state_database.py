from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from state_builders import an_event

from provisioner.errors import EnvironmentProblem
from provisioner.state import schema
from provisioner.state.database import BACKUPS_KEPT, MIGRATIONS, Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.reading import Reading


def set_version(folder: StateFolder, version: str) -> None:
    with closing(sqlite3.connect(folder.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))


def test_an_empty_database_gets_exactly_the_tables_of_the_schema(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
        names = set(sa.inspect(connection).get_table_names())
    assert names == {*schema.metadata.tables, "alembic_version"}


def test_the_constant_names_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [schema.HEAD]


def test_opening_again_changes_nothing_and_imports_no_alembic(folder: StateFolder, database: Database) -> None:
    program = (
        "import sys; from provisioner.state.database import Database; from provisioner.state.folder import StateFolder;"
        f"Database.open(StateFolder.open({str(folder.path)!r})); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert not folder.backups.exists()


def test_an_older_database_is_copied_before_it_is_migrated(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    database = Database.open(folder)
    journal = Journal(database, has_thread=False)
    journal.record(an_event())
    journal.flush()
    monkeypatch.setattr("provisioner.state.database.HEAD", "0999")  # as a newer program would see it
    monkeypatch.setattr(command, "upgrade", lambda *_: None)
    for _ in range(BACKUPS_KEPT + 2):
        Database.open(folder)
    copies = sorted(folder.backups.iterdir())
    assert [path.name for path in copies] == [f"observed-{number:04d}-schema-{schema.HEAD}.sqlite" for number in (3, 4, 5)]
    with closing(sqlite3.connect(copies[-1])) as connection:
        assert connection.execute("SELECT sum(events) FROM batch").fetchone() == (1,)


def test_a_migration_that_fails_leaves_the_database_as_it_was(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    def fail(config: Config, _revision: str) -> None:
        config.attributes["connection"].exec_driver_sql("DROP TABLE event")
        config.attributes["connection"].exec_driver_sql("SELECT * FROM nowhere")

    Database.open(folder)
    with monkeypatch.context() as patch:
        patch.setattr("provisioner.state.database.HEAD", "0999")
        patch.setattr(command, "upgrade", fail)
        with pytest.raises(EnvironmentProblem, match="no such table: nowhere"):
            Database.open(folder)
    assert Reading(Database.open(folder)).events() == []


def test_a_database_of_a_newer_program_is_refused_by_name(folder: StateFolder) -> None:
    Database.open(folder)
    set_version(folder, "0999")
    with pytest.raises(EnvironmentProblem, match="schema 0999, this program knows up to") as caught:
        Database.open(folder)
    assert caught.value.code == "database-newer"


def test_a_broken_database_is_one_line_with_a_way_out(folder: StateFolder) -> None:
    folder.database.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(EnvironmentProblem, match="not a database") as caught:
        Database.open(folder)
    assert "backups/" in caught.value.hint


def test_several_processes_may_open_a_new_folder_at_once(folder: StateFolder) -> None:
    program = (
        "from provisioner.state.database import Database; from provisioner.state.folder import StateFolder;"
        f"assert Database.open(StateFolder.open({str(folder.path)!r})).answers()"
    )
    starting = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in starting] == [("", 0)] * 3


def test_whether_it_can_be_written_is_known(folder: StateFolder) -> None:
    database = Database.open(folder, busy_timeout_s=0.01)
    assert database.answers()
    with closing(sqlite3.connect(folder.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not database.answers()


def test_the_migrations_travel_in_the_package() -> None:
    from setuptools import find_packages

    found = find_packages(str(MIGRATIONS.parents[2]), include=["provisioner*"])
    assert {"provisioner.state.migrations", "provisioner.state.migrations.versions"} <= set(found)
    assert {path.suffix for path in MIGRATIONS.rglob("*") if path.is_file() and "__pycache__" not in path.parts} == {".py"}


def test_the_statements_can_be_written_for_postgresql() -> None:
    from sqlalchemy.dialects import postgresql

    from provisioner.state.unpacker import Unpacker

    elsewhere: Any = SimpleNamespace(engine=SimpleNamespace(dialect=postgresql.dialect()))
    writer = Unpacker(elsewhere)._rows
    assert "ON CONFLICT (mac, kind) DO UPDATE" in writer._upsert_fetch._sql
    assert "%(delivered_sha256)s" in writer._upsert_fetch._sql
