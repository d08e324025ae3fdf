"""The main job, shown: serve a fleet on free ports, boot every phone of it the way its firmware does, compare the bytes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.errors import EnvironmentProblem
from provisioner.rendering.format import CFG
from provisioner.runtime.demo_sip import judge_all, register_all
from provisioner.runtime.fleet import Fleet, PhoneFiles
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.models import load_models
from sipstub.phone.outcome import Outcome
from sipstub.phone.report import BootReport
from sipstub.phone.virtual import Phone
from sipstub.verify.run import Verified

START_TIMEOUT_S = 60.0
FETCH_TIMEOUT_S = 20
COMPARERS = 4
"Processes that render at once."


NEWER_FIRMWARE = {"T46G": "28.81.0.110"}
"One phone runs a later generation: it asks for .boot files first, and a 404 for those does no harm."


@dataclass(frozen=True, slots=True)
class DemoRow:
    """One phone of the demo."""

    name: str
    model: str
    firmware: str
    transport: str
    files: str
    "Kinds of file in the order asked for, with the refusal behind those that there are none of: `boot 404, common, mac`."

    size_bytes: int
    sha256: str
    "First digits of the hash of its own file."

    lint: str
    "`clean`, or the number of warnings or faults."

    mismatches: tuple[str, ...]
    "What differed from the file that another process rendered; empty if nothing did."


class DemoServer:
    """A server in a process of its own, on loopback and free ports, with a state folder that goes with it."""

    def __init__(self, devices: Path, templates: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="provisioner-demo-"))
        self.state = self._folder / "state"
        self.facts: dict[str, Any] = {}
        self._ready = self._folder / "ready.json"
        self.options = ["--devices", str(devices), "--templates", str(templates), "--state", str(self.state)]
        self._log = (self._folder / "server.log").open("wb")
        listen = ["--http", "127.0.0.1:0", "--tftp", "127.0.0.1:0", "--https", "off", "--people", "127.0.0.1:0"]
        listen += ["--sip", "127.0.0.1:0", "--sips", "127.0.0.1:0", "--record", str(self.record)]
        self._process = subprocess.Popen(  # noqa: S603 (our own program)
            [*program(), "serve", *self.options, *listen, "--allow", "127.0.0.0/8", "--ready-file", str(self._ready), "--quiet"],
            stdout=self._log,
            stderr=self._log,
        )

    def wait(self) -> None:
        """Return when the server is ready; EnvironmentProblem with its own words if it is not."""
        deadline = time.monotonic() + START_TIMEOUT_S
        pause = threading.Event()
        while not self._ready.is_file():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._log.flush()
                said = (self._folder / "server.log").read_text("utf-8", "replace").strip()
                raise EnvironmentProblem(f"the server did not start: {said or 'no reason given'}")
            pause.wait(0.05)
        import json

        self.facts = json.loads(self._ready.read_text("utf-8"))

    @property
    def record(self) -> Path:
        """Where the messages of the registrar are, once the server has ended."""
        return self._folder / "sip.json"

    def end(self) -> None:
        """End the server; what it wrote is still there."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def remove(self) -> None:
        """End the server and remove what it left."""
        self.end()
        shutil.rmtree(self._folder, ignore_errors=True)


def program() -> list[str]:
    """Return the command that runs this program in another process."""
    return [sys.executable, "-m", "provisioner"]


def transports(fleet: Iterable[PhoneFiles]) -> dict[str, str]:
    """Return the transport of each phone by MAC: every third one takes TFTP, the factory protocol, the others HTTP."""
    return {files.phone.mac.plain: "tftp" if at % 3 == 2 else "http" for at, files in enumerate(fleet)}


