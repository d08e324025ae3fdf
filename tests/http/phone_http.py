"""A phones' server on free loopback ports: its loop on a thread of the test, or the whole thing under gunicorn."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provisioner.delivery.decide import decide
from provisioner.delivery.event import DeliveryEvent
from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.delivery.policy import Policy, parse_networks
from provisioner.delivery.snapshot import PhoneEntry, Snapshot
from provisioner.services.http_server import PhoneApplication, PhoneServer, wait_until_ready
from provisioner.services.http_tls import TlsSettings
from provisioner.services.http_worker import build_loop

MAC = "001565aabbcc"
BODY = b"#!version:1.0.0.1\n" + b"account.1.label = Lobby\n" * 150
COMMON = "y000000000028.cfg"
ROM_BYTES = 3_000_000
GET = b"GET /001565aabbcc.cfg HTTP/1.1\r\nHost: boot.example\r\nUser-Agent: anything\r\nConnection: close\r\n\r\n"


def a_file(name: str, kind: FileKind, body: bytes, mac: str | None = None) -> PublishedFile:
    return PublishedFile(name, kind, hashlib.sha256(body).hexdigest(), len(body), body, None, mac, 1)


def a_snapshot(rom: Path | None = None) -> Snapshot:
    files = {
        f"{MAC}.cfg": a_file(f"{MAC}.cfg", FileKind.MAC, BODY, MAC),
        COMMON: a_file(COMMON, FileKind.COMMON, b"#!version:1.0.0.1\n"),
    }
    if rom is not None:
        found = rom.stat()
        tag = f"s-{found.st_size}-{found.st_mtime_ns}"
        files["files/T46.rom"] = PublishedFile("files/T46.rom", FileKind.STATIC, tag, found.st_size, b"", rom)
    return Snapshot(1, files, {MAC: PhoneEntry(MAC, "lobby", "T46G", COMMON)})


class Shelf:
    """A SnapshotSource whose snapshot a test can change."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self.snapshot = snapshot

    def current(self) -> Snapshot | None:
        return self.snapshot


