"""Rewriting the pack without the bodies that nobody needs any more.

Kept are current bodies, pinned ones (what some phone received last), and for a while those just replaced.  The generation
stays the same; readers go over to the new pack when it suits them, the old one lives as long as they map it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection
from typing import Any

from provisioner.state.folder import sync_folder
from provisioner.state.pack import PackWriter
from provisioner.state.store import Store

COMPACT_BYTES = 16 * 1024 * 1024
"Below this many dead bytes a pack is never rewritten."

RETIRED_GRACE_S = 600.0
"A replaced body stays readable by hash this long at least: a slow transfer of it may just be ending."

WASTE_LIMIT = 4
"With this many times the live bytes in replaced ones, the grace above is not kept: the disk comes first."

Rows = list[tuple[Any, ...]]


def compact(store: Store, pinned: Collection[str], *, now: float) -> bool:
    """Rewrite the pack if more than half of it, and COMPACT_BYTES, is dead; True if it was rewritten.

    OSError or sqlite3.Error if the disk refuses; then everything is as before.
    """
    current: Rows = store.connection.execute(
        "SELECT name, size, offset, origins_offset, origins_length FROM file WHERE path IS NULL ORDER BY name"
    ).fetchall()
    retired: Rows = store.connection.execute(
        "SELECT id, size, offset, origins_offset, origins_length, sha256, retired_at FROM retired ORDER BY id"
    ).fetchall()
    wanted = frozenset(pinned)
    kept = [row for row in retired if row[5] in wanted or row[6] > now - RETIRED_GRACE_S]
    if _bytes_of(kept) > WASTE_LIMIT * max(_bytes_of(current), COMPACT_BYTES):
        kept = [row for row in retired if row[5] in wanted]
    dead = store.writer.length - _bytes_of([*current, *kept])
    if dead < COMPACT_BYTES or dead * 2 < store.writer.length:
        return False
    _move(store, current, kept)
    return True


def _move(store: Store, current: Rows, kept: Rows) -> None:
    epoch = store.meta["epoch"] + 1
    path = store.folder.pack(epoch)
    path.unlink(missing_ok=True)
    writer = PackWriter(path, 0)
    store.reader.require(int(store.meta["pack_length"]))
    places: dict[int, int] = {}

    def place(offset: int | None, length: int | None) -> int | None:
        if offset is None or not length:
            return offset
        if offset not in places:
            places[offset] = writer.append(store.reader.view(offset, length))
        return places[offset]

    connection = store.connection
    try:
        files = [(place(row[2], row[1]), place(row[3], row[4]), row[0]) for row in current]
        others = [(place(row[2], row[1]), place(row[3], row[4]), row[0]) for row in kept]
        writer.sync()
        sync_folder(store.folder.path)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("UPDATE file SET offset = ?, origins_offset = ? WHERE name = ?", files)
        # A kept row is marked by a negative offset until all others are gone: no table of ids is needed.
        connection.executemany("UPDATE retired SET offset = -1 - ?, origins_offset = ? WHERE id = ?", others)
        connection.execute("DELETE FROM retired WHERE offset >= 0")
        connection.execute("UPDATE retired SET offset = -1 - offset")
        store.commit({"epoch": epoch, "pack_length": writer.length})
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        path.unlink(missing_ok=True)
        raise
    finally:
        writer.close()
    store.use_pack()
    store.counter.set(store.meta["serial"])


def _bytes_of(rows: Rows) -> int:
    """Bytes of bodies and origin maps of rows (key, size, offset, origins_offset, origins_length, ...), shared ones once."""
    places = {row[2]: row[1] for row in rows} | {row[3]: row[4] for row in rows if row[4]}
    return sum(places.values())
