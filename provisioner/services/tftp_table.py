"""The transfers that are under way, each with its own socket, and which of them goes when there are too many.

Limits: MAX_HALF_OPEN sessions whose client has acknowledged nothing, and MAX_RUNNING whose client has; both shrink together when
the process may not open that many descriptors.  A half-open session too many pushes out the oldest half-open one, a running one
too many the one that has moved least lately: a flood of requests cannot touch a transfer that works, and the next phone is let
in.  A half-open session has GRACE_S to get its first ACK before it can be pushed out; until then new requests wait, so that
phones which boot all at once do not push out each other.
"""

from __future__ import annotations

import resource
import socket
from collections import OrderedDict
from typing import Any

from provisioner.delivery.answer import Served
from provisioner.services.tftp_session import Transfer

MAX_HALF_OPEN = 2048
MAX_RUNNING = 2048
SPARE_DESCRIPTORS = 64
"Descriptors left for static files, the database and the rest of the process."

SMALLEST_SHARE = 16
GRACE_S = 0.25

Address = tuple[Any, ...]
"What recvfrom gives: (ip, port), or (ip, port, flow, scope)."


def allow_descriptors(wanted: int = MAX_HALF_OPEN + MAX_RUNNING + SPARE_DESCRIPTORS) -> int:
    """Raise the process's soft limit of descriptors towards `wanted`, as far as the hard limit goes; return what it is then.

    For whoever starts the process: the usual soft limit of 1,024 is there for programs that use select.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


class Channel:
    """One transfer with its socket.  The socket's port is our transfer identifier (RFC 1350 section 4).

    The socket is not connected: the kernel would drop a stranger's packet in silence, and a stranger is owed error 5.
    """

    __slots__ = (
        "began_at",
        "fd",
        "key",
        "name",
        "peer",
        "peer_ip",
        "recvfrom",
        "request",
        "sendto",
        "served",
        "socket",
        "transfer",
        "unix_at",
    )

    def __init__(
        self,
        own: socket.socket,
        peer: Address,
        *,
        key: Address,
        request: bytes,
        name: str,
        peer_ip: str,
        served: Served,
        transfer: Transfer,
        began_at: float,
        unix_at: float,
    ) -> None:
        self.socket = own
        self.fd = own.fileno()
        self.recvfrom = own.recvfrom
        self.sendto = own.sendto
        self.peer = peer
        "The phone's address with its port, its transfer identifier."
        self.key = key
        "Listening socket and peer, by which a repeated request is recognised."
        self.request = request
        "The request as received."
        self.name = name
        self.peer_ip = peer_ip
        self.served = served
        self.transfer = transfer
        self.began_at = began_at
        "Seconds, monotonic."
        self.unix_at = unix_at

    @property
    def is_closed(self) -> bool:
        """Return whether the socket is closed; its number may belong to another channel by now."""
        return self.fd < 0


class SessionTable:
    """All channels, by descriptor and by peer."""

    def __init__(self, max_half_open: int = MAX_HALF_OPEN, max_running: int = MAX_RUNNING, grace_s: float = GRACE_S) -> None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            limit = max_half_open + max_running + SPARE_DESCRIPTORS
        share = min(1.0, max(2 * SMALLEST_SHARE, limit - SPARE_DESCRIPTORS) / (max_half_open + max_running))
        self.max_half_open = max(1, int(max_half_open * share))
        self.max_running = max(1, int(max_running * share))
        self._grace_s = grace_s
        self.channels: dict[int, Channel] = {}
        self._half_open: OrderedDict[int, Channel] = OrderedDict()
        self._running: OrderedDict[int, Channel] = OrderedDict()
        self._by_key: dict[Address, Channel] = {}

    def __len__(self) -> int:
        return len(self.channels)

    @property
    def half_open(self) -> int:
        """How many clients have acknowledged nothing yet."""
        return len(self._half_open)

    def find(self, key: Address) -> Channel | None:
        """Return the newest channel with this peer."""
        return self._by_key.get(key)

    def add(self, channel: Channel) -> None:
        """Take in a half-open channel."""
        self.channels[channel.fd] = channel
        self._half_open[channel.fd] = channel
        self._by_key[channel.key] = channel

    def touch(self, channel: Channel) -> None:
        """Note that the channel's client has acknowledged something."""
        if self._half_open.pop(channel.fd, None) is not None:
            self._running[channel.fd] = channel
        else:
            self._running.move_to_end(channel.fd)

    def wait_s(self, now: float) -> float:
        """Return how long a new request has to wait until it may push out the oldest half-open session; mostly 0."""
        if len(self._half_open) < self.max_half_open:
            return 0.0
        return max(0.0, next(iter(self._half_open.values())).began_at + self._grace_s - now)

    def surplus(self) -> Channel | None:
        """Return a channel that has to go before another one is let in, or None while there is room."""
        if len(self._half_open) >= self.max_half_open:
            return next(iter(self._half_open.values()))
        if len(self._running) > self.max_running:
            return next(iter(self._running.values()))
        return None

    def least_useful(self) -> Channel | None:
        """Return the channel to close when the process runs out of descriptors: the oldest half-open, else the idlest."""
        return next(iter(self._half_open.values()), None) or next(iter(self._running.values()), None)

    def remove(self, channel: Channel) -> None:
        """Forget the channel; its socket is the caller's."""
        self.channels.pop(channel.fd, None)
        self._half_open.pop(channel.fd, None)
        self._running.pop(channel.fd, None)
        if self._by_key.get(channel.key) is channel:
            del self._by_key[channel.key]
