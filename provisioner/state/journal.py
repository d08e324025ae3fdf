"""The journal's first step: what became of every request, written in batches by one thread per process.

`record` only appends to a bounded queue.  The flusher writes once a second or when FLUSH_EVENTS wait: at most the last
second is lost when the process is killed, nothing when `close` is called.  While the database is locked events wait in the
queue; what does not fit is counted, and the count becomes a row of its own.  provisioner.state.unpacker is the second step.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from provisioner.delivery.event import DeliveryEvent
from provisioner.state.batch import BATCH_EVENTS, Batch, lost, pack
from provisioner.state.pending import Pending
from provisioner.state.retention import Retention
from provisioner.state.rows import RowWriter

if TYPE_CHECKING:
    import sqlalchemy as sa

    from provisioner.state.database import Database

MAX_QUEUED = 50_000
"Events that wait for the flusher; one more is dropped and counted."

FLUSH_EVENTS = 10_000
"The flusher is woken early when so many wait."

TRANSACTION_EVENTS = 20_000
"Most events in one transaction, about 5 MB, so that other processes get their turn."

FLUSH_INTERVAL_S = 1.0
"How long an event waits at most."

CLOSE_ATTEMPTS = 3
"At a clean stop the database is tried so often, each time as long as its busy timeout."


class Journal:
    """Implements EventSink.  Made before or after a fork: each process starts its own flusher with its first event."""

    def __init__(self, database: Database, *, has_thread: bool = True) -> None:
        """Without a thread the owner calls `flush`."""
        self._database = database
        self._pending = Pending(database.engine.dialect, RowWriter(database.engine.dialect, lambda: None, Retention()))
        self._has_thread = has_thread
        self._owner = -1
        self._waiting = _Waiting()
        self.last_error: str | None = None
        "Why the last flush failed; None when it worked."

    @property
    def waiting(self) -> int:
        """Events not yet in the database."""
        return len(self._waiting.queue) + self._waiting.packed_events

    @property
    def dropped(self) -> int:
        """Events of this process that were lost because too many waited."""
        return self._waiting.dropped

    def record(self, event: DeliveryEvent) -> None:
        """Take the event without waiting and without raising."""
        if self._owner != _PROCESS.number:
            self._adopt()
        waiting = self._waiting
        length = len(waiting.queue)
        if length >= MAX_QUEUED:
            waiting.dropped += 1
            return
        waiting.queue.append(event)
        if length == FLUSH_EVENTS:
            waiting.wake.set()

    def flush(self) -> bool:
        """Write all that waits; False if the database refused, the events then wait on."""
        if self._owner != _PROCESS.number:
            return True  # nothing of this process waits; what a fork copied is the parent's
        waiting = self._waiting
        with waiting.flushing:
            while waiting.packed or waiting.queue or waiting.dropped != waiting.reported:
                while waiting.queue and waiting.packed_events < TRANSACTION_EVENTS:
                    waiting.pack_some()
                dropped = waiting.dropped
                batches = list(waiting.packed)
                if dropped != waiting.reported:
                    batches.append(lost(dropped - waiting.reported, batches[-1].last_at if batches else 0.0))
                try:
                    with waiting.connected(self._database) as connection:
                        self._pending.add(connection, batches)
                except Exception as error:  # whatever the driver raises: the events stay, the flusher lives on
                    self.last_error = f"{type(error).__name__}: {error}"
                    return False
                waiting.packed.clear()
                waiting.packed_events = 0
                waiting.reported = dropped
            self.last_error = None
            return True

    def close(self) -> None:
        """Stop the flusher and write everything that waits."""
        if self._owner != _PROCESS.number:
            return
        waiting = self._waiting
        waiting.is_stopping = True
        waiting.wake.set()
        if waiting.thread is not None:
            waiting.thread.join()
        for _ in range(CLOSE_ATTEMPTS):
            if self.flush():
                break
        waiting.disconnect()
        # A later event, if there is one, starts a new flusher.
        self._waiting, self._owner = _Waiting(), -1

    def _adopt(self) -> None:
        """Make this process the owner: after a fork the parent's thread writes the parent's rows, here the queue is empty."""
        with _STARTING:
            if self._owner == _PROCESS.number:
                return
            waiting = _Waiting()
            if self._has_thread:
                waiting.thread = threading.Thread(target=self._run, args=(waiting,), name="journal", daemon=True)
            self._waiting, self._owner = waiting, _PROCESS.number
            if waiting.thread is not None:
                waiting.thread.start()

    def _run(self, waiting: _Waiting) -> None:
        while not waiting.is_stopping:
            waiting.wake.wait(FLUSH_INTERVAL_S)
            waiting.wake.clear()
            self.flush()


class _Waiting:
    """What waits in one process, and who empties it."""

    def __init__(self) -> None:
        self.queue: deque[DeliveryEvent] = deque()
        self.packed: list[Batch] = []
        "Taken from the queue, not yet committed."
        self.packed_events = 0
        self.dropped = 0
        self.reported = 0
        "How many of the dropped ones the journal already tells of."
        self.flushing = threading.Lock()
        self.wake = threading.Event()
        self.is_stopping = False
        self.thread: threading.Thread | None = None
        self.connection: sa.Connection | None = None

    @contextmanager
    def connected(self, database: Database) -> Iterator[sa.Connection]:
        """Give a connection in a transaction; it stays open for the next one if a thread of this process flushes.

        With SQLite the last connection that closes copies the whole log into the database and waits for the disk.
        """
        if self.connection is None:
            self.connection = database.connect()
        try:
            with self.connection.begin():
                yield self.connection
        except BaseException:
            self.disconnect()
            raise
        if self.thread is None:
            self.disconnect()

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def pack_some(self) -> None:
        """Take the oldest events from the queue and make them one batch."""
        take = self.queue.popleft
        events = [take() for _ in range(min(len(self.queue), BATCH_EVENTS))]
        self.packed.append(pack(events))
        self.packed_events += len(events)


class _Process:
    """Knows which process this is without asking the kernel, which costs as much as all the rest of `record`."""

    def __init__(self) -> None:
        self.number = os.getpid()
        os.register_at_fork(after_in_child=self.look)

    def look(self) -> None:
        self.number = os.getpid()


_PROCESS = _Process()

_STARTING = threading.Lock()
"Two threads with the first event of a process must not start two flushers; held for microseconds, never over a fork."
