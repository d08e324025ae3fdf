"""`provisioner verify --lab`: plan, layer, verdicts and the way back in one command, and the layer ends on any exit."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from pathlib import Path

import pytest
from lab_scene import ANNA, PATIENCE_S, Start, a_scene
from runtime_folder import Folder, until

pytestmark = pytest.mark.needs("kamailio")


def test_one_command_judges_a_phone_of_another_pbx_and_sends_it_home(folder: Folder, serve: Start, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_scene(folder, serve, tmp_path) as scene:
            async with scene.powered():
                assert scene.registrars() == scene.at_pbx
            old = scene.own_file
            judging = asyncio.create_task(
                scene.run("verify", "anna", "--lab", "--yes", "--for", "5m", "--watch", "1", "--json", "-")
            )
            await scene.watched()
            async with scene.powered() as running:
                assert scene.registrars() == scene.at_stub
                judged = await judging
                # Asked by check-sync, it fetched its old file; with that it is registered at its own PBX again.
                assert await running.until(lambda: scene.at_pbx <= scene.registrars(), PATIENCE_S)
                assert await running.registered(PATIENCE_S)
            assert judged.returncode == 0, judged.stdout + judged.stderr
            (phone,) = json.loads(judged.stdout)["phones"]
            assert phone["verdict"] == "PASS" and phone["counts"]["FAIL"] == 0
            for said in (
                "account.1.sip_server.1.port",
                "waiting for it to fetch",
                "asked by check-sync",
                "fetched its old file at",
            ):
                assert said in judged.stderr
            assert scene.own_file == old
            await scene.published(lambda body: f"account.1.sip_server.1.port = {scene.pbx.port}\n" in body)
            assert not list((folder.state / "lab").iterdir())

    asyncio.run(scenario())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_the_command_the_layer_ends_too(
    folder: Folder, serve: Start, tmp_path: Path, number: signal.Signals
) -> None:
    async def scenario() -> None:
        async with a_scene(folder, serve, tmp_path) as scene:
            at_home = f"account.1.sip_server.1.port = {scene.pbx.port}\n"
            command = scene.command("verify", "anna", "--lab", "--yes", "--for", "30s")
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
                try:
                    await scene.published(lambda body: at_home not in body)
                    await scene.watched()
                    process.send_signal(number)
                    _, err = await asyncio.to_thread(process.communicate, timeout=60)
                finally:
                    process.kill()
            layer = folder.state / "lab" / f"{ANNA}.toml"
            if number is signal.SIGKILL:
                assert layer.is_file()  # nobody took it away: its time does
            else:
                assert process.returncode == 130 and "lab layer taken away" in err
                assert "never fetched the lab's file" in err
            await scene.published(lambda body: at_home in body)
            await asyncio.to_thread(until, lambda: not layer.exists(), PATIENCE_S)

    asyncio.run(scenario())


def test_a_phone_that_never_comes_is_inconclusive_and_leaves_no_layer(folder: Folder, serve: Start, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_scene(folder, serve, tmp_path) as scene:
            judged = await scene.run("verify", "anna", "--lab", "--yes", "--wait", "1", "--watch", "0")
            assert judged.returncode == 4, judged.stdout + judged.stderr
            assert not list((folder.state / "lab").glob("*.toml"))

    asyncio.run(scenario())


def test_without_a_yes_nothing_is_laid(folder: Folder, serve: Start, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_scene(folder, serve, tmp_path) as scene:
            judged = await scene.run("verify", "anna", "--lab", "--wait", "1")
            assert judged.returncode == 1 and "--yes" in judged.stderr and not (folder.state / "lab").exists()

    asyncio.run(scenario())
