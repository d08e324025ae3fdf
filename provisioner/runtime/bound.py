"""Where a server really listens: as the running one says in its ready file, else as the settings would have it.

The record is JSON as `serve --ready-file` writes it: under http, https, tftp and people the addresses in `listen`, or null for
one that is off.  A record that cannot be read, or whose process has ended, counts as none.  At most MAX_RECORD_BYTES are read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.address import Listen, parse_listen
from provisioner.settings import Settings

READY_FILE = "ready.json"
"In the state folder while a server runs, as runtime/serve.py writes it; a test holds the two together."

LISTENERS = ("http", "https", "tftp", "people")
MAX_RECORD_BYTES = 64 * 1024
MAX_ADDRESSES = 32
"Of one listener so many are looked at."


@dataclass(frozen=True, slots=True)
class BoundAddresses:
    """The listeners, and who says so."""

    listeners: Mapping[str, tuple[Listen, ...]]
    "By name; a listener that is off is missing."

    host: str
    "The advertised host of the record; empty if it names none."

    source: str
    "The file that was read, or `settings`."

    is_running: bool
    "Whether a server left a record and its process lives."


def read_bound(settings: Settings, ready_file: Path | None = None) -> BoundAddresses:
    """Return what the running server says, but for listeners given as flags of this very call; with no server, the settings."""
    path = ready_file or settings.path("state") / READY_FILE
    record = _read(path)
    listeners: dict[str, tuple[Listen, ...]] = {}
    for name in LISTENERS:
        if record is None or settings.origin(name).startswith("--"):
            wanted = parse_listen(settings[name])
            if wanted is not None:
                listeners[name] = (wanted,)
        else:
            recorded = _listens(record.get(name))
            if recorded:
                listeners[name] = recorded
    host = record.get("advertise") if record is not None else None
    return BoundAddresses(
        listeners,
        host if isinstance(host, str) else "",
        "settings" if record is None else str(path),
        record is not None,
    )


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(MAX_RECORD_BYTES))
        if not isinstance(data, dict) or not any(_listens(data.get(name)) for name in LISTENERS):
            return None
        return data if _is_alive(int(data["pid"])) else None
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # of another user, and alive
    return True


def _listens(value: Any) -> tuple[Listen, ...]:
    texts = value.get("listen") if isinstance(value, dict) else None
    found = []
    for text in texts[:MAX_ADDRESSES] if isinstance(texts, list) else []:
        try:
            listen = parse_listen(text) if isinstance(text, str) else None
        except ValueError:
            continue
        if listen is not None:
            found.append(listen)
    return tuple(found)
