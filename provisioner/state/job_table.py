"""Jobs for the SIP process: who asks writes a row and polls it, who runs claims it with a lease.

A job ends in one of the states of `ENDED`, whoever dies: a lease that is not renewed makes it `lost`, an asker that is gone
makes it `cancelled`.  At most JOBS_KEPT jobs are kept, and of these the messages of the newest only.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from provisioner.errors import EnvironmentProblem
from provisioner.state import schema
from provisioner.state.database import Database

LEASE_S = 10.0
"A runner that does not renew for so long is gone."
WANTED_S = 20.0
"An asker that does not ask for so long is gone."
MAX_WAITING = 20
"Jobs that may wait; one more is refused."
JOBS_KEPT = 50
PARTS_KEPT = 5
"Newest jobs whose messages are kept."
MAX_ASKED_BYTES = 8 * 2**20
MAX_REPORT_BYTES = 64 * 2**20
MAX_PROBLEM = 500


class JobState(enum.StrEnum):
    """A closed list; each value has a heading in docs/reference/state.md."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    LOST = "lost"
    FAILED = "failed"


ENDED = frozenset({JobState.DONE, JobState.CANCELLED, JobState.LOST, JobState.FAILED})


class Wish(enum.StrEnum):
    """What the asker wants of a job that runs."""

    GO_ON = ""
    STOP = "stop"
    "It has seen enough."
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Job:
    """One row."""

    id: int
    kind: str
    "`verify`."
    state: JobState
    asked_at: float
    "Unix time."
    began_at: float | None
    ended_at: float | None
    until: float
    "When it ends at the latest."
    wanted_until: float
    "An asker that is alive moves it on."
    wish: Wish
    asked: Mapping[str, Any]
    "What is to be done, in the words of its kind."
    progress: Mapping[str, Any]
    problem: str
    "Why it did not end as it should."

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will come."""
        return self.state in ENDED


_JOB_COLUMNS = [schema.job.c[name] for name in Job.__dataclass_fields__]


class JobTable:
    """Both sides of the table; every call is one short transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Who asks

    def ask(self, kind: str, asked: Mapping[str, Any], *, until: float, now: float) -> int:
        """Write a job and return its number; EnvironmentProblem if too many wait or it is too large."""
        text = json.dumps(asked)
        if len(text) > MAX_ASKED_BYTES:
            raise EnvironmentProblem(
                "the job names too many phones at once", hint="take them group by group", code="job-too-large"
            )
        row = schema.job.c
        with self._database.writing() as connection:
            _expire(connection, now)
            waiting = connection.execute(sa.select(sa.func.count()).where(row.state == JobState.WAITING)).scalar() or 0
            if waiting >= MAX_WAITING:
                raise EnvironmentProblem(f"{waiting} jobs wait already", hint="try again when they are done", code="jobs-full")
            _forget(connection)
            values = {
                "kind": kind, "state": JobState.WAITING, "asked_at": now, "until": until, "wanted_until": now + WANTED_S,
                "wish": Wish.GO_ON, "asked": text, "progress": "{}", "problem": "",
            }  # fmt: skip
            key = connection.execute(sa.insert(schema.job).values(values)).inserted_primary_key
            assert key is not None
            return int(key[0])

    def look(self, job_id: int, *, now: float, is_asker: bool = False) -> Job | None:
        """Return a job as it stands, `lost` if its runner is gone; `is_asker` says that somebody still wants it."""
        row = schema.job.c
        with self._database.writing() as connection:
            _expire(connection, now, sparing=job_id if is_asker else None)
            if is_asker:
                wanted = sa.update(schema.job).where(row.id == job_id).values(wanted_until=now + WANTED_S)
                connection.execute(wanted)
            return _job(connection, job_id)

    def wish(self, job_id: int, wish: Wish, *, now: float) -> None:
        """Say what is wanted now; a job that waits yet is cancelled at once.  A cancelled one cannot be wanted again."""
        row = schema.job.c
        with self._database.writing() as connection:
            is_changeable = (row.id == job_id) & (row.wish != Wish.CANCEL)
            connection.execute(sa.update(schema.job).where(is_changeable).values(wish=wish))
            if wish is Wish.CANCEL:
                waits = (row.id == job_id) & (row.state == JobState.WAITING)
                connection.execute(sa.update(schema.job).where(waits).values(state=JobState.CANCELLED, ended_at=now))

    def parts(self, job_id: int, after: int = 0) -> list[tuple[int, bytes]]:
        """Return the recorded parts numbered over `after`, in order."""
        row = schema.job_part.c
        query = sa.select(row.number, row.body).where(row.job_id == job_id, row.number > after).order_by(row.number)
        with self._database.reading() as connection:
            return [(number, bytes(body)) for number, body in connection.execute(query)]

    def replace_parts(self, job_id: int, body: bytes, messages: int) -> None:
        """Put one part in the place of all: the messages as they may be kept."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(schema.job_part).where(schema.job_part.c.job_id == job_id))
            if connection.execute(sa.select(schema.job.c.id).where(schema.job.c.id == job_id)).scalar() is not None:
                values = {"job_id": job_id, "number": 1, "messages": messages, "body": body}
                connection.execute(sa.insert(schema.job_part).values(values))

    def keep_report(self, job_id: int, report: str) -> bool:
        """Keep the findings with their job; False if they are too large to be kept."""
        if len(report) > MAX_REPORT_BYTES:
            return False
        with self._database.writing() as connection:
            connection.execute(sa.update(schema.job).where(schema.job.c.id == job_id).values(report=report))
        return True

    def report(self, job_id: int) -> str | None:
        """Return the findings of a job; None if there are none."""
        with self._database.reading() as connection:
            found: str | None = connection.execute(sa.select(schema.job.c.report).where(schema.job.c.id == job_id)).scalar()
        return found

    def jobs(self) -> list[Job]:
        """Return all jobs that are kept, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(*_JOB_COLUMNS).order_by(schema.job.c.id.desc())).mappings().all()
        return [_read(row) for row in rows]

    # Who runs

    def claim(self, owner: str, *, now: float) -> Job | None:
        """Take the oldest job that waits; None if none does."""
        row = schema.job.c
        with self._database.reading() as connection:
            open_states = (JobState.WAITING, JobState.RUNNING)
            if connection.execute(sa.select(row.id).where(row.state.in_(open_states)).limit(1)).scalar() is None:
                return None  # the usual case takes no lock
        with self._database.writing() as connection:
            _expire(connection, now)
            oldest = sa.select(row.id).where(row.state == JobState.WAITING).order_by(row.id).limit(1)
            job_id = connection.execute(oldest).scalar()
            if job_id is None:
                return None
            values = {"state": JobState.RUNNING, "owner": owner, "began_at": now, "lease_until": now + LEASE_S}
            free = (row.id == job_id) & (row.state == JobState.WAITING)
            if not connection.execute(sa.update(schema.job).where(free).values(values)).rowcount:
                return None
            return _job(connection, job_id)

    def renew(self, job_id: int, owner: str, progress: Mapping[str, Any], *, now: float) -> Job | None:
        """Renew the lease and say how it goes; None if the job is no longer this runner's."""
        row = schema.job.c
        mine = (row.id == job_id) & (row.owner == owner) & (row.state == JobState.RUNNING)
        with self._database.writing() as connection:
            values = {"lease_until": now + LEASE_S, "progress": json.dumps(progress)}
            if not connection.execute(sa.update(schema.job).where(mine).values(values)).rowcount:
                return None
            return _job(connection, job_id)

    def add_part(self, job_id: int, number: int, body: bytes, messages: int) -> None:
        """Keep messages of a running job; its owner numbers them from 1."""
        values = {"job_id": job_id, "number": number, "messages": messages, "body": body}
        with self._database.writing() as connection:
            connection.execute(sa.insert(schema.job_part).values(values))

    def fetched_at(self, macs: Collection[str]) -> dict[str, float]:
        """Return when each phone last asked for a file, as far as the journal is written out."""
        row = schema.last_fetch.c
        query = sa.select(row.mac, sa.func.max(row.at)).where(row.mac.in_(sorted(macs))).group_by(row.mac)
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def end(self, job_id: int, owner: str, state: JobState, *, now: float, problem: str = "") -> None:
        """End a job of this runner's."""
        row = schema.job.c
        mine = (row.id == job_id) & (row.owner == owner) & (row.state == JobState.RUNNING)
        with self._database.writing() as connection:
            values = {"state": state, "ended_at": now, "problem": problem[:MAX_PROBLEM]}
            connection.execute(sa.update(schema.job).where(mine).values(values))


