"""One line per decision for whoever watches the server: read from the journal's batches, so that it costs a request nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from provisioner.delivery.reason import Reason
from provisioner.state.database import Database, plain_reason
from provisioner.state.tail import JournalTail

MAX_LINES = 40
"Lines at once; in a boot storm the rest is counted."


class RequestLog:
    """Prints what was written to the journal since the last look: plain on a terminal, JSON lines elsewhere."""

    def __init__(self, database: Database, echo: Callable[[str], None], *, is_plain: bool | None = None) -> None:
        self._database = database
        self._tail: JournalTail | None = None
        self._echo = echo
        self._is_away = False
        self._is_plain = sys.stderr.isatty() if is_plain is None else is_plain
        self.show_new()  # what came before is not shown

    def show_new(self) -> None:
        """Print the new decisions, oldest first, MAX_LINES at most, and how many more there were.

        A database that is away is said once; what waits for it is shown when it is back.
        """
        try:
            if self._tail is None:
                self._tail = JournalTail(self._database)
            events, left = self._tail.fresh(MAX_LINES)
        except sa.exc.DBAPIError as error:
            if not self._is_away:
                self._echo(f"decisions are not shown while the database is away: {plain_reason(error)}")
            self._is_away = True
            return
        self._is_away = False
        for event in events:
            row = event._asdict()
            self._echo(plain_line(row) if self._is_plain else json_line(row))
        if left > 0:
            advice = f"provisioner events --limit {left}"
            self._echo(
                f"          ... and {left} more: {advice}" if self._is_plain else json.dumps({"more": left, "see": advice})
            )


def plain_line(row: Mapping[str, Any]) -> str:
    """Return `12:00:03  t46g-lobby  GET 001565aabbcc.cfg  200  9.1 kB  ok`."""
    at = time.strftime("%H:%M:%S", time.localtime(row["at"]))
    size = _size(row["size_bytes"]) if row["size_bytes"] else "-"
    who, name = row["phone"] or row["mac"] or "-", _printable(row["name"].lstrip("/"))
    line = f"{at}  {who}  {row['method']} {name}  {row['status']}  {size}  {row['outcome']}"
    if row["outcome"] == Reason.UNKNOWN_MAC and row["mac"]:
        line += f"  {row['model'] or ''} {row['firmware'] or ''}".rstrip() + f"   adopt: provisioner adopt {row['mac']}"
    return line


def json_line(row: Mapping[str, Any]) -> str:
    """Return the decision as one line of JSON, the fields named as in `events --jsonl`."""
    shown = dict(row)
    shown["at"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(row["at"])) + f".{int(row['at'] % 1 * 1000):03d}Z"
    return json.dumps(shown, ensure_ascii=True)


def _printable(text: str) -> str:
    """Return the text with all but plain characters as escapes: a peer chooses it, and a terminal obeys control characters."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def _size(count: int) -> str:
    return f"{count} B" if count < 1000 else f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
