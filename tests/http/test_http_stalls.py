"""No client, slow, silent or hostile, holds up another; nothing that a client can grow is without a bound."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from phone_http import BODY, GET, ROM_BYTES, Phones, read_all, read_response

from provisioner.services.http_limits import Limits

KEEP = GET.replace(b"Connection: close\r\n", b"")
ROM = b"GET /files/T46.rom HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"


def test_a_known_phone_is_answered_while_others_read_and_never_close(start: Callable[..., Phones]) -> None:
    phones = start()
    holding = [phones.open(GET if number % 2 else KEEP) for number in range(20)]
    for sock in holding:
        assert read_response(sock).endswith(BODY)
    assert phones.ask(GET).endswith(BODY)
    for sock in holding:
        sock.close()


def test_a_known_phone_is_answered_while_others_send_half_a_request(start: Callable[..., Phones]) -> None:
    phones = start()
    halves = [phones.open(KEEP[: number % 60]) for number in range(60)]
    assert phones.ask(GET).endswith(BODY)
    for sock in halves:
        sock.close()


def test_a_known_phone_is_answered_while_others_download_slowly_and_they_get_every_byte(
    start: Callable[..., Phones], rom: Path
) -> None:
    phones = start(rom=rom)
    slow = [phones.open(ROM) for _ in range(20)]
    firsts = [sock.recv(1000) for sock in slow]
    assert phones.ask(GET).endswith(BODY)
    wanted = rom.read_bytes()
    for sock, first in zip(slow, firsts, strict=True):
        head, _, body = (first + read_all(sock)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and body == wanted
        sock.close()
    assert [event.size_bytes for event in phones.diary.events if event.kind == "static"] == [ROM_BYTES] * 20


def test_a_download_that_is_given_up_is_written_down_as_aborted(start: Callable[..., Phones], rom: Path) -> None:
    phones = start(rom=rom)
    sock = phones.open(ROM)
    sock.recv(1000)
    sock.close()
    event = phones.outcome("aborted")
    assert (event.file, event.status, event.kind) == ("files/T46.rom", 200, "static")
    assert 0 < event.size_bytes < ROM_BYTES


def test_a_reader_that_makes_no_progress_is_given_up(start: Callable[..., Phones], rom: Path) -> None:
    phones = start(rom=rom, limits=Limits(progress_s=0.3))
    with phones.open(ROM) as sock:
        assert phones.outcome("aborted").size_bytes < ROM_BYTES
        assert len(read_all(sock)) < ROM_BYTES


def test_half_a_head_is_given_up_in_time_and_written_down(start: Callable[..., Phones]) -> None:
    phones = start(limits=Limits(head_s=0.2))
    with phones.open(GET[:30]) as sock:
        assert read_all(sock) == b""
    assert phones.outcome("head-timeout").fact == "30 bytes of a request and no more"


def test_bytes_that_trickle_do_not_prolong_the_time_of_a_head(start: Callable[..., Phones]) -> None:
    phones = start(limits=Limits(head_s=0.3))
    with phones.open() as sock:
        sock.settimeout(0.02)
        sent = 0
        for at in range(1000):
            try:
                sock.sendall(b"GET /"[at : at + 1] or b"x")
                sent += 1
                if not sock.recv(10):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert sent < 100


def test_an_idle_connection_is_closed_in_time(start: Callable[..., Phones]) -> None:
    phones = start(limits=Limits(idle_s=0.2))
    with phones.open(KEEP) as sock:
        assert read_response(sock).endswith(BODY)
        assert sock.recv(10) == b""


def test_when_there_are_too_many_connections_idle_ones_go_before_half_open_ones(start: Callable[..., Phones]) -> None:
    phones = start(limits=Limits(connections=20))
    half = phones.open(KEEP[:30])
    assert phones.ask(GET).endswith(BODY)
    idle = [phones.open(KEEP) for _ in range(15)]
    for sock in idle:
        read_response(sock)
    more = [phones.open(KEEP[:20]) for _ in range(10)]
    assert phones.ask(GET).endswith(BODY)
    assert idle[0].recv(10) == b""  # the oldest idle one made room
    half.sendall(KEEP[30:])
    assert read_response(half).endswith(BODY)
    for sock in (half, *idle, *more):
        sock.close()


def test_half_open_connections_beyond_the_bound_never_keep_a_phone_out(start: Callable[..., Phones]) -> None:
    phones = start(limits=Limits(connections=16))
    halves = [phones.open(KEEP[:30]) for _ in range(100)]
    assert phones.ask(GET).endswith(BODY)
    for sock in halves:
        sock.close()


def test_among_too_many_downloads_the_slowest_makes_room(start: Callable[..., Phones], rom: Path) -> None:
    phones = start(rom=rom, limits=Limits(connections=16))
    slow = [phones.open(ROM) for _ in range(16)]
    for sock in slow:
        sock.recv(1000)
    with phones.open(KEEP) as sock:
        assert read_response(sock).endswith(BODY)
    assert phones.outcome("aborted").kind == "static"
    for sock in slow:
        sock.close()


def test_a_connection_may_ask_only_so_often(start: Callable[..., Phones]) -> None:
    phones = start(limits=Limits(requests=3))
    with phones.open(KEEP * 5) as sock:
        got = read_all(sock)
    assert got.count(b"HTTP/1.1 200 OK") == 3
    assert got.count(b"Connection: close") == 1


def test_pipelined_requests_are_answered_in_order(start: Callable[..., Phones]) -> None:
    phones = start()
    other = KEEP.replace(b"001565aabbcc", b"nothing")
    got = phones.ask((KEEP + other) * 40)
    assert got.count(b"HTTP/1.1 200 OK") == got.count(b"HTTP/1.1 404 Not Found") == 40
    assert got.index(b" 200 ") < got.index(b" 404 ") < got.index(b" 200 ", got.index(b" 404 "))


def test_a_client_that_asks_and_never_reads_is_bounded(start: Callable[..., Phones]) -> None:
    phones = start(limits=Limits(progress_s=0.3, head_s=0.3, requests=100_000))
    with phones.open() as sock:
        sock.settimeout(0.5)
        try:
            for _ in range(400):
                sock.sendall(KEEP * 50)
        except (TimeoutError, OSError):
            pass
        assert phones.ask(GET).endswith(BODY)
        phones.diary.first(lambda event: event.outcome in ("aborted", "head-timeout"))


def test_a_file_that_changed_after_it_was_published_is_not_sent(start: Callable[..., Phones], rom: Path) -> None:
    phones = start(rom=rom)
    rom.write_bytes(b"shorter")
    assert phones.ask(ROM).startswith(b"HTTP/1.1 404 Not Found")
    assert phones.outcome("unknown-file").fact == "files/T46.rom is no longer the file that was published"


def test_a_peer_that_resets_its_connection_harms_nobody(start: Callable[..., Phones], rom: Path) -> None:
    phones = start(rom=rom)
    for data in (b"", GET[:10], GET, KEEP, ROM):
        sock = phones.open(data)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        sock.close()
    assert phones.ask(GET).endswith(BODY)
    assert phones.log == []
