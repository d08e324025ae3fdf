"""Try a change of devices/ before it is written: load, resolve, render and lint it as the server would."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from provisioner.catalogue.load import vendor_folders
from provisioner.errors import Problem
from provisioner.inventory.change_set import ChangeSet
from provisioner.inventory.folder import DeviceFolder, InventoryText
from provisioner.inventory.load import Inventory
from provisioner.inventory.vocabulary import load_spoken
from provisioner.rendering.context import Addresses
from provisioner.runtime.fleet import Fleet


class _Text:
    """An inventory source whose text is set from outside."""

    def __init__(self, text: InventoryText) -> None:
        self.text = text

    def read(self) -> InventoryText:
        """Return the text of this moment."""
        return self.text


class Rehearsal:
    """The inventory as it is, and as it would be."""

    def __init__(self, templates: Path, devices: Path, addresses: Addresses) -> None:
        self.text = DeviceFolder(devices, load_spoken(vendor_folders(templates))).read()
        "What stands in the folder now."
        self._source = _Text(self.text)
        self.fleet = Fleet(templates, devices, addresses, inventory=self._source)
        self.devices = devices

    def inventory(self) -> Inventory:
        """Return the inventory as it is."""
        self._source.text = self.text
        self.fleet.look()
        return self.fleet.inventory()

    def new_problems(self, changes: ChangeSet, macs: Iterable[str]) -> tuple[Problem, ...]:
        """Return what would be wrong, or worth a warning, with these phones after the change and is not now."""
        wanted = list(macs)
        before = {_identity(problem) for problem in self._problems(self.text, wanted)}
        after = self._problems(changes.laid_over(self.text, self.fleet.vocabulary), wanted)
        return tuple(problem for problem in after if _identity(problem) not in before)

    def _problems(self, text: InventoryText, macs: list[str]) -> tuple[Problem, ...]:
        self._source.text = text
        self.fleet.look()
        return self.fleet.build(only=macs).problems


def _identity(problem: Problem) -> tuple[object, ...]:
    # Without the line: an edit above an old mistake moves it and does not make it new.
    return problem.file, problem.code, problem.message, problem.phone
