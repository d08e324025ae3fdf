"""Where a server really listens, as far as it left word: its ready file, the state folder, else the settings.

The record is JSON with the keys http, https, tftp, people; each an address or a list of addresses (`0.0.0.0:8080`, `[::]:8080`).
A record that cannot be read counts as none.  At most MAX_RECORD_BYTES are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.address import Listen, parse_listen
from provisioner.runtime.addresses import FILE
from provisioner.settings import Settings

LISTENERS = ("http", "https", "tftp", "people")
MAX_RECORD_BYTES = 64 * 1024
MAX_ADDRESSES = 32
"Of one listener so many are looked at."

WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104


@dataclass(frozen=True, slots=True)
class BoundAddresses:
    """The listeners, and who says so."""

    listeners: Mapping[str, tuple[Listen, ...]]
    "By name; a listener that is off is missing."

    host: str
    "The advertised host of the record; empty if it names none."

    source: str
    "The file that was read, or `settings`."


def read_bound(settings: Settings, ready_file: Path | None = None) -> BoundAddresses:
    """Return the addresses of the record, those given as flags before it, and those of the settings after it."""
    record, source = _read(ready_file or settings.path("state") / FILE)
    listeners: dict[str, tuple[Listen, ...]] = {}
    for name in LISTENERS:
        recorded = _listens(record.get(name))
        is_flag = settings.origin(name).startswith("--")  # said for this very call, so it is meant
        if recorded and not is_flag:
            listeners[name] = recorded
        elif not any(_listens(record.get(other)) for other in LISTENERS) or is_flag:
            wanted = parse_listen(settings[name])
            if wanted is not None:
                listeners[name] = (wanted,)
    host = record.get("host")
    return BoundAddresses(listeners, host if isinstance(host, str) else "", source)


def _read(path: Path) -> tuple[Mapping[str, Any], str]:
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(MAX_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}, "settings"
    if not isinstance(data, dict):
        return {}, "settings"
    nested: Mapping[str, Any] = next(
        (data[key] for key in ("listening", "listeners", "addresses") if isinstance(data.get(key), dict)), {}
    )
    return {**data, **nested}, str(path)


def _listens(value: Any) -> tuple[Listen, ...]:
    if isinstance(value, dict):
        value = value.get("addresses")
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    found = []
    for text in texts[:MAX_ADDRESSES]:
        try:
            listen = parse_listen(text) if isinstance(text, str) else None
        except ValueError:
            continue
        if listen is not None:
            found.append(listen)
    return tuple(found)
