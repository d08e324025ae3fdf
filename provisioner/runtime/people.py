"""What the people listener shows of this server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from provisioner.runtime.metrics import metrics_text
from provisioner.runtime.sources import FleetSource
from provisioner.state.reading import Reading
from provisioner.web.app import PeopleParts, make_app

if TYPE_CHECKING:
    from provisioner.runtime.serve import Server


def make_people(server: Server) -> Any:
    """Return the WSGI application over this server's state; called in the worker."""
    source = FleetSource(server.state, server.templates)
    reading = Reading(server.database, source.published)

    def snapshot() -> str | None:
        return None if source.current() is not None else "no generation has been published yet"

    def journal() -> str | None:
        return None if server.database.answers() else "the database cannot be written"

    def sockets() -> str | None:
        return None if server.bound else "no listener for phones is on"

    return make_app(
        PeopleParts(
            {"snapshot": snapshot, "sockets": sockets, "journal": journal},
            lambda: metrics_text(source, reading, source.published.load_report, now=time.time()),
        )
    )
