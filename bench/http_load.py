"""The phones and the bad clients of the HTTP measurements; each kind is a process of its own, driven by one epoll loop.

    python bench/http_load.py storm HOST PORT SPEC      10,000 phones at once, or a few again and again
    python bench/http_load.py stalls HOST PORT SPEC     clients that hold on to what they got

SPEC is JSON; a JSON line comes back on stdout.  `stalls` prints one when all clients are in place, and one at the end.
"""

from __future__ import annotations

import errno
import json
import select
import socket
import sys
import time
from collections import deque
from typing import Any

READ_BYTES = 256 * 1024


def request(path: str, agent: str) -> bytes:
    """Return what a V80 phone sends, one connection per request."""
    return f"GET {path} HTTP/1.1\r\nHost: boot.example\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n".encode()


def phone(number: int) -> tuple[str, str]:
    """Return MAC and User-Agent of the phone with that number."""
    mac = f"001565{number:06x}"
    return mac, "Yealink SIP-T46G 28.80.0.60 " + ":".join(mac[at : at + 2] for at in range(0, 12, 2))


class Storm:
    """Fetches a list of files, so many at a time, a connection for each; time counts from connect()."""

    def __init__(self, address: tuple[str, int], requests: list[bytes], at_once: int, limit_s: float) -> None:
        self.address = address
        self.queue = deque(requests)
        self.at_once = at_once
        self.limit_s = limit_s
        self.epoll = select.epoll()
        self.open: dict[int, list[Any]] = {}
        self.took: list[float] = []
        self.errors: dict[str, int] = {}

    def run(self) -> dict[str, Any]:
        """Return counts and percentiles in milliseconds."""
        begun = time.perf_counter()
        while (self.queue or self.open) and time.perf_counter() - begun < self.limit_s:
            while self.queue and len(self.open) < self.at_once:
                self._start()
            for fd, mask in self.epoll.poll(0.5, 512):
                try:
                    self._go_on(fd, mask)
                except OSError as error:
                    self._end(fd, errno.errorcode.get(error.errno or 0, "OSError"))
        for fd in list(self.open):
            self._end(fd, "not answered")
        whole = time.perf_counter() - begun
        self.took.sort()
        at = [
            self.took[min(len(self.took) - 1, int(len(self.took) * part))] * 1e3 if self.took else 0.0 for part in (0.5, 0.99, 1)
        ]
        return {"done": len(self.took), "errors": self.errors, "s": whole, "p50": at[0], "p99": at[1], "max": at[2]}

    def _start(self) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        begun = time.perf_counter()
        sock.connect_ex(self.address)
        self.open[sock.fileno()] = [sock, begun, self.queue.popleft(), 0, -1]
        self.epoll.register(sock.fileno(), select.EPOLLOUT)

    def _go_on(self, fd: int, mask: int) -> None:
        entry = self.open[fd]
        sock = entry[0]
        if entry[2] is not None:
            sock.send(entry[2])
            entry[2] = None
            self.epoll.modify(fd, select.EPOLLIN)
            return
        data = sock.recv(65536)
        if not data:
            self._end(fd, "cut short")
            return
        if entry[4] < 0:
            head, _, _ = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                self._end(fd, head[9:12].decode())
                return
            at = head.find(b"Content-Length: ") + 16
            entry[4] = len(head) + 4 + int(head[at : at + 10].split(b"\r\n")[0])
        entry[3] += len(data)
        if entry[3] >= entry[4]:
            self.took.append(time.perf_counter() - entry[1])
            self._end(fd, None)

    def _end(self, fd: int, error: str | None) -> None:
        entry = self.open.pop(fd)
        entry[0].close()
        if error is not None:
            self.errors[error] = self.errors.get(error, 0) + 1


class Stalls:
    """Clients that read and do not close, that send half a request, and that download slowly."""

    def __init__(self, address: tuple[str, int], spec: dict[str, Any]) -> None:
        self.address = address
        self.spec = spec
        self.errors: dict[str, int] = {}

    def run(self) -> None:
        """Hold all for `hold_s`, then let the downloads end at full speed and count their bytes."""
        spec = self.spec
        mac, agent = phone(1)
        keep = request(f"/{mac}.cfg", agent).replace(b"Connection: close\r\n", b"")
        readers = [self._open(keep) for _ in range(spec["readers"])]
        halves = [self._open(keep[: 20 + number % 40]) for number in range(spec["halves"])]
        loads = [self._open(request(spec["file"], agent)) for _ in range(spec["downloads"])]
        for sock in readers:
            sock.settimeout(10.0)
            if not sock.recv(65536).startswith(b"HTTP/1.1 200"):
                self._count("reader refused")
        print(json.dumps({"ready": True}), flush=True)
        got = [0] * len(loads)
        step = 0.05
        piece = int(spec["bytes_per_s"] * step)
        end = time.monotonic() + spec["hold_s"]
        while (now := time.monotonic()) < end:
            for number, sock in enumerate(loads):
                self._read(sock, number, got, piece)
            time.sleep(max(0.0, step - (time.monotonic() - now)))
        reached = sum(got)
        wanted = int(spec["size"])
        for number, sock in enumerate(loads):
            sock.setblocking(True)
            sock.settimeout(30.0)
            while data := sock.recv(READ_BYTES):
                got[number] += len(data)
            if got[number] < wanted:
                self._count("download cut short")
        for sock in (*readers, *halves, *loads):
            sock.close()
        print(json.dumps({"errors": self.errors, "slow_bytes": reached}), flush=True)

    def _open(self, data: bytes) -> socket.socket:
        sock = socket.create_connection(self.address)
        sock.sendall(data)
        return sock

    def _read(self, sock: socket.socket, number: int, got: list[int], piece: int) -> None:
        try:
            data = sock.recv(piece, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        got[number] += len(data)

    def _count(self, what: str) -> None:
        self.errors[what] = self.errors.get(what, 0) + 1


def main() -> None:
    """Run what the command line names."""
    what, host, port, text = sys.argv[1:]
    spec = json.loads(text)
    address = (host, int(port))
    if what == "stalls":
        Stalls(address, spec).run()
        return
    requests = []
    for number in range(spec["phones"]):
        mac, agent = phone(number)
        requests += [request(path.replace("MAC", mac), agent) for path in spec["paths"]]
    print(json.dumps(Storm(address, requests * spec.get("times", 1), spec["at_once"], spec["limit_s"]).run()), flush=True)


if __name__ == "__main__":
    main()
