"""Rows of the registrar's bindings.  What stands in a body is the business of whoever writes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from provisioner.state import schema
from provisioner.state.database import Database
from provisioner.state.statement import upsert

FIELDS = ("id", "aor", "expires_at", "body")
REMOVED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class BindingRow:
    """One binding as it is kept."""

    id: str
    "The registrar's key."

    aor: str
    "Whose it is."

    expires_at: float
    "Unix time."

    body: str
    "JSON."


class BindingTable:
    """Loads and saves rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.engine.dialect
        self._upsert = upsert(schema.binding, dialect, lambda old, new: {name: new[name] for name in FIELDS[1:]})

    def load(self, now: float) -> Iterator[BindingRow]:
        """Return the rows that still hold, and forget the others."""
        row = schema.binding.c
        with self._database.writing() as connection:
            connection.execute(sa.delete(schema.binding).where(row.expires_at <= now))
            found = connection.execute(sa.select(schema.binding).order_by(row.id)).mappings().all()
        return (BindingRow(**values) for values in found)

    def bound(self, now: float) -> set[str]:
        """Return the addresses of record that are bound now, as far as they are written out."""
        row = schema.binding.c
        with self._database.reading() as connection:
            return set(connection.execute(sa.select(row.aor).where(row.expires_at > now).distinct()).scalars())

    def save(self, rows: Collection[BindingRow], removed: Collection[str]) -> None:
        """Write and remove in one transaction."""
        gone = sorted(removed)
        with self._database.writing() as connection:
            self._upsert.run(connection, [(row.id, row.aor, row.expires_at, row.body) for row in rows])
            for at in range(0, len(gone), REMOVED_AT_ONCE):
                part = gone[at : at + REMOVED_AT_ONCE]
                connection.execute(sa.delete(schema.binding).where(schema.binding.c.id.in_(part)))
