"""What verification said of each phone, and when: the newest few verdicts of every phone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from provisioner.state import schema
from provisioner.state.database import Database

KEPT_PER_PHONE = 20
KEPT_IN_ALL = 100_000


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One verdict on one phone."""

    mac: str
    "12 hex digits."
    at: float
    "Unix time."
    verdict: str
    "PASS, FAIL, WARN, INCONCLUSIVE."
    heard: str
    "`registered udp`, `heard`, `silent`, `never fetched`."
    passed: int
    "Findings that are PASS."
    failed: int
    "Findings that are FAIL."
    job_id: int | None = None
    "The job whose report has it all; None without one."


class VerdictTable:
    """Adds rows and gives the newest."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Collection[VerdictRow]) -> None:
        """Write verdicts and forget old ones."""
        if not rows:
            return
        row = schema.verdict.c
        with self._database.writing() as connection:
            connection.execute(sa.insert(schema.verdict), [asdict(one) for one in rows])
            for mac in {one.mac for one in rows}:
                newest = sa.select(row.id).where(row.mac == mac).order_by(row.id.desc()).limit(KEPT_PER_PHONE)
                connection.execute(sa.delete(schema.verdict).where(row.mac == mac, row.id.not_in(newest)))
            last = connection.execute(sa.select(sa.func.max(row.id))).scalar() or 0
            connection.execute(sa.delete(schema.verdict).where(row.id <= last - KEPT_IN_ALL))

    def newest(self) -> dict[str, VerdictRow]:
        """Return the newest verdict on each phone by MAC."""
        row = schema.verdict.c
        ids = sa.select(sa.func.max(row.id)).group_by(row.mac)
        columns = [row[name] for name in VerdictRow.__dataclass_fields__]
        with self._database.reading() as connection:
            found = connection.execute(sa.select(*columns).where(row.id.in_(ids))).mappings().all()
        return {values["mac"]: VerdictRow(**values) for values in found}

    def of(self, mac: str) -> list[VerdictRow]:
        """Return what is kept of one phone, newest first."""
        row = schema.verdict.c
        columns = [row[name] for name in VerdictRow.__dataclass_fields__]
        with self._database.reading() as connection:
            found = connection.execute(sa.select(*columns).where(row.mac == mac).order_by(row.id.desc())).mappings().all()
        return [VerdictRow(**values) for values in found]