async def _boot_all(fleet: list[PhoneFiles], urls: dict[str, str], models: Path) -> list[BootReport]:
    known = load_models(models)
    chosen = transports(fleet)

    async def boot(files: PhoneFiles) -> BootReport:
        mac = files.phone.mac.plain
        model = known[files.phone.model.name]
        device = Phone(PhoneIdentity.of(mac, model, NEWER_FIRMWARE.get(model.name)))
        url = urls[chosen[mac]]
        first = await device.boot(url)
        again = await device.boot(url)
        if first.is_provisioned and not again.is_unchanged:
            raise EnvironmentProblem(f"{files.phone.name}: a second boot without any edit brought other bytes")
        return first

    return list(await asyncio.gather(*(boot(files) for files in fleet)))


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo found."""

    mismatches: list[str]
    "Every byte that differed, in words."

    verified: Verified
    "What the phones did on the wire, held against their files."


def run_demo(fleet: Fleet, server: DemoServer, say: Callable[[DemoRow], None]) -> DemoResult:
    """Boot every phone of the fleet at the running server, let it register, end the server, and judge."""
    build = fleet.build()
    # The virtual phones of the demo read cfg files; phones of other vendors are left to real ones.
    found = [files for files in build.phones.values() if files.phone.model.vendor.format == CFG.name]
    phones = sorted(found, key=lambda files: files.phone.name)
    mismatches = _boot_and_compare(fleet, phones, server, say)
    known = load_models(fleet.folder / "models.toml")
    chosen = transports(phones)
    identities = [PhoneIdentity.of(files.phone.mac.plain, known[files.phone.model.name]) for files in phones]
    urls = [str(server.facts[chosen[identity.mac]]["url"]) for identity in identities]
    asyncio.run(register_all(list(zip(identities, urls, strict=True))))
    server.end()
    return DemoResult(mismatches, judge_all(phones, identities, fleet.folder, fleet.catalogue, server.record))


def _boot_and_compare(fleet: Fleet, phones: list[PhoneFiles], server: DemoServer, say: Callable[[DemoRow], None]) -> list[str]:
    urls = {scheme: server.facts[scheme]["url"] for scheme in ("http", "tftp")}
    reports = asyncio.run(_boot_all(phones, urls, fleet.folder / "models.toml"))
    rendered = _Rendered(server)
    with ThreadPoolExecutor(COMPARERS) as pool:
        rows = list(pool.map(lambda pair: _row(pair[0], pair[1], rendered, urls), zip(phones, reports, strict=True)))
    for row in rows:
        say(row)
    return [f"{row.name}: {text}" for row in rows for text in row.mismatches]


def _row(files: PhoneFiles, report: BootReport, rendered: _Rendered, urls: dict[str, str]) -> DemoRow:
    phone = files.phone
    mismatches = []
    if not report.is_provisioned:
        mismatches.append("it was not provisioned: " + "; ".join(f"{file.name} {file.detail}" for file in report.files))
    for kind, file in (("common", report.common_file), ("mac", report.mac_file)):
        wanted = rendered.file(phone.name, kind, files.common_name)
        got: dict[str, bytes | None] = {"the phone": file.body if file is not None else None}
        if file is not None:
            got |= _foreign(file.name, phone, urls)
        for who, body in got.items():
            if body != wanted:
                mismatches.append(f"{kind} file: {who} has {_size(body)}, `render --reveal` gives {_size(wanted)}")
    faults = sum(len(file.faults) for file in report.files)
    warnings = len(files.mac.problems) + len(files.common.problems)
    shown = [str(file.role) if file.outcome is Outcome.RECEIVED else f"{file.role} {file.status or 404}" for file in report.files]
    own = report.mac_file
    return DemoRow(
        phone.name,
        phone.model.name,
        report.identity.firmware,
        report.transport,
        ", ".join(shown),
        sum(file.size_bytes for file in report.files),
        own.sha256[:12] if own is not None else "",
        f"{faults} faults" if faults else f"{warnings} warnings" if warnings else "clean",
        tuple(mismatches),
    )


def _foreign(name: str, phone: Any, urls: dict[str, str]) -> dict[str, bytes | None]:
    """Fetch the same file with the clients of other people that are installed here."""
    found: dict[str, bytes | None] = {}
    curl, tftp = shutil.which("curl"), shutil.which("tftp")
    agent = phone.model.http_agent_sample.rsplit(" ", 1)[0] + " " + phone.mac.colons
    if curl:
        done = _run([curl, "-sf", "--max-time", str(FETCH_TIMEOUT_S), "-A", agent, urls["http"] + name])
        found["curl"] = done.stdout if done.returncode == 0 else None
    if tftp:
        host, port = urls["tftp"].removeprefix("tftp://").rstrip("/").rsplit(":", 1)
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "file"
            _run([tftp, "-m", "binary", host, port, "-c", "get", name, str(target)])
            found["tftp-hpa"] = target.read_bytes() if target.is_file() else None
    return found


class _Rendered:
    """What `render --reveal` prints in processes of its own; the same common file is asked for once."""

    def __init__(self, server: DemoServer) -> None:
        self._server = server
        self._commons: dict[str, bytes | None] = {}
        self._lock = threading.Lock()

    def file(self, phone: str, kind: str, common_name: str) -> bytes | None:
        """Return the bytes, or None if the command failed."""
        if kind == "common":
            with self._lock:
                if common_name not in self._commons:
                    self._commons[common_name] = self._render(phone, kind)
                return self._commons[common_name]
        return self._render(phone, kind)

    def _render(self, phone: str, kind: str) -> bytes | None:
        done = _run([*program(), "render", phone, "--file", kind, "--reveal", *self._server.options])
        return done.stdout if done.returncode == 0 else None


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROVISIONER_")}
    return subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)  # noqa: S603 (fixed programs)


def _size(body: bytes | None) -> str:
    return "nothing" if body is None else f"{len(body)} bytes ({hashlib.sha256(body).hexdigest()[:8]})"
