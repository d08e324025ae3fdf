from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from state_builders import COMMON, MAC, SHA, a_fleet, a_knock, a_mac, an_event

from provisioner.delivery.event import DeliveryEvent
from provisioner.state import journal as journal_module
from provisioner.state import retention as retention_module
from provisioner.state import rows as rows_module
from provisioner.state import schema
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.published import Publisher
from provisioner.state.reading import Reading
from provisioner.state.retention import Retention
from provisioner.state.unpacker import Unpacker

WITH_BOTH = True
OTHER_SHA = "b" * 64


def write(journal: Journal, *events: DeliveryEvent) -> None:
    for event in events:
        journal.record(event)
    assert journal.flush(), journal.last_error


def unpack(database: Database, **retention: float) -> None:
    """What a server with these bounds does in the background."""
    Unpacker(database, Retention(**retention)).catch_up()  # type: ignore[arg-type]


@contextmanager
def locked(folder: StateFolder) -> Iterator[None]:
    """Somebody else in the middle of a long write."""
    with Database.open(folder).writing():
        yield


def test_an_event_comes_back_field_by_field(journal: Journal, reading: Reading) -> None:
    event = an_event(fact="newer-firmware")
    write(journal, event)
    (row,) = reading.events()
    assert DeliveryEvent(**{key: value for key, value in row.values.items() if key != "repeats"}) == event
    assert row.values["repeats"] == 1


def test_recording_touches_no_database(folder: StateFolder, journal: Journal, reading: Reading) -> None:
    with locked(folder):
        for number in range(100):
            journal.record(an_event(at=1000.0 + number))
        assert not journal.flush()
        assert "lock" in str(journal.last_error)
        assert journal.waiting == 100
    assert reading.events() == []
    assert journal.flush()
    assert (len(reading.events()), journal.waiting, journal.last_error) == (100, 0, None)


