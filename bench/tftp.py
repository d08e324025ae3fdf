"""TFTP measured as phones meet it: our server, tftpd-hpa and plain tftpy in one run on one machine.

    python -m bench tftp            print one line per measurement, exit 1 if a target is missed
    run() -> list of Line           the same for whoever collects all benchmarks

Each server is a process of its own on a free loopback port, in a control group of its own that counts its CPU time and that of
its children (tftpd-hpa forks one per request).  The client is one epoll loop here.  Servers get one core and the client another,
as a phone has a processor of its own; sharing a core would measure the scheduler.  Ours runs as served: published
store, decision, policy, journal.
Ratios are ours divided by the other's, of the medians over ROUNDS rounds that take turns.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import random
import resource
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.line import Line
from bench.process import CORES, cpu_s, free_port, keep_to

ROUNDS = 3
DOWNLOADS = 5
PHONES = 1_000
CLIENTS = 50
TRANSFERS = 3_000
MAC_FILE = "001565000000.cfg"
ROM_FILE = "files/big.rom"
MAC_FILE_BYTES = 4_096
FIRMWARE_BYTES = 20 * 1024 * 1024
LOSSY_TRANSFERS = 400
LOSS = 0.05
CLIENT_TIMEOUT_S = 1.0
CLIENT_TRIES = 12
ROOT = Path(__file__).resolve().parent.parent


class CpuGroup:
    """A control group around one server, so that the time of children nobody waits for is counted too.

    tftpd-hpa ignores SIGCHLD: the time of its forked children is in no other number.  Wants root; without, `folder` is None.
    """

    def __init__(self, pid: int) -> None:
        self.folder: Path | None = None
        for root, usage in (
            ("/sys/fs/cgroup/cpuacct", "cpuacct.usage"),
            ("/sys/fs/cgroup/unified", "cpu.stat"),
            ("/sys/fs/cgroup", "cpu.stat"),
        ):
            folder = Path(root) / f"bench-tftp-{pid}"
            if not (Path(root) / "cgroup.procs").exists():
                continue
            try:
                folder.mkdir()
            except OSError:
                continue
            try:
                (folder / "cgroup.procs").write_text(str(pid))
                (folder / usage).read_text()
            except OSError:
                self._drop(folder, root)
                continue
            self.folder, self._root, self._usage = folder, root, usage
            return

    def cpu_s(self) -> float:
        """Return the time used by everything in the group."""
        assert self.folder is not None
        text = (self.folder / self._usage).read_text()
        if self._usage == "cpuacct.usage":
            return int(text) / 1e9
        return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6

    def close(self) -> None:
        """Remove the group once its processes have ended."""
        if self.folder is not None:
            self._drop(self.folder, self._root)

    @staticmethod
    def _drop(folder: Path, root: str) -> None:
        for _ in range(100):
            with contextlib.suppress(OSError):
                for pid in (folder / "cgroup.procs").read_text().split():
                    (Path(root) / "cgroup.procs").write_text(pid)
            with contextlib.suppress(OSError):
                folder.rmdir()
                return
            time.sleep(0.01)


class Server:
    """A server process, its port and its CPU time."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.address = ("127.0.0.1", port)
        self.group = CpuGroup(process.pid)
        keep_to(process.pid, -1)

    def cpu_s(self) -> float:
        """Return user and system time of the process and its children; without a group only of those it has waited for."""
        if self.group.folder is not None:
            return self.group.cpu_s()
        return cpu_s(self.process.pid, has_children=True)


@contextlib.contextmanager
def _started(kind: str, folder: Path) -> Iterator[Server]:
    if kind == "tftpd-hpa":
        port = free_port()
        program = _program("in.tftpd") or "in.tftpd"
        user = ["-u", "root"] if os.geteuid() == 0 else []
        arguments = [program, "--foreground", "--listen", "--address", f"127.0.0.1:{port}", "--secure", *user, str(folder)]
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL)
        server = Server(process, port)
    else:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.tftp", "serve", kind, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert process.stdout is not None
        server = Server(process, int(json.loads(process.stdout.readline())["port"]))
    try:
        _wait_until_it_answers(server)
        yield server
    finally:
        process.terminate()
        process.communicate(timeout=20)
        server.group.close()


def _wait_until_it_answers(server: Server) -> None:
    for _ in range(50):
        if _Phones(server.address, MAC_FILE, 1, 1, timeout_s=0.2).run().failed == 0:
            return
    raise RuntimeError("the server does not answer")


def _serve(kind: str, folder: Path) -> None:
    """Be a server process."""
    if kind == "ours":
        _serve_ours(folder)
    else:
        import tftpy

        logging.getLogger("tftpy").setLevel(logging.ERROR)
        port = free_port()
        print(json.dumps({"port": port}), flush=True)
        tftpy.TftpServer(str(folder)).listen("127.0.0.1", port)


