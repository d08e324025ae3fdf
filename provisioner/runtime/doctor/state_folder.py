"""The state folder holds every phone's password: its owner alone may read it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from provisioner.runtime.doctor.finding import Finding, ok, problem, warning
from provisioner.runtime.doctor.subject import Subject

MAX_FILES = 1000
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def look(subject: Subject) -> Iterator[Finding]:
    """Yield whether the folder can be used and is closed to others.  Nothing is made or changed."""
    folder = subject.settings.path("state").absolute()
    if not folder.exists():
        parent = next(above for above in folder.parents if above.exists())
        if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
            yield ok(f"{folder} is made at the first start")
        else:
            yield problem(
                f"{folder} does not exist, and {parent} cannot be written", "make it, or name another one with --state DIR"
            )
        return
    if not folder.is_dir():
        yield problem(f"{folder} is not a folder", "name another one with --state DIR")
        return
    found = folder.stat()
    if found.st_uid != os.geteuid():
        yield problem(
            f"{folder} belongs to user {found.st_uid}, this is user {os.geteuid()}",
            "run doctor and the server as its owner, or name another folder with --state DIR",
        )
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield problem(f"{folder} cannot be written", f"chmod 700 {folder}")
        return
    mode = stat.S_IMODE(found.st_mode)
    if mode & OTHERS:
        yield problem(f"{folder} is open to other users (mode {mode:04o})", f"chmod 700 {folder}")
        return
    loose = [path for path in _files(folder) if stat.S_IMODE(path.lstat().st_mode) & OTHERS]
    if loose:
        more = f" and {len(loose) - 1} more" if len(loose) > 1 else ""
        yield warning(f"{loose[0]}{more} is closed to others by the folder alone, not by its own mode", f"chmod -R go= {folder}")
    else:
        yield ok(f"{folder} is readable by its owner alone")


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.iterdir():
        if len(found) == MAX_FILES:
            break
        if not path.is_symlink():
            found.append(path)
    return found
