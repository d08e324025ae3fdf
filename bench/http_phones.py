"""The phones' HTTP server measured beside nginx, which serves the same bytes as static files, in one run on one machine.

    python bench/http_phones.py      print one line per measurement, exit 1 if a target is missed
    run() -> list of Line            the same for whoever collects all benchmarks

Ours runs as served: published store, catalogue, identification, policy, journal in SQLite with its background unpacker.
Both have one worker; CPU time is that of the server's whole process tree, from /proc.  Ratios are medians over ROUNDS rounds
that take turns, each within its round.  What the unpacker has left over is unpacked between the measurements, as by a
person who asks, so that it burdens no other server's; what that costs is a line of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.line import Line
from bench.process import cpu_s

ROOT = Path(__file__).resolve().parent.parent
LOAD = Path(__file__).resolve().parent / "http_load.py"
ROUNDS = 5
SECONDS = 2
PHONES = 10_000
CONNECTIONS = 64
AT_ONCE = 2_000
COMMON = "y000000000028.cfg"
FIRMWARE_BYTES = 20_000_000
FDS = 16_384
NGINX_LOG_OFF = "/dev/null crit"


class Server:
    """A server's process tree and its port."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self.port = port

    def _tree(self) -> list[int]:
        pids = [self.process.pid]
        for pid in pids:
            pids += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return pids

    def cpu_s(self) -> float:
        """Return user and system time of the tree."""
        return sum(cpu_s(pid) for pid in self._tree())

    def resident_mb(self) -> float:
        """Return the resident memory of the largest process of the tree."""
        return max(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._tree()) * 4096 / 1e6


def body_of(number: int) -> bytes:
    """Return a MAC file of a usual size and shape."""
    lines = ["#!version:1.0.0.1"]
    for account in range(1, 7):
        lines += [
            f"account.{account}.{name} = {value}"
            for name, value in (
                ("enable", int(account == 1)),
                ("label", f"Phone {number}"),
                ("display_name", f"Phone {number} line {account}"),
                ("user_name", f"{number:05d}{account}"),
                ("auth_name", f"{number:05d}{account}"),
                ("password", f"pass-{number * 7919 + account:012d}"),
                ("sip_server.1.address", "pbx.example.org"),
                ("sip_server.1.port", 5060),
                ("sip_server.1.expires", 3600),
            )
        ]
    for key in range(1, 28):
        lines += [f"linekey.{key}.type = 16", f"linekey.{key}.value = {1000 + key}", f"linekey.{key}.label = Desk {key}"]
    return "\n".join([*lines, ""]).encode()


def serve(folder: Path, options: dict[str, Any]) -> None:
    """Be our server: publish nothing, only serve what `folder` holds."""
    from provisioner.catalogue import load_catalogue
    from provisioner.delivery.decide import decide
    from provisioner.delivery.policy import Policy, parse_networks
    from provisioner.services.http_limits import Limits
    from provisioner.services.http_server import PhoneServer, wait_until_ready
    from provisioner.state.database import Database
    from provisioner.state.folder import StateFolder
    from provisioner.state.journal import Journal
    from provisioner.state.retention import Retention
    from provisioner.state.source import PublishedSource
    from provisioner.state.unpacker import BackgroundUnpacker

    state = StateFolder.open(folder / "state")
    catalogue = load_catalogue(ROOT / "templates" / "yealink")
    database = Database.open(state)
    source = PublishedSource(state, catalogue.agents, {name: model.common_name for name, model in catalogue.models.items()},
                             frozenset(name for name, model in catalogue.models.items() if model.is_in_scope))  # fmt: skip
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)

        def snapshots() -> PublishedSource:
            source.refresh()
            return source

        PhoneServer(
            http=[listener],
            snapshots=snapshots,
            policy=lambda: Policy(parse_networks(["127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16", "::1"])),
            events=lambda: Journal(database) if options.get("journal", True) else _Nowhere(),
            decide=decide,
            workers=1,
            ready_fd=writer,
            limits=Limits(),
            fast=options.get("fast", True),
            memo=options.get("memo", True),
        ).run()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    wait_until_ready(reader, 1, 20.0)
    unpacker = BackgroundUnpacker(database, Retention())  # as in the loader's process of `provisioner serve`
    unpacker.start()
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    os.waitpid(pid, 0)
    unpacker.stop()


class _Nowhere:
    """A journal that keeps nothing, to see what the real one costs."""

    def record(self, event: Any) -> None:
        """Forget the event."""


@contextlib.contextmanager
def _ours(folder: Path, **options: Any) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, __file__, "serve", str(folder), json.dumps(options)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        yield Server(process, int(json.loads(process.stdout.readline())["port"]))
    finally:
        process.terminate()
        process.communicate(timeout=30)


