"""Events as rows: the journal, and the tables that are derived from it.

Where many events come at once equal ones become one row that counts them, so a flood costs what its distinct events cost.
Derived rows are collapsed per phone; of unknown MACs at most KNOCKING_KEPT reach the database.
"""

from __future__ import annotations

import operator
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from provisioner.delivery.event import DeliveryEvent
from provisioner.delivery.reason import Reason
from provisioner.state import schema
from provisioner.state.retention import KNOCKING_KEPT, Retention
from provisioner.state.statement import Statement, upsert

if TYPE_CHECKING:
    from provisioner.delivery.snapshot import Snapshot

COLLAPSE_ROWS = 1_000
"More at once are a storm or a flood: equal ones become one row.  Below, each event has its own."

COMMON_WAIT_S = 600.0
"A common file fetched without a MAC belongs to the phone that asks for its MAC file from the same address within this time."

COMMON_PEERS = 4_096
"Addresses looked at for that."

CONTENTS_REMEMBERED = 50_000
"Hashes known to be in the table of delivered contents already."

CONTENT_REFRESH_S = 3_600.0
"How exact `last_at` of a delivered content is."

DELIVERED = frozenset({"ok", "not-modified"})
"Outcomes that mean: the phone has these bytes now."

NOT_A_FETCH = frozenset({"head"})
"Outcomes that are journalled, but tell nothing about what the phone has."

OF_FILES = frozenset({"http", "https", "tftp", "pnp"})
"Protocols by which phones get files; what is said over others is journalled alone."

HARMLESS = frozenset({Reason.BOOT_FILE, Reason.LOCAL_FILE, Reason.UNKNOWN_FILE})
"Refusals that are part of an ordinary boot: they do not make a phone `refused`."

DROPPED = "dropped"
"Outcome of the row that tells how many events were lost."

EVENT_FIELDS = DeliveryEvent._fields
_LENGTHS = tuple(getattr(schema.event.c[name].type, "length", None) for name in EVENT_FIELDS)
_sameness = operator.attrgetter("mac", "name", "peer", "outcome", "method", "protocol", "agent", "sha256")

Fetch = tuple[DeliveryEvent, DeliveryEvent | None]
"The newest request for a kind of file, and the newest that reached the phone whole."


