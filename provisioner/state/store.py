"""The published store as its one writer holds it: index, pack and counter opened together, checked and repaired.

Nothing that a kill can leave behind needs repair: an uncommitted transaction is rolled back by SQLite, and bytes in the
pack that no row refers to are overwritten.  Repaired is what only damage from outside can do.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any

from provisioner.state.folder import StateFolder, create_private, sync_folder
from provisioner.state.generation import GenerationCounter
from provisioner.state.index import META_AT_START, SCHEMA, read_meta, write_meta
from provisioner.state.pack import PackReader, PackWriter

BUSY_TIMEOUT_S = 5.0
"How long a commit waits for another process that recovers or copies the index."


class Store:
    """Open files of the published store.  The caller holds the loader lock."""

    def __init__(self, folder: StateFolder) -> None:
        """Open or make the store; OSError or sqlite3.Error if the disk refuses."""
        self.folder = folder
        self.counter = GenerationCounter(folder.counter)
        self.repairs: list[str] = []
        "What was found broken and dropped, one sentence each."
        self.connection, self.meta = self._open_index()
        self.writer, self.reader = self._open_pack()
        self._drop_damaged()
        self.unlink_old_packs()
        # After a kill between commit and counter the readers do not know yet; a repeated number does no harm.
        self.counter.set(self.meta["serial"])

    def commit(self, news: Mapping[str, Any]) -> None:
        """Commit the open transaction together with changed meta values and one more on the serial."""
        news = {**news, "serial": self.meta["serial"] + 1}
        write_meta(self.connection, news)
        self.connection.execute("COMMIT")
        self.meta |= news

    def close(self) -> None:
        """Close the files."""
        self.connection.close()
        self.writer.close()
        self.reader.close()
        self.counter.close()

    def use_pack(self) -> None:
        """Open the pack that the index now names, and unlink the others."""
        self.writer.close()
        self.reader.close()
        self.writer, self.reader = self._open_pack()
        self.unlink_old_packs()

    def unlink_old_packs(self) -> None:
        """Delete packs that a compaction, or one that was cut off, left behind; readers keep what they mapped."""
        for pack in self.folder.packs():
            if pack != self.folder.pack(self.meta["epoch"]):
                pack.unlink()

    def _open_index(self) -> tuple[sqlite3.Connection, dict[str, Any]]:
        connection = None
        try:
            connection = self._connect()
            meta = read_meta(connection)
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("its pages contradict each other")
            return connection, meta
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise  # locked, disk full, not readable: nothing is wrong with what it holds
            why = str(error)
        except sqlite3.DatabaseError as error:
            why = str(error)
        if connection is not None:
            connection.close()
        self.repairs.append(f"published.sqlite was broken ({why}); kept as published.sqlite.broken, everything is published anew")
        index = self.folder.index
        index.replace(index.with_name(index.name + ".broken"))
        for side in ("-wal", "-shm"):
            index.with_name(index.name + side).unlink(missing_ok=True)
        connection = self._connect()
        return connection, read_meta(connection)

    def _connect(self) -> sqlite3.Connection:
        create_private(self.folder.index)
        connection = sqlite3.connect(self.folder.index, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                for statement in SCHEMA.split(";\n"):
                    connection.execute(statement)
                # Serial and epoch start above those of a store that was here before, so that its readers notice.
                start = self.counter.cell[0] + 1
                write_meta(connection, {**META_AT_START, "serial": start, "epoch": start})
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_pack(self) -> tuple[PackWriter, PackReader]:
        path = self.folder.pack(self.meta["epoch"])
        is_new = not path.exists()
        writer = PackWriter(path, int(self.meta["pack_length"]))
        if is_new:
            sync_folder(self.folder.path)
        return writer, PackReader(path)

    def _drop_damaged(self) -> None:
        """Drop cfg files that do not match their hash any more: the loader renders them again."""
        news: dict[str, Any] = {}
        rows = self.connection.execute("SELECT name, sha256, offset, size FROM file WHERE path IS NULL").fetchall()
        try:
            self.reader.require(int(self.meta["pack_length"]))
        except OSError as error:
            self.repairs.append(f"{error}; all files in it are published anew")
            damaged = [row[0] for row in rows]
            news = {"epoch": self.meta["epoch"] + 1, "pack_length": 0}
        else:
            damaged = [
                name for name, tag, offset, size in rows if hashlib.sha256(self.reader.view(offset, size)).hexdigest() != tag
            ]
            if not damaged:
                return
            self.repairs.append(f"{len(damaged)} files did not match their hash and are published anew, first: {damaged[0]}")
        number = self.meta["generation"] + 1
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany("DELETE FROM file WHERE name = ?", [(name,) for name in damaged])
        self.connection.executemany("INSERT OR REPLACE INTO gone VALUES ('file', ?, ?)", [(name, number) for name in damaged])
        self.connection.execute("DELETE FROM retired")
        self.commit({**news, "generation": number})
        if news:
            self.use_pack()
