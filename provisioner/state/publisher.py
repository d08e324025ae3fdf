"""The writing side of the published store: one loader process, numbered generations.

A generation is committed in this order: bodies into the pack, fsync, index rows in one transaction, the shared counter.
Whatever is cut off, readers see the generation before or the one after, never a mixture.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Collection
from typing import Any, Self

from provisioner.delivery.file import FileKind
from provisioner.errors import EnvironmentProblem
from provisioner.state.folder import FolderLock, StateFolder, create_private, sync_folder
from provisioner.state.generation import GenerationCounter
from provisioner.state.index import (
    FILE_COLUMNS,
    META_AT_START,
    PHONE_COLUMNS,
    SCHEMA,
    as_file,
    as_phone,
    pack_origins,
    read_meta,
    write_meta,
)
from provisioner.state.pack import PackReader, PackWriter
from provisioner.state.publication import NewFile, Publication, Published, StaticFile

BUSY_TIMEOUT_S = 5.0
"How long a commit waits for another process that repairs or copies the index."

TOMBSTONES_KEPT = 20_000
"Removals remembered for readers that lag behind; older readers read everything instead."

COMPACT_BYTES = 16 * 1024 * 1024
"Below this many dead bytes a pack is never rewritten."

RETIRED_GRACE_S = 600.0
"A replaced body stays readable by hash this long at least: a slow transfer of it may just be ending."

WASTE_LIMIT = 4
"With this many times the live bytes in the pack, the grace above is not kept: the disk comes first."


def _nothing() -> Collection[str]:
    return ()


class Publisher:
    """Publishes into a state folder; holds its loader lock until closed."""

    def __init__(self, folder: StateFolder, *, pinned: Callable[[], Collection[str]] = _nothing) -> None:
        """Open or make the store.

        `pinned` gives the hashes that some phone received last: those bodies survive every compaction.
        EnvironmentProblem if another loader runs, or the disk refuses.  A broken index is put aside and the store begins
        anew; a body that does not match its hash is dropped: the loader renders it again.
        """
        self._folder = folder
        self._pinned = pinned
        self._lock = FolderLock(folder.loader_lock, busy=f"another loader publishes into {folder.path}")
        self._counter = GenerationCounter(folder.counter)
        self.repairs: list[str] = []
        "What was found broken and dropped when the store was opened, one sentence each."
        try:
            self._open()
        except (OSError, sqlite3.Error) as error:
            self._lock.release()
            raise EnvironmentProblem(
                f"the published store in {folder.path} cannot be opened: {error}", code="state-folder"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and give the lock back."""
        self._connection.close()
        self._writer.close()
        self._reader.close()
        self._counter.close()
        self._lock.release()

    def publish(self, changes: Publication, *, now: float) -> int:
        """Make `changes` the next generation and return its number; the present number if nothing differs.

        EnvironmentProblem if the disk refuses; the generation before is then still what everybody sees.
        """
        committed = int(self._meta["pack_length"])
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                generation = self._write(changes, now)
                self._connection.execute("COMMIT")
            except BaseException:
                self._writer.forget(committed)
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                self._meta = read_meta(self._connection)
                raise
        except (OSError, sqlite3.Error) as error:
            raise EnvironmentProblem(
                f"generation not published: {error}", hint="free space in the state folder", code="state-write"
            ) from error
        self._counter.set(self._meta["serial"])
        if self._writer.length - self._checked_at > COMPACT_BYTES:
            self.compact(now=now)
        return generation

    def load_last(self) -> Published:
        """Return what is published now: after a restart these are the last good files."""
        self._reader.require(self._writer.length)
        files = {row[0]: as_file(row, self._reader) for row in self._connection.execute(f"SELECT {FILE_COLUMNS} FROM file")}  # noqa: S608
        phones = {row[0]: as_phone(row) for row in self._connection.execute(f"SELECT {PHONE_COLUMNS} FROM phone")}  # noqa: S608
        meta = self._meta
        return Published(
            meta["generation"], meta["published_at"], meta["fingerprint"], files, phones, json.loads(meta["problems"])
        )

    # -- writing one generation

    def _write(self, changes: Publication, now: float) -> int:
        number = self._meta["generation"] + 1
        touched = self._write_files(changes, number, now)
        touched += self._write_phones(changes, number)
        touched += self._remove("file", "name", changes.removed, number, now)
        touched += self._remove("phone", "mac", changes.removed_phones, number, now)
        news: dict[str, Any] = {}
        if touched:
            self._writer.sync()
            news |= {"generation": number, "published_at": now, "pack_length": self._writer.length}
            news |= self._prune_tombstones(number)
        if changes.fingerprint is not None and changes.fingerprint != self._meta["fingerprint"]:
            news["fingerprint"] = changes.fingerprint
        problems = (
            self._meta["problems"] if changes.problems is None else json.dumps([dict(problem) for problem in changes.problems])
        )
        if problems != self._meta["problems"]:
            news["problems"] = problems
        if news:
            news["serial"] = self._meta["serial"] + 1
            write_meta(self._connection, news)
            self._meta |= news
        generation: int = self._meta["generation"]
        return generation

    def _write_files(self, changes: Publication, number: int, now: float) -> int:
        rows: list[tuple[Any, ...]] = []
        retired: list[tuple[Any, ...]] = []
        placed: dict[str, int] = {}
        self._reader.require(int(self._meta["pack_length"]))
        find = self._connection.execute
        for name, file in (*changes.files.items(), *changes.static_files.items()):
            old = find(
                "SELECT kind, mac, sha256, size, offset, path, changed_in, origins_offset, origins_length"
                " FROM file WHERE name = ?",
                (name,),
            ).fetchone()
            row = (
                self._static_row(name, file, old, number)
                if isinstance(file, StaticFile)
                else self._row(name, file, old, number, placed)
            )
            if row is None:
                continue
            rows.append(row)
            if old is not None and old[5] is None and (old[2] != row[3]):
                retired.append((old[2], name, old[0], old[1], old[3], old[4], old[7], old[8], now))
        self._retire(retired)
        self._connection.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._connection.executemany("DELETE FROM gone WHERE what = 'file' AND key = ?", [(row[0],) for row in rows])
        return len(rows)

    def _row(self, name: str, file: NewFile, old: Any, number: int, placed: dict[str, int]) -> tuple[Any, ...] | None:
        sha256 = hashlib.sha256(file.body).hexdigest()
        origins = pack_origins(file.origins)
        changed_in = number
        if old is not None and old[2] == sha256 and old[5] is None:
            same_origins = origins == (self._reader.view(old[7], old[8]) if old[8] else b"")
            if same_origins and (old[0], old[1]) == (file.kind, file.mac):
                return None
            changed_in = old[6]
        offset = self._place(sha256, file.body, placed)
        origins_offset = self._writer.append(origins) if origins else None
        return (
            name,
            str(file.kind),
            file.mac,
            sha256,
            len(file.body),
            offset,
            origins_offset,
            len(origins) or None,
            None,
            changed_in,
            number,
        )

    def _static_row(self, name: str, file: StaticFile, old: Any, number: int) -> tuple[Any, ...] | None:
        if old is not None and (old[2], old[5]) == (file.tag, str(file.path)):
            return None
        kind = str(FileKind.STATIC)
        return (name, kind, None, file.tag, file.size_bytes, 0, None, None, str(file.path), number, number)

    def _place(self, sha256: str, body: bytes, placed: dict[str, int]) -> int:
        """Return where the body lies: where it always was, or at the end of the pack."""
        if sha256 not in placed:
            known = self._connection.execute(
                "SELECT offset FROM file WHERE sha256 = ? UNION ALL SELECT offset FROM retired WHERE sha256 = ? LIMIT 1",
                (sha256, sha256),
            ).fetchone()
            placed[sha256] = known[0] if known else self._writer.append(body)
        return placed[sha256]

    def _write_phones(self, changes: Publication, number: int) -> int:
        rows = []
        for mac, phone in changes.phones.items():
            entry = phone.entry
            row = (mac, entry.name, entry.model, entry.common_name, int(entry.has_problem), phone.group, phone.site)
            old = self._connection.execute(f"SELECT {PHONE_COLUMNS} FROM phone WHERE mac = ?", (mac,)).fetchone()  # noqa: S608
            if old != row:
                rows.append((*row, number))
        self._connection.executemany("INSERT OR REPLACE INTO phone VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._connection.executemany("DELETE FROM gone WHERE what = 'phone' AND key = ?", [(row[0],) for row in rows])
        return len(rows)

    def _remove(self, what: str, key: str, names: Collection[str], number: int, now: float) -> int:
        removed = 0
        for name in names:
            if what == "file":
                self._connection.execute(
                    "INSERT INTO retired (sha256, name, kind, mac, size, offset, origins_offset, origins_length, retired_at)"
                    " SELECT sha256, name, kind, mac, size, offset, origins_offset, origins_length, ? FROM file"
                    " WHERE name = ? AND path IS NULL",
                    (now, name),
                )
            if self._connection.execute(f"DELETE FROM {what} WHERE {key} = ?", (name,)).rowcount:  # noqa: S608
                self._connection.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (what, name, number))
                removed += 1
        return removed

    def _retire(self, rows: list[tuple[Any, ...]]) -> None:
        self._connection.executemany(
            "INSERT INTO retired (sha256, name, kind, mac, size, offset, origins_offset, origins_length, retired_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def _prune_tombstones(self, number: int) -> dict[str, int]:
        cut = self._connection.execute(
            "SELECT gone_in FROM gone ORDER BY gone_in DESC LIMIT 1 OFFSET ?", (TOMBSTONES_KEPT,)
        ).fetchone()
        if cut is None:
            return {}
        self._connection.execute("DELETE FROM gone WHERE gone_in <= ?", cut)
        return {"tombstones_from": cut[0]}

    # -- opening and repairing

    def _open(self) -> None:
        try:
            self._connection = self._connect()
            self._meta = read_meta(self._connection)
            if self._connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("its pages contradict each other")
        except sqlite3.DatabaseError as error:
            self._put_aside(str(error))
        self._use_pack()
        self._drop_damaged()
        self._unlink_old_packs()
        self._checked_at = 0
        # After a kill between commit and counter the readers do not know yet; they compare, so a repeated number is harmless.
        self._counter.set(self._meta["serial"])

    def _connect(self) -> sqlite3.Connection:
        create_private(self._folder.index)
        connection = sqlite3.connect(self._folder.index, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                for statement in SCHEMA.split(";\n"):
                    connection.execute(statement)
                # Serial and epoch start above those of a store that was here before, so that its readers notice.
                start = self._counter.cell[0] + 1
                write_meta(connection, {**META_AT_START, "serial": start, "epoch": start})
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _put_aside(self, why: str) -> None:
        self.repairs.append(f"published.sqlite was broken ({why}); kept as published.sqlite.broken, everything is published anew")
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()
        index = self._folder.index
        index.replace(index.with_name(index.name + ".broken"))
        for side in ("-wal", "-shm"):
            index.with_name(index.name + side).unlink(missing_ok=True)
        self._connection = self._connect()
        self._meta = read_meta(self._connection)

    def _drop_damaged(self) -> None:
        """Drop what does not match its hash any more: damage from outside, never the result of a kill."""
        length = int(self._meta["pack_length"])
        news: dict[str, Any] = {}
        rows = self._connection.execute("SELECT name, sha256, offset, size FROM file WHERE path IS NULL").fetchall()
        try:
            self._reader.require(length)
        except OSError as error:
            self.repairs.append(f"{error}; all files in it are published anew")
            damaged = [row[0] for row in rows]
            news = {"epoch": self._meta["epoch"] + 1, "pack_length": 0}
        else:
            damaged = [
                name for name, tag, offset, size in rows if hashlib.sha256(self._reader.view(offset, size)).hexdigest() != tag
            ]
            if not damaged:
                return
            self.repairs.append(f"{len(damaged)} files did not match their hash and are published anew, first: {damaged[0]}")
        number = self._meta["generation"] + 1
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("DELETE FROM file WHERE name = ?", [(name,) for name in damaged])
        self._connection.executemany("INSERT OR REPLACE INTO gone VALUES ('file', ?, ?)", [(name, number) for name in damaged])
        self._connection.execute("DELETE FROM retired")
        write_meta(self._connection, news | {"generation": number, "serial": self._meta["serial"] + 1})
        self._connection.execute("COMMIT")
        self._meta = read_meta(self._connection)
        if news:
            self._use_pack()

    def _use_pack(self) -> None:
        path = self._folder.pack(self._meta["epoch"])
        is_new = not path.exists()
        self._writer = PackWriter(path, int(self._meta["pack_length"]))
        self._reader = PackReader(path)
        if is_new:
            sync_folder(self._folder.path)

    def _unlink_old_packs(self) -> None:
        for pack in self._folder.packs():
            if pack != self._folder.pack(self._meta["epoch"]):
                pack.unlink()

    # -- compaction

    def compact(self, *, now: float) -> bool:
        """Rewrite the pack without what nobody needs, if that is more than half of it; True if it was rewritten.

        Kept are current bodies, pinned ones, and for RETIRED_GRACE_S those just replaced.  The generation stays the same.
        """
        self._checked_at = self._writer.length
        try:
            pinned = frozenset(self._pinned())
        except Exception as error:  # the other database may be away: then nothing is dropped that it might want
            self.repairs.append(f"pack not compacted: {error}")
            return False
        current = self._connection.execute(
            "SELECT name, size, offset, origins_offset, origins_length FROM file WHERE path IS NULL ORDER BY name"
        ).fetchall()
        old = self._connection.execute(
            "SELECT id, size, offset, origins_offset, origins_length, sha256, retired_at FROM retired ORDER BY id"
        ).fetchall()
        live = _bytes_of(current)
        kept = [row for row in old if row[5] in pinned or row[6] > now - RETIRED_GRACE_S]
        if _bytes_of(kept) > WASTE_LIMIT * max(live, COMPACT_BYTES):
            kept = [row for row in old if row[5] in pinned]
        dead = self._writer.length - _bytes_of([*current, *kept])
        if dead < COMPACT_BYTES or dead * 2 < self._writer.length:
            return False
        self._move([row[:5] for row in current], [row[:5] for row in kept])
        return True

    def _move(self, current: list[tuple[Any, ...]], kept: list[tuple[Any, ...]]) -> None:
        epoch = self._meta["epoch"] + 1
        path = self._folder.pack(epoch)
        path.unlink(missing_ok=True)
        writer = PackWriter(path, 0)
        self._reader.require(int(self._meta["pack_length"]))
        places: dict[int, int] = {}

        def place(offset: int | None, length: int | None) -> int | None:
            if offset is None or not length:
                return offset
            if offset not in places:
                places[offset] = writer.append(self._reader.view(offset, length))
            return places[offset]

        try:
            files, others = (
                [(place(offset, size), place(at, length), key) for key, size, offset, at, length in rows]
                for rows in (current, kept)
            )
            writer.sync()
            sync_folder(self._folder.path)
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("UPDATE file SET offset = ?, origins_offset = ? WHERE name = ?", files)
            self._connection.execute("CREATE TEMP TABLE keep AS SELECT 0 AS id WHERE 0")
            self._connection.executemany("INSERT INTO keep VALUES (?)", [(row[2],) for row in others])
            self._connection.execute("DELETE FROM retired WHERE id NOT IN (SELECT id FROM keep)")
            self._connection.execute("DROP TABLE keep")
            self._connection.executemany("UPDATE retired SET offset = ?, origins_offset = ? WHERE id = ?", others)
            write_meta(self._connection, {"epoch": epoch, "pack_length": writer.length, "serial": self._meta["serial"] + 1})
            self._connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            path.unlink(missing_ok=True)
            self.repairs.append(f"pack not compacted: {error}")
            return
        finally:
            writer.close()
        self._meta = read_meta(self._connection)
        self._writer.close()
        self._reader.close()
        self._use_pack()
        self._checked_at = self._writer.length
        self._counter.set(self._meta["serial"])
        self._unlink_old_packs()


def _bytes_of(rows: list[tuple[Any, ...]]) -> int:
    """Bytes of bodies and origin maps of rows (key, size, offset, origins_offset, origins_length, ...), shared ones once."""
    places = {row[2]: row[1] for row in rows} | {row[3]: row[4] for row in rows if row[4]}
    return sum(places.values())
