"""The journal's second step: batches become the rows that people ask for.

Any process may unpack at any time, several at once too: a batch is taken, its rows are written and it is marked in one
transaction.  A kill in between leaves the batch as it was.
"""

from __future__ import annotations

import operator
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from provisioner.delivery.event import DeliveryEvent
from provisioner.state import pending
from provisioner.state.batch import LOST, unpack
from provisioner.state.retention import Retention
from provisioner.state.rows import RowWriter, cleaned, lost_event
from provisioner.state.source import PublishedSource

if TYPE_CHECKING:
    from provisioner.delivery.snapshot import Snapshot, SnapshotSource
    from provisioner.state.database import Database

SLICE_EVENTS = 20_000
"Most events in one transaction, about 0.3 s, so that other processes get their turn."

PAUSE_S = 2.0
"Between two looks of the background unpacker."

LEISURE_EVENTS = 5_000
"Most events in one of its transactions, about 0.1 s: phones that ask meanwhile feel it less."

SHARE = 0.04
"Part of one core that the background unpacker takes; 20,000 events of a boot storm are rows within half a minute."

HURRY_EVENTS = pending.PENDING_EVENTS // 2
"When more wait the background unpacker no longer rests."


class Unpacker:
    """Turns waiting batches into rows.  Used by one thread at a time."""

    def __init__(self, database: Database, retention: Retention | None = None, snapshots: SnapshotSource | None = None) -> None:
        """`retention` is that of the server; without one no row is deleted for its age."""
        self._database = database
        self._snapshots = snapshots
        self._rows = RowWriter(database.engine.dialect, self._snapshot, retention or Retention(keep_s=float("inf")))

    def step(self, up_to: int | None = None, most: int = SLICE_EVENTS) -> int:
        """Unpack the oldest batches and return how many; 0 if none waits.  Raises what the driver raises, nothing is lost then.

        `up_to` is the number of the last batch to look at, `most` how many events one transaction may hold.
        """
        with self._database.reading() as connection:
            if not pending.is_any_waiting(connection):
                return 0
        try:
            return self._step(up_to, most, is_clean=False)
        except (UnicodeError, ValueError, sa.exc.DataError):
            # A peer can send text that no database takes.  Rare: so only then is all text cleaned.
            return self._step(up_to, most, is_clean=True)

    def catch_up(self) -> None:
        """Unpack all that waits now; what comes meanwhile is left, so that this ends.  Raises what the driver raises."""
        with self._database.reading() as connection:
            newest = pending.newest_batch(connection)
        while self.step(newest):
            pass

    def _step(self, up_to: int | None, most: int, *, is_clean: bool) -> int:
        with self._database.writing() as connection:
            batches = pending.take(connection, most, up_to)
            if batches:
                events, told = read(batches)
                events.sort(key=operator.itemgetter(0))  # by time: batches of several processes overlap
                self._rows.write(connection, [cleaned(event) for event in events] if is_clean else events, told)
                pending.forget(connection)
            return len(batches)

    def _snapshot(self) -> Snapshot | None:
        if self._snapshots is None and self._database.folder is not None:
            self._snapshots = PublishedSource(self._database.folder)
        return self._snapshots.current() if self._snapshots is not None else None


def read(batches: Sequence[Any]) -> tuple[list[DeliveryEvent], list[tuple[DeliveryEvent, int]]]:
    """Return the events of rows of `batch`, and a line with a number for each row that holds none that can be read."""
    events: list[DeliveryEvent] = []
    told: list[tuple[DeliveryEvent, int]] = []
    for row in batches:
        if row.format == LOST:
            fact = f"{row.events} events were not written: more came than the database took"
            told.append((lost_event(fact, row.last_at), row.events))
            continue
        try:
            events += unpack(row.format, row.events, row.body)
        except ValueError as error:
            fact = f"batch {row.id} of {row.events} events cannot be read: {error}"
            told.append((lost_event(fact, row.last_at), row.events))
    return events, told


class BackgroundUnpacker:
    """Unpacks on a thread of its own, at leisure: readers then find little to do, and what waits stays bounded."""

    def __init__(self, database: Database, retention: Retention, snapshots: SnapshotSource | None = None) -> None:
        self._database = database
        self._retention = retention
        self._snapshots = snapshots
        self._unpacker: Unpacker | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unpacker", daemon=True)
        self.last_error: str | None = None
        "Why the last step failed; None when it worked."

    def start(self) -> None:
        """Begin; after the last fork."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present step; what waits is unpacked by whoever reads next."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause = PAUSE_S
        while not self._stopping.wait(pause):
            began = time.thread_time()
            has_more = self._step()
            used = time.thread_time() - began
            pause = max(PAUSE_S, used / SHARE) if not has_more or not self._is_hurried() else 0.0

    def _step(self) -> bool:
        try:
            if self._unpacker is None:
                self._unpacker = Unpacker(self._database, self._retention, self._snapshots)
            found = self._unpacker.step(most=LEISURE_EVENTS)
        except Exception as error:  # whatever the driver raises: the batches stay, this thread lives on
            self.last_error = f"{type(error).__name__}: {error}"
            return False
        self.last_error = None
        return bool(found)

    def _is_hurried(self) -> bool:
        try:
            with self._database.reading() as connection:
                return pending.waiting(connection)[1] > HURRY_EVENTS
        except sa.exc.DBAPIError:
            return False
