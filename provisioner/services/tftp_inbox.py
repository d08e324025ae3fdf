"""The listening sockets and the requests that wait for their turn.

Limits: at most `max_queue` requests wait, what comes beyond is dropped and counted (the phone asks again); at most MAX_DRAIN
datagrams are taken from one socket before the transfers get their turn.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
from collections import deque
from collections.abc import Iterable

from provisioner.services.tftp_address import ANCILLARY_BYTES, Address, ask_for_destinations, destination, is_wildcard
from provisioner.services.tftp_packet import MAX_REQUEST_BYTES, is_request

MAX_QUEUE = 16_384
MAX_DRAIN = 2_048
RECEIVE_BUFFER_BYTES = 1024 * 1024
"Asked for, not needed: the kernel gives at most its rmem_max."

log = logging.getLogger(__name__)


class Arrival:
    """A request that waits for its turn."""

    __slots__ = ("data", "key", "listener", "own", "peer")

    def __init__(self, data: bytes, peer: Address, listener: socket.socket, own: Address) -> None:
        self.data = data
        self.peer = peer
        "The sender's address and port."
        self.listener = listener
        self.own = own
        "The address of ours that was asked, with port 0."
        self.key: Address = (listener.fileno(), *peer)
        "By which the same sender is recognised."

    def answering_socket(self) -> socket.socket:
        """Return a new socket on a port of its own, at the address that was asked.  OSError if there is none to be had."""
        own = socket.socket(self.listener.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            own.bind(self.own)
        except OSError:
            own.close()
            raise
        return own


class Inbox:
    """Bound UDP sockets, emptied before anything is served: a receive buffer holds some 277 small datagrams, and a request lost
    there costs a phone its whole timeout."""

    def __init__(self, listeners: Iterable[socket.socket], *, max_queue: int = MAX_QUEUE) -> None:
        self.queue: deque[Arrival] = deque()
        self.is_closing = False
        "Whether new requests are dropped."
        self.dropped = 0
        "Requests that found the queue full or the server stopping."
        self.noise = 0
        "Datagrams that were no requests."
        self._max_queue = max_queue
        self._listeners: dict[int, tuple[socket.socket, Address | None]] = {}
        for listener in listeners:
            listener.setblocking(False)
            with contextlib.suppress(OSError):
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            own: Address | None = None
            if is_wildcard(listener):
                ask_for_destinations(listener)
            else:
                name = listener.getsockname()
                own = (name[0], 0, *name[2:])
            self._listeners[listener.fileno()] = (listener, own)

    def watch(self, epoll: select.epoll) -> None:
        """Let the loop wake up when a request comes."""
        for fd in self._listeners:
            epoll.register(fd, select.EPOLLIN)

    def drain(self, fd: int) -> bool:
        """Move what lies in that listening socket into the queue; False if the descriptor is none of ours."""
        found = self._listeners.get(fd)
        if found is None:
            return False
        listener, own = found
        for _ in range(MAX_DRAIN):
            try:
                if own is not None:
                    data, peer = listener.recvfrom(MAX_REQUEST_BYTES)
                    asked: Address | None = own
                else:
                    data, ancillary, _, peer = listener.recvmsg(MAX_REQUEST_BYTES, ANCILLARY_BYTES)
                    asked = destination(ancillary, peer)
            except BlockingIOError:
                break
            except OSError as error:
                log.debug("receiving failed: %s", error)
                continue
            if asked is None or not is_request(data) or not peer[1]:
                self.noise += 1
            elif self.is_closing or len(self.queue) >= self._max_queue:
                self.dropped += 1
            else:
                self.queue.append(Arrival(data, peer, listener, asked))
        return True

    def drain_all(self) -> None:
        """Empty every listening socket."""
        for fd in self._listeners:
            self.drain(fd)

    def close(self) -> None:
        """Forget what waits and the sockets; closing them is for their owner."""
        self.queue.clear()
        self._listeners.clear()


def bound_socket(ip: str, port: int) -> socket.socket:
    """Return a UDP socket as tftpy's `listen` would bind it; an address with a colon is IPv6."""
    own = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        own.bind((ip, port))
    except OSError:
        own.close()
        raise
    return own