def _serve_ours(folder: Path) -> None:
    """Be our server as served: published store, catalogue, identification, policy, journal in SQLite."""
    import signal

    from provisioner.catalogue import load_catalogue
    from provisioner.delivery.answer import Answer
    from provisioner.delivery.decide import decide
    from provisioner.delivery.policy import Policy, parse_networks
    from provisioner.delivery.request import FileRequest
    from provisioner.delivery.snapshot import PhoneEntry
    from provisioner.rendering.kind import FileKind
    from provisioner.services.tftp_server import TftpServer
    from provisioner.services.tftp_table import allow_descriptors
    from provisioner.state.database import Database
    from provisioner.state.journal import Journal
    from provisioner.state.published import (
        NewFile,
        Publication,
        PublishedPhone,
        PublishedSource,
        Publisher,
        StateFolder,
        StaticFile,
    )

    allow_descriptors()
    state = StateFolder.open(tempfile.mkdtemp(prefix="tftp-bench-state-"))
    mac = MAC_FILE.removesuffix(".cfg")
    rom = (folder / ROM_FILE).stat()
    with Publisher(state) as publisher:
        publisher.publish(
            Publication(
                files={MAC_FILE: NewFile(FileKind.MAC, mac, (folder / MAC_FILE).read_bytes())},
                static_files={ROM_FILE: StaticFile(folder / ROM_FILE, rom.st_size, rom.st_mtime_ns)},
                phones={mac: PublishedPhone(PhoneEntry(mac, "bench", "T46G", "y000000000028.cfg"))},
            ),
            now=time.time(),
        )
    catalogue = load_catalogue(ROOT / "templates" / "yealink")
    models = {name: model.common_name for name, model in catalogue.models.items()}
    source = PublishedSource(state, catalogue.agents, models, frozenset(models))
    policy = Policy(parse_networks(["127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16", "::1"]))
    journal = Journal(Database.open(state))

    def answer(request: FileRequest) -> Answer:
        return decide(request, source.current(), policy, now=time.time())

    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind(("127.0.0.1", 0))
    server = TftpServer([own], answer, journal)
    signal.signal(signal.SIGTERM, lambda *_: server.stop(now=True))
    print(json.dumps({"port": own.getsockname()[1]}), flush=True)
    try:
        server.listen()
    finally:
        journal.close()
        shutil.rmtree(state.path, ignore_errors=True)


