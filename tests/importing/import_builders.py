"""A devices folder to import into, and the text of one."""

from __future__ import annotations

from pathlib import Path

from provisioner.rendering.context import Addresses
from provisioner.runtime.bundled import bundled
from provisioner.runtime.import_run import ImportRun, run_csv
from provisioner.runtime.rehearsal import Rehearsal

GROUP = '[line]\nserver = "10.1.0.9"\n'

LOBBY = """\
# The phone at the door.
name  = "lobby"   # do not rename
mac   = "00:15:65:aa:bb:01"
model = "T46G"
group = "sales"

# its only line
[[line]]
extension = "0101"  # with the zero
password_file = "secrets/lobby"

[[key]]
type = "blf"
value = "102"
"""

FLEET = """\
# two phones in one file
[[phone]]
name = "desk1"
mac = "001565aabb11"
model = "SIP-T42G"
group = "sales"
[[phone.line]]
extension = "111"

# the second one
[[phone]]
name = "desk2"
mac = "001565aabb12"
model = "T42G"
group = "sales"
[[phone.line]]
extension = "112"
"""


def a_devices_folder(root: Path) -> Path:
    """Return a folder with a phone of its own file, two in one file, a group and a secret."""
    devices = root / "devices"
    for name, text in {
        "groups/sales.toml": GROUP,
        "phones/lobby.toml": LOBBY,
        "fleet.toml": FLEET,
        "secrets/lobby": "old-password\n",
    }.items():
        path = devices / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return devices


def a_rehearsal(devices: Path) -> Rehearsal:
    """Return the folder as it is now."""
    return Rehearsal(bundled("templates"), devices, Addresses())


def run(devices: Path, text: str | bytes, *, generate_passwords: bool = False) -> ImportRun:
    """Return the plan of importing a text."""
    raw = text.encode("utf-8") if isinstance(text, str) else text
    return run_csv("phones.csv", raw, a_rehearsal(devices), generate_passwords=generate_passwords)


def codes(outcome: ImportRun) -> list[tuple[int | None, int | None, str]]:
    """Return row, column and code of every problem."""
    return [(problem.line, problem.column, problem.code) for problem in outcome.plan.problems]


def contents(devices: Path) -> dict[str, bytes]:
    """Return every file of the folder but the record of the undo."""
    return {
        path.relative_to(devices).as_posix(): path.read_bytes()
        for path in sorted(devices.rglob("*"))
        if path.is_file() and ".undo" not in path.parts
    }