def _expire(connection: sa.Connection, now: float, sparing: int | None = None) -> None:
    """End jobs whose runner or asker is gone."""
    row = schema.job.c
    dead = (row.state == JobState.RUNNING) & (row.lease_until < now)
    problem = "the SIP process that ran it is gone"
    connection.execute(sa.update(schema.job).where(dead).values(state=JobState.LOST, ended_at=now, problem=problem))
    unwanted = (row.state == JobState.WAITING) & (row.wanted_until < now) & (row.id != (sparing or 0))
    problem = "nobody waits for it any more"
    connection.execute(sa.update(schema.job).where(unwanted).values(state=JobState.CANCELLED, ended_at=now, problem=problem))


def _forget(connection: sa.Connection) -> None:
    """Keep the newest jobs, and of the newest of these the messages."""
    row, part = schema.job.c, schema.job_part.c
    ended = row.state.in_(sorted(ENDED))
    for kept, also_jobs in ((JOBS_KEPT - 1, True), (PARTS_KEPT - 1, False)):
        newest = sa.select(row.id).order_by(row.id.desc()).limit(kept)
        gone = [number for (number,) in connection.execute(sa.select(row.id).where(ended, row.id.not_in(newest)))]
        connection.execute(sa.delete(schema.job_part).where(part.job_id.in_(gone)))
        if also_jobs:
            connection.execute(sa.delete(schema.job).where(row.id.in_(gone)))


def _job(connection: sa.Connection, job_id: int) -> Job | None:
    row = connection.execute(sa.select(*_JOB_COLUMNS).where(schema.job.c.id == job_id)).mappings().first()
    return None if row is None else _read(row)


def _read(row: sa.RowMapping) -> Job:
    values: dict[str, Any] = dict(row) | {"state": JobState(row["state"]), "wish": Wish(row["wish"])}
    values |= {name: json.loads(row[name]) for name in ("asked", "progress")}
    return Job(**values)
