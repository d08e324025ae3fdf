"""Bodies of files one after the other in one big file, appended by the loader and mapped by the readers.

A byte that an index row refers to is never changed and the file is never cut, so a view stays good as long as somebody
holds it, also after the file was replaced by a smaller one and unlinked.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from provisioner.state.folder import FILE_MODE

GROWTH_BYTES = 16 * 1024 * 1024
"The file grows in (sparse) steps of this size, so that readers map it anew only once per step."

WRITE_BYTES = 4 * 1024 * 1024
"Appended bytes are collected up to this size before they are written."


class PackWriter:
    """Appends to a pack from `length` on; what lies behind `length` is left over from a crash and is overwritten."""

    def __init__(self, path: Path, length: int) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._size = os.fstat(self._descriptor).st_size
        self._written = length
        self._waiting = bytearray()

    @property
    def length(self) -> int:
        """Bytes in use, including those not yet written."""
        return self._written + len(self._waiting)

    def append(self, data: bytes | memoryview) -> int:
        """Add `data` and return its offset."""
        offset = self.length
        self._waiting += data
        if len(self._waiting) >= WRITE_BYTES:
            self._write()
        return offset

    def sync(self) -> None:
        """Write everything and wait until it is on the disk; OSError if the disk is full."""
        self._write()
        os.fsync(self._descriptor)

    def forget(self, length: int) -> None:
        """Take back everything behind `length` that no committed index row refers to."""
        self._waiting = bytearray()
        self._written = length

    def close(self) -> None:
        """Close the file; bytes not synced may be lost."""
        os.close(self._descriptor)

    def _write(self) -> None:
        if self.length > self._size:
            self._size = -(-self.length // GROWTH_BYTES) * GROWTH_BYTES
            os.ftruncate(self._descriptor, self._size)
        with memoryview(self._waiting) as view:
            done = 0
            while done < len(view):
                done += os.pwrite(self._descriptor, view[done:], self._written + done)
        self._written += done
        self._waiting = bytearray()


class PackReader:
    """Read-only view of a pack; grows with the file and never invalidates a view it gave out.  Holds no descriptor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._view = memoryview(b"")

    def require(self, length: int) -> None:
        """Map at least `length` bytes.

        FileNotFoundError when the file has been replaced meanwhile; OSError if it is shorter, which only damage from
        outside can do.
        """
        if length <= len(self._view):
            return
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(descriptor).st_size
            if size < length:
                raise OSError(f"{self.path.name} has {size} bytes, its index wants {length}")
            self._view = memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ))
        finally:
            os.close(descriptor)

    def view(self, offset: int, length: int) -> memoryview:
        """Return bytes that `require` has covered, without copying them."""
        return self._view[offset : offset + length]

    def close(self) -> None:
        """Let go of the mapping; views given out stay good until the last one is gone."""
        self._view = memoryview(b"")
