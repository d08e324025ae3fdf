"""The folder devices/ as a source of inventory: reads what changed, remembers the rest.

defaults.toml       for every phone
sites/NAME.toml     for the phones of a site
groups/NAME.toml    for the phones of a group
files/**            served as they are (firmware, logos, ring tones)
secrets/**          read only where a password_file names them
anything else       *.toml: phones
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from provisioner.errors import Problem
from provisioner.inventory.layer import Layer
from provisioner.inventory.origin import Rank
from provisioner.inventory.reading import FileText, read_file
from provisioner.inventory.static_file import StaticFile
from provisioner.inventory.toml_text import MAX_FILE_BYTES
from provisioner.inventory.value import ValueProblem
from provisioner.inventory.vocabulary import Vocabulary

MAX_FILES = 250_000
MAX_DEPTH = 16
MAX_SECRET_BYTES = 4_096

Signature = tuple[int, int, int]
"mtime in ns, size, inode: what tells an edited file from an unchanged one."


@dataclass(frozen=True, slots=True)
class InventoryText:
    """Everything people wrote, read but not yet laid over each other."""

    files: Mapping[str, FileText] = field(default_factory=dict)
    "By path relative to the folder, in order of the paths."

    static: Mapping[str, StaticFile] = field(default_factory=dict)
    "By the name phones ask for: `files/T46.rom`."

    problems: tuple[Problem, ...] = ()
    "Those of the folder itself; each file has its own."


class InventorySource(Protocol):
    """Whoever has the inventory: a folder here, a database elsewhere."""

    def read(self) -> InventoryText:
        """Return the present text; unchanged parts are the same objects as last time."""


def rank_of(file: str) -> Rank:
    """Return what the file at this path is: defaults, a site, a group, or phones."""
    if file == "defaults.toml":
        return Rank.DEFAULTS
    top = file.partition("/")[0]
    return {"sites": Rank.SITE, "groups": Rank.GROUP}.get(top, Rank.PHONE) if "/" in file else Rank.PHONE


@dataclass(frozen=True, slots=True)
class _Remembered:
    signature: Signature
    secrets: tuple[tuple[str, Signature | None], ...]
    text: FileText


class DeviceFolder:
    """An `InventorySource` over a folder."""

    def __init__(self, root: Path, vocabulary: Vocabulary) -> None:
        self.root = root
        self._root = str(root)
        self._vocabulary = vocabulary
        self._remembered: dict[str, _Remembered] = {}

    def read(self) -> InventoryText:
        """Return the present text.  A file that cannot be read is a problem of that file alone."""
        problems: list[Problem] = []
        found: dict[str, tuple[str, os.stat_result]] = {}
        start = len(os.path.join(self.root, ""))  # noqa: PTH118 (ten thousand paths: relpath would take half the time of a look)
        for path, info in self._walk(problems):
            found[path[start:].replace(os.sep, "/")] = (path, info)
        files: dict[str, FileText] = {}
        static: dict[str, StaticFile] = {}
        remembered: dict[str, _Remembered] = {}
        for name in sorted(found):
            path, info = found[name]
            if name.startswith("files/"):
                static[name] = StaticFile(Path(path), info.st_size, info.st_mtime_ns)
            elif name.endswith(".toml") and not name.startswith("secrets/"):
                remembered[name] = self._file(name, path, _signature(info))
                files[name] = remembered[name].text
        self._remembered = remembered
        if not self.root.is_dir():
            problems.append(
                Problem(
                    ".",
                    None,
                    "no-folder",
                    f"{self.root} is not a folder",
                    "give another with --devices, or run `provisioner init`",
                )
            )
        return InventoryText(files, static, tuple(problems))

    def _walk(self, problems: list[Problem]) -> Iterator[tuple[str, os.stat_result]]:
        pending = [(str(self.root), 0)]
        count = 0
        while pending:
            folder, depth = pending.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.name.startswith(".") or entry.name.endswith(("~", ".tmp")):
                            continue
                        try:
                            info = entry.stat()
                        except OSError:
                            continue  # a dangling link, or a file removed this moment: the next look will tell
                        if stat.S_ISDIR(info.st_mode):
                            if depth < MAX_DEPTH and not entry.is_symlink():
                                pending.append((entry.path, depth + 1))
                        elif stat.S_ISREG(info.st_mode):
                            count += 1
                            if count > MAX_FILES:
                                problems.append(
                                    Problem(
                                        ".",
                                        None,
                                        "too-many-files",
                                        f"more than {MAX_FILES} files",
                                        "put many phones into one file",
                                    )
                                )
                                return
                            yield entry.path, info
            except OSError as error:
                if folder != str(self.root) or self.root.is_dir():
                    shown = os.path.relpath(folder, self.root)
                    problems.append(
                        Problem(shown, None, "unreadable", f"cannot be listed: {error.strerror}", "correct its permissions")
                    )

    def _file(self, name: str, path: str, signature: Signature) -> _Remembered:
        known = self._remembered.get(name)
        if (
            known is not None
            and known.signature == signature
            and all(self._secret_signature(secret) == seen for secret, seen in known.secrets)
        ):
            return known
        secrets: dict[str, Signature | None] = {}

        def read_secret(secret: str) -> str:
            secrets[secret] = self._secret_signature(secret)
            return self.read_secret(secret)

        try:
            if signature[1] > MAX_FILE_BYTES:
                raise OSError(0, f"it has {signature[1]} bytes, more than {MAX_FILE_BYTES}")
            raw = Path(path).read_bytes()
        except OSError as error:
            problem = Problem(name, None, "unreadable", f"cannot be read: {error.strerror}", "correct its permissions")
            text = FileText(None, (), (problem,), is_readable=False)
        else:
            text = read_file(name, raw, rank_of(name), self._vocabulary, read_secret)
        return _Remembered(signature, tuple(secrets.items()), text)

    def _secret_signature(self, name: str) -> Signature | None:
        try:
            return _signature(os.stat(f"{self._root}/{name}"))  # noqa: PTH116 (as above)
        except (OSError, ValueError):
            return None

    def read_secret(self, name: str) -> str:
        """Return the text of a password file; raise ValueProblem, which never quotes the text."""
        shown = name[:80]
        try:
            path = self.root / name
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ValueProblem("outside-folder", f"{shown} is not below devices/", "put the password file below devices/")
            if not path.is_file():
                raise ValueProblem(
                    "no-secret-file", f"there is no file {shown}", "create it below devices/ with the password in it"
                )
            with path.open("rb") as file:
                raw = file.read(MAX_SECRET_BYTES + 1)
            text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise ValueProblem(
                "bad-secret-file", f"{shown} is not UTF-8 text", "write the password as one line of text"
            ) from None
        except (OSError, ValueError):
            raise ValueProblem("no-secret-file", f"{shown} cannot be read", "correct its permissions") from None
        if len(raw) > MAX_SECRET_BYTES or "\n" in text:
            raise ValueProblem("bad-secret-file", f"{shown} has more than one line", "keep only the password in it")
        return text


def layers_of(text: InventoryText) -> dict[Rank, dict[str, Layer]]:
    """Return the readable layers by rank and name; of two with one name the first by path (the other is a problem)."""
    found: dict[Rank, dict[str, Layer]] = {Rank.DEFAULTS: {}, Rank.SITE: {}, Rank.GROUP: {}}
    for file, content in text.files.items():
        rank = rank_of(file)
        if content.layer is not None and rank in found:
            found[rank].setdefault(content.layer.name, content.layer)
    return found


def _signature(info: os.stat_result) -> Signature:
    return info.st_mtime_ns, info.st_size, info.st_ino
