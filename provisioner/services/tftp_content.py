"""Where the blocks of a transfer come from: memory, or a static file read piece by piece, plain or as netascii.

Limits: a source of a static file holds READ_AHEAD_BYTES (or one block, if that is more); a netascii source holds one window of
blocks and one piece of its text.  No source holds a whole static file.  Static files are read with pread, not mapped: a file
that is cut short while it is sent must end one transfer, not the process.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from provisioner.delivery.file import PublishedFile
from provisioner.services.tftp_options import Terms

READ_AHEAD_BYTES = 64 * 1024
NETASCII_PIECE_BYTES = 8 * 1024
MAX_COUNTED_BYTES = 1024 * 1024
"Files in memory up to this length get a tsize in netascii, for which all their line ends are counted."


class Source(Protocol):
    """Gives the blocks of one transfer by their number, counted from 1 without wrapping."""

    def block(self, number: int) -> bytes | memoryview:
        """Return block `number`; shorter than the block size (or empty) means it is the last.  OSError if it cannot be read.

        Asked for in rising order, except for blocks of the last window, which may be asked for again.
        """

    def close(self) -> None:
        """Give back what the source holds."""


class MemorySource:
    """Blocks of bytes that are already in memory; nothing is copied until a block is sent."""

    __slots__ = ("_blksize", "_body")

    def __init__(self, body: bytes | memoryview, blksize: int) -> None:
        self._body = body
        self._blksize = blksize

    def block(self, number: int) -> bytes | memoryview:
        """Return a slice of the body."""
        end = number * self._blksize
        return self._body[end - self._blksize : end]

    def close(self) -> None:
        """Let go of the body, which may be a view of a map that wants to be closed."""
        self._body = b""


class SharedFile:
    """One open static file, shared by all transfers of it."""

    __slots__ = ("fd", "size_bytes", "users")

    def __init__(self, fd: int, size_bytes: int) -> None:
        self.fd = fd
        self.size_bytes = size_bytes
        self.users = 0


class OpenFiles:
    """The static files that are being sent.  As many descriptors as different files, however many phones fetch them."""

    def __init__(self) -> None:
        self._open: dict[tuple[Path, str], SharedFile] = {}

    def __len__(self) -> int:
        return len(self._open)

    def take(self, path: Path, version: str) -> SharedFile:
        """Return the file opened for reading; `version` tells a replaced file from the one before.  OSError if it is no file."""
        key = (path, version)
        shared = self._open.get(key)
        if shared is None:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # non-blocking: a named pipe must not hold the server
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                os.close(fd)
                raise OSError("not a regular file")
            shared = self._open[key] = SharedFile(fd, status.st_size)
        shared.users += 1
        return shared

    def give_back(self, path: Path, version: str) -> None:
        """Close the file when its last transfer has ended."""
        shared = self._open[path, version]
        shared.users -= 1
        if not shared.users:
            del self._open[path, version]
            os.close(shared.fd)


class FileSource:
    """Blocks of a static file, read ahead in whole blocks."""

    __slots__ = ("_at", "_blksize", "_files", "_key", "_piece", "_piece_bytes", "_shared")

    def __init__(self, file: PublishedFile, blksize: int, files: OpenFiles) -> None:
        if file.path is None:
            raise OSError("no path")
        self._key = (file.path, file.sha256)
        self._files: OpenFiles | None = files
        self._shared = files.take(*self._key)
        self._blksize = blksize
        self._piece_bytes = max(1, READ_AHEAD_BYTES // blksize) * blksize
        self._piece = b""
        self._at = 0

    @property
    def size_bytes(self) -> int:
        """Length of the file when it was opened."""
        return self._shared.size_bytes

    def block(self, number: int) -> bytes | memoryview:
        """Return the block, from the piece at hand where it lies in it."""
        begin = (number - 1) * self._blksize
        within = begin - self._at
        if not 0 <= within < len(self._piece):
            wanted = max(0, min(self._piece_bytes, self.size_bytes - begin))
            self._piece = os.pread(self._shared.fd, wanted, begin)
            if len(self._piece) != wanted:
                raise OSError("the file was cut short while it was sent")
            self._at, within = begin, 0
        return self._piece[within : within + self._blksize]

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        if self._files is not None:
            self._files.give_back(*self._key)
            self._files = None


class NetasciiSource:
    """Blocks of a text with line ends as CR LF and a bare CR as CR NUL (RFC 764, used by RFC 1350 section 1)."""

    __slots__ = ("_blksize", "_kept", "_made", "_pending", "_pieces", "_read", "_source", "_window")

    def __init__(self, pieces: Source, terms: Terms) -> None:
        self._source = pieces
        self._read: Callable[[int], bytes | memoryview] = pieces.block
        self._pieces: int | None = 0
        self._blksize = terms.blksize
        self._window = terms.windowsize
        self._pending = b""
        self._kept: dict[int, bytes] = {}
        self._made = 0

    def block(self, number: int) -> bytes:
        """Return the converted block; only the last window of blocks can be asked for again."""
        while self._made < number:
            self._made += 1
            self._kept[self._made] = self._next()
            self._kept.pop(self._made - self._window - 1, None)
        return self._kept[number]

    def _next(self) -> bytes:
        while self._pieces is not None and len(self._pending) < self._blksize:
            self._pieces += 1
            piece = bytes(self._read(self._pieces))
            if len(piece) < NETASCII_PIECE_BYTES:
                self._pieces = None
            self._pending += netascii(piece)
        made, self._pending = self._pending[: self._blksize], self._pending[self._blksize :]
        return made

    def close(self) -> None:
        """Give back the plain source."""
        self._source.close()
        self._kept.clear()


def netascii(text: bytes) -> bytes:
    """Return the text as netascii; every octet is converted by itself, so pieces may be converted one by one."""
    return text.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")


def wire_size(file: PublishedFile, *, is_netascii: bool) -> int | None:
    """Return how many bytes the transfer will carry, or None where only sending it would tell."""
    if file.path is not None:
        if is_netascii:
            return None
        try:
            return file.path.stat().st_size
        except OSError:
            return None
    if not is_netascii:
        return len(file.body)
    if len(file.body) > MAX_COUNTED_BYTES:
        return None
    return len(netascii(bytes(file.body)))


def open_source(file: PublishedFile, terms: Terms, *, is_netascii: bool, files: OpenFiles) -> Source:
    """Return the source of a published file; OSError if its static file cannot be opened."""
    blksize = NETASCII_PIECE_BYTES if is_netascii else terms.blksize
    plain: Source = MemorySource(file.body, blksize) if file.path is None else FileSource(file, blksize, files)
    return NetasciiSource(plain, terms) if is_netascii else plain
