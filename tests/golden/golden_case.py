"""Render a golden case as a server would; run as a script it prints the hashes of all, to be compared across processes.

A case is NAME.device.toml in a folder named after the model (blanks as dashes).  NAME.defaults.toml, NAME.group.toml
(group = "shared") and NAME.before.cfg (the MAC file published last) may stand beside it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.load import load_catalogue
from provisioner.errors import Problem
from provisioner.inventory.folder import DeviceFolder
from provisioner.inventory.load import InventoryLoader
from provisioner.inventory.origin import Rank
from provisioner.inventory.vocabulary import Vocabulary, load_vocabulary
from provisioner.rendering.context import Addresses
from provisioner.rendering.render import Renderer
from provisioner.rendering.template import Templates
from sipstub.phone.format.cfg import parse_cfg

HERE = Path(__file__).parent
TEMPLATES = HERE.parent.parent / "templates" / "yealink"
ADDRESSES = Addresses("192.0.2.10", 5060, 5061)


@dataclass(frozen=True)
class Golden:
    mac: bytes
    common: bytes
    problems: tuple[Problem, ...]
    model: str


def cases() -> list[Path]:
    return sorted(HERE.glob("*/*.device.toml"))


def sibling(case: Path, suffix: str) -> Path:
    return case.with_name(case.name.removesuffix(".device.toml") + suffix)


@functools.cache
def facts() -> tuple[Catalogue, Vocabulary]:
    return load_catalogue(TEMPLATES), load_vocabulary(TEMPLATES)


def render_case(case: Path) -> Golden:
    """Return both files of the case, from objects of its own over the shared, read-only facts."""
    catalogue, vocabulary = facts()
    with tempfile.TemporaryDirectory() as name:
        devices = Path(name)
        _lay(case, devices / "phones" / "phone.toml")
        _lay(sibling(case, ".defaults.toml"), devices / "defaults.toml")
        _lay(sibling(case, ".group.toml"), devices / "groups" / "shared.toml")
        _lay(HERE / "password.txt", devices / "secrets" / "password")
        inventory = InventoryLoader(catalogue).load(DeviceFolder(devices, vocabulary).read())
    (phone,) = inventory.phones.values()
    renderer = Renderer(Templates(TEMPLATES), catalogue, vocabulary, ADDRESSES)
    defaults = next(iter(inventory.layers[Rank.DEFAULTS].values()), None)
    common = renderer.common(catalogue.models_of_common_file(phone.model.common_name), defaults)
    before = sibling(case, ".before.cfg")
    values = dict(parse_cfg(before.read_bytes()).values()) if before.exists() else {}
    file = renderer.phone(phone, common, values)
    return Golden(file.body, common.body, (*inventory.problems, *common.problems, *file.problems), phone.model.name)


def _lay(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(source.read_bytes())


if __name__ == "__main__":
    found = {str(case.relative_to(HERE)): render_case(case) for case in reversed(cases())}
    json.dump({name: hashlib.sha256(case.mac + b"\0" + case.common).hexdigest() for name, case in found.items()}, sys.stdout)
