"""What is examined: this machine, these settings, this fleet.  Read once, so that all checks speak of the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from provisioner.address import Listen
from provisioner.delivery.policy import Network, Policy, parse_networks
from provisioner.errors import ProvisionerError
from provisioner.inventory.load import Inventory
from provisioner.runtime.addresses import read_addresses
from provisioner.runtime.bound import BoundAddresses
from provisioner.runtime.fleet import Fleet
from provisioner.services.interface import Address
from provisioner.settings import Settings


@dataclass(frozen=True)
class Subject:
    """Everything that checks look at; tests make their own."""

    settings: Settings
    "With the flags of this call."

    templates: Path
    "Folder of the templates."

    bound: BoundAddresses
    "Where the server listens, or would."

    networks: tuple[Network, ...]
    "Loopback and the subnets of this machine."

    addresses: frozenset[Address]
    "Of this machine."

    now: float
    "Unix time."

    proc: Path = field(default=Path("/proc"))
    "Where the kernel tells about sockets and processes."

    @property
    def listeners(self) -> Mapping[str, tuple[Listen, ...]]:
        """Return the listeners that are on."""
        return self.bound.listeners

    @cached_property
    def fleet(self) -> Fleet:
        """Return the fleet; raises CatalogueError if the facts contradict each other."""
        return Fleet(self.templates, self.settings.path("devices"), read_addresses(self.settings))

    @cached_property
    def inventory(self) -> Inventory:
        """Return what is wanted; raises like `fleet`."""
        return self.fleet.inventory()

    @cached_property
    def common_name(self) -> str | None:
        """Return the name of a common file that a phone of this inventory gets; None if there is none to be had.

        Not every vendor's phones have one, and of a phone with a problem nobody knows here if it ever had one.
        """
        try:
            well = [phone for mac, phone in self.inventory.phones.items() if mac not in self.inventory.blocked]
            return min((phone.model.common_name for phone in well if phone.model.common_name), default=None)
        except (ProvisionerError, OSError):
            return None  # the fleet check says what is wrong

    @cached_property
    def policy(self) -> Policy:
        """Return which peers may ask; networks that cannot be read are left out here and reported by their own check."""
        allowed: list[Network] = []
        for text in self.settings["allow"]:
            try:
                allowed += parse_networks([text])
            except ValueError:
                continue
        return Policy(tuple(allowed) if self.settings["allow"] else self.networks)
