from __future__ import annotations

import os
from pathlib import Path

import pytest
from state_builders import COMMON, a_body, a_fleet, a_mac, a_mac_file, a_phone

from provisioner.delivery.file import FileKind
from provisioner.state import compaction
from provisioner.state import publisher as publisher_module
from provisioner.state import source as source_module
from provisioner.state.published import NewFile, Publication, PublishedSource, Publisher, StateFolder, StaticFile


def name(number: int) -> str:
    return f"{a_mac(number)}.cfg"


def test_before_the_first_generation_there_is_no_snapshot_and_no_file_is_made(folder: StateFolder) -> None:
    source = PublishedSource(folder)
    assert source.current() is None
    assert not folder.index.exists()
    assert source.last_error is None


def test_an_opened_store_without_a_generation_gives_no_snapshot(folder: StateFolder, publisher: Publisher) -> None:
    assert PublishedSource(folder).current() is None


def test_a_reader_made_before_the_first_generation_sees_it(folder: StateFolder) -> None:
    source = PublishedSource(folder)
    assert source.current() is None
    with Publisher(folder) as publisher:
        assert publisher.publish(a_fleet(range(3)), now=5.0) == 1
    snapshot = source.current()
    assert snapshot is not None
    assert snapshot.generation == 1
    assert set(snapshot.files) == {name(0), name(1), name(2), COMMON}
    file = snapshot.files[name(1)]
    assert (file.kind, file.mac, bytes(file.body), file.size_bytes) == (FileKind.MAC, a_mac(1), a_body(1), len(a_body(1)))
    assert snapshot.phones[a_mac(2)] == a_phone(2).entry


def test_without_a_change_the_same_object_is_returned(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet(range(3)), now=1.0)
    assert source.current() is source.current()


def test_publishing_the_same_again_makes_no_generation(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet(range(3)), now=1.0)
    before, size = source.current(), folder.pack(1).stat().st_blocks
    assert publisher.publish(a_fleet(range(3)), now=2.0) == 1
    assert source.current() is before
    assert folder.pack(1).stat().st_blocks == size
    assert source.load_report()["published_at"] == 1.0


def test_one_change_reads_one_row_and_keeps_the_other_objects(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet(range(5)), now=1.0)
    before = source.current()
    assert publisher.publish(Publication(files={name(3): a_mac_file(3, version=2)}), now=2.0) == 2
    after = source.current()
    assert before is not None and after is not None
    assert bytes(after.files[name(3)].body) == a_body(3, 2)
    assert after.files[name(3)].generation == 2
    assert after.files[name(1)] is before.files[name(1)]
    assert bytes(before.files[name(3)].body) == a_body(3)  # a transfer that has begun goes on with its bytes


def test_removed_files_and_phones_are_gone_for_old_and_new_readers(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet(range(3)), now=1.0)
    source.current()
    assert publisher.publish(Publication(removed={name(1), "no.cfg"}, removed_phones={a_mac(1)}), now=2.0) == 2
    for reader in (source, PublishedSource(folder)):
        snapshot = reader.current()
        assert snapshot is not None
        assert name(1) not in snapshot.files and a_mac(1) not in snapshot.phones
        assert len(snapshot.phones) == 2
    assert publisher.publish(Publication(removed={name(1)}, removed_phones={a_mac(1)}), now=3.0) == 2


def test_a_phone_that_comes_back_is_seen_by_a_reader_that_missed_the_removal(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet(range(3)), now=1.0)
    source.current()
    publisher.publish(Publication(removed={name(1)}, removed_phones={a_mac(1)}), now=2.0)
    publisher.publish(a_fleet([1]), now=3.0)
    snapshot = source.current()
    assert snapshot is not None
    assert name(1) in snapshot.files and a_mac(1) in snapshot.phones


def test_a_reader_older_than_the_oldest_tombstone_reads_everything(
    folder: StateFolder, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "TOMBSTONES_KEPT", 2)
    source = PublishedSource(folder)
    publisher.publish(a_fleet(range(8)), now=1.0)
    source.current()
    for number in range(6):
        publisher.publish(Publication(removed={name(number)}), now=2.0)
    snapshot = source.current()
    assert snapshot is not None
    assert set(snapshot.files) == {name(6), name(7), COMMON}


def test_a_phone_with_a_problem_keeps_its_file_and_says_so(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet(range(2)), now=1.0)
    assert publisher.publish(Publication(phones={a_mac(1): a_phone(1, has_problem=True)}), now=2.0) == 2
    snapshot = source.current()
    assert snapshot is not None
    assert snapshot.phones[a_mac(1)].has_problem
    assert bytes(snapshot.files[name(1)].body) == a_body(1)


