"""Sources of blocks: memory, static files read in pieces, netascii, and what a file does that changes meanwhile."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tftp_running import client, fetch, request, running, static

from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.services.tftp_content import (
    MAX_COUNTED_BYTES,
    READ_AHEAD_BYTES,
    OpenFiles,
    netascii,
    open_source,
    wire_size,
)
from provisioner.services.tftp_options import Terms

ROM = random.Random(6).randbytes(3 * READ_AHEAD_BYTES + 77)


@pytest.fixture
def rom(tmp_path: Path) -> Path:
    path = tmp_path / "T46.rom"
    path.write_bytes(ROM)
    return path


@pytest.mark.parametrize("blksize", [8, 512, 1428, 65464])
def test_a_static_file_is_read_in_pieces_and_any_block_of_the_last_window_can_be_had_again(rom: Path, blksize: int) -> None:
    files = OpenFiles()
    source = open_source(static(rom), Terms(blksize), is_netascii=False, files=files)
    blocks = []
    for number in range(1, len(ROM) // blksize + 2):
        blocks.append(bytes(source.block(number)))
        if number % 100 == 9:
            assert source.block(number - 8) == blocks[number - 9]
    assert b"".join(blocks) == ROM
    assert len(blocks[-1]) < blksize
    source.close()
    source.close()
    assert not len(files)


def test_a_file_whose_length_is_a_multiple_of_the_block_size_ends_with_an_empty_block(tmp_path: Path) -> None:
    path = tmp_path / "even.rom"
    path.write_bytes(bytes(2 * READ_AHEAD_BYTES))
    source = open_source(static(path), Terms(512), is_netascii=False, files=OpenFiles())
    last = 2 * READ_AHEAD_BYTES // 512
    assert len(source.block(last)) == 512
    assert source.block(last + 1) == b""
    source.close()


def test_many_phones_share_one_descriptor_and_a_replaced_file_gets_its_own(rom: Path) -> None:
    files = OpenFiles()
    first = [open_source(static(rom), Terms(), is_netascii=False, files=files) for _ in range(50)]
    assert len(files) == 1
    new = rom.with_name("new")
    new.write_bytes(b"new")
    new.replace(rom)
    second = open_source(static(rom), Terms(), is_netascii=False, files=files)
    assert len(files) == 2
    assert second.block(1) == b"new"
    assert first[0].block(1) == ROM[:512]
    for source in (*first, second):
        source.close()
    assert not len(files)


def test_a_file_cut_short_meanwhile_is_an_error_and_no_shorter_file(rom: Path) -> None:
    source = open_source(static(rom), Terms(), is_netascii=False, files=OpenFiles())
    source.block(1)
    os.truncate(rom, 100)
    with pytest.raises(OSError, match="cut short"):
        source.block(READ_AHEAD_BYTES // 512 + 1)
    source.close()


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, tmp_path / "missing"):
        with pytest.raises(OSError):
            open_source(PublishedFile("x", FileKind.STATIC, "s", 1, path=path), Terms(), is_netascii=False, files=OpenFiles())


def test_the_size_on_the_wire_is_known_but_for_large_or_static_netascii(rom: Path) -> None:
    text = PublishedFile("a", FileKind.MAC, "", 4, body=b"a\n\r\n")
    assert (wire_size(text, is_netascii=False), wire_size(text, is_netascii=True)) == (4, 7)
    large = PublishedFile("a", FileKind.MAC, "", 0, body=bytes(MAX_COUNTED_BYTES + 1))
    assert (wire_size(large, is_netascii=False), wire_size(large, is_netascii=True)) == (MAX_COUNTED_BYTES + 1, None)
    assert (wire_size(static(rom), is_netascii=False), wire_size(static(rom), is_netascii=True)) == (len(ROM), None)


def test_a_static_file_arrives_over_sockets_and_its_descriptor_is_closed(rom: Path) -> None:
    with running({"files/T46.rom": static(rom)}) as it, client() as phone:
        phone.sendto(request("files/T46.rom", tsize=0), it.address)
        oack, session = phone.recvfrom(600)
        assert oack == b"\0\6tsize\0" + str(len(ROM)).encode() + b"\0"
        phone.sendto(b"\0\5\0\0\0", session)
        assert it.events.next().outcome == "aborted"
        assert fetch(phone, it.address, "files/T46.rom", blksize=1428) == ROM
        event = it.events.next()
        assert (event.outcome, event.kind, event.size_bytes) == ("ok", "static", len(ROM))
        assert fetch(phone, it.address, "files/T46.rom", "netascii", blksize=1428) == netascii(ROM)
        assert it.events.next().outcome == "ok"
        assert not len(it.server.files)


def test_a_static_file_that_vanished_or_is_cut_short_ends_one_session_alone(rom: Path) -> None:
    with running({"T46.rom": static(rom), "a.cfg": b"a"}, first_interval_s=60.0) as it, client() as phone:
        phone.sendto(request("T46.rom", blksize=65464), it.address)
        _, session = phone.recvfrom(600)
        phone.sendto(b"\0\4\0\0", session)
        phone.recvfrom(70_000)
        os.truncate(rom, 100)
        phone.sendto(b"\0\4\0\1", session)
        assert phone.recvfrom(600)[0][:4] == b"\0\5\0\0"
        assert it.events.next().fact == "failed: OSError, newer-firmware"
        rom.unlink()
        with pytest.raises(OSError, match="Server error"):
            fetch(phone, it.address, "T46.rom")
        assert it.events.next().fact == "the answer failed: FileNotFoundError"
        assert fetch(phone, it.address, "a.cfg") == b"a"
        assert not len(it.server.files)
