"""What is forgotten, and when: every table that a peer can make grow has a bound."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from provisioner.state import schema

KEEP_S = 30 * 86_400.0
"Age after which a journal row is deleted, unless the setting `journal_days` says another."

KEEP_ROWS = 1_000_000
"Most journal rows kept, about 400 MB."

KNOCKING_KEPT = 1_000
"Unknown phones remembered; those silent longest are evicted."

DELIVERED_KEPT = 200_000
"Contents remembered; the oldest that are no phone's last are forgotten."

STEP_ROWS = 25_000
"Oldest journal rows looked at in one transaction, so that one flush stays short; as many as one flush adds."


@dataclass(frozen=True, slots=True)
class Retention:
    """The bounds of one database."""

    keep_s: float = KEEP_S
    "Seconds, counted back from the newest event: no clock is asked."

    keep_rows: int = KEEP_ROWS
    "Journal rows."

    keep_knocking: int = KNOCKING_KEPT
    "Unknown phones."

    keep_delivered: int = DELIVERED_KEPT
    "Contents, beside those that are some phone's last, which are never forgotten."

    def apply(self, connection: sa.Connection, now: float, *, has_knocks: bool = True, has_contents: bool = True) -> None:
        """Delete what is over a bound; called in the transaction that added rows."""
        self._forget_events(connection, now)
        if has_knocks:
            row = schema.knocking.c
            evicted = (
                sa.select(row.mac)
                .order_by(row.last_at.desc(), row.mac)
                .limit(self.keep_knocking * 1000)
                .offset(self.keep_knocking)
            )
            connection.execute(sa.delete(schema.knocking).where(row.mac.in_(evicted)))
        if has_contents:
            self._forget_contents(connection)

    def _forget_events(self, connection: sa.Connection, now: float) -> None:
        row = schema.event.c
        newest = connection.execute(sa.select(sa.func.max(row.id))).scalar() or 0
        beyond = newest - self.keep_rows
        oldest = sa.select(row.id, row.at).order_by(row.id).limit(STEP_ROWS).subquery()
        first = connection.execute(sa.select(row.id, row.at).order_by(row.id).limit(1)).first()
        if first is None or (first.id > beyond and first.at >= now - self.keep_s):
            return  # the usual case: the oldest row is still wanted
        last = connection.execute(
            sa.select(sa.func.max(oldest.c.id)).where((oldest.c.at < now - self.keep_s) | (oldest.c.id <= beyond))
        ).scalar()
        if last is not None:
            connection.execute(sa.delete(schema.event).where(row.id <= last))

    def _forget_contents(self, connection: sa.Connection) -> None:
        row, fetch = schema.delivered.c, schema.last_fetch.c
        spare = connection.execute(sa.select(sa.func.count()).select_from(schema.delivered)).scalar() or 0
        if spare <= self.keep_delivered:
            return
        wanted = sa.select(fetch.delivered_sha256).where(fetch.delivered_sha256.is_not(None))
        oldest = sa.select(row.sha256).where(row.sha256.not_in(wanted)).order_by(row.last_at).limit(spare - self.keep_delivered)
        connection.execute(sa.delete(schema.delivered).where(row.sha256.in_(oldest)))
