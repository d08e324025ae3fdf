"""The main job, shown: serve a fleet on free ports, boot every phone of it the way its firmware does, compare the bytes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisioner.errors import EnvironmentProblem, NotFound
from provisioner.expectations.observables import load_observables
from provisioner.rendering.format import CFG
from provisioner.runtime.demo_sbc import Behind, calls_through, judge_behind
from provisioner.runtime.demo_server import DemoServer
from provisioner.runtime.demo_sip import Device, Show
from provisioner.runtime.fleet import Fleet, PhoneFiles
from provisioner.runtime.verify_through import Through
from provisioner.state.folder import StateFolder
from sipstub.phone.identity import PhoneIdentity
from sipstub.phone.models import load_models
from sipstub.phone.outcome import Outcome
from sipstub.phone.report import BootReport
from sipstub.phone.virtual import Phone
from sipstub.stimulus.session_plan import SessionPlan
from sipstub.verify.run import Verified

RUN_TIMEOUT_S = 120
FETCH_TIMEOUT_S = 20
COMPARERS = 4
"Clients of other people that fetch at once."


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


def transports(fleet: Iterable[PhoneFiles]) -> dict[str, str]:
    """Return the transport of each phone by MAC: every third one takes TFTP, the factory protocol, the others HTTP."""
    return {files.phone.mac.plain: "tftp" if at % 3 == 2 else "http" for at, files in enumerate(fleet)}


async def _boot_all(fleet: Sequence[PhoneFiles], devices: Sequence[Device]) -> list[BootReport]:
    async def boot(files: PhoneFiles, device: Device) -> BootReport:
        first = await device.phone.boot(device.url)
        again = await device.phone.boot(device.url)
        if first.is_provisioned and not again.is_unchanged:
            raise EnvironmentProblem(f"{files.phone.name}: a second boot without any edit brought other bytes")
        return first

    return list(await asyncio.gather(*(boot(files, device) for files, device in zip(fleet, devices, strict=True))))


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo found."""

    mismatches: list[str]
    "Every byte that differed, in words."

    verified: Verified | None
    "What the phones did on the wire, held against their files; None where the files differ, or no phone registers here."

    notes: tuple[str, ...] = ()
    "What a person should know beside the findings."

    plans: Mapping[str, SessionPlan] = field(default_factory=dict)
    "Calls of session timers, by the name of the phone."

    behind: Behind | None = None
    "What the phones did behind an SBC."


def run_demo(
    fleet: Fleet,
    server: DemoServer,
    say: Callable[[DemoRow], None],
    show: Callable[[Any], str] = str,
    disobey: Mapping[str, Sequence[str]] = {},
    sbc: DemoServer | None = None,
) -> DemoResult:
    """Boot every phone of the fleet at the running server, compare its bytes, and have its settings judged meanwhile.

    `show` writes where a value comes from; `disobey` has names of phones with the mutants that they are; `sbc` is a server that
    phones find behind an SBC.
    """
    build = fleet.build()
    # The virtual phones of the demo read cfg files; phones of other vendors are left to real ones.
    found = [files for files in build.phones.values() if files.phone.model.vendor.format == CFG.name]
    phones = sorted(found, key=lambda files: files.phone.name)
    unknown = set(disobey) - {files.phone.name for files in phones}
    if unknown:
        raise NotFound(f"no phone of the demo is called {min(unknown)}", hint="provisioner phones lists them")
    known, chosen = load_models(fleet.folder / "models.toml"), transports(phones)
    devices = []
    for files in phones:
        mac, model = files.phone.mac.plain, known[files.phone.model.name]
        phone = Phone(PhoneIdentity.of(mac, model, NEWER_FIRMWARE.get(model.name)))
        devices.append(Device(phone, str(server.facts[chosen[mac]]["url"]), tuple(disobey.get(files.phone.name, ()))))
    state, observables = StateFolder.existing(server.state), load_observables(fleet.folder)
    wire = Show(state, observables, fleet.catalogue, str(server.facts["advertise"]), show)
    if sbc is None or sbc.sbc is None:
        mismatches, verified = asyncio.run(_boot_and_judge(phones, devices, server, say, wire))
        return DemoResult(mismatches, verified, tuple(wire.notes), wire.plans)
    behind = Show(
        StateFolder.existing(sbc.state),
        observables,
        fleet.catalogue,
        str(sbc.facts["advertise"]),
        show,
        plays=calls_through,
        stimulates=False,
        through=Through.standing(sbc.sbc),
    )
    return asyncio.run(_both(phones, devices, server, say, wire, behind, str(sbc.facts["http"]["url"])))


