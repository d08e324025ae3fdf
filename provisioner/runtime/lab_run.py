"""Lay lab layers and take them away again, so that the server notices at once; each is a row of the journal."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from provisioner.delivery.event import DeliveryEvent
from provisioner.inventory.lab import Lab
from provisioner.runtime.lab_folder import LabFolder
from provisioner.runtime.lab_plan import LabPlan
from provisioner.runtime.reveal import who
from provisioner.runtime.serve import running_server
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.source import PublishedSource

PUBLISH_S = 20.0
"How long the loader may take to publish what a layer changes."

POLL_S = 0.05
STARTED, ENDED = "lab-started", "lab-ended"
"Outcomes of the journal's rows."


@dataclass(frozen=True, slots=True)
class LaidPhone:
    """A phone whose layer is laid."""

    mac: str
    name: str
    lab: Lab
    sha256: str
    "Hash of its own file under the layer."
    users: tuple[str, ...] = ()
    "User names of its accounts that are sent here."


class LabRun:
    """The lab folder of one state folder, with the server on it told."""

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self.folder = LabFolder(state.path)

    def start(self, plans: Sequence[LabPlan]) -> list[LaidPhone]:
        """Lay the layers of the plans that have one; if one cannot be written, none stays."""
        found = []
        try:
            for plan in plans:
                if plan.lab is not None:
                    self.folder.write(plan.lab, plan.name)
                    found.append(LaidPhone(plan.mac, plan.name, plan.lab, plan.sha256, plan.users))
        except BaseException:
            for laid in found:
                with contextlib.suppress(Exception):
                    self.folder.end(laid.mac)
            raise
        self._record(STARTED, [(laid.mac, laid.name, f"until {_clock(laid.lab.until)}") for laid in found])
        self.nudge()
        return found

    def stop(self, phones: Iterable[tuple[str, str]]) -> list[str]:
        """Take the layers of these phones (MAC, name) away; return the MACs that had one."""
        ended = [(mac, name, "") for mac, name in phones if self.folder.end(mac)]
        self._record(ENDED, ended)
        if ended:
            self.nudge()
        return [mac for mac, _, _ in ended]

    def nudge(self) -> bool:
        """Tell the running server to look at once; False if none runs."""
        running = running_server(self._state.path)
        if running is None:
            return False
        with contextlib.suppress(OSError):
            os.kill(int(running["pid"]), signal.SIGHUP)
        return True

    def published(self, wanted: dict[str, str], seconds: float = PUBLISH_S) -> bool:
        """Wait until each phone's own file is the one with that hash; False if it takes too long."""
        return self._wait(lambda has: has == wanted, wanted, seconds)

    def replaced(self, unwanted: dict[str, str], seconds: float = PUBLISH_S) -> bool:
        """Wait until each phone's own file is another than the one with that hash; False if it takes too long."""
        return self._wait(lambda has: all(has.get(mac) != sha256 for mac, sha256 in unwanted.items()), unwanted, seconds)

    def _wait(self, holds: Callable[[dict[str, str]], bool], macs: Collection[str], seconds: float) -> bool:
        source = PublishedSource(self._state)
        deadline, pause = time.monotonic() + seconds, threading.Event()
        while True:
            snapshot = source.refresh()
            files = snapshot.files.values() if snapshot is not None else ()
            if holds({file.mac: file.sha256 for file in files if file.mac is not None and file.mac in macs}):
                return True
            if time.monotonic() >= deadline:
                return False
            pause.wait(POLL_S)

    def _record(self, outcome: str, phones: Sequence[tuple[str, str, str]]) -> None:
        if not phones:
            return
        journal = Journal(Database.open(self._state), has_thread=False)
        for mac, name, more in phones:
            fact = f"{name}: by {who()}" + (f", {more}" if more else "")
            # Without the phone's name, or the row would count as a fetch of it.
            journal.record(
                DeliveryEvent(time.time(), "cli", "LAB", "lab", "local", None, mac, None, None, None, outcome, 0, fact=fact)
            )
        journal.close()


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