@dataclass(slots=True)
class Result:
    """What a crowd of phones met."""

    done: int
    failed: int
    resent: int
    took_s: float
    times_s: list[float]

    def percentile_s(self, share: float) -> float:
        ordered = sorted(self.times_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("inf")


class _Phone:
    __slots__ = ("ack", "begun", "due", "expected", "fd", "peer", "size", "sock", "tries")


class _Phones:
    """Phones that fetch small files, each again and again from a new port, until `transfers` are done."""

    def __init__(
        self,
        address: tuple[str, int],
        name: str,
        phones: int,
        transfers: int,
        *,
        loss: float = 0.0,
        timeout_s: float = CLIENT_TIMEOUT_S,
        expected: bytes | None = None,
        seed: int = 1,
    ) -> None:
        self.address = address
        self.request = b"\0\1" + name.encode() + b"\0octet\0"
        self.phones = phones
        self.left = transfers
        self.loss = loss
        self.timeout_s = timeout_s
        self.expected = expected
        self.random = random.Random(seed)
        self.result = Result(0, 0, 0, 0.0, [])
        self.epoll = select.epoll()
        self.active: dict[int, _Phone] = {}

    def run(self) -> Result:
        begun = time.perf_counter()
        first = [self._phone() for _ in range(min(self.phones, self.left))]
        self.left -= len(first)
        begun = time.perf_counter()
        for phone in first:
            self._ask(phone)
        looked = begun
        while self.active:
            for fd, _ in self.epoll.poll(0.05, 256):
                phone = self.active.get(fd)
                if phone is not None:
                    self._hear(phone)
            now = time.perf_counter()
            if now - looked > 0.02:
                looked = now
                self._resend(now)
        self.result.took_s = time.perf_counter() - begun
        self.epoll.close()
        return self.result

    def _phone(self) -> _Phone:
        phone = _Phone()
        phone.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        phone.sock.bind(("127.0.0.1", 0))
        phone.fd = phone.sock.fileno()
        self.active[phone.fd] = phone
        self.epoll.register(phone.fd, select.EPOLLIN)
        return phone

    def _ask(self, phone: _Phone) -> None:
        phone.expected, phone.tries, phone.size = 1, 0, 0
        phone.ack, phone.peer = self.request, self.address
        phone.begun = time.perf_counter()
        self._send(phone)

    def _send(self, phone: _Phone) -> None:
        phone.due = time.perf_counter() + self.timeout_s * (1 << min(phone.tries, 2))
        if not self.loss or self.random.random() >= self.loss:
            phone.sock.sendto(phone.ack, phone.peer)

    def _hear(self, phone: _Phone) -> None:
        data, sender = phone.sock.recvfrom(2048)
        if self.loss and self.random.random() < self.loss:
            return
        if data[1] != 3:
            self._end(phone, is_done=False)
            return
        number = int.from_bytes(data[2:4], "big")
        if number == phone.expected:
            if self.expected is not None and self.expected[phone.size : phone.size + 512] != data[4:]:
                self._end(phone, is_done=False)
                return
            phone.size += len(data) - 4
            phone.expected += 1
            phone.tries = 0
            phone.peer, phone.ack = sender, b"\0\4" + data[2:4]
            self._send(phone)
            if len(data) < 516:
                self._end(phone, is_done=True)
        elif number < phone.expected and sender == phone.peer:
            phone.sock.sendto(b"\0\4" + data[2:4], sender)

    def _resend(self, now: float) -> None:
        for phone in list(self.active.values()):
            if phone.due <= now:
                phone.tries += 1
                if phone.tries > CLIENT_TRIES:
                    self._end(phone, is_done=False)
                else:
                    self.result.resent += 1
                    self._send(phone)

    def _end(self, phone: _Phone, *, is_done: bool) -> None:
        if is_done and (self.expected is None or phone.size == len(self.expected)):
            self.result.done += 1
            self.result.times_s.append(time.perf_counter() - phone.begun)
        else:
            self.result.failed += 1
        del self.active[phone.fd]
        phone.sock.close()
        if self.left > 0:
            self.left -= 1
            self._ask(self._phone())


def _download(server: Server, name: str, blksize: int, windowsize: int, digest: str) -> float:
    """Fetch one large file over a blocking socket; return MB/s, after comparing the hash."""
    request = f"\0\1{name}\0octet\0blksize\0{blksize}\0".encode()
    if windowsize > 1:
        request += f"windowsize\0{windowsize}\0".encode()
    received = bytearray()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.settimeout(5.0)
        begun = time.perf_counter()
        own.sendto(request, server.address)
        oack, sender = own.recvfrom(2048)
        window = windowsize if b"windowsize" in oack.lower() else 1
        own.connect(sender)
        own.send(b"\0\4\0\0")
        receive, send = own.recv, own.send
        count = 0
        while True:
            data = receive(70_000)
            count += 1
            if int.from_bytes(data[2:4], "big") != count & 0xFFFF:
                raise RuntimeError("a block was lost on loopback")
            received += memoryview(data)[4:]
            is_last = len(data) < blksize + 4
            if is_last or count % window == 0:
                send(b"\0\4" + data[2:4])
            if is_last:
                break
        took_s = time.perf_counter() - begun
    if hashlib.sha256(received).hexdigest() != digest:
        raise RuntimeError("the file arrived with other bytes")
    return len(received) / 1e6 / took_s


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def _ratio(
    name: str, ours: list[float], other: list[float], *, at_most: float | None = None, at_least: float | None = None, unit: str
) -> Line:
    mine, theirs = statistics.median(ours), statistics.median(other)
    value = mine / theirs
    target, is_met = "", True
    if at_most is not None:
        target, is_met = f"<= {at_most:g}", value <= at_most
    elif at_least is not None:
        target, is_met = f">= {at_least:g}", value >= at_least
    return Line(name, value, "x", target, is_met, f"{mine:.1f} / {theirs:.1f} {unit}")


def run() -> list[Line]:
    """Measure everything; a comparison whose program is missing says so and counts as met."""
    lines: list[Line] = []
    others = ["tftpy"]
    if _program("in.tftpd"):
        others.insert(0, "tftpd-hpa")
    else:
        lines.append(Line("tftpd-hpa", None, "", "", True, "not installed: apt install tftpd-hpa; its ratios are left out"))
    with tempfile.TemporaryDirectory(prefix="bench-tftp-") as text:
        folder = Path(text)
        folder.chmod(0o755)
        body = random.Random(0).randbytes(MAC_FILE_BYTES)
        (folder / MAC_FILE).write_bytes(body)
        rom = random.Random(1).randbytes(FIRMWARE_BYTES)
        (folder / ROM_FILE).parent.mkdir()
        (folder / ROM_FILE).write_bytes(rom)
        digest = hashlib.sha256(rom).hexdigest()
        del rom
        keep_to(0, 0)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # each phone has a socket
        try:
            lines += _small_files(folder, body, others)
            lines += _firmware(folder, digest, [kind for kind in others if kind == "tftpd-hpa"])
            lines += _storm(folder, body, others)
            lines += _lossy(folder, body)
        finally:
            os.sched_setaffinity(0, CORES)
    return lines


def _small_files(folder: Path, body: bytes, others: list[str]) -> list[Line]:
    cpu_us: dict[str, list[float]] = {}
    rate: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        servers = {kind: stack.enter_context(_started(kind, folder)) for kind in ["ours", *others]}
        for _ in range(ROUNDS):
            for kind, server in servers.items():
                before = server.cpu_s()
                result = _Phones(server.address, MAC_FILE, CLIENTS, TRANSFERS, expected=body).run()
                if kind == "ours" and result.failed:
                    return [Line("4 kB files, 50 clients", None, "", "", False, f"{result.failed} transfers failed")]
                cpu_us.setdefault(kind, []).append((server.cpu_s() - before) / result.done * 1e6)
                rate.setdefault(kind, []).append(result.done / result.took_s)
        is_counted = servers["ours"].group.folder is not None
    lines = []
    for kind in others:
        if kind == "tftpd-hpa" and not is_counted:
            name = f"4 kB files, {CLIENTS} clients: CPU per transfer, to {kind}"
            lines.append(
                Line(name, None, "x", "", True, "left out: only root may make the control group that counts its children")
            )
            continue
        at_most = 0.3 if kind == "tftpd-hpa" else None
        lines.append(
            _ratio(
                f"4 kB files, {CLIENTS} clients: CPU per transfer, to {kind}",
                cpu_us["ours"],
                cpu_us[kind],
                at_most=at_most,
                unit="us",
            )
        )
        lines.append(
            _ratio(f"4 kB files, {CLIENTS} clients: transfers per second, to {kind}", rate["ours"], rate[kind], unit="/s")
        )
    return lines


def _firmware(folder: Path, digest: str, others: list[str]) -> list[Line]:
    lines = []
    for windowsize, at_least in ((1, 0.6), (8, 2.0)):
        speed: dict[str, list[float]] = {}
        with contextlib.ExitStack() as stack:
            servers = {kind: stack.enter_context(_started(kind, folder)) for kind in ["ours", *others]}
            for _ in range(DOWNLOADS):
                for kind, server in servers.items():
                    speed.setdefault(kind, []).append(_download(server, ROM_FILE, 1428, windowsize, digest))
        for kind in others:
            wanted = at_least if kind == "tftpd-hpa" else None
            name = f"20 MB, blksize 1428, windowsize {windowsize}: speed, to {kind}"
            lines.append(_ratio(name, speed["ours"], speed[kind], at_least=wanted, unit="MB/s"))
    return lines


def _storm(folder: Path, body: bytes, others: list[str]) -> list[Line]:
    lines = []
    for kind in ["ours", *others]:
        p99s_s, resent, failed = [], 0, 0
        for number in range(ROUNDS if kind == "ours" else 1):
            with _started(kind, folder) as server:
                result = _Phones(server.address, MAC_FILE, PHONES, PHONES, expected=body, seed=number).run()
            p99s_s.append(result.percentile_s(0.99))
            resent += result.resent
            failed += result.failed
        p99_s = statistics.median(p99s_s)
        detail = f"{resent} requests or ACKs repeated, {failed} failed"
        if kind == "ours":
            lines.append(Line(f"{PHONES} phones at once: p99, median of {ROUNDS}", p99_s, "s", "< 0.3", p99_s < 0.3, detail))
            is_calm = resent == 0 and failed == 0
            lines.append(Line(f"{PHONES} phones at once: packets repeated", resent, "", "= 0", is_calm, detail))
        else:
            lines.append(Line(f"{PHONES} phones at once: p99, {kind}", p99_s, "s", "", True, detail))
    return lines


def _lossy(folder: Path, body: bytes) -> list[Line]:
    with _started("ours", folder) as server:
        result = _Phones(server.address, MAC_FILE, CLIENTS, LOSSY_TRANSFERS, loss=LOSS, expected=body).run()
    is_met = result.done == LOSSY_TRANSFERS
    detail = f"of {LOSSY_TRANSFERS}, in {result.took_s:.1f} s"
    return [Line("5 % loss both ways: files that arrive", result.done, "files", f"= {LOSSY_TRANSFERS}", is_met, detail)]


def main() -> int:
    """Print the lines; 1 if a target is missed."""
    lines = run()
    for line in lines:
        print(line)
    return 0 if all(line.is_met for line in lines) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2], Path(sys.argv[3]))
    else:
        sys.exit(main())
