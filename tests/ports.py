"""Ports for programs that cannot choose one themselves: they stand in a file before anybody listens on them."""

from __future__ import annotations

import contextlib
import socket

FIRST, BLOCK, BLOCKS = 24_000, 250, 32
"Below the ports that systems give out by themselves, and above the ranges that media ports are taken from."
ROOM = 4
"Ports of one program: of SIP and its TLS, as baresip wants them, or of RTP and RTCP of two streams."


class _Block:
    """The ports of this process: whoever holds the first one has them all, be it of this run of the tests or of another."""

    def __init__(self) -> None:
        for number in range(BLOCKS):
            holder = socket.socket()
            try:
                holder.bind(("127.0.0.1", FIRST + number * BLOCK))
            except OSError:
                holder.close()
                continue
            holder.detach()  # until the process ends
            self.number = number
            self.begin = FIRST + number * BLOCK + ROOM
            self._next = self.begin
            self._end = FIRST + (number + 1) * BLOCK
            return
        raise OSError("as many processes that run tests as there are blocks of ports")

    def take(self, size: int, host: str) -> int:
        for _ in range(BLOCK):
            if self._next + size > self._end:
                self._next = self.begin
            port, self._next = self._next, self._next + size
            if all(_is_free(host, number) for number in range(port, port + size)):
                return port
        raise OSError("no free port")


_block = _Block()
HERE = _block.number
"The number of this process among all that run tests on this machine just now, below BLOCKS."


def free_port(host: str = "127.0.0.1", size: int = ROOM) -> int:
    """Return an even port that is free for UDP and TCP, with those behind it, which nobody else is given for a while."""
    return _block.take(size, host)


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp, contextlib.suppress(OSError):
        udp.bind((host, port))
        tcp.bind((host, port))
        return True
    return False
