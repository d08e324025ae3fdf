"""How long a fleet takes to load, render, lint and publish, and to do so again after an edit.

Each fleet is measured in a process of its own, so that memory is that fleet's.  Times are wall seconds; the peer is the
same machine reading the same TOML files with tomllib alone, so that the ratio means something anywhere.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path

from bench.line import Line, at_most
from provisioner.rendering.context import Addresses
from provisioner.runtime.bundled import bundled
from provisioner.runtime.fleet import Fleet
from provisioner.runtime.loader import Loader
from provisioner.state.published import Publisher, StateFolder

MODELS = ("T46G", "T48G", "T42G", "T23G", "T21P E2", "T19P E2", "CP860", "T41P")
GROUPS = 20
CHECK_1000_S = 5.0
EDIT_S = 0.5
DEFAULTS = """\
language = "German"
ntp_server = "10.1.0.3"
repeat_minutes = 1440

[line]
session_timer = true
session_expires = 1800
"""
GROUP = """\
[line]
server = "sip.example.com"
transport = "tls"
port = 5061
codecs = ["G722", "PCMA", "PCMU"]
expires = 600
"""


def write_fleet(folder: Path, phones: int) -> None:
    """Write a fleet as people have them: a file per phone, groups, defaults, a password file for each line."""
    for name in ("phones", "groups", "secrets"):
        (folder / name).mkdir(parents=True)
    (folder / "defaults.toml").write_text(DEFAULTS)
    for number in range(GROUPS):
        (folder / "groups" / f"g{number}.toml").write_text(GROUP)
    for number in range(phones):
        (folder / "phones" / f"p{number}.toml").write_text(phone_text(number))
        (folder / "secrets" / str(number)).write_text(f"geheim{number}\n")


def phone_text(number: int, label: str = "") -> str:
    """Return the text of one phone's file."""
    model = MODELS[number % len(MODELS)]
    keys = "" if model in ("T19P E2", "CP860") else '\n[[key]]\ntype = "blf"\nvalue = "102"\nlabel = "Back office"\n'
    return (
        f'name = "p{number}"\nmac = "0014{number:08x}"\nmodel = "{model}"\ngroup = "g{number % GROUPS}"\n\n[[line]]\n'
        f'extension = "{10_000 + number}"\ndisplay_name = "Person {number}{label}"\npassword_file = "secrets/{number}"\n{keys}'
    )


def measure(phones: int) -> dict[str, float]:
    """Return the times and the memory of a fleet of that many phones; to be called in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="bench-rendering-") as name:
        devices = Path(name) / "devices"
        write_fleet(devices, phones)
        began = time.perf_counter()
        for path in devices.rglob("*.toml"):
            tomllib.loads(path.read_text())
        read_s = time.perf_counter() - began

        began = time.perf_counter()
        fleet = Fleet(bundled("templates"), devices, Addresses())
        build = fleet.build()
        check_s = time.perf_counter() - began
        assert not build.errors, build.errors[:3]
        lines = sum(len(found.mac.lines) for found in build.phones.values()) / phones

        with Publisher(StateFolder.open(Path(name) / "state")) as publisher:
            loader = Loader(fleet, publisher, print)
            assert loader.load() is not None
            began = time.perf_counter()
            assert loader.load() is None
            look_s = time.perf_counter() - began
            edits = []
            for turn in range(3):
                number = phones // 2 + turn
                (devices / "phones" / f"p{number}.toml").write_text(phone_text(number, " edited"))
                edits.append(_load(loader))
            group = devices / "groups" / "g1.toml"
            group.write_text(group.read_text().replace("600", "900"))
            group_s = _load(loader)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "read_s": read_s, "check_s": check_s, "look_s": look_s, "edit_s": sorted(edits)[1], "group_s": group_s,
        "memory_mb": memory_mb, "lines": lines,
    }  # fmt: skip


def _load(loader: Loader) -> float:
    began = time.perf_counter()
    report = loader.load()
    assert report is not None and report.is_new
    return time.perf_counter() - began


def run(counts: Iterable[int] = (1_000, 10_000)) -> list[Line]:
    """Return the measurements of fleets of these sizes."""
    lines: list[Line] = []
    for count in counts:
        command = [sys.executable, "-m", "bench.rendering", str(count)]
        found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        what = f"{count} phones of {found['lines']:.0f} lines"
        check = f"{what}: check"
        if count == 1_000:
            lines.append(at_most(check, found["check_s"], "s", CHECK_1000_S))
        else:
            lines.append(Line(check, found["check_s"], "s", "", True))
        ratio = found["check_s"] / found["read_s"]
        detail = f"{found['check_s']:.2f} / {found['read_s']:.2f} s"
        lines.append(Line(f"{what}: check, to tomllib reading the same files", ratio, "x", "", True, detail))
        lines.append(Line(f"{what}: look at the folder, nothing edited", found["look_s"], "s", "", True))
        lines.append(at_most(f"{what}: reload and publish after one edit", found["edit_s"], "s", EDIT_S))
        lines.append(Line(f"{what}: the same after an edit of a group of {count // GROUPS}", found["group_s"], "s", "", True))
        lines.append(Line(f"{what}: memory of the loader", found["memory_mb"], "MB", "", True))
    return lines


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
