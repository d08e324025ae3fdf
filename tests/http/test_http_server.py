"""The whole server under gunicorn: ready, several workers, drained at SIGTERM, restarted after a crash."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from phone_http import BODY, GET, ROM_BYTES, Gunicorn, Shelf, a_server, a_snapshot, read_all, read_response

from provisioner.services.http_limits import Limits
from provisioner.services.http_server import PhoneApplication

KEEP = GET.replace(b"Connection: close\r\n", b"")
ROM = b"GET /files/T46.rom HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"


def ask(server: Gunicorn, data: bytes = GET) -> bytes:
    with socket.create_connection(server.address, 10) as sock:
        sock.sendall(data)
        return read_all(sock)


def test_it_says_when_all_workers_accept_and_ends_at_sigterm_without_a_word(gunicorn: Callable[..., Gunicorn]) -> None:
    server = gunicorn(workers=2)
    assert len(server.children()) == 2
    for _ in range(20):
        assert ask(server).endswith(BODY)
    server.stop()
    events, errors = server.end()
    assert len([line for line in events if " ok " in line]) == 20
    assert len([line for line in events if " closed " in line]) == 2  # each worker closed its way to the journal
    assert errors == ""


def test_sigterm_lets_a_download_end_and_answers_what_was_asked(gunicorn: Callable[..., Gunicorn], rom: Path) -> None:
    server = gunicorn(snapshots=lambda: Shelf(a_snapshot(rom)), limits=Limits(idle_s=60.0), graceful_s=60.0)
    idle = socket.create_connection(server.address, 10)
    idle.sendall(KEEP)
    read_response(idle)
    load = socket.create_connection(server.address, 10)
    load.sendall(ROM)
    got = load.recv(1000)
    server.stop()
    assert idle.recv(10) == b""  # closed: the worker is draining
    got += read_all(load)
    assert got.partition(b"\r\n\r\n")[2] == rom.read_bytes()
    events, _ = server.end()
    assert any(line.endswith(f" ok /files/T46.rom {ROM_BYTES}") for line in events)
    idle.close()
    load.close()


def test_a_download_that_outlasts_the_drain_is_aborted_and_written_down(gunicorn: Callable[..., Gunicorn], rom: Path) -> None:
    server = gunicorn(snapshots=lambda: Shelf(a_snapshot(rom)), graceful_s=0.3)
    with socket.create_connection(server.address, 10) as load:
        load.sendall(ROM)
        load.recv(1000)
        server.stop()
        events, _ = server.end()
    assert any(" aborted /files/T46.rom " in line for line in events)


def test_a_client_that_connected_and_says_nothing_does_not_hold_up_the_end(gunicorn: Callable[..., Gunicorn]) -> None:
    server = gunicorn(graceful_s=60.0)
    (worker,) = server.children()
    with socket.create_connection(server.address, 10) as silent:
        sockets = open_sockets(worker)
        # The kernel hands it over after a second or more without a word.
        wait_until(lambda: open_sockets(worker) > sockets, 15)
        server.stop()
        assert silent.recv(10) == b""
        server.end()


def test_a_client_that_the_kernel_still_holds_back_does_not_hold_up_the_end_either(gunicorn: Callable[..., Gunicorn]) -> None:
    server = gunicorn(graceful_s=60.0)
    with socket.create_connection(server.address, 10):
        server.stop()
        server.end()


def open_sockets(pid: int) -> int:
    """Return how many sockets a process has open."""
    found = 0
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(one.readlink()).startswith("socket:")
    return found


def wait_until(is_so: Callable[[], bool], timeout_s: float) -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_that_is_killed_is_replaced(gunicorn: Callable[..., Gunicorn]) -> None:
    server = gunicorn()
    old = server.children()
    os.kill(old[0], signal.SIGKILL)
    assert server.wait_ready(1)
    assert server.children() != old
    assert ask(server).endswith(BODY)
    server.stop()
    _, errors = server.end()
    assert "was sent SIGKILL" in errors and len(errors.splitlines()) == 1


def test_sigquit_still_closes_the_way_to_the_journal(gunicorn: Callable[..., Gunicorn]) -> None:
    server = gunicorn()
    assert ask(server).endswith(BODY)
    server.stop(signal.SIGQUIT)
    events, _ = server.end()
    assert any(" closed " in line for line in events)


def test_no_setting_of_gunicorn_comes_from_outside(monkeypatch: object) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    application = PhoneApplication(a_server(http=[sock]))
    cfg = application.cfg
    assert (cfg.forwarded_allow_ips, cfg.secure_scheme_headers, cfg.forwarder_headers) == ([], {}, [])
    assert cfg.accesslog is None and cfg.errorlog == "-" and cfg.settings["control_socket_disable"].get() is True
    for fd in application.copies:
        os.close(fd)
    sock.close()