async def _both(
    phones: Sequence[PhoneFiles],
    devices: Sequence[Device],
    server: DemoServer,
    say: Callable[[DemoRow], None],
    wire: Show,
    behind: Show,
    url: str,
) -> DemoResult:
    """Do both parts at once; a byte that differs ends both."""
    through = asyncio.create_task(judge_behind(behind, devices, url))
    try:
        mismatches, verified = await _boot_and_judge(phones, devices, server, say, wire)
        found = None if mismatches else await through
    finally:
        if not through.done():
            through.cancel()
        await asyncio.gather(through, return_exceptions=True)
    return DemoResult(mismatches, verified, tuple(wire.notes), wire.plans, found)


async def _boot_and_judge(
    phones: Sequence[PhoneFiles], devices: Sequence[Device], server: DemoServer, say: Callable[[DemoRow], None], wire: Show
) -> tuple[list[str], Verified | None]:
    """Compare the bytes in another thread while the phones are on the wire; one that differs ends both."""
    reports = await _boot_all(phones, devices)
    judging = asyncio.create_task(wire.judge(devices))
    try:
        rows = await asyncio.to_thread(_compare, phones, reports, server)
        for row in rows:
            say(row)
        mismatches = [f"{row.name}: {text}" for row in rows for text in row.mismatches]
        return mismatches, None if mismatches else await judging
    finally:
        if not judging.done():
            judging.cancel()
        await asyncio.gather(judging, return_exceptions=True)


def _compare(phones: Sequence[PhoneFiles], reports: Sequence[BootReport], server: DemoServer) -> list[DemoRow]:
    urls = {scheme: str(server.facts[scheme]["url"]) for scheme in ("http", "tftp")}
    rendered = _Rendered(phones, server)
    with ThreadPoolExecutor(COMPARERS) as pool:
        return list(pool.map(lambda pair: _row(pair[0], pair[1], rendered, urls), zip(phones, reports, strict=True)))


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
    """What `render --reveal` prints in another process, of every phone's own file and of each common file."""

    def __init__(self, phones: Sequence[PhoneFiles], server: DemoServer) -> None:
        commons = {files.common_name: files.phone.name for files in phones}
        asked = [[files.phone.name, "mac"] for files in phones] + [[name, "common"] for name in commons.values()]
        command = [sys.executable, "-m", "provisioner.cli.render_many", *server.options]
        done = _run(command, json.dumps(asked).encode())
        bodies = json.loads(done.stdout) if done.returncode == 0 else [None] * len(asked)
        names = [*(files.phone.name for files in phones), *commons]
        self._bodies = {
            (name, kind): base64.b64decode(body) if body is not None else None
            for name, (_, kind), body in zip(names, asked, bodies, strict=True)
        }

    def file(self, phone: str, kind: str, common_name: str) -> bytes | None:
        """Return the bytes, or None if the command failed."""
        return self._bodies[common_name if kind == "common" else phone, kind]


def _run(command: list[str], given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PROVISIONER_")}
    return subprocess.run(  # noqa: S603 (fixed programs)
        command, input=given, capture_output=True, timeout=RUN_TIMEOUT_S, check=False, env=environment
    )


def _size(body: bytes | None) -> str:
    return "nothing" if body is None else f"{len(body)} bytes ({hashlib.sha256(body).hexdigest()[:8]})"
