"""Files of devices/ that change together: staged in memory, looked at as if they were written, then written or not.

Every file goes temp -> fsync -> rename.  Nothing is replaced before all temporary files are safe on disk; a file that
was edited by somebody else in between is refused and nothing is written.  The last change set can be undone: what stood
there before is kept in devices/.undo (owner only), for one change set.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provisioner.errors import EnvironmentProblem, NotFound
from provisioner.inventory.edit import EditProblem
from provisioner.inventory.folder import DeviceFolder, InventoryText, rank_of
from provisioner.inventory.reading import read_file
from provisioner.inventory.vocabulary import Vocabulary

UNDO = ".undo"
MAX_UNDO_BYTES = 256 * 1024 * 1024
SECRETS = "secrets"

_PRIVATE_FOLDERS = (SECRETS, UNDO)
_SECRET_NAME = re.compile(rb"secrets/[^\"']+")
_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class ChangeSet:
    """What is going to be written, by path relative to the folder."""

    root: Path
    "devices/."

    before: dict[str, bytes | None] = field(default_factory=dict)
    "What stood in each file when it was read; None where there was none."

    after: dict[str, bytes | None] = field(default_factory=dict)
    "What shall stand there; None where the file shall go."

    def read(self, name: str) -> str | None:
        """Return the text as it will be, None if there is no such file; raise EditProblem if it is not UTF-8."""
        raw = self.after[name] if name in self.after else self._remember(name)
        if raw is None:
            return None
        try:
            return raw.removeprefix(_BOM).decode("utf-8")
        except UnicodeDecodeError:
            raise EditProblem(f"{name} is not UTF-8 text", hint="save it as UTF-8") from None

    def put(self, name: str, text: str | None) -> None:
        """Stage a text, or with None the removal of the file; a byte order mark that was there stays."""
        old = self._remember(name)
        mark = _BOM if old is not None and old.startswith(_BOM) else b""
        self.after[name] = None if text is None else mark + text.encode("utf-8")
        if self.after[name] == old:
            del self.after[name]

    def exists(self, name: str) -> bool:
        """Whether the file will be there; letter case counts as the file system counts it."""
        return self.after[name] is not None if name in self.after else (self.root / name).exists()

    def _remember(self, name: str) -> bytes | None:
        if name not in self.before:
            self.before[name] = _bytes(self.root / name)
        return self.before[name]

    def laid_over(self, text: InventoryText, vocabulary: Vocabulary) -> InventoryText:
        """Return the inventory as it would read with this change set written."""
        folder = DeviceFolder(self.root, vocabulary)
        staged = {name: raw for name, raw in self.after.items() if name.startswith(SECRETS + "/")}

        def read_secret(name: str) -> str:
            raw = staged.get(name)
            return folder.read_secret(name) if raw is None else raw.decode("utf-8").removesuffix("\n")

        files = dict(text.files)
        touched = {name for name in self.after if name.endswith(".toml") and name not in staged}
        if staged:
            touched |= {name for name in files if name not in touched and _names_any(self.root / name, staged)}
        for name in touched:
            raw = self.after[name] if name in self.after else _bytes(self.root / name)
            if raw is None:
                files.pop(name, None)
            else:
                files[name] = read_file(name, raw, rank_of(name), vocabulary, read_secret)
        return InventoryText(dict(sorted(files.items())), text.static, text.problems)

    def write(self) -> None:
        """Write everything, or raise and leave all as it was."""
        if not self.after:
            return
        staged: list[tuple[str, Path | None]] = []
        done: list[str] = []
        try:
            for name in sorted(self.after, key=lambda name: (not name.startswith(SECRETS + "/"), name)):
                if _bytes(self.root / name) != self.before.get(name):
                    raise EditProblem(f"{name} was edited by somebody else just now", hint="run the command again")
                raw = self.after[name]
                staged.append((name, None if raw is None else self._stage(name, raw)))
            self._keep_for_undo()
            for name, temporary in staged:
                if temporary is None:
                    (self.root / name).unlink()
                else:
                    temporary.replace(_target(self.root, name))
                done.append(name)
            for folder in {_target(self.root, name).parent for name in done}:
                _sync(folder)
        except BaseException as error:
            for _, temporary in staged:
                if temporary is not None:
                    temporary.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                _put_back(self.root, {name: self.before.get(name) for name in done})
            if isinstance(error, OSError):
                raise EnvironmentProblem(
                    f"{error.filename or self.root}: {error.strerror}; nothing was written", hint="correct its permissions"
                ) from None
            raise

    def _stage(self, name: str, raw: bytes) -> Path:
        target = _target(self.root, name)
        is_private = name.partition("/")[0] in _PRIVATE_FOLDERS
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, mode=0o700 if is_private else 0o755)
        mode = 0o600 if is_private else (target.stat().st_mode & 0o777 if target.exists() else 0o644)
        return _temporary(target, raw, mode)

    def _keep_for_undo(self) -> None:
        """Keep what stood there; without room for it (or for a huge change) the change still goes on, but has no undo."""
        entries = {
            name: {
                "before": None
                if self.before.get(name) is None
                else (self.before[name] or b"").decode("utf-8", "surrogateescape"),
                "after": _digest(raw),
            }
            for name, raw in self.after.items()
        }
        raw = json.dumps(entries).encode("ascii")
        folder = self.root / UNDO
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / "last.json"
        if len(raw) > MAX_UNDO_BYTES:
            target.unlink(missing_ok=True)
            return
        _temporary(target, raw, 0o600).replace(target)


def undo(root: Path) -> list[str]:
    """Put the files of the last change set back and return their names.

    Raises NotFound if there is none, EditProblem if one of the files was edited since: then nothing is put back.
    """
    record = root / UNDO / "last.json"
    try:
        entries: Mapping[str, Mapping[str, str | None]] = json.loads(record.read_text("ascii"))
    except (OSError, ValueError):
        raise NotFound("there is nothing to undo", hint="only the newest import or adoption can be undone") from None
    for name, entry in entries.items():
        # A file may also stand as it was: then the writing was cut short before it.
        if _as_text(now := _bytes(root / name)) != entry["before"] and _digest(now) != entry["after"]:
            raise EditProblem(f"{name} was edited since", hint="take your edit back first, or undo by hand")
    back = {
        name: None if entry["before"] is None else entry["before"].encode("utf-8", "surrogateescape")
        for name, entry in entries.items()
    }
    _put_back(root, back)
    record.unlink()
    return sorted(back)


def _put_back(root: Path, files: Mapping[str, bytes | None]) -> None:
    for name, raw in files.items():
        target = root / name if raw is None else _target(root, name)
        if raw is None:
            target.unlink(missing_ok=True)
        else:
            mode = 0o600 if name.startswith(SECRETS + "/") else 0o644
            _temporary(target, raw, target.stat().st_mode & 0o777 if target.exists() else mode).replace(target)


def _target(root: Path, name: str) -> Path:
    """Return the file to replace: where a name is a symbolic link, what it points to, so that the link stays one."""
    path = root / name
    return path.resolve() if path.is_symlink() else path


def _temporary(target: Path, raw: bytes, mode: int) -> Path:
    # mkstemp makes it 0600; only then the wanted mode, so that a secret is never readable for a moment.
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Path(temporary)


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _as_text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("utf-8", "surrogateescape")


def _digest(raw: bytes | None) -> str:
    return "none" if raw is None else hashlib.sha256(raw).hexdigest()


def _names_any(path: Path, staged: Mapping[str, bytes | None]) -> bool:
    raw = _bytes(path) or b""
    return any(found.decode("utf-8", "replace") in staged for found in _SECRET_NAME.findall(raw))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