class Diary:
    """An EventSink that a test can wait for."""

    def __init__(self) -> None:
        self.events: list[DeliveryEvent] = []
        self._changed = threading.Condition()

    def record(self, event: DeliveryEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def first(self, found: Callable[[DeliveryEvent], bool]) -> DeliveryEvent:
        """Return the first such event, waiting for it."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(found(event) for event in self.events), 30), self.events[-3:]
            return next(event for event in self.events if found(event))


@dataclass
class Phones:
    """A running loop and how to talk to it."""

    http: socket.socket
    https: socket.socket | None
    shelf: Shelf
    diary: Diary
    log: list[str] = field(default_factory=list)

    @property
    def address(self) -> Any:
        return self.http.getsockname()[:2]

    def url(self, path: str = f"/{MAC}.cfg", *, tls: bool = False) -> str:
        sock = self.https if tls else self.http
        assert sock is not None
        return f"{'https' if tls else 'http'}://localhost:{sock.getsockname()[1]}{path}"

    def open(self, data: bytes = b"") -> socket.socket:
        sock = socket.create_connection(self.address, 10)
        if data:
            sock.sendall(data)
        return sock

    def ask(self, data: bytes) -> bytes:
        """Return all that comes back for `data` when nothing more is sent."""
        with self.open() as sock:
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
            except OSError:  # refused before all of it was sent
                pass
            return read_all(sock)

    def outcome(self, outcome: str) -> DeliveryEvent:
        return self.diary.first(lambda event: event.outcome == outcome)


def read_all(sock: socket.socket) -> bytes:
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def read_response(sock: socket.socket) -> bytes:
    """Return one response from a connection that stays open."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"Content-Length: (\d+)", head)
    length = int(found[1]) if found and b" 304 " not in head else 0
    while len(body) < length:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def without_date(response: bytes) -> bytes:
    return re.sub(rb"\r\nDate: [^\r]*", b"\r\nDate: -", response)


def a_server(**changes: Any) -> PhoneServer:
    settings: dict[str, Any] = {
        "snapshots": lambda: Shelf(a_snapshot()),
        "policy": lambda: Policy(parse_networks(("127.0.0.0/8", "::1"))),
        "events": Diary,
        "decide": decide,
        "workers": 1,
    }
    return PhoneServer(**{**settings, **changes})


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Iterator[Callable[..., Phones]]:
    """Start a loop on a thread; keyword arguments are those of PhoneServer, and `rom`, `host`, `tls`."""
    ends: list[Callable[[], None]] = []

    def begin(*, rom: Path | None = None, host: str = "127.0.0.1", tls: TlsSettings | None = None, **changes: Any) -> Phones:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        dual = host == "::" and socket.has_dualstack_ipv6()
        http = socket.create_server((host, 0), family=family, backlog=2048, dualstack_ipv6=dual)
        https = socket.create_server((host, 0), family=family) if tls is not None else None
        phones = Phones(http, https, Shelf(a_snapshot(rom)), Diary())
        changes |= {"http": [http], "https": [https] if https else [], "tls": tls}
        server = a_server(snapshots=lambda: phones.shelf, events=lambda: phones.diary, **changes)
        application = PhoneApplication(server)
        loop = build_loop(server, application.cfg, [*server.http, *server.https], phones.diary, phones.log.append)
        for fd in application.copies:
            os.close(fd)
        reader, writer = os.pipe()
        running = [True]

        def work() -> None:
            while running:
                loop.turn(1.0)
            loop.close()

        loop.watch(reader, running.clear)
        loop.accept_on()
        thread = threading.Thread(target=work)
        thread.start()

        def end() -> None:
            os.write(writer, b"\n")
            thread.join()
            for sock in (http, https):
                if sock is not None:
                    sock.close()
            os.close(reader)
            os.close(writer)

        ends.append(end)
        return phones

    yield begin
    for end in ends:
        end()


@pytest.fixture
def rom(tmp_path: Path) -> Path:
    path = tmp_path / "T46.rom"
    path.write_bytes(os.urandom(ROM_BYTES))
    return path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> TlsSettings:
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return TlsSettings(folder / "cert.pem", folder / "key.pem")


class Gunicorn:
    """The whole server in processes of its own; its events are lines in a pipe."""

    def __init__(self, **changes: Any) -> None:
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._ready, ready = os.pipe()
        self._events, events = os.pipe()
        self._err, err = os.pipe()
        self.workers = changes.get("workers", 1)
        self.pid = os.fork()
        if self.pid == 0:
            os.dup2(err, 2)
            sys.stderr = os.fdopen(2, "w", buffering=1)
            os.environ.pop("PYTEST_CURRENT_TEST", None)

            class Pipe:
                def record(self, event: DeliveryEvent) -> None:
                    os.write(events, f"{os.getpid()} {event.outcome} {event.name} {event.size_bytes}\n".encode())

                def close(self) -> None:
                    os.write(events, f"{os.getpid()} closed - 0\n".encode())

            try:
                a_server(http=[self.sock], events=Pipe, ready_fd=ready, **changes).run()
            except SystemExit:
                pass
            finally:
                os._exit(0)
        for fd in (ready, events, err):
            os.close(fd)

    @property
    def address(self) -> Any:
        return self.sock.getsockname()

    def wait_ready(self, workers: int | None = None) -> bool:
        return wait_until_ready(self._ready, workers or self.workers, 20)

    def children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def stop(self, sig: int = signal.SIGTERM) -> None:
        os.kill(self.pid, sig)

    def end(self) -> tuple[list[str], str]:
        """Wait for its end; return the event lines and what it wrote to stderr."""
        if self.pid:
            os.waitpid(self.pid, 0)
            self.pid = 0
            self.sock.close()
            os.close(self._ready)
            with os.fdopen(self._events) as events, os.fdopen(self._err) as errors:
                self.result = events.read().splitlines(), errors.read()
        return self.result


@pytest.fixture
def gunicorn() -> Iterator[Callable[..., Gunicorn]]:
    started: list[Gunicorn] = []

    def begin(**changes: Any) -> Gunicorn:
        one = Gunicorn(**changes)
        started.append(one)
        assert one.wait_ready()
        return one

    yield begin
    for one in started:
        if one.pid:
            one.stop(signal.SIGQUIT)
            one.end()
