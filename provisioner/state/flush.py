"""One batch of events as one transaction: journal rows, and the tables that are derived from them.

In a large batch equal events become one row that counts them, so a flood costs what its distinct events cost.  Derived
rows are collapsed per phone; of unknown MACs at most KNOCKING_KEPT reach the database.
"""

from __future__ import annotations

import dataclasses
import operator
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from provisioner.delivery.event import DeliveryEvent
from provisioner.delivery.reason import Reason
from provisioner.delivery.snapshot import SnapshotSource
from provisioner.state import schema
from provisioner.state.database import Database
from provisioner.state.retention import KNOCKING_KEPT, Retention
from provisioner.state.statement import Statement, upsert

COLLAPSE_ROWS = 1_000
"A batch above this size is a storm or a flood: equal events in it become one row.  Below, each event has its own."

COMMON_WAIT_S = 600.0
"A common file fetched without a MAC belongs to the phone that asks for its MAC file from the same address within this time."

COMMON_PEERS = 4_096
"Addresses remembered for that."

CONTENTS_REMEMBERED = 50_000
"Hashes known to be in the table of delivered contents already."

CONTENT_REFRESH_S = 3_600.0
"How exact `last_at` of a delivered content is."

DELIVERED = frozenset({"ok", "not-modified"})
"Outcomes that mean: the phone has these bytes now."

NOT_A_FETCH = frozenset({"head"})
"Journalled, but they tell nothing about what the phone has."

HARMLESS = frozenset({Reason.BOOT_FILE, Reason.LOCAL_FILE, Reason.UNKNOWN_FILE})
"Refusals that are part of an ordinary boot: they do not make a phone `refused`."

DROPPED = "dropped"
"Outcome of the row that tells how many events were lost."

EVENT_FIELDS = tuple(field.name for field in dataclasses.fields(DeliveryEvent))
_as_row = operator.attrgetter(*EVENT_FIELDS)
_sameness = operator.attrgetter("mac", "name", "peer", "outcome", "method", "protocol", "agent", "sha256")

Fetch = tuple[DeliveryEvent, DeliveryEvent | None]
"The newest request for a kind of file, and the newest that reached the phone whole."


class BatchWriter:
    """Turns events into rows.  Used by one thread at a time."""

    def __init__(self, database: Database, snapshots: SnapshotSource | None, retention: Retention) -> None:
        self._database = database
        self._snapshots = snapshots
        self._retention = retention
        self._commons: OrderedDict[tuple[str, str], DeliveryEvent] = OrderedDict()
        self._contents: OrderedDict[str, float] = OrderedDict()
        dialect = database.engine.dialect
        self._insert_event = Statement(sa.insert(schema.event), (*EVENT_FIELDS, "repeats"), dialect)
        self._upsert_fetch = upsert(schema.last_fetch, dialect, _newer_fetch, lambda old, new: new.at >= old.at)
        self._upsert_content = upsert(
            schema.delivered, dialect, lambda old, new: {"last_at": _greatest(old.last_at, new.last_at)}
        )
        self._upsert_knock = upsert(schema.knocking, dialect, _newer_knock)
        self._upsert_tally = upsert(schema.tally, dialect, lambda old, new: {"count": old["count"] + new["count"]})

    def write(self, events: Sequence[DeliveryEvent], dropped: int) -> None:
        """Write one batch and apply the retention; raises what the driver raises, then nothing of it was written."""
        counted = _collapsed(events) if len(events) > COLLAPSE_ROWS else [(event, 1) for event in events]
        try:
            self._write(counted, dropped)
        except (UnicodeError, ValueError, sa.exc.DataError):
            # A peer can send text that no database takes (lone surrogates, NUL).  Rare: so only then is all text cleaned.
            self._write([(_cleaned(event), count) for event, count in counted], dropped)

    def _write(self, counted: Sequence[tuple[DeliveryEvent, int]], dropped: int) -> None:
        now = max((event.at for event, _ in counted), default=0.0)
        rows = [(*_as_row(event), count) for event, count in counted]
        if dropped:
            rows.append((*_as_row(_dropped_event(dropped, now)), dropped))
        fetches, contents, knocks = self._derive(counted)
        # Rows in one order: two processes that write the same ones then never wait for each other in a ring (PostgreSQL).
        with self._database.writing() as connection:
            self._insert_event.run(connection, rows)
            self._upsert_fetch.run(connection, [_fetch_row(*key, *fetches[key]) for key in sorted(fetches)])
            self._upsert_content.run(connection, contents)
            self._upsert_knock.run(connection, [_knock_row(*knocks[mac]) for mac in sorted(knocks)])
            self._upsert_tally.run(connection, _tally_rows(counted))
            self._retention.apply(connection, now, has_knocks=bool(knocks), has_contents=bool(contents))
        for row in contents:
            self._contents[row[0]] = row[-1]
            self._contents.move_to_end(row[0])
        while len(self._contents) > CONTENTS_REMEMBERED:
            self._contents.popitem(last=False)

    def _derive(
        self, counted: Sequence[tuple[DeliveryEvent, int]]
    ) -> tuple[dict[tuple[str, str], Fetch], list[Any], dict[str, Any]]:
        fetches: dict[tuple[str, str], Fetch] = {}
        contents: dict[str, tuple[Any, ...]] = {}
        knocks: OrderedDict[str, tuple[DeliveryEvent, float, int]] = OrderedDict()
        for event, count in counted:
            mac, kind, outcome, sha256 = event.mac, event.kind, event.outcome, event.sha256
            if outcome in NOT_A_FETCH:
                continue
            is_delivered = outcome in DELIVERED and sha256 is not None and kind in ("mac", "common")
            if (
                is_delivered
                and sha256 is not None
                and event.at - self._contents.get(sha256, -CONTENT_REFRESH_S) >= CONTENT_REFRESH_S
            ):
                first = contents[sha256][4] if sha256 in contents else event.at
                contents[sha256] = (sha256, event.file, kind, event.size_bytes, first, event.at)
            if mac is None:
                if is_delivered and kind == "common":
                    self._remember_common(event)
            elif event.phone is not None:
                if outcome in HARMLESS:
                    continue
                key = (mac, str(kind or "refusal"))
                before = fetches[key][1] if key in fetches else None
                fetches[key] = (event, event if is_delivered else before)
                common = self._common_of(event) if is_delivered and kind == "mac" and self._commons else None
                if common is not None:
                    fetches[mac, "common"] = (common, common)
            elif outcome == Reason.UNKNOWN_MAC:
                _, first, seen = knocks.pop(mac, (event, event.at, 0))
                knocks[mac] = (event, first, seen + count)
                if len(knocks) > KNOCKING_KEPT:
                    knocks.popitem(last=False)
        return fetches, [contents[sha256] for sha256 in sorted(contents)], knocks

    def _remember_common(self, event: DeliveryEvent) -> None:
        key = (event.peer, event.file or "")
        self._commons[key] = event
        self._commons.move_to_end(key)
        if len(self._commons) > COMMON_PEERS:
            self._commons.popitem(last=False)

    def _common_of(self, event: DeliveryEvent) -> DeliveryEvent | None:
        """Return the fetch of this phone's common file from the same address shortly before, if there was one."""
        snapshot = self._snapshots.current() if self._snapshots is not None else None
        phone = snapshot.phones.get(event.mac or "") if snapshot is not None else None
        common = self._commons.get((event.peer, phone.common_name)) if phone is not None else None
        return common if common is not None and 0 <= event.at - common.at <= COMMON_WAIT_S else None


