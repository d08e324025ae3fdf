"""A folder of devices and templates of one's own, loaded and rendered as the server does it."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Mapping
from pathlib import Path

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.load import load_catalogue
from provisioner.errors import Problem, Severity
from provisioner.inventory.folder import DeviceFolder
from provisioner.inventory.load import Inventory, InventoryLoader
from provisioner.inventory.origin import Rank
from provisioner.inventory.phone import Phone
from provisioner.inventory.vocabulary import Vocabulary, load_vocabulary
from provisioner.rendering.context import Addresses
from provisioner.rendering.render import RenderedFile, Renderer
from provisioner.rendering.template import Templates
from sipstub.phone.format.cfg import parse_cfg

TEMPLATES = Path(__file__).parent.parent.parent / "templates" / "yealink"
PHONE = 'mac = "00:15:65:aa:bb:cc"\nmodel = "T46G"\n'
LINE = '[[line]]\nextension = "101"\n'


@functools.cache
def facts() -> tuple[Catalogue, Vocabulary]:
    return load_catalogue(TEMPLATES), load_vocabulary(TEMPLATES)


class Bench:
    """Devices in `devices/`, a copy of the bundled templates in `templates/`."""

    def __init__(self, folder: Path) -> None:
        self.devices = folder / "devices"
        self.templates = folder / "templates"
        self.devices.mkdir()
        shutil.copytree(TEMPLATES / "v80", self.templates / "v80")
        (self.templates / "custom").mkdir()

    def write(self, files: Mapping[str, str | bytes]) -> Bench:
        for name, text in files.items():
            path = self.devices / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        return self

    def template(self, name: str, text: str | bytes) -> Bench:
        path = self.templates / (name if "/" in name else f"custom/{name}.cfg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return self

    def inventory(self) -> Inventory:
        catalogue, vocabulary = facts()
        return InventoryLoader(catalogue).load(DeviceFolder(self.devices, vocabulary).read())

    def renderer(self) -> Renderer:
        catalogue, vocabulary = facts()
        return Renderer(Templates(self.templates), catalogue, vocabulary, Addresses("192.0.2.10"))

    def render(self, before: Mapping[str, str] | None = None, phone: Phone | None = None) -> RenderedFile:
        """Return the MAC file of the one phone (or of `phone`) beside its common file."""
        inventory = self.inventory()
        if phone is None:
            (phone,) = inventory.phones.values()
        renderer = self.renderer()
        return renderer.phone(phone, self.common(renderer, inventory, phone), before)

    def common(self, renderer: Renderer, inventory: Inventory, phone: Phone) -> RenderedFile:
        defaults = next(iter(inventory.layers[Rank.DEFAULTS].values()), None)
        return renderer.common(facts()[0].models_of_common_file(phone.model.common_name), defaults)


def values(file: RenderedFile) -> dict[str, str]:
    read = parse_cfg(file.body)
    assert not read.faults
    return read.values()


def errors(file: RenderedFile) -> list[Problem]:
    return [problem for problem in file.problems if problem.severity is Severity.ERROR]
