"""A phone whose PBX is a Kamailio, and our server beside it, all on sockets."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from kamailio_server import HOST, PASSWORD, Kamailio, kamailio
from ports import HERE
from runtime_folder import Folder, Running, until

from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.job_table import JobState, JobTable
from provisioner.state.published import PublishedSource
from sipstub.phone.identity import PhoneIdentity, PhoneModel
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.virtual import Phone
from sipstub.sip.message import Response
from sipstub.trace.record import Recorder

Start = Callable[..., Running]
ANNA = f"001565{0xD1 + HERE:02x}0001"
"Virtual phones take their address on loopback from their MAC, and other processes of the tests run such phones too."
T46G = PhoneModel("T46G", "SIP-T46G", "y000000000028.cfg", "28.80.0.60", codec_slots=11)
OURS = ("--sip", "127.0.0.1:0", "--allow", "127.0.0.0/8")
PATIENCE_S = 60.0


class Scene:
    """The phone, its own PBX, and our server."""

    def __init__(self, folder: Folder, pbx: Kamailio, server: Running) -> None:
        self.folder = folder
        self.pbx = pbx
        self.server = server
        self.phone = Phone(PhoneIdentity.of(ANNA, T46G))
        self.recorder = Recorder()

    @contextlib.asynccontextmanager
    async def powered(self) -> AsyncIterator[RunningPhone]:
        """Let the phone boot, fetch and register, and cut its power afterwards."""
        self.recorder = Recorder()
        options = RunOptions(seed=1, recorder=self.recorder)
        async with RunningPhone(self.phone, self.server.url(), options) as running:
            assert await running.registered(PATIENCE_S)
            yield running

    def registrars(self) -> set[tuple[str, int]]:
        """Return who said 200 to the phone since it was switched on."""
        accepted = [
            one
            for one in self.recorder.messages()
            if not one.is_inbound and isinstance(one.message, Response) and one.message.status == 200
        ]
        return {(one.local.host, one.local.port) for one in accepted}

    @property
    def at_pbx(self) -> set[tuple[str, int]]:
        return {(HOST, self.pbx.port)}

    @property
    def at_stub(self) -> set[tuple[str, int]]:
        return {("127.0.0.1", self.server.facts["sip"]["port"])}

    @property
    def own_file(self) -> str:
        """Return the hash that the phone keeps of its own file."""
        return self.phone.memory.md5s[ANNA + ".cfg"]

    async def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run, self.command(*words), capture_output=True, text=True, timeout=180, check=False
        )

    def command(self, *words: str) -> list[str]:
        folder = self.folder
        where = ["--devices", str(folder.devices), "--templates", str(folder.templates), "--state", str(folder.state)]
        return [sys.executable, "-m", "provisioner", *words, *where]

    async def watched(self) -> None:
        """Wait until the server records for a job."""
        jobs = JobTable(Database.open(StateFolder.existing(self.folder.state)))
        await asyncio.to_thread(until, lambda: any(job.state is JobState.RUNNING for job in jobs.jobs()), PATIENCE_S)

    async def published(self, holds: Callable[[str], bool]) -> None:
        """Wait until the phone's file that is published is one; without fetching it, which would count as the phone's doing."""
        source = PublishedSource(StateFolder.existing(self.folder.state))

        def look() -> bool:
            snapshot = source.refresh()
            return snapshot is not None and holds(bytes(snapshot.files[ANNA + ".cfg"].body).decode())

        await asyncio.to_thread(until, look, PATIENCE_S)


@contextlib.asynccontextmanager
async def a_scene(folder: Folder, serve: Start, tmp_path: Path, *, names_port: bool = True) -> AsyncIterator[Scene]:
    async with kamailio(tmp_path) as pbx:
        port = f"port = {pbx.port}\n" if names_port else ""
        line = f'[line]\nserver = "{HOST}"\ntransport = "udp"\nexpires = 600\npassword = "{PASSWORD}"\n{port}'
        folder.write("defaults.toml", line)
        text = f'name = "anna"\nmac = "{ANNA}"\nmodel = "T46G"\n[[line]]\nextension = "101"\n'
        folder.write("phones/anna.toml", text)
        yield Scene(folder, pbx, await asyncio.to_thread(serve, *OURS))
