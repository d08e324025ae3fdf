"""The example fleet, rendered as a server would, as expectations."""

from __future__ import annotations

import functools

from verify_builders import CATALOGUE, OBSERVABLES, ROOT, STUB, TEMPLATES

from provisioner.expectations.build import Delivered, build_expectations, delivered, read_cfg_files, subject_of
from provisioner.inventory.folder import DeviceFolder
from provisioner.inventory.load import InventoryLoader
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.vocabulary import load_vocabulary
from provisioner.rendering.context import Addresses
from provisioner.rendering.render import Renderer
from provisioner.rendering.template import Templates
from sipstub.verify.expectation import Expectations


@functools.cache
def fleet_files(address: str) -> dict[str, tuple[str, str, tuple[Delivered, ...]]]:
    """Return MAC, model and files of each phone of the example fleet, by its name; our stub is at that address."""
    vocabulary = load_vocabulary(TEMPLATES)
    inventory = InventoryLoader(CATALOGUE).load(DeviceFolder(ROOT / "devices", vocabulary).read())
    renderer = Renderer(Templates(TEMPLATES), CATALOGUE, vocabulary, Addresses(address, 5060, 5061))
    defaults = next(iter(inventory.layers[Rank.DEFAULTS].values()), None)
    found = {}
    for phone in inventory.phones.values():
        common = renderer.common(CATALOGUE.models_of_common_file(phone.model.common_name), defaults)
        own = renderer.phone(phone, common)
        files = (delivered(phone.model.common_name, common, show), delivered(f"{phone.mac.plain}.cfg", own, show))
        found[phone.name] = (phone.mac.plain, phone.model.name, files)
    return found


@functools.cache
def fleet() -> dict[str, Expectations]:
    """Return what the files of each phone of the example fleet say, by its name."""
    found = {}
    for name, (mac, model, files) in fleet_files(STUB).items():
        subject = subject_of(name, mac, CATALOGUE.models[model])
        found[name] = build_expectations(read_cfg_files(files), OBSERVABLES, subject, CATALOGUE)
    return found


def show(origin: Origin) -> str:
    return f"{'templates/yealink' if origin.rank is Rank.TEMPLATE else 'devices'}/{origin}"
