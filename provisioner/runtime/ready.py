"""Who is ready, and the file that says where everything listens."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Ready:
    """Collects one byte per ready part over pipes that are made before the fork."""

    def __init__(self, parts: Mapping[str, int]) -> None:
        """`parts` names each part and how many bytes make it ready."""
        self._waiting = dict(parts)
        self._pipes: dict[str, tuple[int, int]] = {}
        for name in parts:
            reading, writing = os.pipe()
            os.set_blocking(reading, False)
            self._pipes[name] = (reading, writing)

    def fd(self, name: str) -> int:
        """Return the descriptor that the part writes a byte to."""
        return self._pipes[name][1]

    def tell(self, name: str) -> None:
        """Say, in the part's process, that it is ready."""
        os.write(self.fd(name), b"\n")

    @property
    def missing(self) -> list[str]:
        """Return the parts that are not ready yet."""
        for name, (reading, _) in self._pipes.items():
            try:
                self._waiting[name] -= len(os.read(reading, 4096))
            except BlockingIOError:
                continue
        return [name for name, count in self._waiting.items() if count > 0]


def write_ready_file(path: Path, data: Mapping[str, Any], *, mode: int = 0o644) -> None:
    """Write `data` as JSON, whole or not at all; `mode` is cut by the umask."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(json.dumps(data, indent=2) + "\n")
    temporary.replace(path)
