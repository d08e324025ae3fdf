"""Static files that are being sent: one descriptor for all who fetch the same file at the same time."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from provisioner.delivery.file import PublishedFile


class OpenFile:
    """A descriptor with the number of transfers that use it.  Positions are each transfer's own."""

    __slots__ = ("_key", "_shelf", "_users", "fd")

    def __init__(self, shelf: FileShelf, key: tuple[Path, str], fd: int) -> None:
        self._shelf = shelf
        self._key = key
        self._users = 1
        self.fd = fd

    def share(self) -> OpenFile:
        """Return the same file for one more transfer."""
        self._users += 1
        return self

    def release(self) -> None:
        """Give it back; the last one closes it."""
        self._users -= 1
        if not self._users:
            self._shelf.forget(self._key)
            os.close(self.fd)


class FileShelf:
    """The static files open in this process; as many as there are transfers, at most."""

    def __init__(self) -> None:
        self._open: dict[tuple[Path, str], OpenFile] = {}

    def take(self, file: PublishedFile) -> OpenFile | None:
        """Return the file opened, or None if it is no longer the one that was published (gone, a link, another size)."""
        assert file.path is not None
        key = (file.path, file.sha256)
        known = self._open.get(key)
        if known is not None:
            return known.share()
        try:
            fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size != file.size_bytes:
            os.close(fd)
            return None
        opened = self._open[key] = OpenFile(self, key, fd)
        return opened

    def forget(self, key: tuple[Path, str]) -> None:
        """Called by the last user of a file."""
        self._open.pop(key, None)
