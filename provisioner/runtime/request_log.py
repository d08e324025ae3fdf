"""One line per decision for whoever watches the server: read from the journal, so that it costs a request nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from provisioner.delivery.reason import Reason
from provisioner.state.database import Database
from provisioner.state.reading import Event, Reading

MAX_LINES = 40
"Lines at once; in a boot storm the rest is counted."


class RequestLog:
    """Prints what came into the journal since the last look: plain on a terminal, JSON lines elsewhere."""

    def __init__(self, database: Database, echo: Callable[[str], None], *, is_plain: bool | None = None) -> None:
        self._reading = Reading(database)
        self._echo = echo
        self._is_plain = sys.stderr.isatty() if is_plain is None else is_plain
        self._last = self._reading.newest_event_id()

    def show_new(self) -> None:
        """Print the new decisions, oldest first."""
        newest = self._reading.newest_event_id()
        if newest <= self._last:
            return
        events = self._reading.events(after_id=self._last, limit=MAX_LINES)
        for event in events:
            self._echo(plain_line(event) if self._is_plain else json_line(event))
        left = newest - max((event.id for event in events), default=newest)
        if left > 0 and self._is_plain:
            self._echo(f"          ... and {left} more: provisioner events --limit {left}")
        self._last = newest


def plain_line(event: Event) -> str:
    """Return `12:00:03  t46g-lobby  GET 001565aabbcc.cfg  200  9.1 kB  ok`."""
    row = event.values
    at = time.strftime("%H:%M:%S", time.localtime(row["at"]))
    size = _size(row["size_bytes"]) if row["size_bytes"] else "-"
    who, name = row["phone"] or row["mac"] or "-", row["name"].lstrip("/")
    line = f"{at}  {who}  {row['method']} {name}  {row['status']}  {size}  {row['outcome']}"
    if row["outcome"] == Reason.UNKNOWN_MAC and row["mac"]:
        line += f"  {row['model'] or ''} {row['firmware'] or ''}".rstrip() + f"   adopt: provisioner adopt {row['mac']}"
    return line


def json_line(event: Event) -> str:
    """Return the journal's row as one line of JSON."""
    row: dict[str, Any] = {"id": event.id, **event.values}
    row["at"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(row["at"])) + f".{int(row['at'] % 1 * 1000):03d}Z"
    return json.dumps(row, ensure_ascii=False)


def _size(count: int) -> str:
    return f"{count} B" if count < 1000 else f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
