"""A phone that registers at a Kamailio of its own goes to the lab and comes back: by stop, by time, and after a kill."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from kamailio_server import HOST, PASSWORD, Kamailio, kamailio
from runtime_folder import Folder, Running, until

from provisioner.inventory.lab import Lab, read_lab
from provisioner.runtime.lab_folder import LabFolder
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
ANNA = "001565000001"
T46G = PhoneModel("T46G", "SIP-T46G", "y000000000028.cfg", "28.80.0.60", codec_slots=11)
OURS = ("--sip", "127.0.0.1:0", "--allow", "127.0.0.0/8")
PATIENCE_S = 60.0

pytestmark = pytest.mark.needs("kamailio")


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
        text = 'name = "anna"\nmac = "00:15:65:00:00:01"\nmodel = "T46G"\n[[line]]\nextension = "101"\n'
        folder.write("phones/anna.toml", text)
        yield Scene(folder, pbx, await asyncio.to_thread(serve, *OURS))


def test_the_phone_goes_to_the_lab_is_judged_and_comes_back_with_its_old_bytes(
    folder: Folder, serve: Start, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with a_scene(folder, serve, tmp_path) as scene:
            async with scene.powered():
                assert scene.registrars() == scene.at_pbx
            old = scene.own_file
            started = await scene.run("lab", "start", "anna", "--yes")
            assert started.returncode == 0, started.stderr
            judging = asyncio.create_task(scene.run("verify", "anna", "--wait", "60", "--watch", "1", "--json", "-"))
            await scene.watched()
            async with scene.powered():
                assert scene.registrars() == scene.at_stub
                assert scene.own_file != old
                judged = await judging
            assert judged.returncode == 0, judged.stdout + judged.stderr
            (phone,) = json.loads(judged.stdout)["phones"]
            assert phone["verdict"] == "PASS" and phone["counts"]["FAIL"] == 0 and phone["counts"]["PASS"] > 5
            by_rule = {finding["rule"]: finding for finding in phone["findings"]}
            assert by_rule["register-expiry"]["verdict"] == "PASS"
            assert by_rule["server-address"]["verdict"] == "INFO" and "lab layer" in by_rule["server-address"]["note"]
            assert (await scene.run("lab", "stop", "anna")).returncode == 0
            await scene.published(lambda body: f"account.1.sip_server.1.port = {scene.pbx.port}\n" in body)
            async with scene.powered():
                assert scene.registrars() == scene.at_pbx
            assert scene.own_file == old

    asyncio.run(scenario())


@pytest.mark.parametrize("is_killed", [False, True], ids=["by its time", "by its time, the server killed meanwhile"])
def test_the_layer_ends_without_anybody(folder: Folder, serve: Start, tmp_path: Path, is_killed: bool) -> None:
    async def scenario() -> None:
        async with a_scene(folder, serve, tmp_path) as scene:
            async with scene.powered():
                pass
            old = scene.own_file
            started = await scene.run("lab", "start", "anna", "--yes", "--for", "30s")
            assert started.returncode == 0, started.stderr
            async with scene.powered():
                assert scene.registrars() == scene.at_stub
            _cut_short(folder, by_s=28.0)
            if is_killed:
                scene.server.kill()
                scene.server.ready.unlink()
                scene.server = await asyncio.to_thread(serve, *OURS)
            await scene.published(lambda body: f"account.1.sip_server.1.port = {scene.pbx.port}\n" in body)
            async with scene.powered():
                assert scene.registrars() == scene.at_pbx
            assert scene.own_file == old
            assert not list((folder.state / "lab").iterdir())

    asyncio.run(scenario())


def _cut_short(folder: Folder, by_s: float) -> None:
    """Move the end of the layer, so that nobody has to wait for the shortest one that can be laid."""
    labs = LabFolder(folder.state)
    lab = read_lab(f"@lab/{ANNA}.toml", labs.file(ANNA).read_bytes())
    labs.write(Lab(lab.mac, lab.started, lab.until - by_s, lab.who, lab.lines, lab.file), "anna")


def test_a_port_that_only_the_layer_named_is_put_back_on_the_phone(folder: Folder, serve: Start, tmp_path: Path) -> None:
    async def scenario() -> None:
        # Its file names no port: the phone would ask 5060 of its own server.  What counts here is what it fetches and keeps.
        async with a_scene(folder, serve, tmp_path, names_port=False) as scene:
            url = scene.server.url()
            await scene.phone.boot(url)
            old = scene.own_file
            assert (await scene.run("lab", "start", "anna", "--yes")).returncode == 0
            await scene.phone.boot(url)
            assert scene.phone.settings.text("account.1.sip_server.1.port") == str(scene.server.facts["sip"]["port"])
            assert (await scene.run("lab", "stop", "anna")).returncode == 0
            await scene.published(lambda body: "account.1.sip_server.1.port = %NULL%" in body)
            await scene.phone.boot(url)
            assert scene.phone.settings.text("account.1.sip_server.1.port") in ("", "5060")
            await scene.published(lambda body: "sip_server.1.port" not in body)
            await scene.phone.boot(url)
            assert scene.own_file == old
            assert scene.phone.settings.text("account.1.sip_server.1.address") == HOST

    asyncio.run(scenario())


def test_the_folder_of_layers_is_for_the_server_s_user_alone(folder: Folder, serve: Start, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_scene(folder, serve, tmp_path) as scene:
            assert (await scene.run("lab", "start", "anna", "--yes")).returncode == 0
            modes = {path.name: path.stat().st_mode & 0o777 for path in (folder.state / "lab").iterdir()}
            assert modes == {f"{ANNA}.toml": 0o600, f"{ANNA}.before": 0o600}
            assert (folder.state / "lab").stat().st_mode & 0o777 == 0o700

    asyncio.run(scenario())
