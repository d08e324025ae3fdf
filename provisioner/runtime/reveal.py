"""Who saw secrets: one row of the journal for each file that a person had printed in full."""

from __future__ import annotations

import getpass
import os
import time
from dataclasses import dataclass
from typing import Self

from provisioner.delivery.event import DeliveryEvent
from provisioner.delivery.snapshot import PhoneEntry
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal

OUTCOME = "revealed"
"Of such rows."


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose secrets were seen."""

    mac: str
    "12 hex digits."

    name: str
    "Its name in the inventory."

    model: str
    "Its model."

    @classmethod
    def of(cls, entry: PhoneEntry | None) -> Self:
        """Return the subject of a published phone."""
        assert entry is not None
        return cls(entry.mac, entry.name, entry.model)


def who() -> str:
    """Return the login name and uid of whoever runs this; through sudo also the name before it."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = "?"
    before = os.environ.get("SUDO_USER")
    return f"{name} (uid {os.getuid()})" + (f", sudo by {before[:64]}" if before else "")


def record_reveal(folder: StateFolder, subject: Subject, name: str) -> None:
    """Write the row before anything is shown."""
    event = DeliveryEvent(
        time.time(),
        "cli",
        "REVEAL",
        name,
        "local",
        None,
        subject.mac,
        None,  # with the phone's name the row would count as a fetch of it
        subject.model,
        None,
        OUTCOME,
        0,
        file=name,
        fact=f"{subject.name}: shown to {who()}",
    )
    journal = Journal(Database.open(folder), has_thread=False)
    journal.record(event)
    journal.close()
