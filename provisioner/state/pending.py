"""The table of batches: added to by the serving processes, taken from by whoever unpacks, bounded for all."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from provisioner.state import schema
from provisioner.state.batch import LOST, Batch, lost, unpack
from provisioner.state.rows import RowWriter, cleaned
from provisioner.state.statement import Statement

PENDING_EVENTS = 500_000
"Events that wait to be unpacked, about 130 MB; beyond it the oldest are given up and only counted."

PENDING_BATCHES = 20_000
"Batches that wait, for the same reason: small ones cost more than their events."

SHOWN_S = 5.0
"An unpacked batch stays so long after it was written: the log of requests, which looks twice a second, reads batches."

_waits = schema.batch.c.id.not_in(sa.select(schema.unpacked.c.batch_id))


class Pending:
    """Adds batches, and keeps their number bounded in the same transaction."""

    def __init__(self, dialect: sa.Dialect, rows: RowWriter) -> None:
        self._insert = Statement(sa.insert(schema.batch), Batch._fields, dialect)
        self._rows = rows

    def add(self, connection: sa.Connection, batches: Sequence[Batch]) -> None:
        """Write batches; if nobody unpacks, the oldest beyond the bounds become tallies and one row that counts them."""
        self._insert.run(connection, batches)
        count, events = waiting(connection)
        if count > PENDING_BATCHES or events > PENDING_EVENTS:
            self._give_up(connection, count, events)

    def _give_up(self, connection: sa.Connection, batches: int, events: int) -> None:
        """Give up the oldest until nine tenths of the bounds are left, so that this is not done for every batch."""
        row = schema.batch.c
        query = sa.select(row.id, row.format, row.events, row.last_at).where(_waits).order_by(row.id)
        count, last_at = 0, 0.0
        given_up: list[int] = []
        for found in connection.execute(query):
            if batches <= PENDING_BATCHES * 9 // 10 and events <= PENDING_EVENTS * 9 // 10:
                break
            given_up.append(found.id)
            count += found.events
            last_at = found.last_at
            if found.format != LOST:
                batches -= 1
                events -= found.events
        for number in given_up:
            whole = connection.execute(sa.select(schema.batch).where(row.id == number)).one()
            with contextlib.suppress(ValueError):  # also of rows that only tell of lost events
                self._rows.count(connection, [(cleaned(event), 1) for event in unpack(whole.format, whole.events, whole.body)])
        if given_up:
            _mark(connection, given_up)
            self._insert.run(connection, [lost(count, last_at)])
            forget(connection)


def waiting(connection: sa.Connection) -> tuple[int, int]:
    """Return how many batches wait to be unpacked, and how many events they hold."""
    row = schema.batch.c
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(row.events), 0)).where(_waits, row.format != LOST)
    batches, events = connection.execute(query).one()
    return batches, events


def newest_batch(connection: sa.Connection) -> int:
    """Return the number of the newest batch; 0 if there is none."""
    return connection.execute(sa.select(sa.func.max(schema.batch.c.id))).scalar() or 0


def is_any_waiting(connection: sa.Connection) -> bool:
    """Return whether something waits to be unpacked."""
    return connection.execute(sa.select(schema.batch.c.id).where(_waits).limit(1)).first() is not None


def take(connection: sa.Connection, most: int, up_to: int | None) -> list[Any]:
    """Return the oldest waiting batches, together at most `most` events or one batch, and mark them as unpacked.

    Nobody else gets them: one transaction writes at a time.
    """
    row = schema.batch.c
    query = sa.select(row.id, row.events).where(_waits).order_by(row.id).limit(most)
    if up_to is not None:
        query = query.where(row.id <= up_to)
    numbers: list[int] = []
    events = 0
    for number, held in connection.execute(query):
        if numbers and events + held > most:
            break
        numbers.append(number)
        events += held
    if not numbers:
        return []
    _mark(connection, numbers)
    found = connection.execute(sa.select(schema.batch).where(row.id.in_(numbers)).order_by(row.id)).all()
    return list(found)


def _mark(connection: sa.Connection, numbers: Sequence[int]) -> None:
    connection.execute(sa.insert(schema.unpacked), [{"batch_id": number} for number in numbers])


def forget(connection: sa.Connection) -> None:
    """Delete unpacked batches that nobody looks at any more, counted back from the newest: no clock is asked."""
    row, mark = schema.batch.c, schema.unpacked.c
    newest = connection.execute(sa.select(sa.func.max(row.last_at))).scalar() or 0.0
    old = sa.select(row.id).join(schema.unpacked, mark.batch_id == row.id).where(row.last_at < newest - SHOWN_S)
    numbers = list(connection.execute(old).scalars())
    if numbers:
        connection.execute(sa.delete(schema.batch).where(row.id.in_(numbers)))
        connection.execute(sa.delete(schema.unpacked).where(mark.batch_id.in_(numbers)))