def test_what_does_not_fit_is_counted_and_the_count_is_journalled(
    folder: StateFolder, journal: Journal, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_QUEUED", 10)
    for number in range(25):
        journal.record(an_event(at=1000.0 + number))
    assert (journal.waiting, journal.dropped) == (10, 15)
    assert journal.flush()
    rows = reading.events()
    assert len(rows) == 11
    assert rows[0].values["outcome"] == "dropped"
    assert rows[0].values["fact"].startswith("15 events were not written")
    assert journal.flush()
    assert len(reading.events()) == 11  # told once


def test_close_writes_everything_and_stops_the_thread(database: Database, reading: Reading) -> None:
    journal = Journal(database)
    for number in range(500):
        journal.record(an_event(at=1000.0 + number))
    thread = journal._waiting.thread
    journal.close()
    journal.close()
    assert thread is not None and not thread.is_alive()
    assert len(reading.events(limit=1000)) == 500


def test_a_full_batch_wakes_the_flusher_before_its_second_is_over(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "FLUSH_INTERVAL_S", 3600.0)
    monkeypatch.setattr(journal_module, "FLUSH_EVENTS", 50)
    journal = Journal(database)
    for number in range(60):
        journal.record(an_event(at=1000.0 + number))
    reading = Reading(database)
    for _ in range(100_000):
        if len(reading.events()) >= 51:
            break
    else:
        pytest.fail("the flusher slept on")
    journal.close()


def test_each_process_writes_its_own_events_once(database: Database, reading: Reading) -> None:
    journal = Journal(database)
    journal._has_thread = False
    journal.record(an_event(name="/parent.cfg"))  # still waits at the moment of the fork
    child = os.fork()
    if not child:
        journal.flush()
        journal.record(an_event(name="/child.cfg"))
        journal.close()
        os._exit(0)
    os.waitpid(child, 0)
    journal.close()
    assert sorted(row.values["name"] for row in reading.events()) == ["/child.cfg", "/parent.cfg"]


def test_equal_events_of_a_flood_become_one_row_and_few_stay_apart(
    journal: Journal, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(journal, *(an_event(at=1000.0 + number) for number in range(10)))
    assert len(reading.events()) == 10
    monkeypatch.setattr(rows_module, "COLLAPSE_ROWS", 20)
    write(journal, *(an_event(at=2000.0 + number) for number in range(99)), an_event(at=2100.0, outcome="aborted"))
    rows = reading.events(since=1500.0)
    assert [(row.values["outcome"], row.values["repeats"], row.values["at"]) for row in rows] == [
        ("aborted", 1, 2100.0), ("ok", 99, 2098.0),
    ]  # fmt: skip


def test_text_that_no_database_takes_is_escaped_and_the_rest_of_the_batch_is_kept(journal: Journal, reading: Reading) -> None:
    write(journal, an_event(), an_event(name="/\udcff\0.cfg"), a_knock(a_mac(1), agent="\ud800"))
    assert {row.values["name"] for row in reading.events()} == {f"/{MAC}.cfg", "/\\udcff\\x00.cfg", f"/{a_mac(1)}.cfg"}
    assert reading.knocking()[0].agent == "\\ud800"


def test_old_rows_go_by_age_and_by_number(database: Database, reading: Reading) -> None:
    journal = Journal(database, has_thread=False)
    for events in ([1000.0 + number for number in range(25)], [1110.0 + number / 10 for number in range(10)]):
        write(journal, *(an_event(at=at) for at in events))
        unpack(database, keep_s=100.0, keep_rows=30)
    assert [row.values["at"] for row in reading.events(limit=1000)][-1] >= 1010.0
    write(journal, *(an_event(at=1111.0) for number in range(40)))
    unpack(database, keep_s=100.0, keep_rows=30)
    assert len(reading.events(limit=1000)) == 30
    write(journal, an_event(at=5000.0))
    assert len(reading.events()) == 31  # who only reads deletes nothing for its age: the age is a setting of the server
    write(journal, an_event(at=5001.0))
    unpack(database, keep_s=100.0, keep_rows=30)
    assert [row.values["at"] for row in reading.events()] == [5001.0, 5000.0]


# -- what a phone fetched and has


def test_the_last_fetch_of_each_kind_is_kept_per_phone(journal: Journal, reading: Reading) -> None:
    write(
        journal,
        an_event(at=1.0),
        an_event(at=2.0, kind="common", file=COMMON, sha256=OTHER_SHA),
        an_event(at=3.0, outcome="not-modified", status=304, peer="10.9.9.9"),
    )
    fetches = reading.last_fetches()[MAC]
    assert (fetches["mac"].at, fetches["mac"].peer, fetches["mac"].outcome) == (3.0, "10.9.9.9", "not-modified")
    assert fetches["common"].file == COMMON
    pair = reading.delivered_pair(MAC)
    assert (pair["mac"].sha256, pair["mac"].at, pair["common"].sha256) == (SHA, 3.0, OTHER_SHA)
    assert reading.pinned() == {SHA, OTHER_SHA}


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_an_aborted_transfer_is_a_fetch_but_delivers_nothing(journal: Journal, reading: Reading, is_one_batch: bool) -> None:
    whole, aborted = an_event(at=1.0), an_event(at=2.0, outcome="aborted", sha256=OTHER_SHA, size_bytes=512)
    if is_one_batch:
        write(journal, whole, aborted)
    else:
        write(journal, whole)
        write(journal, aborted)
    fetch = reading.last_fetches()[MAC]["mac"]
    assert (fetch.at, fetch.outcome, fetch.sha256) == (2.0, "aborted", OTHER_SHA)
    assert (fetch.delivered_sha256, fetch.delivered_at) == (SHA, 1.0)


def test_head_is_journalled_and_is_neither_fetch_nor_delivery(journal: Journal, reading: Reading) -> None:
    write(journal, an_event(method="HEAD", outcome="head"))
    assert len(reading.events(reason="head")) == 1
    assert reading.last_fetches() == {}
    assert reading.pinned() == set()


def test_an_event_that_comes_late_from_another_process_does_not_turn_time_back(database: Database, reading: Reading) -> None:
    write(Journal(database, has_thread=False), an_event(at=20.0, sha256=OTHER_SHA))
    write(Journal(database, has_thread=False), an_event(at=10.0))
    assert reading.delivered_pair(MAC)["mac"].sha256 == OTHER_SHA


def test_a_common_file_fetched_over_tftp_is_attributed_by_the_address(
    folder: StateFolder, database: Database, reading: Reading
) -> None:
    with Publisher(folder) as publisher:
        publisher.publish(a_fleet(range(3)), now=1.0)
    journal = Journal(database, has_thread=False)
    tftp = {"protocol": "tftp", "method": "RRQ", "agent": None, "status": 0}
    common = {"mac": None, "phone": None, "kind": "common", "file": COMMON, "sha256": OTHER_SHA}
    write(journal, an_event(at=10.0, **tftp, **common))
    write(journal, an_event(at=11.0, **tftp, mac=a_mac(1), file=f"{a_mac(1)}.cfg"))
    write(journal, an_event(at=12.0, **tftp, mac=a_mac(2), peer="10.1.2.4"))
    write(journal, an_event(at=5000.0, **tftp, mac=a_mac(0)))
    pair = reading.delivered_pair(a_mac(1))
    assert (pair["common"].sha256, pair["common"].at) == (OTHER_SHA, 10.0)
    assert set(reading.delivered_pair(a_mac(2))) == {"mac"}  # another address
    assert set(reading.delivered_pair(a_mac(0))) == {"mac"}  # too long ago


def test_harmless_refusals_of_a_boot_do_not_make_a_phone_refused(journal: Journal, reading: Reading) -> None:
    nothing = {"kind": None, "file": None, "sha256": None, "status": 404}
    write(journal, an_event(at=1.0), an_event(at=2.0, outcome="boot-file", **nothing))
    assert reading.refused() == []
    write(journal, an_event(at=3.0, outcome="wrong-model", fact="agent says T48G", **nothing))
    assert [(fetch.mac, fetch.outcome, fetch.fact) for fetch in reading.refused()] == [(MAC, "wrong-model", "agent says T48G")]
    write(journal, an_event(at=4.0))
    assert reading.refused() == []


def test_contents_are_remembered_within_a_bound_but_never_those_a_phone_has(database: Database) -> None:
    journal = Journal(database, has_thread=False)
    for number in range(20):
        write(journal, an_event(at=float(number), sha256=f"{number:064x}"))
        unpack(database, keep_delivered=5)
    for number in range(8):
        write(journal, an_event(at=100.0 + number, mac=a_mac(number), sha256=f"{1000 + number:064x}"))
        unpack(database, keep_delivered=5)
    with database.reading() as connection:
        kept = {int(sha, 16) for sha in connection.execute(sa.select(schema.delivered.c.sha256)).scalars()}
    assert kept == {19, *range(1000, 1008)}


# -- unknown phones


def test_knocks_are_counted_with_first_last_and_what_the_agent_said(journal: Journal, reading: Reading) -> None:
    write(journal, a_knock(a_mac(1), at=1.0), a_knock(a_mac(1), at=2.0))
    write(journal, a_knock(a_mac(1), at=3.0, agent=None, model=None, firmware=None, peer="10.7.7.7", protocol="tftp"))
    (knock,) = reading.knocking()
    assert (knock.mac, knock.first_at, knock.last_at, knock.count) == (a_mac(1), 1.0, 3.0, 3)
    assert (knock.model, knock.firmware, knock.peer, knock.protocol) == ("T46G", "28.83.0.35", "10.7.7.7", "tftp")


def test_only_unknown_macs_knock(journal: Journal, reading: Reading) -> None:
    write(journal, a_knock(a_mac(1), outcome="outside-network"), a_knock(a_mac(2), mac=None), an_event(outcome="wrong-model"))
    assert reading.knocking() == []


def test_a_flood_of_unknown_macs_stays_bounded_and_the_newest_stay(
    database: Database, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "KNOCKING_KEPT", 50)
    assert retention_module.Retention().keep_knocking == 1000
    journal = Journal(database, has_thread=False)
    for numbers in (range(30), range(30, 400)):
        write(journal, *(a_knock(a_mac(number), at=float(number)) for number in numbers))
        unpack(database, keep_knocking=50)
    assert [knock.mac for knock in reading.knocking()] == [a_mac(number) for number in range(399, 349, -1)]
    assert reading.last_fetches() == {}


def test_one_step_writes_no_more_unknown_phones_than_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "KNOCKING_KEPT", 50)
    _, _, knocks = Unpacker(database)._rows._derive([(a_knock(a_mac(number), at=float(number)), 1) for number in range(400)])
    assert sorted(knocks) == [a_mac(number) for number in range(350, 400)]


def test_ignored_phones_are_not_shown_and_adopted_ones_forgotten(journal: Journal, reading: Reading) -> None:
    write(journal, a_knock(a_mac(1), at=1.0), a_knock(a_mac(2), at=2.0))
    reading.ignore(a_mac(1), "neighbour's", now=3.0)
    reading.ignore(a_mac(1), "the neighbour's phone", now=4.0)
    assert [knock.mac for knock in reading.knocking()] == [a_mac(2)]
    assert [knock.mac for knock in reading.knocking(with_ignored=True)] == [a_mac(2), a_mac(1)]
    assert reading.ignored() == {a_mac(1): "the neighbour's phone"}
    assert reading.forget_knocking(a_mac(2))
    assert not reading.forget_knocking(a_mac(2))
    assert reading.knocking() == []


# -- several processes, and their end


def _write_many(path: str, worker: int) -> None:
    journal = Journal(Database.open(StateFolder.open(path)))
    for number in range(3000):
        journal.record(
            an_event(at=float(number), mac=a_mac(worker), peer=f"10.0.{worker}.{number % 250}", name=f"/{worker}/{number}")
        )
    journal.close()


def test_two_processes_write_while_a_third_reads(folder: StateFolder, reading: Reading) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(str(folder.path), number)) for number in range(2)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        reading.events(limit=50)
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    rows = reading.events(limit=10_000)
    assert len({row.values["name"] for row in rows}) == len(rows) == 6000
    assert {mac: fetch["mac"].at for mac, fetch in reading.last_fetches().items()} == {a_mac(0): 2999.0, a_mac(1): 2999.0}


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from state_builders import an_event, a_mac
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
journal = Journal(Database.open(StateFolder.open(sys.argv[1])), has_thread=False)
number = int(sys.argv[3])
while True:
    for _ in range(500):
        number += 1
        journal.record(an_event(at=float(number), mac=a_mac(number % 50), name=str(number)))
    assert journal.flush(), journal.last_error
    print(number, flush=True)
"""


def test_a_kill_in_the_middle_of_a_flush_loses_only_what_was_not_yet_written(folder: StateFolder, reading: Reading) -> None:
    last = 0
    for kill in range(4):
        command = [sys.executable, "-c", WRITER, str(folder.path), str(Path(__file__).parent), str(last)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(3 + kill):
                flushed = int(writer.stdout.readline())
            writer.kill()
        names = [int(row.values["name"]) for row in reading.events(limit=100_000)]
        assert names == list(range(len(names), 0, -1))  # whole batches, without a gap, nothing twice
        assert len(names) >= flushed and len(names) % 500 == 0
        assert max(fetch["mac"].at for fetch in reading.last_fetches().values()) == float(names[0])
        last = names[0]


def test_what_a_phone_says_over_sip_is_no_fetch_and_no_knock(journal: Journal, reading: Reading) -> None:
    refused = an_event(
        protocol="sip", method="REGISTER", kind=None, file=None, sha256=None, outcome="wrong-credentials", status=401
    )
    write(journal, refused, refused._replace(phone=None, outcome="unknown-mac"))
    assert [row.values["phone"] for row in reading.events()] == [None, refused.phone]
    assert refused.phone and refused.mac
    assert reading.last_fetches() == {} and reading.knocking() == []
