from __future__ import annotations

import marshal
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from state_builders import MAC, a_knock, a_mac, an_event

from provisioner.delivery.event import DeliveryEvent
from provisioner.delivery.reason import Reason
from provisioner.delivery.request import Protocol
from provisioner.state import batch as batch_module
from provisioner.state import journal as journal_module
from provisioner.state import pending, schema
from provisioner.state import unpacker as unpacker_module
from provisioner.state.batch import BATCH_EVENTS, FORMAT, pack
from provisioner.state.batch import unpack as unpack_body
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.reading import Reading
from provisioner.state.retention import Retention
from provisioner.state.tail import JournalTail
from provisioner.state.unpacker import BackgroundUnpacker, Unpacker

WITH_BOTH = True


def put(journal: Journal, *events: DeliveryEvent) -> None:
    for event in events:
        journal.record(event)
    assert journal.flush(), journal.last_error


def rows_in(database: Database, table: Any) -> int:
    with database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0


def change_batches(database: Database, **values: Any) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(schema.batch).values(**values))


def test_a_batch_gives_back_what_was_put_in_whatever_a_peer_sent() -> None:
    events = [an_event(), an_event(name="/\udcff\0.cfg", agent=None), a_knock(MAC, duration_s=0.25)]
    packed = pack(events)
    assert unpack_body(packed.format, packed.events, packed.body) == events


def test_words_of_an_enumeration_come_back_as_plain_words() -> None:
    packed = pack([an_event(protocol=Protocol.TFTP, outcome=Reason.UNKNOWN_MAC)])
    (event,) = unpack_body(packed.format, packed.events, packed.body)
    assert (type(event.protocol), event.protocol, type(event.outcome), event.outcome) == (str, "tftp", str, "unknown-mac")


def test_a_flush_writes_batches_and_nothing_else(database: Database, journal: Journal) -> None:
    put(journal, *(an_event(at=float(number)) for number in range(BATCH_EVENTS + 1)))
    assert rows_in(database, schema.batch) == 2
    assert [rows_in(database, table) for table in (schema.event, schema.last_fetch, schema.tally)] == [0, 0, 0]


def test_whoever_reads_unpacks_first_and_counts_each_event_once(database: Database, journal: Journal, reading: Reading) -> None:
    put(journal, an_event(), a_knock(a_mac(7)))
    assert sum(reading.tallies().values()) == 2
    assert sum(Reading(database).tallies().values()) == 2
    assert [knock.mac for knock in Reading(database).knocking()] == [a_mac(7)]


@pytest.mark.parametrize(
    "body", [b"", b"garbage", marshal.dumps([1, 2]), marshal.dumps([("too", "short")]), pack([an_event()]).body[:-9]]
)
def test_a_garbled_batch_is_told_as_lost_and_blocks_nobody(
    database: Database, journal: Journal, reading: Reading, body: bytes
) -> None:
    put(journal, an_event(at=1.0))
    change_batches(database, body=body)
    put(journal, an_event(at=2.0))
    newer, older = reading.events()
    assert (newer.values["outcome"], older.values["outcome"]) == ("dropped", "ok")
    assert newer.values["fact"].startswith("batch 1 of 1 events cannot be read: ")
    put(journal, an_event(at=3.0))
    assert len(reading.events()) == 3


def test_a_batch_of_another_version_is_told_as_lost(database: Database, journal: Journal, reading: Reading) -> None:
    put(journal, an_event())
    change_batches(database, format=FORMAT + 1)
    assert [row.values["fact"] for row in reading.events()] == [
        f"batch 1 of 1 events cannot be read: its form {FORMAT + 1} is unknown"
    ]


def test_events_of_two_processes_are_put_in_order_of_time(database: Database, reading: Reading) -> None:
    put(Journal(database, has_thread=False), an_event(at=1.0, name="/a"), an_event(at=3.0, name="/c"))
    put(Journal(database, has_thread=False), an_event(at=2.0, name="/b"))
    assert [row.values["name"] for row in reading.events()] == ["/c", "/b", "/a"]


def test_several_unpackers_at_once_unpack_each_batch_once(database: Database, folder: StateFolder) -> None:
    patient = Database.open(folder)
    journal = Journal(patient, has_thread=False)
    for at in range(40):
        put(journal, *(an_event(at=at + number / 100, mac=a_mac(number), name=f"/{at}/{number}") for number in range(50)))
    unpackers = [threading.Thread(target=Unpacker(patient).catch_up) for _ in range(4)]
    for one in unpackers:
        one.start()
    for one in unpackers:
        one.join()
    rows = Reading(patient).events(limit=10_000)
    assert sum(row.values["repeats"] for row in rows) == len({row.values["name"] for row in rows}) == 2000
    assert sum(Reading(patient).tallies().values()) == 2000


