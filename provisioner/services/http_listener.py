"""A listening socket of the phones' server, and whose questions come by it."""

from __future__ import annotations

import socket
import ssl

from provisioner.services.http_desk import Desk
from provisioner.services.http_ordinary import OrdinaryPath


class Listener:
    """One socket with the desk of its scheme; `context` is that of HTTPS, else None."""

    def __init__(self, sock: socket.socket, desk: Desk, ordinary: OrdinaryPath, context: ssl.SSLContext | None) -> None:
        self.sock = sock
        self.desk = desk
        self.ordinary = ordinary
        self.context = context

    def socket_of(self, fd: int) -> socket.socket:
        """Return a non-blocking socket object for an accepted descriptor."""
        sock = socket.socket(self.sock.family, self.sock.type, self.sock.proto, fd)
        sock.setblocking(False)
        return sock

    def accept(self) -> tuple[int, str]:
        """Return descriptor and address of a client; BlockingIOError if there is none.

        The descriptor alone: a socket object costs as much as the rest of the common case, which needs none.
        """
        fd, address = self.sock._accept()  # type: ignore[attr-defined]
        return fd, address[0]
