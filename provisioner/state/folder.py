"""The state folder: where it is, what lies in it, and that nobody else can read it.

It holds every phone's ready file with its SIP passwords, so it is 0700 and every file in it 0600.  It is refused, never
repaired, when it belongs to another user: the caller then named the wrong folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from provisioner.errors import EnvironmentProblem, NotFound

FOLDER_MODE = 0o700
FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Paths of all parts of one state folder that was checked when it was opened."""

    path: Path
    "The folder itself, absolute."

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Return the folder, made if it is missing; EnvironmentProblem if it cannot be used safely."""
        folder = Path(path).absolute()
        try:
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            _check(folder)
        except OSError as error:
            raise EnvironmentProblem(
                f"state folder {folder} cannot be used: {error.strerror}",
                hint="name another one with --state DIR",
                code="state-folder",
            ) from error
        return cls(folder)

    @classmethod
    def existing(cls, path: Path | str) -> Self:
        """Return a folder that a server has used before, for commands that only look; NotFound if there is none."""
        folder = Path(path).absolute()
        if not folder.is_dir():
            raise NotFound(
                f"there is no state folder {folder}", hint="name it with --state DIR, or start `provisioner serve` once"
            )
        return cls.open(folder)

    @property
    def index(self) -> Path:
        """SQLite index of the published files."""
        return self.path / "published.sqlite"

    @property
    def counter(self) -> Path:
        """Eight bytes that change with each generation."""
        return self.path / "generation.counter"

    @property
    def loader_lock(self) -> Path:
        """Locked by the one process that publishes."""
        return self.path / "loader.lock"

    @property
    def database(self) -> Path:
        """SQLite file of what happened, unless another database is named by URL."""
        return self.path / "observed.sqlite"

    @property
    def migration_lock(self) -> Path:
        """Locked while one process brings the database to the newest schema."""
        return self.path / "migration.lock"

    @property
    def backups(self) -> Path:
        """Copies of the database made before a migration."""
        return self.path / "backups"

    def pack(self, epoch: int) -> Path:
        """Return the path of the file that holds the bodies of one epoch."""
        return self.path / f"bodies-{epoch}.pack"

    def packs(self) -> list[Path]:
        """Return the pack files that exist."""
        return sorted(self.path.glob("bodies-*.pack"))


def _check(folder: Path) -> None:
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise EnvironmentProblem(
            f"state folder {folder} belongs to user {found.st_uid}, this process runs as user {os.geteuid()}",
            hint="run as its owner, or name another folder with --state DIR",
            code="state-folder",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        if any(folder.iterdir()):
            # An open folder with something in it may be anybody's (think of --state /tmp): never chmod that.
            raise EnvironmentProblem(
                f"state folder {folder} is open to other users (mode {stat.S_IMODE(found.st_mode):04o})",
                hint=f"chmod 700 {folder}",
                code="state-folder",
            )
        folder.chmod(FOLDER_MODE)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise EnvironmentProblem(
            f"state folder {folder} is not writable",
            hint=f"chmod 700 {folder}, or name another one with --state DIR",
            code="state-folder",
        )


def create_private(path: Path) -> None:
    """Make an empty file that only its owner can read, unless it exists; SQLite gives its side files the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))


def sync_folder(path: Path) -> None:
    """Make names created in `path` survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """An exclusive lock on a file, given back by the kernel when the process ends, however it ends.

    POSIX record locks are used because a forked child does not inherit them: an orphaned worker must not keep the next
    server from starting.  They do not exclude within one process, so the open ones are remembered by process id.
    """

    _held: set[tuple[int, Path]] = set()  # noqa: RUF012  shared by all locks of this process on purpose

    def __init__(self, path: Path, *, wait: bool = False, busy: str = "in use") -> None:
        """Take the lock, waiting for it if `wait`; else EnvironmentProblem with `busy` as its message."""
        self._key = (os.getpid(), path)
        if self._key in self._held:
            raise EnvironmentProblem(busy, hint="one process, one loader", code="state-locked")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            os.close(self._descriptor)
            raise EnvironmentProblem(
                busy, hint="stop the other server, or name another folder with --state DIR", code="state-locked"
            ) from error
        self._held.add(self._key)

    def release(self) -> None:
        """Give the lock back; a second call, or one in a forked child, does nothing to it."""
        if self._key in self._held:
            self._held.discard(self._key)
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
