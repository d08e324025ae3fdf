"""One client's connection, and the lines in which connections wait."""

from __future__ import annotations

import enum
import socket
import ssl
from collections.abc import Iterator

from provisioner.services.http_desk import Desk
from provisioner.services.http_file import OpenFile
from provisioner.services.http_record import Record


class State(enum.IntEnum):
    """What a connection waits for, in the order in which they are given up when there are too many."""

    LINGER = 0
    IDLE = 1
    HANDSHAKE = 2
    HEAD = 3
    SEND = 4


class Connection:
    """A socket with what was read and what is still to be sent."""

    __slots__ = (
        "at", "buffer", "close", "data", "deadline", "desk", "drained", "end", "fd", "interest", "linger", "mark", "offset",
        "opened", "peer", "record", "served", "sock", "started", "state", "tls", "total",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, peer: str, desk: Desk, *, tls: bool) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.peer = peer
        self.desk = desk
        self.tls = tls
        self.state = State.HANDSHAKE if tls else State.HEAD
        self.deadline = 0.0
        self.interest = 0
        self.buffer = b""
        self.served = 0
        self.drained = 0
        self.data: memoryview | None = None
        "Head, and body if it comes from memory; what is left of it."
        self.opened: OpenFile | None = None
        self.offset = 0
        self.end = 0
        self.total = 0
        "Bytes of the response, head and body."
        self.mark = 0
        "What was unsent when progress was last looked at."
        self.record: Record | None = None
        self.close = False
        self.linger = False
        self.at = 0.0
        self.started = 0.0

    @property
    def left(self) -> int:
        """Bytes of the response that the kernel has not taken yet."""
        return (len(self.data) if self.data is not None else 0) + self.end - self.offset

    def receive(self, size: int) -> bytes | None:
        """Return what has come, b"" at the end, or None if there is nothing yet.  OSError if it broke."""
        try:
            return self.sock.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def say_goodbye(self) -> None:
        """Send TLS's close_notify, if it can be sent now."""
        if self.tls and isinstance(self.sock, ssl.SSLSocket) and self.state is not State.HANDSHAKE:
            try:
                self.sock.unwrap()
            except (OSError, ValueError):  # the peer's own close_notify is not waited for
                return


class WaitingLine:
    """Connections in one state, the one that has waited longest first."""

    __slots__ = ("_waiting", "timeout_s")

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._waiting: dict[int, Connection] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._waiting.values()))

    def join(self, connection: Connection, now: float) -> None:
        """Put it at the end; its time starts now (monotonic seconds)."""
        connection.deadline = now + self.timeout_s
        self._waiting[connection.fd] = connection

    def leave(self, connection: Connection) -> None:
        """Take it out, if it is there."""
        self._waiting.pop(connection.fd, None)

    def first(self) -> Connection | None:
        """Return the one that has waited longest."""
        return next(iter(self._waiting.values()), None)