def test_two_unpackers_of_two_processes_share_the_work(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database.open(folder)
    journal = Journal(database, has_thread=False)
    put(journal, *(an_event(at=float(number), name=f"/{number}") for number in range(5000)))
    program = (
        "import sys; from provisioner.state import unpacker; from provisioner.state.database import Database;"
        "from provisioner.state.folder import StateFolder; unpacker.SLICE_EVENTS = 1000;"
        "unpacker.Unpacker(Database.open(StateFolder.open(sys.argv[1]))).catch_up()"
    )
    both = [subprocess.Popen([sys.executable, "-c", program, str(folder.path)]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert rows_in(database, schema.event) == 5000
    assert sum(Reading(database).tallies().values()) == 5000


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from state_builders import an_event
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.rows import RowWriter
from provisioner.state.unpacker import Unpacker
database = Database.open(StateFolder.open(sys.argv[1]))
journal = Journal(database, has_thread=False)
for number in range(100):
    journal.record(an_event(at=float(number)))
assert journal.flush()
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "during":
    RowWriter.count = die  # the journal's rows are written, the tallies not yet
    Unpacker(database).catch_up()
die()
"""


@pytest.mark.parametrize("when", ["before", "during"])
def test_a_kill_between_batch_and_rows_loses_nothing(folder: StateFolder, reading: Reading, when: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder.path), str(Path(__file__).parent), when], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(reading.events(limit=1000)) == 100
    assert sum(reading.tallies().values()) == 100


def test_what_nobody_unpacks_stays_bounded_and_is_counted(
    database: Database, journal: Journal, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "PENDING_EVENTS", 100)
    for start in range(0, 300, 20):
        put(journal, *(an_event(at=float(start + number)) for number in range(20)))
        with database.reading() as connection:
            assert pending.waiting(connection)[1] <= 100 + 20
    rows = reading.events(limit=1000)
    given_up = sum(row.values["repeats"] for row in rows if row.values["outcome"] == "dropped")
    kept = [row.values["at"] for row in rows if row.values["outcome"] == "ok"]
    assert len(kept) + given_up == 300 and given_up >= 200
    assert max(kept) == 299.0  # the oldest went
    assert reading.tallies()["http", "mac", "ok"] == 300  # and are counted by outcome all the same


def test_small_batches_that_nobody_unpacks_stay_bounded_too(
    database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "PENDING_BATCHES", 10)
    for number in range(40):
        put(journal, an_event(at=float(number)))
        with database.reading() as connection:
            assert pending.waiting(connection)[0] <= 11


def test_unpacked_batches_are_deleted_once_nobody_looks_at_them(database: Database, journal: Journal) -> None:
    unpacker = Unpacker(database)
    for number in range(30):
        put(journal, an_event(at=float(number)))
        unpacker.catch_up()
    assert rows_in(database, schema.batch) == rows_in(database, schema.unpacked) == pending.SHOWN_S + 1


def test_while_the_database_is_locked_a_reader_gets_what_is_unpacked(
    database: Database, journal: Journal, reading: Reading
) -> None:
    put(journal, an_event(at=1.0))
    assert len(reading.events()) == 1
    put(journal, an_event(at=2.0))
    with database.writing():
        assert len(reading.events()) == 1
    assert len(reading.events()) == 2


def test_one_unpacks_in_the_background(database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(unpacker_module, "PAUSE_S", 0.001)
    inner = Unpacker.step

    def step(self: Unpacker, up_to: int | None = None, most: int = 1000) -> int:
        found = inner(self, up_to, most)
        if rows_in(database, schema.event) == 2500:
            done.set()
        return found

    monkeypatch.setattr(Unpacker, "step", step)
    background = BackgroundUnpacker(database, Retention())
    background.start()
    put(journal, *(an_event(at=float(number), name=f"/{number}") for number in range(2500)))
    assert done.wait(20), background.last_error
    background.stop()


def test_the_background_rests_in_proportion_unless_too_much_waits(
    database: Database, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    background = BackgroundUnpacker(database, Retention())
    put(journal, *(an_event(at=float(number)) for number in range(20)))
    assert not background._is_hurried()
    monkeypatch.setattr(unpacker_module, "HURRY_EVENTS", 10)
    assert background._is_hurried()


def test_the_background_outlives_a_locked_database(database: Database, journal: Journal) -> None:
    background = BackgroundUnpacker(database, Retention())
    put(journal, an_event())
    with database.writing():
        assert not background._step()
    assert "lock" in str(background.last_error)
    assert background._step() and background.last_error is None


# -- the tail


def test_the_tail_gives_each_event_once_also_when_somebody_unpacks_in_between(
    database: Database, journal: Journal, reading: Reading
) -> None:
    put(journal, an_event(at=1.0))
    tail = JournalTail(database)
    assert tail.fresh(10) == ([], 0)
    put(journal, an_event(at=2.0, name="/a"))
    reading.events()
    put(journal, an_event(at=3.0, name="/b"))
    assert [event.name for event in tail.fresh(10)[0]] == ["/a", "/b"]
    assert tail.fresh(10) == ([], 0)


def test_the_tail_of_a_storm_is_cut_and_the_rest_counted(database: Database, journal: Journal) -> None:
    tail = JournalTail(database)
    put(journal, *(an_event(at=float(number)) for number in range(5000)))
    events, left = tail.fresh(40)
    assert ([event.at for event in events], left) == ([float(number) for number in range(40)], 4960)


def test_bounds_agree_with_each_other() -> None:
    assert batch_module.BATCH_EVENTS <= unpacker_module.SLICE_EVENTS
    assert journal_module.TRANSACTION_EVENTS < pending.PENDING_EVENTS // 2
