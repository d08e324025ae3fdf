"""A phone that registers at a Kamailio of its own goes to the lab and comes back: by stop, by time, and after a kill."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from kamailio_server import HOST
from lab_scene import ANNA, OURS, Start, a_scene
from runtime_folder import Folder

from provisioner.inventory.lab import Lab, read_lab
from provisioner.runtime.lab_folder import LabFolder

pytestmark = pytest.mark.needs("kamailio")


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
