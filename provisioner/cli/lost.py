"""The phone that somebody means, also while the file it stands in cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.cli.place import Places
from provisioner.cli.session import find_phone
from provisioner.errors import NotFound, ProvisionerError
from provisioner.mac import MacAddress

if TYPE_CHECKING:
    from provisioner.inventory.load import Inventory
    from provisioner.runtime.history import History
    from provisioner.state.publication import PublishedPhone


class Unreadable(ProvisionerError):
    """A phone is served, and its text of today cannot be read."""

    code = "unreadable-phone"


def find_mac(inventory: Inventory, history: History, written: str) -> str:
    """Return the MAC of a phone of the inventory, or of one that is kept; raise NotFound with the nearest name."""
    try:
        return find_phone(inventory, written).mac.plain
    except NotFound:
        lost = find_lost(inventory, history, written)
        if lost is not None:
            return lost.entry.mac
        raise


def find_readable(inventory: Inventory, history: History, written: str, places: Places) -> str:
    """Return the MAC of a phone whose text can be read; for commands that have nothing to say without it."""
    mac = find_mac(inventory, history, written)
    if mac not in inventory.phones:
        phone = history.lost(inventory)[mac]
        message = f"{phone.entry.name} keeps its last good file: its text in {places.file(phone.source)} cannot be used"
        raise Unreadable(message, hint=f"run `provisioner check {phone.entry.name}`; the file itself: `provisioner render`")
    return mac


def find_lost(inventory: Inventory, history: History, written: str) -> PublishedPhone | None:
    """Return the kept phone of this name or MAC."""
    try:
        mac = MacAddress.parse(written).plain
    except ValueError:
        mac = ""
    return next((phone for key, phone in history.lost(inventory).items() if key == mac or phone.entry.name == written), None)
