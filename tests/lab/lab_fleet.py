"""A loader with lab layers whose clock a test turns by hand, and what a phone fetched last."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from runtime_folder import Folder

from provisioner.rendering.context import Addresses
from provisioner.runtime.fleet import Fleet
from provisioner.runtime.lab_folder import LabFolder
from provisioner.runtime.lab_plan import LabPlan, LabPlanner, Stub
from provisioner.runtime.lab_return import LabReturns
from provisioner.runtime.loader import Loader
from provisioner.state.published import PublishedSource, Publisher, StateFolder

NOW = 1_760_000_000.0
HALF_HOUR = 1800.0
ADDRESSES = Addresses("10.1.0.5", 5060, 5061)
OTHER_PORTS = Addresses("10.1.0.5", 5160, 5161)
EVERYTHING = frozenset({"udp", "tcp", "tls"})
ANNA, BEN, CHRIS = "001565000001", "001565000002", "001565000003"


class LabSession:
    """A loader over a folder, in this process."""

    def __init__(self, folder: Folder, addresses: Addresses = ADDRESSES) -> None:
        self.folder = folder
        self.now = NOW
        self.received: dict[str, str] = {}
        self.addresses = addresses
        self.open()

    def open(self) -> None:
        self.state = StateFolder.open(self.folder.state)
        self.publisher = Publisher(self.state)
        self.source = PublishedSource(self.state)
        self.labs = LabFolder(self.state.path)
        fleet = Fleet(self.folder.templates, self.folder.devices, self.addresses, labs=LabFolder(self.state.path))
        returns = LabReturns(self.state.path, self.source.content, self._delivered)
        self.loader = Loader(fleet, self.publisher, lambda _: None, lambda: self.now, returns)

    def _delivered(self, macs: Collection[str]) -> Mapping[str, str]:
        return {mac: self.received[mac] for mac in macs if mac in self.received}

    def restart(self) -> None:
        """Begin anew on the same state folder, as after a kill."""
        self.publisher.close()
        self.open()

    def load(self) -> Any:
        return self.loader.load()

    def plan(self, *macs: str, transports: frozenset[str] = EVERYTHING, seconds: float = HALF_HOUR) -> list[LabPlan]:
        fleet = Fleet(self.folder.templates, self.folder.devices, self.addresses)
        snapshot = self.source.refresh()
        bodies = {name: file.body for name, file in snapshot.files.items() if file.path is None} if snapshot else {}
        return LabPlanner(fleet, bodies, Stub(self.addresses, transports), "tester").plan(list(macs), self.now, seconds)

    def start(self, mac: str, **options: Any) -> LabPlan:
        """Plan and lay a layer; the loader has not looked yet."""
        (plan,) = self.plan(mac, **options)
        assert plan.lab is not None, plan.why
        self.labs.write(plan.lab, plan.name)
        return plan

    def body(self, mac: str) -> str:
        snapshot = self.source.refresh()
        assert snapshot is not None
        return bytes(snapshot.files[mac + ".cfg"].body).decode()

    def sha256(self, mac: str) -> str:
        return hashlib.sha256(self.body(mac).encode()).hexdigest()

    def fetch(self, mac: str) -> str:
        """Let the phone fetch its file; return it."""
        self.received[mac] = self.sha256(mac)
        return self.body(mac)

    def values(self, mac: str) -> dict[str, str]:
        return dict(line.split(" = ", 1) for line in self.body(mac).splitlines() if " = " in line)

    def notes(self) -> list[str]:
        """Return what the lab folder holds."""
        return sorted(path.name for path in self.labs.path.glob("*")) if self.labs.path.is_dir() else []

    def close(self) -> None:
        self.publisher.close()
