"""A batch: some events of one process as one row, cheap to write (1 us per event) and never asked by people.

What people ask is made from batches later, by provisioner.state.unpacker.  Bodies are Python's own marshal form of plain
tuples: the folder is private to its owner, and of all forms it alone costs a serving process less than the request's kernel
work.  A body that another program version wrote, or that is damaged, is told as lost and stops nobody.
"""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from typing import Any, NamedTuple

from provisioner.delivery.event import DeliveryEvent

FORMAT = 1
"Of the bodies written now: a list of tuples with the fields of DeliveryEvent, in marshal's version 4."

LOST = 0
"Format of a batch that only tells how many events were lost."

BATCH_EVENTS = 1_000
"Events in one body at most: making it holds the interpreter for about 1 ms, and a request waits no longer for it."

FIELDS = len(DeliveryEvent._fields)
_MARSHAL_VERSION = 4


class Batch(NamedTuple):
    """One row of the table `batch` without its number, in the order of its columns."""

    format: int
    "How to read the body."

    events: int
    "Events in it, or lost."

    first_at: float
    "Time of the first event, Unix seconds."

    last_at: float
    "Time of the last."

    body: bytes
    "The events; empty for lost ones."


def pack(events: Sequence[DeliveryEvent]) -> Batch:
    """Return some events, in the order of their coming, as one row; never raises for what a peer can send."""
    rows: list[tuple[Any, ...]] = list(map(tuple, events))
    try:
        body = marshal.dumps(rows, _MARSHAL_VERSION)
    except ValueError:  # a word of an enumeration, which marshal takes for a stranger
        body = marshal.dumps([tuple(map(_plain, row)) for row in rows], _MARSHAL_VERSION)
    return Batch(FORMAT, len(rows), events[0].at, events[-1].at, body)


def lost(count: int, at: float) -> Batch:
    """Return the row that tells of `count` lost events."""
    return Batch(LOST, count, at, at, b"")


def unpack(form: int, expected: int, body: bytes) -> list[DeliveryEvent]:
    """Return the events of a body; ValueError if it is not one, or not of this form."""
    if form != FORMAT:
        raise ValueError(f"its form {form} is unknown")
    try:
        rows = marshal.loads(body)  # noqa: S302  our own file, readable and writable by its owner alone
    except (EOFError, TypeError, ValueError) as error:
        raise ValueError(str(error)) from None
    if type(rows) is not list or len(rows) != expected or any(type(row) is not tuple or len(row) != FIELDS for row in rows):
        raise ValueError("it does not hold what its row says")
    return list(map(DeliveryEvent._make, rows))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value
