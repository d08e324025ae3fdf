"""The listening sockets of the phones' server, and whose questions come by each."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from provisioner.services.http_desk import Desk
from provisioner.services.http_ordinary import OrdinaryPath

SILENT_CONNECT_S = 1
"How long the kernel keeps a connection that has sent nothing; it rounds to the times at which it repeats its SYN-ACK."


class Listener:
    """One socket with the desk of its scheme; `context` is that of HTTPS, else None."""

    def __init__(self, sock: socket.socket, desk: Desk, ordinary: OrdinaryPath, context: ssl.SSLContext | None) -> None:
        self.sock = sock
        self.desk = desk
        self.ordinary = ordinary
        self.context = context
        self.accept: Callable[[], tuple[int, Any]] = sock._accept  # type: ignore[attr-defined]
        "Returns descriptor and address of a client; BlockingIOError if there is none."

    def socket_of(self, fd: int) -> socket.socket:
        """Return a non-blocking socket object for an accepted descriptor."""
        sock = socket.socket(self.sock.family, self.sock.type, self.sock.proto, fd)
        sock.setblocking(False)
        return sock

    def wrapped(self, fd: int) -> ssl.SSLSocket | None:
        """Return a TLS socket before its handshake, or None if the client has gone already."""
        assert self.context is not None
        sock = self.socket_of(fd)
        try:
            return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):
            sock.close()
            return None


class Door:
    """All listening sockets of a worker, watched or not."""

    def __init__(self, listeners: Sequence[Listener], epoll: select.epoll) -> None:
        self.by_fd = {listener.sock.fileno(): listener for listener in listeners}
        self.is_open = False
        self._epoll = epoll
        self._opens_at: float | None = None

    def open(self) -> None:
        """Begin to take connections."""
        self._opens_at = None
        if not self.is_open:
            for fd, listener in self.by_fd.items():
                listener.sock.setblocking(False)
                # tcp(7): a connection comes with its first bytes, or after a second or two without any; one that came before
                # them costs a poller's round and a socket object.
                listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT_CONNECT_S)
                # With several workers on one socket only one is woken per connection.
                self._epoll.register(fd, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        self.is_open = True

    def close(self, until: float | None = None) -> None:
        """Take no more connections, for good or until then (monotonic)."""
        self._opens_at = until
        if self.is_open:
            for fd in self.by_fd:
                self._epoll.unregister(fd)
        self.is_open = False

    def open_if_due(self, now: float) -> None:
        """Open again after a rest."""
        if self._opens_at is not None and now >= self._opens_at:
            self.open()

    @property
    def rests(self) -> bool:
        """True while it is closed for a moment."""
        return self._opens_at is not None