def test_static_files_are_published_by_place_and_change_with_their_time(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    rom = StaticFile(Path("/srv/T46.rom"), 20_000_000, 7)
    publisher.publish(Publication(static_files={"files/T46.rom": rom}), now=1.0)
    assert publisher.publish(Publication(static_files={"files/T46.rom": rom}), now=1.0) == 1
    changed = StaticFile(rom.path, rom.size_bytes, 8)
    assert publisher.publish(Publication(static_files={"files/T46.rom": changed}), now=1.0) == 2
    snapshot = source.current()
    assert snapshot is not None
    file = snapshot.files["files/T46.rom"]
    assert (file.kind, file.sha256, file.path, file.body, file.size_bytes) == (
        FileKind.STATIC, "s-20000000-8", rom.path, b"", 20_000_000,
    )  # fmt: skip


def test_origins_come_back_as_given_and_none_stays_none(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet([7]), now=1.0)
    assert source.origins(name(7)) == [["phones.toml", 7, "phone"]]
    assert source.origins(COMMON) is None
    assert source.origins("nothing.cfg") is None
    moved = NewFile(FileKind.MAC, a_mac(7), a_body(7), [["phones.toml", 9, "phone"]])
    assert publisher.publish(Publication(files={name(7): moved}), now=2.0) == 2
    assert source.origins(name(7)) == [["phones.toml", 9, "phone"]]
    snapshot = source.current()
    assert snapshot is not None and snapshot.files[name(7)].generation == 1  # the bytes are those of generation 1


def test_equal_bodies_lie_in_the_pack_once(folder: StateFolder, publisher: Publisher) -> None:
    body = b"#!version:1.0.0.1\n" * 1000
    files = {name(number): NewFile(FileKind.MAC, a_mac(number), body) for number in range(50)}
    publisher.publish(Publication(files=files), now=1.0)
    assert publisher._store.writer.length == len(body)
    assert {bytes(file.body) for file in publisher.load_last().files.values()} == {body}


def test_replaced_bytes_can_still_be_had_by_hash_with_their_origins(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet([7]), now=1.0)
    old = publisher.load_last().files[name(7)].sha256
    publisher.publish(a_fleet([7], version=1), now=2.0)
    content = source.content(old)
    assert content is not None
    assert (content.name, content.body, content.origins) == (name(7), a_body(7), [["phones.toml", 7, "phone"]])
    assert source.content("f" * 64) is None


def test_after_a_restart_the_last_good_files_are_known_and_numbers_go_on(folder: StateFolder) -> None:
    with Publisher(folder) as first:
        first.publish(a_fleet(range(4)), now=1.0)
        first.publish(Publication(fingerprint="t1 i1", problems=[{"file": "a.toml", "line": 3}]), now=2.0)
    with Publisher(folder) as second:
        last = second.load_last()
        assert (last.generation, last.published_at, last.fingerprint) == (1, 1.0, "t1 i1")
        assert last.problems == [{"file": "a.toml", "line": 3}]
        assert bytes(last.files[name(2)].body) == a_body(2)
        assert last.phones[a_mac(2)] == a_phone(2)
        assert second.repairs == []
        assert second.publish(a_fleet([2], version=1), now=3.0) == 2


def test_problems_reach_other_processes_without_a_new_generation(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet([1]), now=1.0)
    before = source.current()
    publisher.publish(Publication(problems=[{"code": "unknown-setting"}]), now=2.0)
    assert source.current() is before
    assert source.load_report() == {
        "generation": 1, "published_at": 1.0, "fingerprint": "", "problems": [{"code": "unknown-setting"}],
    }  # fmt: skip


def test_a_large_difference_is_read_on_a_thread_while_the_old_snapshot_serves(
    folder: StateFolder, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "INLINE_ROWS", 10)
    source = PublishedSource(folder)
    publisher.publish(a_fleet(range(50)), now=1.0)
    old = source.current()
    publisher.publish(a_fleet(range(50), version=1), now=2.0)
    with source._lock:  # the thread cannot begin yet
        pass
    assert source.current() is old
    thread = source._worker
    if thread is not None:
        thread.join()
    new = source.current()
    assert new is not None and new.generation == 2
    assert all(b"version 1" in bytes(file.body) for file in new.files.values())


def test_a_forked_reader_refreshes_for_itself(folder: StateFolder, publisher: Publisher) -> None:
    source = PublishedSource(folder)
    publisher.publish(a_fleet([1]), now=1.0)
    source.current()
    source._lock.acquire()  # a thread of the parent is at it at the moment of the fork
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.read(reading, 1)
        snapshot = source.current()
        os._exit(0 if snapshot is not None and bytes(snapshot.files[name(1)].body) == a_body(1, 5) else 1)
    publisher.publish(a_fleet([1], version=5), now=2.0)
    os.write(writing, b"x")
    _, status = os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    assert status == 0


def test_a_full_disk_leaves_the_generation_before_and_the_next_try_works(
    folder: StateFolder, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provisioner.errors import EnvironmentProblem

    source = PublishedSource(folder)
    publisher.publish(a_fleet(range(5)), now=1.0)
    before = source.current()

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", refuse)
        with pytest.raises(EnvironmentProblem, match="No space left"):
            publisher.publish(a_fleet(range(5), version=1), now=2.0)
    assert source.current() is before
    assert publisher._store.writer.length == publisher._store.meta["pack_length"]  # what did not arrive is not counted
    assert publisher.publish(a_fleet(range(5), version=2), now=3.0) == 2
    snapshot = source.current()
    assert snapshot is not None and bytes(snapshot.files[name(3)].body) == a_body(3, 2)


def test_bodies_are_on_the_disk_before_the_index_names_them(
    folder: StateFolder, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.publish(a_fleet(range(5)), now=1.0)
    source, sync, synced = PublishedSource(folder), os.fsync, []

    def watch(descriptor: int) -> None:
        sync(descriptor)
        packed = folder.pack(1).read_bytes()
        synced.append((source.load_report()["generation"], a_body(4, 1) in packed))

    monkeypatch.setattr(os, "fsync", watch)
    publisher.publish(a_fleet(range(5), version=1), now=2.0)
    assert synced == [(1, True)]
    assert source.load_report()["generation"] == 2


def compacting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "COMPACT_BYTES", 20_000)
    monkeypatch.setattr(publisher_module, "COMPACT_BYTES", 20_000)


def test_dead_bytes_are_given_back_and_open_views_stay_good(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    compacting(monkeypatch)
    source = PublishedSource(folder)
    with Publisher(folder) as publisher:
        publisher.publish(a_fleet(range(10)), now=1.0)
        first = source.current()
        for version in range(1, 20):
            publisher.publish(a_fleet(range(10), version), now=version * 10_000.0)
        assert publisher.last_error is None
        packs = folder.packs()
        assert len(packs) == 1 and packs[0] != folder.pack(1)
        assert publisher._store.writer.length < 6 * 10 * len(a_body(1))
        last = source.current()
        assert first is not None and last is not None
        assert bytes(first.files[name(4)].body) == a_body(4)
        assert {number: bytes(last.files[name(number)].body) for number in range(10)} == {
            number: a_body(number, 19) for number in range(10)
        }
        assert source.origins(name(4)) == [["phones.toml", 4, "phone"]]
    with Publisher(folder) as again:
        assert again.repairs == []
        assert bytes(again.load_last().files[name(4)].body) == a_body(4, 19)


def test_what_a_phone_received_last_survives_compaction_and_what_nobody_has_does_not(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    compacting(monkeypatch)
    pinned: set[str] = set()
    with Publisher(folder, pinned=lambda: pinned) as publisher:
        hashes = []
        for version in range(20):
            publisher.publish(a_fleet(range(10), version), now=version * 10_000.0)
            hashes.append(publisher.load_last().files[name(4)].sha256)
            if version == 0:
                pinned.add(hashes[0])
    source = PublishedSource(folder)
    content = source.content(hashes[0])
    assert content is not None and content.body == a_body(4)
    assert content.origins == [["phones.toml", 4, "phone"]]
    assert source.content(hashes[2]) is None


def test_without_word_of_what_phones_have_nothing_is_dropped(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    compacting(monkeypatch)

    def away() -> set[str]:
        raise RuntimeError("database is away")

    with Publisher(folder, pinned=away) as publisher:
        for version in range(6):
            publisher.publish(a_fleet(range(10), version), now=version * 10_000.0)
        assert publisher.last_error == "pack not compacted: database is away"
        assert folder.packs() == [folder.pack(1)]


def test_a_compaction_alone_changes_no_generation(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    source = PublishedSource(folder)
    with Publisher(folder) as publisher:
        for version in range(6):
            publisher.publish(a_fleet(range(10), version), now=1.0)
        before = source.current()
        monkeypatch.setattr(compaction, "COMPACT_BYTES", 20_000)
        assert publisher.compact(now=1e9)
        after = source.current()
    assert before is not None and after is not None
    assert before.generation == after.generation == 6
    assert before.files.keys() == after.files.keys()
    assert bytes(after.files[name(3)].body) == a_body(3, 5)
