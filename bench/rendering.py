"""How long it takes to load, render and lint a fleet, and to do so again after one edit.

`run(counts)` returns the measurements; as a script it prints them.  Times are wall seconds of this process, memory is
the largest resident size so far.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from provisioner.rendering.context import Addresses
from provisioner.runtime.bundled import bundled
from provisioner.runtime.fleet import Build, Fleet

MODELS = ("T46G", "T48G", "T42G", "T23G", "T21P E2", "T19P E2", "CP860", "T41P")
GROUPS = 20


@dataclass(frozen=True)
class Measured:
    """One fleet."""

    phones: int
    check_s: float
    "From nothing to every file rendered and linted."

    again_s: float
    "The same again with nothing edited, over the files of before."

    edit_s: float
    "After one phone's file was edited."

    group_s: float
    "After one group's file was edited, of which every twentieth phone is."

    memory_mb: float
    lines_per_phone: float


def write_fleet(folder: Path, phones: int) -> None:
    """Write a fleet as people have them: a file per phone, groups, defaults, a password file for each line."""
    (folder / "phones").mkdir(parents=True)
    (folder / "groups").mkdir()
    (folder / "secrets").mkdir()
    (folder / "defaults.toml").write_text(
        'language = "German"\nntp_server = "10.1.0.3"\nrepeat_minutes = 1440\n'
        "[line]\nsession_timer = true\nsession_expires = 1800\n"
    )
    for number in range(GROUPS):
        text = '[line]\nserver = "sip.example.com"\ntransport = "tls"\nport = 5061\n'
        text += 'codecs = ["G722", "PCMA", "PCMU"]\nexpires = 600\n'
        (folder / "groups" / f"g{number}.toml").write_text(text)
    for number in range(phones):
        (folder / "phones" / f"p{number}.toml").write_text(phone_text(number))
        (folder / "secrets" / str(number)).write_text(f"geheim{number}\n")


def phone_text(number: int, label: str = "") -> str:
    """Return the text of one phone's file."""
    model = MODELS[number % len(MODELS)]
    keys = "" if model in ("T19P E2", "CP860") else '\n[[key]]\ntype = "blf"\nvalue = "102"\nlabel = "Back office"\n'
    return (
        f'name = "p{number}"\nmac = "0015{number:08x}"\nmodel = "{model}"\ngroup = "g{number % GROUPS}"\n\n[[line]]\n'
        f'extension = "{10_000 + number}"\ndisplay_name = "Person {number}{label}"\npassword_file = "secrets/{number}"\n{keys}'
    )


def measure(phones: int) -> Measured:
    """Return the times of a fleet of that many phones."""
    with tempfile.TemporaryDirectory() as name:
        devices = Path(name) / "devices"
        write_fleet(devices, phones)
        started = time.perf_counter()
        fleet = Fleet(bundled("templates"), devices, Addresses())
        build = fleet.build()
        check_s = time.perf_counter() - started
        assert not build.errors, build.errors[:3]
        before = bodies(build)
        again_s, _ = _again(fleet, before)
        number = phones // 2
        (devices / "phones" / f"p{number}.toml").write_text(phone_text(number, " edited"))
        edit_s, edited = _again(fleet, before)
        assert sum(1 for name, body in bodies(edited).items() if before[name] != body) == 1
        group = devices / "groups" / "g1.toml"
        group.write_text(group.read_text().replace("600", "900"))
        group_s, _ = _again(fleet, bodies(edited))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        lines = sum(len(found.mac.lines) for found in build.phones.values()) / phones
    return Measured(phones, check_s, again_s, edit_s, group_s, memory, lines)


def bodies(build: Build) -> dict[str, bytes]:
    """Return the files of a build by name."""
    files = {mac + ".cfg": found.mac.body for mac, found in build.phones.items()}
    return files | {name: common.body for name, common in build.commons.items()}


def _again(fleet: Fleet, before: dict[str, bytes]) -> tuple[float, Build]:
    started = time.perf_counter()
    fleet.look()
    build = fleet.build(before)
    return time.perf_counter() - started, build


def run(counts: Iterable[int] = (1_000, 10_000)) -> list[Measured]:
    """Return the measurements of fleets of these sizes."""
    return [measure(count) for count in counts]


if __name__ == "__main__":
    print(f"phones  lines  check s  again s  one edit s  one group s  memory MB   ({os.cpu_count()} cores)")
    for found in run([int(word) for word in sys.argv[1:]] or (1_000, 10_000)):
        print(
            f"{found.phones:6}  {found.lines_per_phone:5.0f}  {found.check_s:7.2f}  {found.again_s:7.3f}  {found.edit_s:10.3f}"
            f"  {found.group_s:11.3f}  {found.memory_mb:9.0f}"
        )
