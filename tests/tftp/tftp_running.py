"""A TFTP server on free loopback ports for as long as a test wants it, with an answer function of dictionaries."""

from __future__ import annotations

import hashlib
import queue
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provisioner.delivery.answer import Answer, Refusal, Served
from provisioner.delivery.event import DeliveryEvent
from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.delivery.reason import Reason
from provisioner.delivery.request import FileRequest
from provisioner.services.tftp_server import TftpServer

PATIENCE_S = 20.0
MAC = "001565aabbcc"


def published(name: str, body: bytes) -> PublishedFile:
    return PublishedFile(name, FileKind.MAC, hashlib.sha256(body).hexdigest(), len(body), body=body, mac=MAC)


def static(path: Path) -> PublishedFile:
    status = path.stat()
    return PublishedFile(path.name, FileKind.STATIC, f"s-{status.st_size}-{status.st_mtime_ns}", status.st_size, path=path)


class Answers:
    """Gives what its dictionary holds, refuses the rest, and remembers what was asked."""

    def __init__(self, files: Mapping[str, bytes | PublishedFile]) -> None:
        self.files = {name: file if isinstance(file, PublishedFile) else published(name, file) for name, file in files.items()}
        self.asked: list[FileRequest] = []

    def __call__(self, request: FileRequest) -> Answer:
        self.asked.append(request)
        if request.name == "explode":
            raise RuntimeError("a bug in the content function")
        if request.is_write:
            return Refusal(Reason.WRITE_REFUSED, "a write request", mac=MAC)
        file = self.files.get(request.name)
        if file is None:
            return Refusal(Reason.UNKNOWN_FILE, f"no file {request.name[:40]}")
        return Served(file, mac=MAC, phone="lobby", note="newer-firmware")


class Events:
    """A sink that can be waited for."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[DeliveryEvent] = queue.SimpleQueue()

    def record(self, event: DeliveryEvent) -> None:
        self._queue.put(event)

    def next(self) -> DeliveryEvent:
        return self._queue.get(timeout=PATIENCE_S)

    def empty(self) -> bool:
        return self._queue.empty()


class Running:
    """A server with its addresses and events."""

    def __init__(self, server: TftpServer, events: Events, answers: Any, addresses: list[Any]) -> None:
        self.server = server
        self.events = events
        self.answers = answers
        self.addresses = addresses
        self.address = addresses[0]

    @property
    def port(self) -> int:
        return int(self.address[1])


@contextmanager
def running(
    files: Mapping[str, bytes | PublishedFile], *, hosts: tuple[str, ...] = ("127.0.0.1",), **tunables: Any
) -> Iterator[Running]:
    sockets = []
    for host in hosts:
        own = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        own.bind((host, 0))
        sockets.append(own)
    addresses = [own.getsockname() for own in sockets]
    answers, events = Answers(files), Events()
    server = TftpServer(sockets, answers, events, **tunables)
    thread = threading.Thread(target=server.listen, name="tftp", daemon=True)
    thread.start()
    assert server.is_running.wait(PATIENCE_S)
    try:
        yield Running(server, events, answers, addresses)
    finally:
        server.stop(now=True)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@contextmanager
def client(host: str = "127.0.0.1", timeout_s: float = PATIENCE_S) -> Iterator[socket.socket]:
    """A UDP socket on a free port of that host."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((host, 0))
        own.settimeout(timeout_s)
        yield own


def request(name: str | bytes, mode: str = "octet", /, opcode: int = 1, **options: object) -> bytes:
    """A read request as a phone would send it."""
    raw = name if isinstance(name, bytes) else name.encode()
    parts = [raw, mode.encode(), *(str(text).encode() for pair in options.items() for text in pair)]
    return opcode.to_bytes(2, "big") + b"".join(part + b"\0" for part in parts)


def ack(number: int) -> bytes:
    return b"\0\4" + (number & 0xFFFF).to_bytes(2, "big")


def fetch(own: socket.socket, address: Any, name: str | bytes, mode: str = "octet", /, **options: object) -> bytes:
    """Fetch a file over a clean line, or raise OSError with the text of the server's ERROR."""
    own.sendto(request(name, mode, **options), address)
    blksize = int(str(options.get("blksize", 512)))
    received, expected = bytearray(), 1
    while True:
        data, sender = own.recvfrom(70_000)
        opcode, number = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        if opcode == 5:
            raise OSError(number, data[4:-1].decode())
        if opcode == 6:
            own.sendto(ack(0), sender)
        elif number == expected & 0xFFFF:
            received += data[4:]
            own.sendto(ack(expected), sender)
            expected += 1
            if len(data) - 4 < blksize:
                return bytes(received)
