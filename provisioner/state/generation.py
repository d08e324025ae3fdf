"""Eight shared bytes that say "there is something new", so that looking costs no system call."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from provisioner.state.folder import FILE_MODE

COUNTER_BYTES = 8


class GenerationCounter:
    """A number in a memory-mapped file, written by the loader and compared by everybody else.

    The file is never replaced, so a mapping stays good across forks and restarts of the loader.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            if os.fstat(descriptor).st_size < COUNTER_BYTES:
                os.ftruncate(descriptor, COUNTER_BYTES)
            self._map = mmap.mmap(descriptor, COUNTER_BYTES)
        finally:
            os.close(descriptor)
        self.cell = memoryview(self._map).cast("Q")
        "One element: `cell[0]` is the number.  One aligned word, so a reader never sees half of it."

    def set(self, number: int) -> None:
        """Publish a new number to all processes that map the file."""
        self.cell[0] = number

    def close(self) -> None:
        """Unmap the file."""
        self.cell.release()
        self._map.close()
