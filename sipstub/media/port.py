"""Pairs of ports: RTP at an even one, RTCP at the next.  RFC 3550 section 11."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from sipstub.errors import SipstubError

LOWEST, HIGHEST = 1024, 65_535
RECEIVE_BUFFER_BYTES = 64 * 1024
"Of each RTP socket, about 1.5 s of one call: what floods it is dropped by the system, which costs nobody time."
COUNT_DROPPED = 40
"SO_RXQ_OVFL of Linux: the system says how many datagrams it has dropped."
PROBE_PORT = 9
WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared only


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


def bind_pair(host: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    """Return the sockets of RTP and RTCP at an address, or None if somebody has one of them."""
    with contextlib.ExitStack() as unwinding:
        found = []
        for number in (port, port + 1):
            sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
            unwinding.callback(sock.close)
            sock.setblocking(False)
            try:
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


def own_address(near: str) -> str:
    """Return our address towards a host, by its family; nothing is sent.  An empty text if there is no way there."""
    family = socket.AF_INET6 if ":" in near else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((near, PROBE_PORT))
        except OSError:
            return ""
        return str(probe.getsockname()[0])
