"""Files below devices/ that hold passwords and can be read by every user of this machine.

A password is recognised by the key it stands under (`password`, `..._password`) and by `..._file`, which names a file of one;
all of devices/secrets/ counts.  Files that cannot be read as TOML are passed over: the fleet check reports them.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioner.runtime.doctor.finding import Finding, ok, warning
from provisioner.runtime.doctor.subject import Subject

MAX_FILES = 20_000
MAX_FILE_BYTES = 2_000_000
MAX_DEPTH = 8
SECRETS = "secrets"


def look(subject: Subject) -> Iterator[Finding]:
    """Yield whether a file with a password is open to all."""
    folder = subject.settings.path("devices").absolute()
    if not folder.is_dir():
        yield ok(f"{folder} does not exist")
        return
    holders = _holders(folder)
    exposed = sorted(path for path in holders if is_open_to_all(path))
    if exposed:
        more = f" and {len(exposed) - 1} more" if len(exposed) > 1 else ""
        yield warning(
            f"{exposed[0]}{more} holds a password and can be read by every user of this machine",
            f"chmod -R o= {folder}, or keep passwords in files of their own (password_file)",
        )
    else:
        yield ok(f"{len(holders)} files with passwords, none open to every user")


def is_open_to_all(path: Path) -> bool:
    """Return whether any user may read the file: it and every folder above it let them."""
    try:
        if not path.stat().st_mode & stat.S_IROTH:
            return False
        return all(above.stat().st_mode & stat.S_IXOTH for above in path.absolute().parents)
    except OSError:
        return False


def _holders(folder: Path) -> set[Path]:
    found: set[Path] = set()
    seen = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            seen += 1
            if seen > MAX_FILES:
                return found
            path = Path(place, name)
            if SECRETS in path.relative_to(folder).parts[:-1]:
                found.add(path)
            elif path.suffix == ".toml":
                found |= _in_toml(path, folder)
    return found


def _in_toml(path: Path, folder: Path) -> set[Path]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return set()
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return set()
    found: set[Path] = set()
    for key, value in _pairs(data, MAX_DEPTH):
        if key.endswith("password"):
            found.add(path)
        elif key.endswith("password_file"):
            found |= {place for place in (folder / value, path.parent / value) if place.is_file()}
    return found


def _pairs(data: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Yield every key with a text, however deep."""
    if depth == 0:
        return
    if isinstance(data, list):
        for part in data:
            yield from _pairs(part, depth - 1)
    elif isinstance(data, dict):
        for key, value in data.items():
            if isinstance(value, str) and value:
                yield str(key), value
            else:
                yield from _pairs(value, depth - 1)
