"""Who saw secrets: one row of the journal for each file that a person had printed in full."""

from __future__ import annotations

import getpass
import os
import time

from provisioner.delivery.event import DeliveryEvent
from provisioner.runtime.fleet import PhoneFiles
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.journal import Journal
from provisioner.state.retention import Retention

OUTCOME = "revealed"
"Of such rows."


def who() -> str:
    """Return the login name and uid of whoever runs this; through sudo also the name before it."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = "?"
    before = os.environ.get("SUDO_USER")
    return f"{name} (uid {os.getuid()})" + (f", sudo by {before[:64]}" if before else "")


def record_reveal(folder: StateFolder, files: PhoneFiles, name: str, retention: Retention) -> None:
    """Write the row before anything is shown."""
    phone = files.phone
    event = DeliveryEvent(
        time.time(),
        "cli",
        "REVEAL",
        name,
        "local",
        None,
        phone.mac.plain,
        None,  # with the phone's name the row would count as a fetch of it
        phone.model.name,
        None,
        OUTCOME,
        0,
        file=name,
        fact=f"{phone.name}: shown to {who()}",
    )
    journal = Journal(Database.open(folder), retention=retention, has_thread=False)
    journal.record(event)
    journal.close()
