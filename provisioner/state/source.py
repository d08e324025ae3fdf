"""The reading side of the published store: the newest generation as one immutable Snapshot.

Looking costs one comparison of a mapped number.  A difference of up to INLINE_ROWS is applied at once, a larger one on a
thread while the old snapshot goes on being served, so that no phone waits for it.  A failure keeps the last good snapshot.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.catalogue.agent import AgentReader
from provisioner.delivery.file import PublishedFile
from provisioner.delivery.snapshot import PhoneEntry, Snapshot
from provisioner.state.folder import StateFolder
from provisioner.state.generation import GenerationCounter
from provisioner.state.index import FILE_COLUMNS, PHONE_COLUMNS, as_file, as_phone, connected, read_meta, unpack_origins
from provisioner.state.pack import PackReader
from provisioner.state.publication import Content, PublishedPhone

INLINE_ROWS = 2_000
"Changed rows that `current` applies itself, about 10 ms; more are read on a thread."

BUSY_TIMEOUT_S = 0.1
"How long a read waits for the index while it is being recovered after a crash."

RETRY_S = 1.0
"After a failed refresh the next one is tried after this long, on a thread."

ATTEMPTS = 3
"The pack may be replaced between reading its name and opening it; a second look finds the new name."


class PublishedSource:
    """Implements SnapshotSource over a state folder; may be made before anything is published, and before a fork."""

    def __init__(
        self,
        folder: StateFolder,
        agents: AgentReader | None = None,
        models: Mapping[str, str] | None = None,
        in_scope: frozenset[str] = frozenset(),
    ) -> None:
        self._folder = folder
        self._catalogue = (agents, dict(models or {}), in_scope)
        self._cell = GenerationCounter(folder.counter).cell
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._seen = -1
        self._snapshot: Snapshot | None = None
        self._pack: PackReader | None = None
        self._epoch = 0
        self.last_error: str | None = None
        "Why the last refresh failed; None when it worked."

    def current(self) -> Snapshot | None:
        """Return the newest generation, or the last good one while a newer cannot be read; None before the first."""
        if self._cell[0] != self._seen:
            self._notice()
        return self._snapshot

    def refresh(self) -> Snapshot | None:
        """Return the newest generation after reading it completely, however large the difference."""
        self._after_fork()
        with self._lock:
            self._read(limit=None)
        return self._snapshot

    def origins(self, name: str) -> Sequence[Any] | None:
        """Return the origin map of a current file, or None if it has none; reads the disk."""
        row, pack = self._row("SELECT origins_offset, origins_length FROM file WHERE name = ?", name)
        return None if row is None or row[0] is None else unpack_origins(pack.view(*row))

    def content(self, sha256: str) -> Content | None:
        """Return the bytes with that hash, current or replaced, or None when they are gone; reads the disk."""
        columns = "name, sha256, offset, size, origins_offset, origins_length"
        for table in ("file", "retired"):
            row, pack = self._row(f"SELECT {columns} FROM {table} WHERE sha256 = ? ORDER BY name LIMIT 1", sha256)  # noqa: S608
            if row is not None:
                origins = None if row[4] is None else unpack_origins(pack.view(row[4], row[5]))
                return Content(row[0], row[1], bytes(pack.view(row[2], row[3])), origins)
        return None

    def phones(self) -> dict[str, PublishedPhone]:
        """Return all phones with group and site, by MAC; reads the disk."""
        with connected(self._folder.index, timeout_s=BUSY_TIMEOUT_S) as connection:
            return {row[0]: as_phone(row) for row in connection.execute(f"SELECT {PHONE_COLUMNS} FROM phone ORDER BY name")}  # noqa: S608

    def load_report(self) -> Mapping[str, Any]:
        """Return generation, published_at, fingerprint and problems of the last load; reads the disk."""
        with connected(self._folder.index, timeout_s=BUSY_TIMEOUT_S) as connection:
            meta = read_meta(connection)
        return {key: meta[key] for key in ("generation", "published_at", "fingerprint")} | {
            "problems": json.loads(meta["problems"])
        }

    # -- refreshing

    def _notice(self) -> None:
        self._after_fork()
        if self._worker is not None or not self._lock.acquire(blocking=False):
            return  # somebody is at it; the old snapshot serves meanwhile
        try:
            # The very first read has nothing older to offer, so the caller waits for it.
            if not self._read(limit=INLINE_ROWS if self._snapshot is not None else None):
                self._worker = threading.Thread(target=self._catch_up, name="generation-refresh", daemon=True)
                self._worker.start()
        finally:
            self._lock.release()

    def _after_fork(self) -> None:
        # A thread of the parent that was refreshing at the moment of the fork does not exist here, but its lock does.
        if self._pid != os.getpid():
            self._pid, self._lock, self._worker = os.getpid(), threading.Lock(), None

    def _catch_up(self) -> None:
        pause = threading.Event()
        while True:
            with self._lock:
                if self._read(limit=None):
                    self._worker = None
                    return
            pause.wait(RETRY_S)

    def _read(self, limit: int | None) -> bool:
        """Bring the snapshot up to date; False if that failed or would change more than `limit` rows."""
        number = self._cell[0]  # read before the index: a commit in between only causes one more look
        try:
            for attempt in range(ATTEMPTS):
                try:
                    if not self._apply(limit):
                        return False
                    break
                except FileNotFoundError:
                    if attempt + 1 == ATTEMPTS:
                        raise
        except (OSError, sqlite3.Error, ValueError) as error:
            if self._snapshot is None and not self._folder.index.exists():
                self._seen = number  # nothing was ever published: look again when the counter moves
                return True
            self.last_error = f"generation not read: {error}"
            return False
        self._seen = number
        self.last_error = None
        return True

    def _apply(self, limit: int | None) -> bool:
        with connected(self._folder.index, timeout_s=BUSY_TIMEOUT_S) as connection:
            connection.execute("BEGIN")
            meta = read_meta(connection)
            old = self._snapshot
            since = old.generation if old is not None else -1
            is_whole = (
                old is None or meta["epoch"] != self._epoch or since < meta["tombstones_from"] or since > meta["generation"]
            )
            if is_whole:
                since = -1
            if old is not None and limit is not None:
                changed = connection.execute("SELECT count(*) FROM file WHERE touched_in > ?", (since,)).fetchone()[0]
                changed += connection.execute("SELECT count(*) FROM phone WHERE touched_in > ?", (since,)).fetchone()[0]
                if changed > limit:
                    return False
            if not meta["generation"]:
                return True
            pack = self._pack
            if pack is None or meta["epoch"] != self._epoch:
                pack = PackReader(self._folder.pack(meta["epoch"]))
            pack.require(meta["pack_length"])
            files: dict[str, PublishedFile] = {} if is_whole or old is None else dict(old.files)
            phones: dict[str, PhoneEntry] = {} if is_whole or old is None else dict(old.phones)
            for what, key in connection.execute("SELECT what, key FROM gone WHERE gone_in > ?", (since,)):
                (files if what == "file" else phones).pop(key, None)
            for row in connection.execute(f"SELECT {FILE_COLUMNS} FROM file WHERE touched_in > ?", (since,)):  # noqa: S608
                files[row[0]] = as_file(row, pack)
            for row in connection.execute(f"SELECT {PHONE_COLUMNS} FROM phone WHERE touched_in > ?", (since,)):  # noqa: S608
                phones[row[0]] = as_phone(row).entry
        self._pack, self._epoch = pack, meta["epoch"]
        if old is None or is_whole or meta["generation"] != old.generation:
            agents, models, in_scope = self._catalogue
            self._snapshot = Snapshot(meta["generation"], files, phones, agents, models, in_scope)
        return True

    def _row(self, query: str, key: str) -> tuple[Any, PackReader]:
        for attempt in range(ATTEMPTS):
            with connected(self._folder.index, timeout_s=BUSY_TIMEOUT_S) as connection:
                connection.execute("BEGIN")
                meta = read_meta(connection)
                row = connection.execute(query, (key,)).fetchone()
            try:
                pack = PackReader(self._folder.pack(meta["epoch"]))
                pack.require(meta["pack_length"])
                return row, pack
            except FileNotFoundError:
                if attempt + 1 == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")
