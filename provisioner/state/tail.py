"""The end of the journal as the serving processes write it, for a log that follows: nothing is unpacked for it."""

from __future__ import annotations

import sqlalchemy as sa

from provisioner.delivery.event import DeliveryEvent
from provisioner.state import schema
from provisioner.state.database import Database
from provisioner.state.pending import newest_batch
from provisioner.state.unpacker import read


class JournalTail:
    """Gives each event once, from the moment it was made.  It must look more often than pending.SHOWN_S."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.reading() as connection:
            self._last = newest_batch(connection)

    def fresh(self, most: int) -> tuple[list[DeliveryEvent], int]:
        """Return what came since the last call, at most `most`, the oldest first, and how many more there were."""
        row = schema.batch.c
        found: list[DeliveryEvent] = []
        total = 0
        with self._database.reading() as connection:
            numbers = connection.execute(sa.select(row.id, row.events).where(row.id > self._last).order_by(row.id)).all()
            for number, events in numbers:
                total += events
                if len(found) < most:
                    batch = connection.execute(sa.select(schema.batch).where(row.id == number)).all()
                    ready, told = read(batch)
                    found += ready
                    found += [event for event, _ in told]
                    total += sum(1 - lost for _, lost in told)  # a line about lost events is one line
        if numbers:
            self._last = numbers[-1][0]
        return found[:most], total - len(found[:most])
