"""What a phone's file says is enough for phones of other makers: baresip and twinkle register with the account in it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from foreign_phone import BARESIP_MODULES, ForeignPhone
from ports import free_port
from runtime_folder import Folder, Running
from sip_running import PATIENCE_S, a_program

from sipstub.phone.format.effective import Effective
from sipstub.testing import T46G, FakePhone

TRANSPORTS = {"0": "udp", "1": "tcp", "2": "tls"}
WAYS = [
    pytest.param(program, transport, marks=pytest.mark.needs(program), id=f"{program}-{transport}")
    for program, transports in (("baresip", ("udp", "tcp", "tls")), ("twinkle-console", ("udp", "tcp")))
    for transport in transports
]
LINE = '[line]\nserver = "@stub"\ntransport = "{}"\n'


class Account:
    """The first account of a file, by the names that its maker gives to things."""

    def __init__(self, settings: Effective) -> None:
        def text(name: str) -> str:
            return settings.text(f"account.1.{name}") or ""

        self.user, self.password = text("user_name"), text("password")
        self.login = text("auth_name") or self.user
        self.host, self.port = text("sip_server.1.address"), int(text("sip_server.1.port"))
        self.transport = TRANSPORTS[text("sip_server.1.transport_type")]


def baresip(home: Path, account: Account, ca: Path) -> ForeignPhone:
    trust = f"sip_cafile {ca}\n" if account.transport == "tls" else ""
    (home / "config").write_text(
        f"sip_listen 127.0.0.1:0\n{trust}net_interface 127.0.0.1\nmodule_path {BARESIP_MODULES}\n"
        "module_app account.so\nmodule_app menu.so\nmodule g711.so\n"
    )
    (home / "accounts").write_text(
        f"<sip:{account.user}@{account.host}:{account.port};transport={account.transport}>"
        f";auth_user={account.login};auth_pass={account.password};regint=60;mwi=no\n"
    )
    return ForeignPhone(("baresip", "-f", str(home)))


def twinkle(home: Path, account: Account, ca: Path) -> ForeignPhone:
    folder, at, own = home / ".twinkle", f"{account.host}:{account.port}", free_port()
    folder.mkdir()
    (folder / "phone.cfg").write_text(
        f"user_name={account.user}\nuser_domain={at}\nauth_name={account.login}\nauth_pass={account.password}\n"
        f"registrar={at}\nregistration_time=60\nregister_at_startup=yes\nsip_transport={account.transport}\n"
    )
    (folder / "twinkle.sys").write_text(
        f"dev_ringtone=alsa:null\ndev_speaker=alsa:null\ndev_mic=alsa:null\nsip_port={own}\nsip_udp_port={own}\n"
    )
    return ForeignPhone(("twinkle-console", "phone.cfg"), b"quit\n", b"registration succeeded")


PHONES = {"baresip": baresip, "twinkle-console": twinkle}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "fleet")


@pytest.fixture
def served(folder: Folder, request: pytest.FixtureRequest) -> Iterator[Running]:
    folder.write("defaults.toml", LINE.format(request.param))
    running = Running(folder, "--sip", "127.0.0.1:0", "--sips", "127.0.0.1:0", "--tftp", "off")
    yield running
    running.kill()


def created(folder: Folder) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "provisioner", "events", "--json", "--state", str(folder.state)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    return [row for row in found if row["protocol"] == "sip" and row["outcome"] == "created"]


async def until_created(folder: Folder) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while not (rows := await asyncio.to_thread(created, folder)):
            pass
    return rows[0]


@pytest.mark.parametrize(("program", "served"), WAYS, indirect=["served"])
def test_a_foreign_phone_registers_with_the_account_of_a_rendered_file(
    program: str, served: Running, folder: Folder, tmp_path: Path
) -> None:
    account = Account(FakePhone("001565000001", T46G).boot(served.url()).effective)
    assert account.port == served.facts["sips" if account.transport == "tls" else "sip"]["port"]
    home = tmp_path / "home"
    home.mkdir()
    foreign = PHONES[program](home, account, folder.state / "certificates" / "ca.pem")

    async def run() -> None:
        async with a_program(*foreign.command, home=home, goodbye=foreign.goodbye) as running:
            row = await until_created(folder)
            assert (row["name"], row["mac"]) == (f"sip:{account.user}", "001565000001")
            assert f"over {account.transport} " in row["fact"]
            await running.says(foreign.has_registered)

    asyncio.run(run())
