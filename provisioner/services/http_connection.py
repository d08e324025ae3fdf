"""One client's connection: what was read from it and what is still to be sent."""

from __future__ import annotations

import enum
import errno
import os
import select
import socket
import ssl

from provisioner.services.http_desk import Desk, Prepared
from provisioner.services.http_file import OpenFile
from provisioner.services.http_limits import SEND_CHUNK_BYTES
from provisioner.services.http_record import Record
from provisioner.services.http_tls import HANDSHAKE_FAILED

HEAD_TIMEOUT = "head-timeout"


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

    def rate(self, now: float) -> float:
        """Bytes per second that the client has taken of this response."""
        return (self.total - self.left) / (now - self.started + 1.0)

    def receive(self, size: int) -> bytes | None:
        """Return what has come, b"" at the end, or None if there is nothing yet.  OSError if it broke."""
        try:
            return self.sock.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def begin(self, data: bytes, prepared: Prepared, wall: float, now: float, sent: int = 0) -> None:
        """Make `data` after its first `sent` bytes, and the static file if there is one, what is to be sent."""
        record = prepared.record
        self.data = memoryview(data)[sent:]
        self.record = record
        self.close = prepared.close
        self.opened = prepared.opened
        self.offset = self.end = 0
        self.at = wall
        self.started = now
        self.total = len(data)
        if prepared.opened is not None:
            self.offset = prepared.first
            self.end = prepared.first + record.length
            self.total += record.length
            # Bounds what one slow reader holds in the kernel, and makes its progress visible in small steps.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SEND_CHUNK_BYTES)

    def send(self) -> bool:
        """Give the kernel what it takes now; True when all is given.  OSError if the connection broke."""
        try:
            while self.data is not None:
                sent = self.sock.send(self.data)
                self.data = self.data[sent:] if sent < len(self.data) else None
            if self.opened is None or self.offset >= self.end:
                return True
            count = min(SEND_CHUNK_BYTES, self.end - self.offset)
            if self.tls:
                sent = self.sock.send(os.pread(self.opened.fd, count, self.offset))
            else:
                sent = os.sendfile(self.fd, self.opened.fd, self.offset, count)
            if sent == 0:
                raise OSError(errno.EIO, "the file has become shorter")
            self.offset += sent
            return self.offset >= self.end
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return False

    @property
    def body_sent(self) -> int:
        """Bytes of the response's body that the kernel has taken."""
        return max(0, self.record.length - self.left) if self.record is not None else 0

    def forget_response(self) -> None:
        """Give back what the response held."""
        if self.opened is not None:
            self.opened.release()
        self.opened = None
        self.data = None
        self.record = None
        self.offset = self.end = 0

    def say_goodbye(self) -> None:
        """Send TLS's close_notify, if it can be sent now."""
        if self.tls and isinstance(self.sock, ssl.SSLSocket) and self.state is not State.HANDSHAKE:
            try:
                self.sock.unwrap()
            except (OSError, ValueError):  # the peer's own close_notify is not waited for
                return

    def shake(self) -> int:
        """Go on with the TLS handshake: 0 when it is done, else what to wait for.  OSError if it failed."""
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            return select.EPOLLIN
        except ssl.SSLWantWriteError:
            return select.EPOLLOUT
        return 0

    def half_close(self) -> bool:
        """Say that nothing more comes; False if the connection has broken.

        Whoever closes with unread input tears the answer away, so such a connection is read on for a while.
        """
        self.say_goodbye()
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True

    def timeout(self) -> tuple[str, str, str] | None:
        """Return method, outcome and fact to write down when its time is over, or None if it is no loss."""
        if self.state is State.HEAD and self.buffer:
            return "-", HEAD_TIMEOUT, f"{len(self.buffer)} bytes of a request and no more"
        return ("TLS", HANDSHAKE_FAILED, "timeout") if self.state is State.HANDSHAKE else None

    def throw_away(self, limit: int) -> bool:
        """Read what still comes; True at its end, or when it was more than `limit` bytes."""
        try:
            # The plain bytes of the connection: whether they are TLS no longer matters.
            data = os.read(self.fd, SEND_CHUNK_BYTES)
        except BlockingIOError:
            return False
        self.drained += len(data)
        return not data or self.drained > limit