class RowWriter:
    """Turns events into rows.  Used by one thread at a time."""

    def __init__(self, dialect: sa.Dialect, snapshot: Callable[[], Snapshot | None], retention: Retention) -> None:
        """`snapshot` tells which common file a phone uses, to attribute one fetched without a MAC (TFTP) by address."""
        self._snapshot = snapshot
        self._retention = retention
        self._commons: dict[tuple[str, str], DeliveryEvent] = {}
        self._contents: OrderedDict[str, float] = OrderedDict()
        self._insert_event = Statement(sa.insert(schema.event), (*EVENT_FIELDS, "repeats"), dialect)
        self._upsert_fetch = upsert(schema.last_fetch, dialect, _newer_fetch, lambda old, new: new.at >= old.at)
        self._upsert_content = upsert(
            schema.delivered, dialect, lambda old, new: {"last_at": _greatest(old.last_at, new.last_at)}
        )
        self._upsert_knock = upsert(schema.knocking, dialect, _newer_knock)
        self._upsert_tally = upsert(schema.tally, dialect, lambda old, new: {"count": old["count"] + new["count"]})

    def write(
        self, connection: sa.Connection, events: Sequence[DeliveryEvent], told: Sequence[tuple[DeliveryEvent, int]]
    ) -> None:
        """Add the rows of `events` and apply the retention, in the caller's transaction.

        `told` are rows about lost events, each with their number.  Raises what the driver raises.
        """
        counted = _collapsed(events) if len(events) > COLLAPSE_ROWS else [(event, 1) for event in events]
        now = max((event.at for event, _ in (*counted, *told)), default=0.0)
        rows = [(*event, count) for event, count in counted]
        rows += [(*event, count) for event, count in told]
        self._recall_commons(connection, min((event.at for event, _ in counted), default=now))
        fetches, contents, knocks = self._derive(counted)
        # Rows in one order: two processes that write the same ones then never wait for each other in a ring (PostgreSQL).
        self._insert_event.run(connection, rows)
        self._upsert_fetch.run(connection, [_fetch_row(*key, *fetches[key]) for key in sorted(fetches)])
        self._upsert_content.run(connection, contents)
        self._upsert_knock.run(connection, [_knock_row(*knocks[mac]) for mac in sorted(knocks)])
        self.count(connection, [*counted, *told])
        self._retention.apply(connection, now, has_knocks=bool(knocks), has_contents=bool(contents))
        for row in contents:
            self._contents[row[0]] = row[-1]
            self._contents.move_to_end(row[0])
        while len(self._contents) > CONTENTS_REMEMBERED:
            self._contents.popitem(last=False)

    def count(self, connection: sa.Connection, counted: Iterable[tuple[DeliveryEvent, int]]) -> None:
        """Add events to the tallies alone: of those that are given up this stays."""
        self._upsert_tally.run(connection, _tally_rows(counted))

    def _recall_commons(self, connection: sa.Connection, first_at: float) -> None:
        """Read which common files were fetched without a MAC shortly before `first_at`, or later, by whichever process."""
        row = schema.event.c
        query = (
            sa.select(*(row[name] for name in EVENT_FIELDS))
            # Written out, not as a parameter: only so the database knows that its small index will do.
            .where(row.mac.is_(None), row.kind == sa.literal_column("'common'"), row.at >= first_at - COMMON_WAIT_S)
            .where(row.outcome.in_(sorted(DELIVERED)))
            .order_by(row.at.desc())
            .limit(COMMON_PEERS)
        )
        found = [DeliveryEvent._make(values) for values in connection.execute(query)]
        self._commons = {(event.peer, event.file or ""): event for event in reversed(found)}

    def _derive(
        self, counted: Sequence[tuple[DeliveryEvent, int]]
    ) -> tuple[dict[tuple[str, str], Fetch], list[Any], dict[str, Any]]:
        fetches: dict[tuple[str, str], Fetch] = {}
        contents: dict[str, tuple[Any, ...]] = {}
        knocks: OrderedDict[str, tuple[DeliveryEvent, float, int]] = OrderedDict()
        for event, count in counted:
            mac, kind, outcome, sha256 = event.mac, event.kind, event.outcome, event.sha256
            if outcome in NOT_A_FETCH or event.protocol not in OF_FILES:
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
                older, first, seen = knocks.pop(mac, (event, event.at, 0))
                knocks[mac] = (_with_agent_of(older, event), first, seen + count)
                if len(knocks) > KNOCKING_KEPT:
                    knocks.popitem(last=False)
        return fetches, [contents[sha256] for sha256 in sorted(contents)], knocks

    def _remember_common(self, event: DeliveryEvent) -> None:
        self._commons[event.peer, event.file or ""] = event  # as many as are written at once, at most

    def _common_of(self, event: DeliveryEvent) -> DeliveryEvent | None:
        """Return the fetch of this phone's common file from the same address shortly before, if there was one."""
        snapshot = self._snapshot()
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


def _with_agent_of(older: DeliveryEvent, newer: DeliveryEvent) -> DeliveryEvent:
    """Return the newer request with what only the older one's agent said: TFTP has none."""
    if newer.agent is not None or older.agent is None:
        return newer
    return newer._replace(agent=older.agent, model=newer.model or older.model, firmware=newer.firmware or older.firmware)


def _fetch_row(mac: str, kind: str, event: DeliveryEvent, delivered: DeliveryEvent | None) -> tuple[Any, ...]:
    return (
        mac, kind, event.at, event.protocol, event.peer, event.agent, event.model, event.firmware,
        event.outcome, event.status, event.file, event.sha256, event.fact,
        *((delivered.sha256, delivered.file, delivered.at) if delivered is not None else (None, None, None)),
    )  # fmt: skip


def _knock_row(event: DeliveryEvent, first: float, count: int) -> tuple[Any, ...]:
    return (event.mac, first, event.at, count, event.protocol, event.peer, event.name, event.agent, event.model, event.firmware)


def lost_event(fact: str, at: float) -> DeliveryEvent:
    """Return the row that tells of lost events."""
    return DeliveryEvent(at, "journal", "", "", "", None, None, None, None, None, DROPPED, 0, fact=fact)


def cleaned(event: DeliveryEvent) -> DeliveryEvent:
    """Return the event in text that any database takes: a peer can send lone surrogates, NUL and words of any length."""
    return DeliveryEvent._make(
        value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")[:length] if isinstance(value, str) else value
        for value, length in zip(event, _LENGTHS, strict=True)
    )
