"""What a kill or damage from outside leaves behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from state_builders import a_body, a_fleet, a_mac

from provisioner.state.published import Publication, PublishedSource, Publisher, StateFolder

PHONES = 40
KILLS = 12

LOADER = """
import sys
sys.path.insert(0, sys.argv[2])
from state_builders import a_fleet
from provisioner.state import compaction, publisher
from provisioner.state.published import Publisher, StateFolder
compaction.COMPACT_BYTES = publisher.COMPACT_BYTES = 300_000
with Publisher(StateFolder.open(sys.argv[1])) as loader:
    version = loader.load_last().generation
    print(*loader.repairs, "ready", flush=True)
    while True:
        version += 1
        loader.publish(a_fleet(range(40), version), now=version * 1000.0)
        print(version, flush=True)
"""


def whole_version(source: PublishedSource) -> int:
    """The one version that all files of the snapshot have; fails if they are mixed or damaged."""
    snapshot = source.refresh()
    assert snapshot is not None and source.last_error is None
    version = snapshot.generation
    found = {number: bytes(snapshot.files[f"{a_mac(number)}.cfg"].body) for number in range(PHONES)}
    assert found == {number: a_body(number, version) for number in range(PHONES)}
    return version


def test_a_loader_killed_at_any_moment_leaves_a_whole_generation(folder: StateFolder) -> None:
    chance = random.Random(4)
    source = PublishedSource(folder)
    last = 0
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", LOADER, str(folder.path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
        ) as loader:
            assert loader.stdout is not None
            assert loader.stdout.readline() == "ready\n"  # nothing had to be repaired after the kill before
            printed = 0
            for _ in range(chance.randrange(1, 8)):
                printed = int(loader.stdout.readline())
            waiting = threading.Event()
            waiting.wait(chance.random() * 0.01)  # not for anything to happen, but for the kill to hit any place
            loader.send_signal(signal.SIGKILL)
        version = whole_version(source)
        assert version >= printed > last
        last = version
        assert whole_version(PublishedSource(folder)) == version


def test_a_reader_beside_a_busy_loader_never_sees_a_mixture(folder: StateFolder) -> None:
    source = PublishedSource(folder)
    with subprocess.Popen(
        [sys.executable, "-c", LOADER, str(folder.path), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    ) as loader:
        assert loader.stdout is not None
        assert loader.stdout.readline() == "ready\n"
        assert loader.stdout.readline() == "1\n"
        seen = set()
        while len(seen) < 30:
            snapshot = source.current()
            assert snapshot is not None and source.last_error is None
            bodies = {bytes(snapshot.files[f"{a_mac(number)}.cfg"].body) for number in range(PHONES)}
            assert bodies == {a_body(number, snapshot.generation) for number in range(PHONES)}
            seen.add(snapshot.generation)
        loader.kill()


def published(folder: StateFolder) -> None:
    with Publisher(folder) as publisher:
        publisher.publish(a_fleet(range(5)), now=1.0)


@pytest.mark.parametrize("damage", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_broken_index_is_put_aside_and_the_next_load_publishes_everything(folder: StateFolder, damage: bytes) -> None:
    published(folder)
    source = PublishedSource(folder)
    good = source.current()
    folder.index.write_bytes(damage)
    assert source.current() is good
    with Publisher(folder) as publisher:
        assert publisher.load_last().files == {}
        if damage:
            assert "was broken" in publisher.repairs[0]
            assert folder.index.with_name("published.sqlite.broken").exists()
        publisher.publish(a_fleet(range(5), version=3), now=2.0)
        after = source.refresh()
    assert after is not None and bytes(after.files[f"{a_mac(2)}.cfg"].body) == a_body(2, 3)
    assert good is not None and bytes(good.files[f"{a_mac(2)}.cfg"].body) == a_body(2)


def test_a_changed_byte_in_the_pack_drops_that_file_alone(folder: StateFolder) -> None:
    published(folder)
    with folder.pack(1).open("r+b") as pack:
        data = pack.read()
        pack.seek(data.index(b"phone 3"))
        pack.write(b"phone 9")
    with Publisher(folder) as publisher:
        assert "1 files did not match their hash" in publisher.repairs[0]
        assert f"{a_mac(3)}.cfg" not in publisher.load_last().files
        assert len(publisher.load_last().files) == 5
        snapshot = PublishedSource(folder).current()
        assert snapshot is not None and f"{a_mac(3)}.cfg" not in snapshot.files
        publisher.publish(a_fleet([3]), now=2.0)
        assert bytes(publisher.load_last().files[f"{a_mac(3)}.cfg"].body) == a_body(3)


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_lost_pack_is_noticed_and_everything_is_published_anew(folder: StateFolder, is_removed: bool) -> None:
    published(folder)
    if is_removed:
        folder.pack(1).unlink()
    else:
        os.truncate(folder.pack(1), 100)
    reader = PublishedSource(folder)
    assert reader.current() is None
    assert reader.last_error is not None
    with Publisher(folder) as publisher:
        assert "published anew" in publisher.repairs[0]
        assert publisher.load_last().files == {}
        publisher.publish(a_fleet(range(5), version=1), now=2.0)
    snapshot = reader.refresh()
    assert snapshot is not None and bytes(snapshot.files[f"{a_mac(2)}.cfg"].body) == a_body(2, 1)


def test_a_kill_between_commit_and_counter_is_made_good_by_the_next_loader(folder: StateFolder) -> None:
    published(folder)
    source = PublishedSource(folder)
    source.current()
    with Publisher(folder) as publisher:
        publisher._store.counter.set = lambda _number: None  # type: ignore[method-assign]
        publisher.publish(Publication(removed={f"{a_mac(1)}.cfg"}), now=2.0)
    before = source.current()
    assert before is not None and before.generation == 1
    with Publisher(folder):
        after = source.current()
    assert after is not None and after.generation == 2
