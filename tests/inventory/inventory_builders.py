"""Read devices from texts or from a folder, with the bundled facts."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.load import load_catalogue
from provisioner.errors import Problem, Severity
from provisioner.inventory.folder import DeviceFolder
from provisioner.inventory.load import Inventory, InventoryLoader
from provisioner.inventory.vocabulary import Vocabulary, load_vocabulary
from provisioner.rendering.context import Addresses
from provisioner.runtime.fleet import Build, Fleet

TEMPLATES = Path(__file__).parent.parent.parent / "templates" / "yealink"
PHONE = 'mac = "00:15:65:aa:bb:cc"\nmodel = "T46G"\n'
LINE = '[[line]]\nextension = "101"\n'
MAC = "001565aabbcc"


@functools.cache
def facts() -> tuple[Catalogue, Vocabulary]:
    return load_catalogue(TEMPLATES), load_vocabulary(TEMPLATES)


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def load(folder: Path, files: Mapping[str, str | bytes]) -> Inventory:
    catalogue, vocabulary = facts()
    return InventoryLoader(catalogue).load(DeviceFolder(write(folder, files), vocabulary).read())


def build(folder: Path, files: Mapping[str, str | bytes], before: Mapping[str, bytes] | None = None) -> Build:
    return Fleet(TEMPLATES.parent, write(folder, files), Addresses("192.0.2.10")).build(before)


def errors(problems: tuple[Problem, ...]) -> list[Problem]:
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def numbered(number: int, rest: str = "", model: str = "T46G") -> str:
    return f'mac = "00:15:65:00:{number >> 8:02x}:{number & 255:02x}"\nmodel = "{model}"\n{rest}'
