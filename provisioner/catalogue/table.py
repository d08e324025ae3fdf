"""A TOML table that knows where it stands, so that a wrong fact is reported with file, line and key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from provisioner.errors import CatalogueError

MAX_FILE_BYTES = 2_000_000
"Larger fact files are refused."


class Table:
    """Reads typed values out of one table; what is missing or of another type is a CatalogueError."""

    __slots__ = ("file", "name", "values")

    def __init__(self, file: Path, name: str, values: Mapping[str, Any]) -> None:
        self.file = file
        self.name = name
        self.values = values

    def fault(self, message: str, key: str | None = None, *, hint: str = "") -> CatalogueError:
        """Return the error to raise for `key` of this table."""
        line = line_of(self.file, self.name, key)
        place = f"{self.file.parent.name}/{self.file.name}" + (f":{line}" if line else "")
        return CatalogueError(f"{place}  {self.name}: {key + ': ' if key else ''}{message}", hint=hint)

    def only(self, allowed: frozenset[str]) -> None:
        """Refuse keys that nobody reads: they are slips."""
        unknown = self.values.keys() - allowed
        if unknown:
            import difflib

            key = min(unknown)
            near = difflib.get_close_matches(key, allowed, 1)
            raise self.fault(
                "there is no such field",
                key,
                hint=f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(allowed))}",
            )

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if type(value) is not str:
            raise self.fault("a text is wanted" if key in self.values else "is missing", key)
        return value

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if key in self.values else None

    def one_of(self, key: str, allowed: Iterable[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in allowed:
            raise self.fault(f"{value!r} is none of {', '.join(allowed)}", key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key, ())
        if type(value) is list and all(type(part) is str for part in value):
            return tuple(value)
        if key in self.values:
            raise self.fault("a list of texts is wanted", key)
        return ()

    def integer(self, key: str) -> int:
        value = self.values.get(key)
        if type(value) is not int:
            raise self.fault("a whole number is wanted" if key in self.values else "is missing", key)
        return value

    def optional_integer(self, key: str) -> int | None:
        return self.integer(key) if key in self.values else None

    def flag(self, key: str, default: bool = False) -> bool:
        value = self.values.get(key, default)
        if type(value) is not bool:
            raise self.fault("true or false is wanted", key)
        return value

    def table(self, key: str) -> Mapping[str, Any]:
        value = self.values.get(key, {})
        if type(value) is not dict:
            raise self.fault("a table is wanted", key)
        return value


def read_toml(file: Path) -> dict[str, Any]:
    """Return the content of a fact file; a CatalogueError names the file and the line of what is no TOML."""
    try:
        data = file.read_bytes()
        if len(data) > MAX_FILE_BYTES:
            raise CatalogueError(f"{file}: larger than {MAX_FILE_BYTES} bytes")
        return tomllib.loads(data.decode())
    except OSError as error:
        raise CatalogueError(f"{file}: {error.strerror}", hint="is this a vendor's folder, such as templates/yealink?") from None
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{file}: not UTF-8 at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{file}: {error}") from None


def tables(file: Path, content: Mapping[str, Any], *, skip: frozenset[str] = frozenset()) -> Iterable[Table]:
    """Return the tables of a file by name; anything else at the top of the file is refused."""
    for name, values in content.items():
        if name in skip:
            continue
        if type(values) is not dict:
            raise Table(file, name, {}).fault("a table is wanted")
        yield Table(file, name, values)


def line_of(file: Path, table: str, key: str | None) -> int | None:
    """Return the 1-based line of a key, or of the table's head, or None; reads the file again, as errors are rare."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    heads = {f"[{table}]", f'["{table}"]', f"['{table}']"}
    head = next((at for at, line in enumerate(lines, 1) if line.strip() in heads), None)
    if head is None:  # a row of a list is known by the text in it
        head = next((at for at, line in enumerate(lines, 1) if f'"{table}"' in line), None)
    if head is None or key is None:
        return head
    for at, line in enumerate(lines[head:], head + 1):
        if line.startswith("["):
            break
        if line.partition("=")[0].strip().strip("\"'") == key:
            return at
    return head
