"""What the people listener shows of this server."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from provisioner.runtime.metrics import metrics_text
from provisioner.runtime.sources import FleetSource
from provisioner.state.database import Database
from provisioner.state.folder import StateFolder
from provisioner.state.reading import Reading
from provisioner.web.app import PeopleParts, make_app


def make_people(state: StateFolder, templates: Path, database: Database, schemes: Collection[str]) -> Any:
    """Return the WSGI application over a server's state; called in the worker.  `schemes` are those phones may use."""
    source = FleetSource(state, templates)
    reading = Reading(database, source.published)

    def snapshot() -> str | None:
        return None if source.current() is not None else "no generation has been published yet"

    def journal() -> str | None:
        return None if database.answers() else "the database cannot be written"

    def sockets() -> str | None:
        return None if schemes else "no listener for phones is on"

    return make_app(
        PeopleParts(
            {"snapshot": snapshot, "sockets": sockets, "journal": journal},
            lambda: metrics_text(source, reading, source.published.load_report, now=time.time()),
        )
    )
