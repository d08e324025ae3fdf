"""The database of a PostgreSQL: found by its URL, at the newest schema, and one transaction writes at a time."""

from __future__ import annotations

import sys

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres_cluster import Cluster
from state_builders import an_event

from provisioner.errors import EnvironmentProblem
from provisioner.state import schema
from provisioner.state.database import Database
from provisioner.state.database_place import name_database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.reading import Reading

pytestmark = pytest.mark.needs("postgres")


def test_an_empty_postgresql_gets_exactly_the_tables_of_the_schema(folder: StateFolder, postgres: Cluster) -> None:
    database = Database.open(folder, postgres.new_database())
    with database.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), schema.metadata)
        assert [found for found in differences if found[0] != "add_table_comment"] == []  # comments are for readers of the code
        names = set(sa.inspect(connection).get_table_names())
    assert names == {*schema.metadata.tables, "alembic_version"}


@pytest.fixture
def database(folder: StateFolder, postgres: Cluster) -> Database:
    return Database.open(folder, postgres.migrated_database(), busy_timeout_s=0.05)


def test_a_server_that_is_away_is_one_line_without_a_hint_to_files(folder: StateFolder) -> None:
    with pytest.raises(
        EnvironmentProblem, match=r"database postgresql\+psycopg:///fleet\?host=.* cannot be used: .* failed"
    ) as caught:
        Database.open(folder, f"postgresql:///fleet?host={folder.path}")
    assert caught.value.hint.startswith("see that the server runs") and "\n" not in str(caught.value).strip()


@pytest.mark.parametrize("secret", ["?password=swordfish&", "?sslpassword=swordfish&"])
def test_a_password_that_somebody_wrote_into_the_folder_is_not_repeated(folder: StateFolder, secret: str) -> None:
    name_database(folder, f"postgresql://anna:swordfish@/fleet{secret}host={folder.path}")
    with pytest.raises(EnvironmentProblem, match=r"anna:\*\*\*@/fleet.* cannot be used") as caught:
        Database.open(folder)
    assert "swordfish" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("text", ["anna swordfish", "postgresql://anna:swordfish", "postgresql://[::swordfish/fleet"])
def test_what_is_no_url_in_the_folder_is_said_in_one_line_and_not_repeated(folder: StateFolder, text: str) -> None:
    name_database(folder, text)
    with pytest.raises(EnvironmentProblem, match="is no URL of a database") as caught:
        Database.open(folder)
    assert "swordfish" not in f"{caught.value} {caught.value.hint}"


def test_the_driver_is_told_for_how_long_a_silent_server_is_waited_for(database: Database) -> None:
    with database.engine.connect() as connection:
        said = connection.connection.driver_connection.info.get_parameters()  # type: ignore[union-attr]
    assert {name: int(said[name]) for name in ("connect_timeout", "keepalives_idle", "tcp_user_timeout")} == {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "tcp_user_timeout": 10_000,
    }


def test_a_driver_that_is_missing_is_named(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(EnvironmentProblem, match="psycopg") as caught:
        Database.open(folder, "postgresql:///fleet")
    assert "provisioner[postgresql]" in caught.value.hint


def test_the_folder_names_its_database_to_other_commands_until_sqlite_is_said(folder: StateFolder, postgres: Cluster) -> None:
    url = postgres.migrated_database()
    name_database(folder, url)
    journal = Journal(Database.open(folder), has_thread=False)
    journal.record(an_event())
    assert journal.flush(), journal.last_error
    assert len(Reading(Database.open(folder, url)).events()) == 1
    name_database(folder, "")
    assert Database.open(folder).engine.dialect.name == "postgresql"
    assert (folder.path / "database.url").stat().st_mode & 0o077 == 0
    name_database(folder, "sqlite")
    assert Database.open(folder).engine.dialect.name == "sqlite"


def test_one_transaction_writes_at_a_time_and_readers_do_not_wait(database: Database) -> None:
    with database.writing():
        assert not database.answers()
        with database.reading() as reader:
            assert reader.execute(sa.select(sa.func.count()).select_from(schema.event)).scalar() == 0
    assert database.answers()


def test_a_writer_that_does_nothing_any_more_does_not_keep_others_from_writing(
    folder: StateFolder, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.state.postgresql.ABANDONED_S", 0.2)
    database = Database.open(folder, postgres.migrated_database())
    with pytest.raises(sa.exc.DBAPIError, match="idle-in-transaction"), database.writing() as gone:
        assert database.answers()
        gone.exec_driver_sql("SELECT 1")


def test_what_is_read_is_one_moment_and_cannot_be_written(database: Database) -> None:
    count = sa.select(sa.func.count()).select_from(schema.ignored)
    with database.reading() as reader:
        before = reader.execute(count).scalar()
        Reading(database).ignore("001565000001", "", now=1.0)
        assert reader.execute(count).scalar() == before == 0
    with database.reading() as reader, pytest.raises(sa.exc.DBAPIError, match="read-only"):
        reader.execute(sa.delete(schema.ignored))


def test_words_longer_than_their_column_are_cut_and_block_no_event_behind_them(database: Database) -> None:
    journal = Journal(database, has_thread=False)
    long = an_event(at=1.0, method="M" * 40, peer="p" * 80, name="n" * 5000, outcome="unknown-file", kind=None, file=None)
    for event in (long, an_event(at=2.0)):
        journal.record(event)
    assert journal.flush(), journal.last_error
    newer, older = Reading(database).events()
    assert newer.values["method"] == "GET"
    assert (older.values["method"], older.values["peer"], len(older.values["name"])) == ("M" * 16, "p" * 64, 5000)


def test_a_server_that_comes_back_gets_what_waited(folder: StateFolder) -> None:
    cluster = Cluster()
    try:
        database = Database.open(folder, cluster.migrated_database())
        journal = Journal(database)
        journal._adopt()
        journal.record(an_event(at=1.0))
        assert journal.flush(), journal.last_error
        cluster.stop()
        journal.record(an_event(at=2.0))
        assert not journal.flush() and journal.waiting == 1
        assert not database.answers()
        cluster.start()
        assert journal.flush(), journal.last_error
        journal.close()
        assert [row.values["at"] for row in Reading(database).events()] == [2.0, 1.0]
    finally:
        cluster.remove()