def _collapsed(events: Iterable[DeliveryEvent]) -> list[tuple[DeliveryEvent, int]]:
    """Return the last of each kind of equal events with their number, in the order of these last ones."""
    seen: dict[Any, tuple[DeliveryEvent, int]] = {}
    for event in events:
        key = _sameness(event)
        old = seen.pop(key, None)
        seen[key] = (event, 1 if old is None else old[1] + 1)
    return list(seen.values())


def _tally_rows(counted: Iterable[tuple[DeliveryEvent, int]]) -> list[tuple[Any, ...]]:
    """Return (protocol, kind, outcome, count); in one order, so that two processes never wait for each other in a ring."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for event, count in counted:
        sums[event.protocol, str(event.kind or ""), str(event.outcome)] += count
    return [(*key, count) for key, count in sorted(sums.items())]


def _greatest(old: Any, new: Any) -> Any:
    return sa.case((new > old, new), else_=old)


def _newer_fetch(old: Any, new: Any) -> dict[str, Any]:
    plain = [column.name for column in schema.last_fetch.columns if not column.primary_key]
    kept = ("delivered_sha256", "delivered_file", "delivered_at")
    return {name: sa.func.coalesce(new[name], old[name]) if name in kept else new[name] for name in plain}


def _newer_knock(old: Any, new: Any) -> dict[str, Any]:
    changes = {name: new[name] for name in ("last_at", "protocol", "peer", "name")}
    changes |= {name: sa.func.coalesce(new[name], old[name]) for name in ("agent", "model", "firmware")}
    return changes | {"count": old["count"] + new["count"]}


def _fetch_row(mac: str, kind: str, event: DeliveryEvent, delivered: DeliveryEvent | None) -> tuple[Any, ...]:
    return (
        mac, kind, event.at, event.protocol, event.peer, event.agent, event.model, event.firmware,
        event.outcome, event.status, event.file, event.sha256, event.fact,
        *((delivered.sha256, delivered.file, delivered.at) if delivered is not None else (None, None, None)),
    )  # fmt: skip


def _knock_row(event: DeliveryEvent, first: float, count: int) -> tuple[Any, ...]:
    return (event.mac, first, event.at, count, event.protocol, event.peer, event.name, event.agent, event.model, event.firmware)


def _dropped_event(count: int, now: float) -> DeliveryEvent:
    fact = f"{count} events were not written: more came than the database took"
    return DeliveryEvent(now, "journal", "", "", "", None, None, None, None, None, DROPPED, 0, fact=fact)


def _cleaned(event: DeliveryEvent) -> DeliveryEvent:
    texts = {name: value for name in EVENT_FIELDS if isinstance(value := getattr(event, name), str)}
    changes: dict[str, Any] = {
        name: value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00") for name, value in texts.items()
    }
    return dataclasses.replace(event, **changes)
