"""The SQLite index of the published files: which name lies where in the pack, and what changed in which generation.

Every change is one transaction, so a process that dies at any moment leaves the generation before intact.  Connections
are opened for each use and never kept over a fork.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.delivery.snapshot import PhoneEntry
from provisioner.state.folder import create_private
from provisioner.state.pack import PackReader
from provisioner.state.publication import PublishedPhone

FORMAT = 2
"Version of the tables below; another number means: start anew, the loader publishes everything again."

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE file (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, mac TEXT, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    offset INTEGER NOT NULL, origins_offset INTEGER, origins_length INTEGER,
    path TEXT, changed_in INTEGER NOT NULL, touched_in INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX file_sha256 ON file (sha256);
CREATE INDEX file_touched_in ON file (touched_in);
CREATE TABLE phone (
    mac TEXT PRIMARY KEY, name TEXT NOT NULL, model TEXT NOT NULL, common_name TEXT NOT NULL, has_problem INTEGER NOT NULL,
    group_name TEXT, site TEXT,
    source TEXT NOT NULL, touched_in INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX phone_touched_in ON phone (touched_in);
CREATE TABLE gone (what TEXT NOT NULL, key TEXT NOT NULL, gone_in INTEGER NOT NULL, PRIMARY KEY (what, key)) WITHOUT ROWID;
CREATE INDEX gone_gone_in ON gone (gone_in);
CREATE TABLE retired (
    id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, mac TEXT, size INTEGER NOT NULL,
    offset INTEGER NOT NULL, origins_offset INTEGER, origins_length INTEGER, retired_at REAL NOT NULL
);
CREATE INDEX retired_sha256 ON retired (sha256);
"""

FILE_COLUMNS = "name, kind, mac, sha256, size, offset, path, changed_in"
PHONE_COLUMNS = "mac, name, model, common_name, has_problem, group_name, site, source"

META_AT_START: Mapping[str, Any] = {
    "format": FORMAT,
    "serial": 0,  # counts commits, also those that only move bytes; the generation counts changes
    "generation": 0,
    "published_at": 0.0,
    "fingerprint": "",
    "problems": "[]",
    "epoch": 1,
    "pack_length": 0,
    "tombstones_from": 0,  # readers of an older generation read everything instead of the differences
}

COMPRESSION = 1
"Origin maps repeat themselves: the fastest level already makes them a tenth."


@contextmanager
def connected(path: Path, *, timeout_s: float, create: bool = False) -> Iterator[sqlite3.Connection]:
    """Give a connection in autocommit mode, closed at the end; sqlite3.Error if the file is missing or broken."""
    if create:
        create_private(path)
    # mode=rw: a reader must not make an empty database where a loader has not been yet.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False
    )
    try:
        yield connection
    finally:
        connection.close()


def read_meta(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return the meta table; sqlite3.DatabaseError if it is of another format."""
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    if meta.get("format") != FORMAT:
        raise sqlite3.DatabaseError(f"published.sqlite has format {meta.get('format')!r}, this program reads {FORMAT}")
    return meta


def write_meta(connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Set some keys of the meta table."""
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))


def as_file(row: Sequence[Any], pack: PackReader) -> PublishedFile:
    """Return the file of a row of FILE_COLUMNS; its body is a view of `pack`."""
    name, kind, mac, sha256, size, offset, path, changed_in = row
    if path is None:
        return PublishedFile(name, FileKind(kind), sha256, size, pack.view(offset, size), None, mac, changed_in)
    return PublishedFile(name, FileKind(kind), sha256, size, b"", Path(path), mac, changed_in)


def as_phone(row: Sequence[Any]) -> PublishedPhone:
    """Return the phone of a row of PHONE_COLUMNS."""
    mac, name, model, common_name, has_problem, group, site, source = row
    return PublishedPhone(PhoneEntry(mac, name, model, common_name, bool(has_problem)), group, site, source)


def pack_origins(origins: Sequence[Any] | None) -> bytes:
    """Return an origin map as bytes, the same for the same map; empty for None."""
    return b"" if origins is None else zlib.compress(json.dumps(origins, separators=(",", ":")).encode(), COMPRESSION)


def unpack_origins(data: bytes | memoryview) -> Sequence[Any] | None:
    """Return what `pack_origins` was given."""
    if not data:
        return None
    origins: Sequence[Any] = json.loads(zlib.decompress(data))
    return origins
