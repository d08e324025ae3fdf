"""A file of devices/files: handed out as it is, from where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StaticFile:
    """Its place and what tells whether it has changed; its bytes are read by nobody but who hands them out."""

    path: Path
    "Where it lies."

    size_bytes: int
    "Its length."

    mtime_ns: int
    "When it was last written; with the size it tells whether the file is the same."

    @property
    def tag(self) -> str:
        """What stands in for the hash: `s-<size>-<mtime_ns>`."""
        return f"s-{self.size_bytes}-{self.mtime_ns}"
