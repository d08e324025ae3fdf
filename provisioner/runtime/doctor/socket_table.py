"""Who holds which UDP port of this machine, from /proc/net/udp and /proc/net/udp6.

Names of processes are known for those of this user, or of all for root.  At most MAX_SOCKETS and MAX_PROCESSES are read.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

MAX_SOCKETS = 20_000
MAX_PROCESSES = 20_000


@dataclass(frozen=True, slots=True)
class Holder:
    """A process with a socket."""

    name: str
    "Of its program; empty if this user may not know."

    pid: int = 0
    "0 if this user may not know."

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})" if self.pid else "a process of another user"


def parse_udp(text: str) -> list[tuple[int, int]]:
    """Return port and inode of each socket of a /proc/net/udp table; lines of another form are passed over."""
    found = []
    for line in text.splitlines()[1 : MAX_SOCKETS + 1]:
        parts = line.split()
        with contextlib.suppress(ValueError, IndexError):
            found.append((int(parts[1].rpartition(":")[2], 16), int(parts[9])))
    return found


def holders(port: int, proc: Path) -> list[Holder]:
    """Return who holds the UDP port, each process once; empty if nobody."""
    inodes = set()
    for table in ("udp", "udp6"):
        with contextlib.suppress(OSError):
            inodes |= {inode for at, inode in parse_udp((proc / "net" / table).read_text("ascii")) if at == port}
    if not inodes:
        return []
    return sorted(_processes(inodes, proc), key=lambda found: found.pid) or [Holder("")]


def _processes(inodes: set[int], proc: Path) -> set[Holder]:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    found = set()
    for folder in islice((path for path in proc.iterdir() if path.name.isdigit()), MAX_PROCESSES):
        with contextlib.suppress(OSError):
            if any(_target(entry) in wanted for entry in (folder / "fd").iterdir()):
                found.add(Holder((folder / "comm").read_text("utf-8", "replace").strip(), int(folder.name)))
    return found


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""
