"""Statements that SQLAlchemy writes once and the driver runs for many rows, without SQLAlchemy's cost per row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


class Statement:
    """An insert compiled for one dialect; rows are tuples in the order of `columns`."""

    def __init__(self, statement: Any, columns: Sequence[str], dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(columns))
        self._sql = str(compiled)
        self._columns = tuple(columns)
        order = compiled.positiontup
        # SQLite takes positions, PostgreSQL names; with positions the order must be ours, or each row is put in order.
        self._is_named = order is None
        self._order = None if order is None or tuple(order) == self._columns else [self._columns.index(name) for name in order]

    def run(self, connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run it for all rows; nothing happens without any."""
        if not rows:
            return
        parameters: list[Any] = list(rows)
        if self._is_named:
            parameters = [dict(zip(self._columns, row, strict=True)) for row in rows]
        elif self._order is not None:
            parameters = [tuple(row[at] for at in self._order) for row in rows]
        connection.exec_driver_sql(self._sql, parameters)


def upsert(
    table: sa.Table,
    dialect: sa.Dialect,
    changes: Callable[[Any, Any], Mapping[str, Any]],
    where: Callable[[Any, Any], Any] | None = None,
) -> Statement:
    """Return an insert of all columns that, where the key exists, makes `changes(old, new)`, if `where(old, new)`."""
    insert: Any = (postgresql if dialect.name == "postgresql" else sqlite).insert(table)
    statement = insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_=changes(table.c, insert.excluded),
        where=None if where is None else where(table.c, insert.excluded),
    )
    return Statement(statement, [column.name for column in table.columns], dialect)
