"""The rows that `verify` and the SIP process meet in: leases, wishes, bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres_cluster import KINDS

from provisioner.errors import EnvironmentProblem
from provisioner.state import job_table
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.job_table import JOBS_KEPT, LEASE_S, MAX_WAITING, PARTS_KEPT, WANTED_S, JobState, JobTable, Wish
from provisioner.state.verdict_table import KEPT_PER_PHONE, VerdictRow, VerdictTable

MAC = "001565000001"


@pytest.fixture(params=KINDS)
def database(tmp_path: Path, request: pytest.FixtureRequest) -> Database:
    url = request.getfixturevalue("postgres").migrated_database() if request.param == "postgresql" else ""
    return Database.open(StateFolder.open(tmp_path / "state"), url)


@pytest.fixture
def table(database: Database) -> JobTable:
    return JobTable(database)


def ask(table: JobTable, now: float = 100.0) -> int:
    return table.ask("verify", {"macs": [MAC]}, until=now + 60, now=now)


def state(table: JobTable, job_id: int, now: float) -> JobState:
    job = table.look(job_id, now=now)
    assert job is not None
    return job.state


def test_the_oldest_job_is_claimed_first_and_once(table: JobTable) -> None:
    one, two = ask(table), ask(table)
    first, second = table.claim("a", now=101.0), table.claim("b", now=101.0)
    assert first is not None and second is not None and (first.id, second.id) == (one, two)
    assert (first.state, first.asked, first.began_at) == (JobState.RUNNING, {"macs": [MAC]}, 101.0)
    assert table.claim("c", now=101.0) is None


def test_a_lease_that_is_renewed_holds_and_one_that_is_not_is_lost(table: JobTable) -> None:
    job_id = ask(table)
    table.claim("a", now=101.0)
    assert table.renew(job_id, "b", {}, now=102.0) is None
    job = table.renew(job_id, "a", {"messages": 7}, now=105.0)
    assert job is not None and job.progress == {"messages": 7}
    assert state(table, job_id, 105.0 + LEASE_S) is JobState.RUNNING
    assert state(table, job_id, 105.1 + LEASE_S) is JobState.LOST
    assert table.renew(job_id, "a", {}, now=106.0 + LEASE_S) is None
    table.end(job_id, "a", JobState.DONE, now=107.0 + LEASE_S)
    assert state(table, job_id, 107.0 + LEASE_S) is JobState.LOST


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_by_its_runner(table: JobTable) -> None:
    waiting, running = ask(table), ask(table)
    table.wish(waiting, Wish.CANCEL, now=101.0)
    assert state(table, waiting, 101.0) is JobState.CANCELLED
    claimed = table.claim("a", now=101.0)
    assert claimed is not None and claimed.id == running
    table.wish(running, Wish.CANCEL, now=102.0)
    table.wish(running, Wish.STOP, now=102.0)
    job = table.renew(running, "a", {}, now=102.0)
    assert job is not None and (job.state, job.wish) == (JobState.RUNNING, Wish.CANCEL)


def test_a_waiting_job_whose_asker_is_gone_is_taken_by_nobody(table: JobTable) -> None:
    job_id = ask(table)
    assert table.claim("a", now=100.1 + WANTED_S) is None
    assert state(table, job_id, 101.0 + WANTED_S) is JobState.CANCELLED


def test_an_asker_that_polls_keeps_its_job(table: JobTable) -> None:
    job_id = ask(table)
    for now in range(100, 200, 10):
        assert table.look(job_id, now=float(now), is_asker=True) is not None
    assert state(table, job_id, 195.0) is JobState.WAITING


def test_no_more_jobs_wait_than_may(table: JobTable) -> None:
    for _ in range(MAX_WAITING):
        ask(table)
    with pytest.raises(EnvironmentProblem, match="wait already"):
        ask(table)


def test_old_jobs_go_and_their_messages_before_them(table: JobTable, monkeypatch: pytest.MonkeyPatch) -> None:
    assert JOBS_KEPT > PARTS_KEPT
    monkeypatch.setattr(job_table, "JOBS_KEPT", 12)
    for at in range(12 + 5):
        job_id = ask(table)
        assert table.claim("a", now=101.0) is not None
        table.add_part(job_id, 1, b"part %d" % at, 3)
        table.end(job_id, "a", JobState.DONE, now=102.0)
    jobs = table.jobs()
    assert len(jobs) == 12 and jobs[0].id == job_id
    assert [job.id for job in jobs if table.parts(job.id)] == [job.id for job in jobs[:PARTS_KEPT]]


def test_parts_come_in_order_and_only_those_that_are_new(table: JobTable) -> None:
    job_id = ask(table)
    for number in (1, 2, 3):
        table.add_part(job_id, number, b"%d" % number, 1)
    assert table.parts(job_id) == [(1, b"1"), (2, b"2"), (3, b"3")]
    assert table.parts(job_id, after=2) == [(3, b"3")]
    table.replace_parts(job_id, b"masked", 3)
    assert table.parts(job_id) == [(1, b"masked")]
    assert table.keep_report(job_id, "{}") and table.report(job_id) == "{}"


def test_verdicts_are_kept_newest_first_and_not_for_ever(database: Database) -> None:
    table = VerdictTable(database)
    for at in range(KEPT_PER_PHONE + 5):
        table.add(
            [VerdictRow(MAC, float(at), "PASS", "registered udp", 19, 0), VerdictRow("00156500000f", 1.0, "FAIL", "heard", 1, 2)]
        )
    assert len(table.of(MAC)) == KEPT_PER_PHONE
    assert table.newest()[MAC].at == table.of(MAC)[0].at == KEPT_PER_PHONE + 4.0
    assert table.newest()["00156500000f"].verdict == "FAIL"
