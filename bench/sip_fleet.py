"""A fleet whose accounts register in benchmarks, and the command that serves it: `provisioner serve`, with everything on."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.rendering import phone_text

USERS = 10_000
FIRST_EXTENSION = 10_000
READY = "ready.json"
"In the folder, once everything is served."
REALM, PASSWORD = "bench", "bench-password"


def names() -> list[str]:
    """Return the users, in order."""
    return [f"{FIRST_EXTENSION + number}" for number in range(USERS)]


def write_fleet(folder: Path) -> None:
    """Write a phone with one line for each user, all with one password."""
    for name in ("phones", "groups", "secrets"):
        (folder / name).mkdir(parents=True)
    (folder / "groups" / "all.toml").write_text('[line]\nserver = "sip.example.com"\nexpires = 3600\n')
    (folder / "secrets" / "all").write_text(f"{PASSWORD}\n")
    for number in range(USERS):
        text = phone_text(number).replace(f"secrets/{number}", "secrets/all")
        (folder / "phones" / f"p{number}.toml").write_text(text.replace(f'group = "g{number % 20}"', 'group = "all"'))


def serving(folder: Path, port: int) -> list[str]:
    """Return the command that serves the fleet of `folder/devices` with its registrar on that port."""
    command = [sys.executable, "-c", "from provisioner.cli import main; main()", "serve", "--quiet", "--realm", REALM]
    command += ["--devices", str(folder / "devices"), "--state", str(folder / "state"), "--sip", f"127.0.0.1:{port}"]
    command += ["--ready-file", str(folder / READY)]
    return [*command, "--http", "127.0.0.1:0", "--tftp", "off", "--people", "127.0.0.1:0", "--workers", "1"]
