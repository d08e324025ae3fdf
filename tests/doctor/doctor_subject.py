"""Subjects for the checks: settings of a folder of its own, and a machine that is 10.1.0.5/16."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

from provisioner.delivery.policy import parse_networks
from provisioner.runtime.bound import read_bound
from provisioner.runtime.doctor.subject import Subject
from provisioner.settings import load_settings

ROOT = Path(__file__).parent.parent.parent
NOW = 1_798_800_000.0
"2027-01-01 10:40 UTC."

PHONE = """\
name = "t46g-lobby"
mac = "00:15:65:aa:bb:cc"
model = "T46G"

[[line]]
extension = "101"
password_file = "secrets/101"
server = "10.1.0.9"
"""


def a_subject(folder: Path, *, now: float = NOW, proc: Path | None = None, **flags: Any) -> Subject:
    """Return a subject whose folders lie in `folder`; nothing is there unless the test puts it there."""
    given = {"devices": str(folder / "devices"), "state": str(folder / "state"), "advertise": "10.1.0.5", **flags}
    settings = load_settings(None, {name: value for name, value in given.items() if value is not None}, {}, folder)
    return Subject(
        settings,
        ROOT / "templates",
        read_bound(settings),
        parse_networks(["127.0.0.0/8", "10.1.0.0/16", "::1/128"]),
        frozenset(map(ipaddress.ip_address, ("127.0.0.1", "10.1.0.5", "::1"))),
        now,
        folder / "proc" if proc is None else proc,
    )


def a_fleet(folder: Path) -> None:
    """Write one good phone with its password in a file of its own."""
    (folder / "devices" / "phones").mkdir(parents=True)
    (folder / "devices" / "secrets").mkdir()
    (folder / "devices" / "phones" / "lobby.toml").write_text(PHONE, "utf-8")
    secret = folder / "devices" / "secrets" / "101"
    secret.write_text("s3cret9\n", "utf-8")
    secret.chmod(0o600)