@contextlib.contextmanager
def _nginx(folder: Path) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"""{user} daemon off; worker_processes 1; worker_rlimit_nofile {FDS}; pid {folder}/nginx.pid; error_log {NGINX_LOG_OFF};
events {{ worker_connections {FDS // 2}; use epoll; }}
http {{ access_log off; sendfile on; default_type text/plain; keepalive_requests 100; client_body_temp_path {folder}/t1;
proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/www; }} }}
"""
    )
    process = subprocess.Popen([_program("nginx") or "nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield Server(process, port)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def _prepare(folder: Path) -> None:
    """Put the same bytes into the published store and into a folder for nginx."""
    from provisioner.delivery.file import FileKind
    from provisioner.delivery.snapshot import PhoneEntry
    from provisioner.inventory.static_file import StaticFile
    from provisioner.state.folder import StateFolder
    from provisioner.state.publication import NewFile, Publication, PublishedPhone
    from provisioner.state.publisher import Publisher

    sys.path.insert(0, str(LOAD.parent))
    from http_load import phone

    www = folder / "www"
    (www / "files").mkdir(parents=True)
    folder.chmod(0o755)
    common = b"#!version:1.0.0.1\n" + b"".join(b"features.example_%d = 1\n" % number for number in range(90))
    (www / COMMON).write_bytes(common)
    rom = www / "files" / "big.rom"
    rom.write_bytes(os.urandom(FIRMWARE_BYTES))
    files = {COMMON: NewFile(FileKind.COMMON, None, common)}
    phones = {}
    for number in range(PHONES):
        mac, _ = phone(number)
        body = body_of(number)
        (www / f"{mac}.cfg").write_bytes(body)
        files[f"{mac}.cfg"] = NewFile(FileKind.MAC, mac, body)
        phones[mac] = PublishedPhone(PhoneEntry(mac, f"phone {number}", "T46G", COMMON))
    found = rom.stat()
    static = {"files/big.rom": StaticFile(rom, found.st_size, found.st_mtime_ns)}
    with Publisher(StateFolder.open(folder / "state")) as publisher:
        publisher.publish(Publication(files, static, phones=phones), now=time.time())
    requests = ["local n, requests = 0, {}", "function init(args)", f"  for i = 0, {PHONES - 1} do"]
    requests += [
        '    local mac = string.format("001565%06x", i)',
        '    local agent = "Yealink SIP-T46G 28.80.0.60 " .. mac:gsub("(%x%x)", "%1:"):sub(1, 17)',
        '    local headers = {["User-Agent"] = agent, ["Connection"] = "close", ["Host"] = "b"}',
        '    requests[i] = wrk.format("GET", "/" .. mac .. ".cfg", headers)',
        "  end",
        "end",
        f"function request() n = (n + 7) % {PHONES}; return requests[n] end",
    ]
    (folder / "phones.lua").write_text("\n".join(requests))


def _wrk(server: Server, folder: Path, seconds: int) -> tuple[int, float, str]:
    """Return requests, server CPU in microseconds per request, and errors if any."""
    before = server.cpu_s()
    text = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(folder / "phones.lua"), f"http://127.0.0.1:{server.port}/"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    time.sleep(1.2)  # the journal's last batch belongs to the measurement
    cpu = server.cpu_s() - before
    done = next(int(line.split()[0]) for line in text.splitlines() if " requests in " in line)
    errors = " ".join(line.strip() for line in text.splitlines() if "errors" in line or "Non-2xx" in line)
    return done, cpu / done * 1e6, errors


def _load(what: str, server: Server, spec: dict[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, str(LOAD), what, "127.0.0.1", str(server.port), json.dumps(spec)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    text, _ = process.communicate(timeout=120)
    return dict(json.loads(text.splitlines()[-1]))


class _Unpacking:
    """Unpacks what waits in the journal, and counts what that costs."""

    def __init__(self, folder: Path) -> None:
        from provisioner.state.database import Database
        from provisioner.state.folder import StateFolder
        from provisioner.state.unpacker import Unpacker

        self._database = Database.open(StateFolder.open(folder / "state"))
        self._unpacker = Unpacker(self._database)
        self.events = 0
        self.cpu_s = 0.0

    def catch_up(self) -> None:
        """Unpack all that waits."""
        from provisioner.state import pending

        with self._database.reading() as connection:
            self.events += pending.waiting(connection)[1]
        before = time.process_time()
        self._unpacker.catch_up()
        self.cpu_s += time.process_time() - before


def _cpu_lines(folder: Path, nginx: Server, ours: Server) -> list[Line]:
    unpacking = _Unpacking(folder)
    with _ours(folder, memo=False) as cold, _ours(folder, memo=False, fast=False) as ordinary:
        servers = {"nginx": nginx, "ours": ours, "cold": cold, "ordinary": ordinary}
        cpu: dict[str, list[float]] = {name: [] for name in servers}
        rate: dict[str, list[float]] = {name: [] for name in servers}
        errors = ""
        for _ in range(ROUNDS):
            for name, server in servers.items():
                done, used, bad = _wrk(server, folder, SECONDS)
                cpu[name].append(used)
                rate[name].append(done / SECONDS)
                errors += bad
                unpacking.catch_up()
    us = {name: statistics.median(values) for name, values in cpu.items()}
    per_s = {name: statistics.median(values) for name, values in rate.items()}

    def detail(name: str) -> str:
        return f"{us[name]:.1f} us/request, {per_s[name]:.0f}/s (nginx {us['nginx']:.1f}, {per_s['nginx']:.0f}) {errors}"

    def ratio_of(name: str) -> float:
        return statistics.median(mine / its for mine, its in zip(cpu[name], cpu["nginx"], strict=True))

    ratio = ratio_of("ours")
    uncached = 1e6 / us["ordinary"]
    return [
        Line(
            "MAC file, 10,000 phones, connection each: CPU / nginx",
            ratio,
            "x",
            "<= 1.50",
            ratio <= 1.5 and not errors,
            detail("ours"),
        ),
        Line("the same with every request decided anew (no memo)", ratio_of("cold"), "x", "", True, detail("cold")),
        Line(
            "ordinary path (gunicorn's parser, WSGI), uncached",
            uncached,
            "/CPU-s",
            ">= 2500",
            uncached >= 2500,
            detail("ordinary"),
        ),
        Line(
            "journal: rows for people, made later or when they ask",
            unpacking.cpu_s / max(1, unpacking.events) * 1e6,
            "us",
            "",
            True,
            f"CPU per event, {unpacking.events} left over by the background unpacker",
        ),
    ]


def _storm_line(folder: Path, nginx: Server, ours: Server) -> Line:
    spec = {"phones": PHONES, "paths": [f"/{COMMON}", "/MAC.cfg"], "at_once": AT_ONCE, "limit_s": 60}
    results: dict[str, list[dict[str, Any]]] = {"nginx": [], "ours": []}
    unpacking = _Unpacking(folder)
    for _ in range(ROUNDS):
        for name, server in (("nginx", nginx), ("ours", ours)):
            unpacking.catch_up()
            results[name].append(_answer(_load("storm", server, spec)))
    errors = [one["errors"] for one in results["ours"] if one["errors"] or one["done"] != PHONES * 2]
    p99 = {name: statistics.median(one["p99"] for one in found) for name, found in results.items()}
    p50 = {name: statistics.median(one["p50"] for one in found) for name, found in results.items()}
    ratio = statistics.median(mine["p99"] / its["p99"] for mine, its in zip(results["ours"], results["nginx"], strict=True))
    detail = (
        f"p50 {p50['ours']:.1f} p99 {p99['ours']:.1f} ms (nginx {p50['nginx']:.1f}, {p99['nginx']:.1f}); errors {errors or 0}"
    )
    return Line(
        "boot storm, 10,000 phones x 2, 2,000 at a time: p99 / nginx", ratio, "x", "<= 1.50", ratio <= 1.5 and not errors, detail
    )


def _stall_line(ours: Server) -> Line:
    spec = {"readers": 20, "halves": 200, "downloads": 400, "file": "/files/big.rom", "size": FIRMWARE_BYTES, "hold_s": 5,
            "bytes_per_s": 1_000_000}  # fmt: skip
    bad = _load("stalls", ours, spec)
    assert bad.stdout is not None
    bad.stdout.readline()
    known = _answer(_load("storm", ours, {"phones": 2000, "paths": ["/MAC.cfg"], "at_once": 8, "limit_s": 20}))
    held = _answer(bad)
    errors = {**known["errors"], **held["errors"]}
    detail = f"p50 {known['p50']:.1f} max {known['max']:.1f} ms, {known['done']} phones; errors {errors or 0}"
    met = known["p99"] < 50 and not errors and known["done"] == 2000
    return Line("stalls (20 keep, 200 half, 400 x 20 MB slow): phone's p99", known["p99"], "ms", "< 50", met, detail)


def run() -> list[Line]:
    """Measure everything; a comparison whose program is missing says so and counts as met."""
    missing = [name for name in ("nginx", "wrk") if not _program(name)]
    if missing:
        return [Line("HTTP", None, "", "", True, f"left out, not installed: apt install {' '.join(missing)}")]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FDS, hard), hard))
    with tempfile.TemporaryDirectory(prefix="bench-http-") as text:
        folder = Path(text)
        _prepare(folder)
        with _nginx(folder) as nginx, _ours(folder) as ours:
            lines = [*_cpu_lines(folder, nginx, ours), _storm_line(folder, nginx, ours), _stall_line(ours)]
            lines.append(Line("memory of the worker after all this", ours.resident_mb(), "MB", "", True))
    return lines


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]), json.loads(sys.argv[3]))
        sys.exit(0)
    measured = run()
    print("\n".join(str(line) for line in measured))
    sys.exit(0 if all(line.is_met for line in measured) else 1)
