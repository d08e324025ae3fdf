"""Questions that people ask the database; nothing here is on the path of a phone's request.

Whoever asks first unpacks what the serving processes have written, so that no answer is older than a second.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from provisioner.state import schema
from provisioner.state.database import Database
from provisioner.state.phone_state import LastFetch
from provisioner.state.publication import Content
from provisioner.state.source import PublishedSource
from provisioner.state.unpacker import Unpacker

DEFAULT_LIMIT = 100
"Journal rows given unless more are asked for."


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the journal."""

    id: int
    "Counts up; the next page begins below it, `--follow` goes on above it."

    values: dict[str, Any]
    "The fields of DeliveryEvent by name, and `repeats`."


@dataclass(frozen=True, slots=True)
class Knock:
    """An unknown phone that asked."""

    mac: str
    "12 hex digits."

    first_at: float
    "Unix time of the first request that is remembered."

    last_at: float
    "Unix time of the newest."

    count: int
    "Requests in between."

    protocol: str
    "Of the newest request."

    peer: str
    "IP address of the newest."

    name: str
    "The path it asked for."

    agent: str | None
    "User-Agent."

    model: str | None
    "As the agent said."

    firmware: str | None
    "As the agent said."


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """What a phone last received of one kind."""

    kind: str
    "mac or common."

    file: str
    "Its canonical name."

    sha256: str
    "Its hash."

    at: float
    "Unix time of the delivery, or of the newest 304 that confirmed it."

    content: Content | None
    "Bytes and origin map; None if they are gone, or were not asked for."


class Reading:
    """Answers from one database, and from the published store for contents."""

    def __init__(self, database: Database, source: PublishedSource | None = None) -> None:
        self._database = database
        self._source = source
        self._unpacker = Unpacker(database, snapshots=source)
        self._unpacking = threading.Lock()

    def events(
        self,
        *,
        reason: str | None = None,
        mac: str | None = None,
        since: float | None = None,
        before_id: int | None = None,
        after_id: int | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> list[Event]:
        """Return journal rows, newest first; with `after_id` the oldest above it first, for following."""
        row = schema.event.c
        conditions = []
        if reason is not None:
            conditions.append(row.outcome == reason)
        if mac is not None:
            conditions.append(row.mac == mac)
        if since is not None:
            conditions.append(row.at >= since)
        if before_id is not None:
            conditions.append(row.id < before_id)
        if after_id is not None:
            conditions.append(row.id > after_id)
        order = row.id.asc() if after_id is not None else row.id.desc()
        query = sa.select(schema.event).where(*conditions).order_by(order).limit(limit)
        return [Event(values.pop("id"), values) for values in self._rows(query)]

    def newest_event_id(self) -> int:
        """Return the number of the newest journal row; 0 if there is none."""
        with self._asking() as connection:
            return connection.execute(sa.select(sa.func.max(schema.event.c.id))).scalar() or 0

    def phone_names(self) -> dict[str, str]:
        """Return the MAC of each phone of the published inventory by its name."""
        snapshot = self._source.current() if self._source is not None else None
        return {} if snapshot is None else {phone.name: mac for mac, phone in snapshot.phones.items()}

    def knocking(self, *, with_ignored: bool = False) -> list[Knock]:
        """Return unknown phones that asked, newest first."""
        row = schema.knocking.c
        query = sa.select(schema.knocking).order_by(row.last_at.desc(), row.mac)
        if not with_ignored:
            query = query.where(row.mac.not_in(sa.select(schema.ignored.c.mac)))
        return [Knock(**values) for values in self._rows(query)]

    def ignored(self) -> dict[str, str]:
        """Return ignored MACs with the reason given."""
        return {
            values["mac"]: values["reason"] for values in self._rows(sa.select(schema.ignored).order_by(schema.ignored.c.mac))
        }

    def last_fetches(self, macs: Collection[str] | None = None) -> dict[str, dict[str, LastFetch]]:
        """Return the last fetches by MAC and kind, of all phones or of those named."""
        query = sa.select(schema.last_fetch).order_by(schema.last_fetch.c.mac)
        if macs is not None:
            query = query.where(schema.last_fetch.c.mac.in_(sorted(macs)))
        found: dict[str, dict[str, LastFetch]] = {}
        for values in self._rows(query):
            found.setdefault(values["mac"], {})[values["kind"]] = LastFetch(**values)
        return found

    def refused(self) -> list[LastFetch]:
        """Return the refusals of known phones that nothing delivered came after, newest first."""
        rows = [
            kinds["refusal"]
            for kinds in self.last_fetches().values()
            if "refusal" in kinds
            and kinds["refusal"].at > max((fetch.delivered_at or 0.0 for fetch in kinds.values()), default=0.0)
        ]
        return sorted(rows, key=lambda fetch: -fetch.at)

    def delivered_pair(self, mac: str, *, with_content: bool = True) -> dict[str, DeliveredFile]:
        """Return what the phone last received by kind: `mac` and, as far as it is known, `common`."""
        found = {}
        for kind, fetch in self.last_fetches([mac]).get(mac, {}).items():
            if fetch.delivered_sha256 is None or fetch.delivered_at is None:
                continue
            content = self.content(fetch.delivered_sha256) if with_content else None
            found[kind] = DeliveredFile(kind, fetch.delivered_file or "", fetch.delivered_sha256, fetch.delivered_at, content)
        return found

    def content(self, sha256: str) -> Content | None:
        """Return the bytes and origin map of a published or formerly published file, or None when they are gone."""
        return self._source.content(sha256) if self._source is not None else None

    def pinned(self) -> set[str]:
        """Return the hashes that are some phone's last delivered: the Publisher keeps their bytes."""
        column = schema.last_fetch.c.delivered_sha256
        with self._asking() as connection:
            return set(connection.execute(sa.select(column).where(column.is_not(None)).distinct()).scalars())

    def tallies(self) -> dict[tuple[str, str, str], int]:
        """Return how many decisions were ever made, by protocol, kind of file (empty for none) and outcome."""
        query = sa.select(schema.tally).order_by(*schema.tally.primary_key.columns)
        return {(row["protocol"], row["kind"], row["outcome"]): row["count"] for row in self._rows(query)}

    def ignore(self, mac: str, reason: str, *, now: float) -> None:
        """Keep an unknown phone out of the knocking list from now on; a second call replaces the reason."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(schema.ignored).where(schema.ignored.c.mac == mac))
            connection.execute(sa.insert(schema.ignored).values(mac=mac, at=now, reason=reason))

    def forget_knocking(self, mac: str) -> bool:
        """Remove a phone from the knocking list, for example once it was adopted; True if it was on it."""
        self._catch_up()  # or an earlier knock would come back
        with self._database.writing() as connection:
            return bool(connection.execute(sa.delete(schema.knocking).where(schema.knocking.c.mac == mac)).rowcount)

    def _rows(self, query: sa.Select[Any]) -> Iterator[dict[str, Any]]:
        with self._asking() as connection:
            rows = connection.execute(query).mappings().all()
        return (dict(row) for row in rows)

    @contextmanager
    def _asking(self) -> Iterator[sa.Connection]:
        self._catch_up()
        with self._database.reading() as connection:
            yield connection

    def _catch_up(self) -> None:
        """Unpack what waits; while the database cannot be written the answers are a little older."""
        with self._unpacking, suppress(sa.exc.DBAPIError):
            self._unpacker.catch_up()
