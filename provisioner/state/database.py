"""The database of what happened: opened, brought to the newest schema, safe to use after a fork.

SQLite beside the published store unless a URL names a PostgreSQL.  Connections are not pooled: one is opened for each
transaction (about 0.2 ms, with PostgreSQL some ms), so that none crosses a fork and no process holds a lock while it idles.
The journal's flusher, which starts after the last fork, keeps its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from provisioner.database_url import shown
from provisioner.errors import EnvironmentProblem
from provisioner.state.database_place import database_url
from provisioner.state.folder import FolderLock, StateFolder, create_private
from provisioner.state.postgresql import connect_arguments, prepare_postgresql
from provisioner.state.schema import HEAD

BUSY_TIMEOUT_S = 5.0
"How long a transaction waits for another process's."

CHECKPOINT_PAGES = 4_000
"Pages of 4 kB that SQLite's log grows to before they are copied into the database: a batch that is soon deleted never is."

BACKUPS_KEPT = 3
"Copies made before migrations; older ones are deleted."

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One database at the newest schema."""

    def __init__(self, engine: sa.Engine, folder: StateFolder | None = None) -> None:
        self.engine = engine
        "Not pooled; use `reading` and `writing`."
        self.folder = folder
        "The state folder it belongs to; None in tests."

    @classmethod
    def open(cls, folder: StateFolder, said: str = "", *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Self:
        """Return the database that is said, else the one that `folder` names, else SQLite in it; migrated.

        `said` is a URL or `sqlite`.  EnvironmentProblem if it cannot be used.
        """
        place = database_url(folder, said)
        is_sqlite = place.get_backend_name() == "sqlite"
        where = shown(place)
        try:
            engine = sa.create_engine(place, poolclass=sa.NullPool, connect_args={} if is_sqlite else connect_arguments())
        except (ImportError, sa.exc.ArgumentError) as error:
            raise EnvironmentProblem(
                f"database {where} cannot be used: {error}",
                hint="for PostgreSQL: pip install 'provisioner[postgresql]', and a URL that begins with postgresql://",
                code="database",
            ) from error
        (_prepare_sqlite if is_sqlite else prepare_postgresql)(engine, busy_timeout_s)
        try:
            _migrate(engine, folder)
        except sa.exc.DBAPIError as error:
            raise EnvironmentProblem(
                f"database {where} cannot be used: {plain_reason(error)}",
                hint="restore it from backups/ in the state folder, or move it away to begin a new one"
                if is_sqlite
                else "see that the server runs, and that this user may connect and make tables; passwords stand in ~/.pgpass",
                code="database",
            ) from error
        return cls(engine, folder)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one moment of the database."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that is committed at the end, or rolled back by any exception."""
        with self.engine.connect() as connection, connection.execution_options(writes=True).begin():
            yield connection

    def connect(self) -> sa.Connection:
        """Return a connection whose transactions write; its owner closes it, in the same process."""
        return self.engine.connect().execution_options(writes=True)

    def answers(self) -> bool:
        """Return whether the database can be written now, for /readyz."""
        try:
            with self.writing() as connection:
                connection.exec_driver_sql("SELECT 1")
        except sa.exc.DBAPIError:
            return False
        return True


def plain_reason(error: BaseException) -> str:
    """Return in one line why a database refused, as its driver says it."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _prepare_sqlite(engine: sa.Engine, busy_timeout_s: float) -> None:
    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so, see below
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute("PRAGMA cache_size = -16000")  # 16 MB: a storm's flush touches more pages than the usual 2 MB hold
        # A kill loses nothing with NORMAL; a power cut may lose the last seconds of the journal, which is allowed to.
        connection.execute("PRAGMA synchronous = NORMAL")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        # A write lock taken late fails at once if somebody else wrote meanwhile; taken first, it waits its turn.
        is_write = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return version


def _migrate(engine: sa.Engine, folder: StateFolder) -> None:
    with engine.connect() as connection, connection.begin():
        if _version(connection) == HEAD:
            return
    lock = FolderLock(folder.migration_lock, wait=True, busy="another process migrates the database")
    try:
        _run_migrations(engine, folder)
    finally:
        lock.release()


def _run_migrations(engine: sa.Engine, folder: StateFolder) -> None:
    # Alembic takes a tenth of a second to import, which commands on a migrated database need not pay.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection, connection.execution_options(writes=True).begin():
        version = _version(connection)
        if version == HEAD:
            return  # another process was faster
        known = [revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()]
        if version is not None and version not in known:
            raise EnvironmentProblem(
                f"the database has schema {version}, this program knows up to {HEAD}",
                hint="install the newer version again, or restore a copy from backups/ in the state folder",
                code="database-newer",
            )
        if version is not None and engine.dialect.name == "sqlite":
            _back_up(Path(str(engine.url.database)), folder.backups, version)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _back_up(database: Path, backups: Path, version: str) -> None:
    """Copy the database as it was last committed; the name tells the schema version it has."""
    backups.mkdir(mode=0o700, exist_ok=True)
    existing = sorted(backups.glob("observed-*.sqlite"))
    number = 1 + max((int(path.stem.split("-")[1]) for path in existing), default=0)
    target = backups / f"observed-{number:04d}-schema-{version}.sqlite"
    create_private(target)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    for old in [*existing, target][:-BACKUPS_KEPT]:
        old.unlink()
