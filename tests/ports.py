"""Ports for programs that cannot choose one themselves: they stand in a file before anybody listens on them."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket

FIRST, EACH, PROCESSES = 20_000, 800, 15
"Below the ports that systems give out by themselves, and none that another process of the same run takes."
HERE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PROCESSES
"The number of this process among those that share a run of the tests."

_turn = itertools.count(os.getpid())


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that is free for UDP and TCP."""
    for _ in range(EACH):
        port = FIRST + HERE * EACH + next(_turn) % EACH
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp, contextlib.suppress(OSError):
            udp.bind((host, port))
            tcp.bind((host, port))
            return port
    raise OSError("no free port")
