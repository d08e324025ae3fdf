"""The writing side of the published store: one loader process, numbered generations.

A generation is committed in this order: bodies into the pack, fsync, index rows in one transaction, the shared counter.
Whatever is cut off, readers see the generation before or the one after, never a mixture.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Collection, Mapping
from typing import Any, Self

from provisioner.delivery.file import FileKind
from provisioner.errors import EnvironmentProblem
from provisioner.inventory.static_file import StaticFile
from provisioner.state.compaction import COMPACT_BYTES, compact
from provisioner.state.folder import FolderLock, StateFolder
from provisioner.state.index import FILE_COLUMNS, PHONE_COLUMNS, as_file, as_phone, pack_origins
from provisioner.state.publication import NewFile, Publication, Published
from provisioner.state.store import Store

TOMBSTONES_KEPT = 20_000
"Removals remembered for readers that lag behind; older readers read everything instead."


def _nothing() -> Collection[str]:
    return ()


class Publisher:
    """Publishes into a state folder; holds its loader lock until closed."""

    def __init__(self, folder: StateFolder, *, pinned: Callable[[], Collection[str]] = _nothing) -> None:
        """Open or make the store.

        `pinned` gives the hashes that some phone received last: those bodies survive every compaction.
        EnvironmentProblem if another loader runs, or the disk refuses.  A broken index is put aside and the store begins
        anew; a body that does not match its hash is dropped: the loader renders it again.  `repairs` tells.
        """
        self._pinned = pinned
        self._lock = FolderLock(folder.loader_lock, busy=f"another loader publishes into {folder.path}")
        try:
            self._store = Store(folder)
        except (OSError, sqlite3.Error) as error:
            self._lock.release()
            raise EnvironmentProblem(
                f"the published store in {folder.path} cannot be opened: {error}", code="state-folder"
            ) from error
        self.repairs = self._store.repairs
        "What was found broken and dropped when the store was opened, one sentence each."
        self.last_error: str | None = None
        "Why the pack could not be compacted; None when it could, or did not need it."
        self._checked_at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files and give the lock back."""
        self._store.close()
        self._lock.release()

    def publish(self, changes: Publication, *, now: float) -> int:
        """Make `changes` the next generation and return its number; the present number if nothing differs.

        EnvironmentProblem if the disk refuses; the generation before is then still what everybody sees.
        """
        store = self._store
        committed = int(store.meta["pack_length"])
        try:
            try:
                store.connection.execute("BEGIN IMMEDIATE")
                self._write(changes, now)
            except BaseException:
                store.writer.forget(committed)
                if store.connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        store.connection.execute("ROLLBACK")
                raise
        except (OSError, sqlite3.Error) as error:
            raise EnvironmentProblem(
                f"generation not published: {error}", hint="free space in the state folder", code="state-write"
            ) from error
        store.counter.set(store.meta["serial"])
        if store.writer.length - self._checked_at > COMPACT_BYTES:
            self.compact(now=now)
        generation: int = store.meta["generation"]
        return generation

    def compact(self, *, now: float) -> bool:
        """Rewrite the pack if most of it is dead; True if it was.  Never raises: a large pack is no reason to stop."""
        try:
            done = compact(self._store, self._pinned(), now=now)
            self.last_error = None
        except Exception as error:  # the disk, or the other database that tells what is pinned
            self.last_error = f"pack not compacted: {error}"
            done = False
        self._checked_at = self._store.writer.length
        return done

    def load_last(self) -> Published:
        """Return what is published now: after a restart these are the last good files."""
        store, meta = self._store, self._store.meta
        store.reader.require(int(meta["pack_length"]))
        files = {row[0]: as_file(row, store.reader) for row in store.connection.execute(f"SELECT {FILE_COLUMNS} FROM file")}  # noqa: S608
        phones = {row[0]: as_phone(row) for row in store.connection.execute(f"SELECT {PHONE_COLUMNS} FROM phone")}  # noqa: S608
        return Published(
            meta["generation"], meta["published_at"], meta["fingerprint"], files, phones, json.loads(meta["problems"])
        )

    # -- writing one generation

    def _write(self, changes: Publication, now: float) -> None:
        """Write the rows and commit, or roll back if nothing differs."""
        store = self._store
        number = store.meta["generation"] + 1
        touched = self._write_files(changes, number, now)
        touched += self._write_phones(changes, number)
        touched += self._remove("file", "name", changes.removed, number, now)
        touched += self._remove("phone", "mac", changes.removed_phones, number, now)
        news: dict[str, Any] = {}
        if touched:
            store.writer.sync()
            news = {"generation": number, "published_at": now, "pack_length": store.writer.length, **self._prune_tombstones()}
        if changes.fingerprint is not None:
            news["fingerprint"] = changes.fingerprint
        if changes.problems is not None:
            news["problems"] = json.dumps([dict(problem) for problem in changes.problems])
        if touched or any(store.meta[key] != value for key, value in news.items()):
            store.commit(news)
        else:
            store.connection.execute("ROLLBACK")

    def _write_files(self, changes: Publication, number: int, now: float) -> int:
        rows: list[tuple[Any, ...]] = []
        retired: list[tuple[Any, ...]] = []
        placed: dict[str, int] = {}
        self._store.reader.require(int(self._store.meta["pack_length"]))
        find = self._store.connection.execute
        everything: Mapping[str, NewFile | StaticFile] = {**changes.files, **changes.static_files}
        for name, file in everything.items():
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
        self._store.connection.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._store.connection.executemany("DELETE FROM gone WHERE what = 'file' AND key = ?", [(row[0],) for row in rows])
        return len(rows)

    def _row(self, name: str, file: NewFile, old: Any, number: int, placed: dict[str, int]) -> tuple[Any, ...] | None:
        sha256 = hashlib.sha256(file.body).hexdigest()
        origins = pack_origins(file.origins)
        changed_in = number
        if old is not None and old[2] == sha256 and old[5] is None:
            same_origins = origins == (self._store.reader.view(old[7], old[8]) if old[8] else b"")
            if same_origins and (old[0], old[1]) == (file.kind, file.mac):
                return None
            changed_in = old[6]
        offset = self._place(sha256, file.body, placed)
        origins_offset = self._store.writer.append(origins) if origins else None
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
            known = self._store.connection.execute(
                "SELECT offset FROM file WHERE sha256 = ? UNION ALL SELECT offset FROM retired WHERE sha256 = ? LIMIT 1",
                (sha256, sha256),
            ).fetchone()
            placed[sha256] = known[0] if known else self._store.writer.append(body)
        return placed[sha256]

    def _write_phones(self, changes: Publication, number: int) -> int:
        rows = []
        for mac, phone in changes.phones.items():
            entry = phone.entry
            row = (mac, entry.name, entry.model, entry.common_name, int(entry.has_problem), phone.group, phone.site, phone.source)
            old = self._store.connection.execute(f"SELECT {PHONE_COLUMNS} FROM phone WHERE mac = ?", (mac,)).fetchone()  # noqa: S608
            if old != row:
                rows.append((*row, number))
        self._store.connection.executemany("INSERT OR REPLACE INTO phone VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._store.connection.executemany("DELETE FROM gone WHERE what = 'phone' AND key = ?", [(row[0],) for row in rows])
        return len(rows)

    def _remove(self, what: str, key: str, names: Collection[str], number: int, now: float) -> int:
        removed = 0
        for name in names:
            if what == "file":
                self._store.connection.execute(
                    "INSERT INTO retired (sha256, name, kind, mac, size, offset, origins_offset, origins_length, retired_at)"
                    " SELECT sha256, name, kind, mac, size, offset, origins_offset, origins_length, ? FROM file"
                    " WHERE name = ? AND path IS NULL",
                    (now, name),
                )
            if self._store.connection.execute(f"DELETE FROM {what} WHERE {key} = ?", (name,)).rowcount:  # noqa: S608
                self._store.connection.execute("INSERT OR REPLACE INTO gone VALUES (?, ?, ?)", (what, name, number))
                removed += 1
        return removed

    def _retire(self, rows: list[tuple[Any, ...]]) -> None:
        self._store.connection.executemany(
            "INSERT INTO retired (sha256, name, kind, mac, size, offset, origins_offset, origins_length, retired_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def _prune_tombstones(self) -> dict[str, int]:
        cut = self._store.connection.execute(
            "SELECT gone_in FROM gone ORDER BY gone_in DESC LIMIT 1 OFFSET ?", (TOMBSTONES_KEPT,)
        ).fetchone()
        if cut is None:
            return {}
        self._store.connection.execute("DELETE FROM gone WHERE gone_in <= ?", cut)
        return {"tombstones_from": cut[0]}
