"""The folder of lab layers in the state folder: `lab/<mac>.toml`, written by people's commands, read by the loader.

A file counts only if it is a plain file of this user that nobody else can write; all others are ignored with a problem.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from provisioner.errors import EnvironmentProblem, Problem
from provisioner.inventory.lab import MAX_LAB_BYTES, PLACE, Lab, LabProblem, lab_text, read_lab
from provisioner.mac import MacAddress
from provisioner.state.folder import FILE_MODE, FOLDER_MODE, sync_folder

FOLDER = "lab"
MAX_LABS = 1_000
"Files of the folder that are looked at; so many phones are in no lab."


@dataclass(frozen=True, slots=True)
class Labs:
    """The layers of one moment."""

    on: Mapping[str, Lab] = field(default_factory=dict)
    "Those in force, by MAC."

    problems: tuple[Problem, ...] = ()
    "Files that are ignored."

    over: tuple[str, ...] = field(default=(), compare=False)
    "MACs whose layer has ended; their files go away without anything being published for it."


class LabSource(Protocol):
    """Whoever has the layers."""

    def at(self, now: float) -> Labs:
        """Return the layers of this moment."""


class LabFolder:
    """A `LabSource` over `<state>/lab/`; the folder need not exist."""

    def __init__(self, state: Path) -> None:
        self.path = state / FOLDER
        self._remembered: dict[str, tuple[tuple[int, ...], Lab | Problem]] = {}

    def at(self, now: float) -> Labs:
        """Return the layers of this moment; files that did not change are not read again."""
        on: dict[str, Lab] = {}
        problems: list[Problem] = []
        over = []
        for mac, found in self._read().items():
            if isinstance(found, Problem):
                problems.append(found)
            elif found.holds(now):
                on[found.mac] = found
            elif found.is_over(now):
                over.append(mac)
            else:
                hint = f"correct the clock, or: provisioner lab stop {mac}"
                problems.append(LabProblem("it begins in the future", hint).as_problem(found.file, mac))
        return Labs(on, tuple(problems), tuple(over))

    def all(self) -> tuple[list[Lab], list[Problem]]:
        """Return every layer, in force or not, and the files that are none."""
        found = list(self._read().values())
        return [each for each in found if isinstance(each, Lab)], [each for each in found if isinstance(each, Problem)]

    def file(self, mac: str) -> Path:
        """Return where the layer of a phone stands."""
        return self.path / f"{mac}.toml"

    def write(self, lab: Lab, name: str) -> Path:
        """Lay the layer: whole, or not at all.  EnvironmentProblem if the folder cannot be written."""
        path = self.file(lab.mac)
        try:
            self.path.mkdir(mode=FOLDER_MODE, exist_ok=True)
            write_whole(path, lab_text(lab, name).encode())
        except OSError as error:
            raise EnvironmentProblem(f"{path} cannot be written: {error.strerror}", code="state-write") from error
        return path

    def end(self, mac: str) -> bool:
        """Take the layer away; False if there was none.  A file that is no layer goes too."""
        try:
            self.file(mac).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise EnvironmentProblem(f"{self.file(mac)} cannot be removed: {error.strerror}", code="state-write") from error
        sync_folder(self.path)
        return True

    def _read(self) -> dict[str, Lab | Problem]:
        try:
            names = sorted(path.name for path in self.path.iterdir() if path.suffix == ".toml" and path.name[0] != ".")
        except OSError:
            names = []
        found: dict[str, Lab | Problem] = {}
        remembered: dict[str, tuple[tuple[int, ...], Lab | Problem]] = {}
        for name in names[:MAX_LABS]:
            signature, known = self._signature(name), self._remembered.get(name)
            if known is None or known[0] != signature:
                known = (signature, self._one(name))
            remembered[name] = known
            found[name.removesuffix(".toml")] = known[1]
        self._remembered = remembered
        return found

    def _signature(self, name: str) -> tuple[int, ...]:
        try:
            info = (self.path / name).lstat()
        except OSError:
            return ()
        return info.st_mtime_ns, info.st_size, info.st_ino, info.st_mode, info.st_uid

    def _one(self, name: str) -> Lab | Problem:
        stem = name.removesuffix(".toml")
        try:
            mac = MacAddress.parse(stem).plain
        except ValueError:
            mac = None
        try:
            return read_lab(PLACE + name, self._raw(self.path / name))
        except LabProblem as problem:
            return problem.as_problem(PLACE + name, mac)

    def _raw(self, path: Path) -> bytes:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise LabProblem(f"it cannot be read: {error.strerror}") from None
        try:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):
                raise LabProblem("it is not a plain file")
            if info.st_uid != os.geteuid() or info.st_mode & 0o022:
                raise LabProblem("others can write it, or it belongs to somebody else", "delete it if you did not lay it")
            return os.read(descriptor, MAX_LAB_BYTES + 1)
        finally:
            os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of the state folder so that a kill leaves the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
