"""Pairs of ports: RTP at an even one, RTCP at the next (RFC 3550 section 11); and ports that listen for TCP."""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import random
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sipstub.errors import SipstubError
from sipstub.media.agreement import Address
from sipstub.sip.wildcard import WILDCARDS

LOWEST, HIGHEST = 1024, 65_535
RECEIVE_BUFFER_BYTES = 64 * 1024
"Of each RTP socket, about 1.5 s of one call: what floods it is dropped by the system, which costs nobody time."
COUNT_DROPPED = 40
"SO_RXQ_OVFL of Linux: the system says how many datagrams it has dropped."
MAX_TRIES = 64
"Pairs of ports that are tried for one call, or one end of a relay."
PROBE_PORT = 9
BACKLOG = 128
"Connections of one port that the system keeps until they are taken."

Pair = tuple[socket.socket, socket.socket]
"The sockets of RTP and RTCP."


class PortProblem(SipstubError):
    """A range of ports that calls cannot use."""

    code = "bad-port-range"


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports of calls, both ends included."""

    low: int
    "Even."
    high: int
    "Odd."

    @classmethod
    def parse(cls, text: str) -> PortRange:
        """Return the range that `16384-17407` names, cut to whole pairs; raises PortProblem."""
        first, dash, last = text.strip().partition("-")
        if not (dash and all(part.isascii() and part.isdigit() and len(part) <= 5 for part in (first, last))):
            raise PortProblem(f"not a range of ports: {text!r}", hint="like 16384-17407")
        low, high = int(first) + int(first) % 2, int(last) - (int(last) + 1) % 2
        if not LOWEST <= low < high <= HIGHEST:
            raise PortProblem(f"no pair of ports in {text!r}", hint=f"from {LOWEST} to {HIGHEST}, an even one and the next")
        return cls(low, high)

    def __str__(self) -> str:
        return f"{self.low}-{self.high}"

    def __len__(self) -> int:
        return (self.high - self.low + 1) // 2

    def pairs(self) -> Iterator[int]:
        """Return the even ports, each once, from anywhere in the middle: an old call's packets find nobody new."""
        start = random.randrange(len(self))  # noqa: S311 - spread, not a secret
        order = itertools.chain(range(start, len(self)), range(start))
        return (self.low + 2 * at for at in order)


def open_pair(near: str, own: str, numbers: Iterable[int]) -> Pair | None:
    """Return a pair at the first of these even ports that is free, at our address `own`; None where there is none.

    Where `own` is empty, stands for all addresses or is of the other family, it is the one that `near` is reached from.
    """
    host = _bound_at(near, own)
    tried = (bind_pair(host, number) for number in itertools.islice(numbers, MAX_TRIES))
    return next((pair for pair in tried if pair is not None), None) if host else None


def open_listener(near: str, own: str, numbers: Iterable[int]) -> socket.socket | None:
    """Return a socket that listens for TCP at the first of these ports that is free; see `open_pair` for the address."""
    host = _bound_at(near, own)
    tried = (bind_listener(host, number) for number in itertools.islice(numbers, MAX_TRIES))
    return next((sock for sock in tried if sock is not None), None) if host else None


def _bound_at(near: str, own: str) -> str:
    return own if own not in WILDCARDS and (":" in own) is (":" in near) else own_address(near)


def bind_pair(host: str, port: int) -> Pair | None:
    """Return the sockets of RTP and RTCP at an address, or None if somebody has one of them, or there is no room for sockets."""
    with contextlib.ExitStack() as unwinding:
        found = []
        for number in (port, port + 1):
            try:
                sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
                unwinding.callback(sock.close)
                sock.setblocking(False)
                if ":" in host:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
                sock.bind(socket.getaddrinfo(host, number, sock.family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)[0][4])
            except (OSError, OverflowError):
                return None
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, COUNT_DROPPED, 1)
            found.append(sock)
        unwinding.pop_all()
        return found[0], found[1]


def bind_listener(host: str, port: int) -> socket.socket | None:
    """Return a socket that listens for TCP, or None if somebody has that port, or there is no room for sockets."""
    with contextlib.ExitStack() as unwinding:
        try:
            sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
            unwinding.callback(sock.close)
            sock.setblocking(False)
            if ":" in host:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of before may still be saying goodbye
            sock.bind(socket.getaddrinfo(host, port, sock.family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)[0][4])
            sock.listen(BACKLOG)
        except (OSError, OverflowError):
            return None
        unwinding.pop_all()
        return sock


def own_address(near: str) -> str:
    """Return our address towards a host, by its family; nothing is sent.  An empty text if there is no way there."""
    family = socket.AF_INET6 if ":" in near else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((near, PROBE_PORT))
        return str(probe.getsockname()[0])
    return ""


def advertised_to(near: str, advertised: str) -> str:
    """Return the name or address that we are called by, empty if it is an address of the other family than `near`."""
    try:
        address = ipaddress.ip_address(advertised)
    except ValueError:
        return advertised
    return advertised if (address.version == 6) is (":" in near) else ""


def is_sent(sock: socket.socket, data: bytes, address: Address) -> bool:
    """Return whether the system took a datagram; else it is lost on the way."""
    try:
        sock.sendto(data, address)
    except (OSError, OverflowError):
        return False
    return True
