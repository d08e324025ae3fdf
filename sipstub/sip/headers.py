"""The headers of one message: raw, in order, unknown ones kept; found by name in any spelling.

Values are texts with folded lines joined.  Setters refuse CR, LF and NUL, so that no value can end its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from sipstub.sip.error import SipError
from sipstub.sip.names import LETTERS, header_key, spelling
from sipstub.sip.scanner import LWS, refuse_injection, split

MAX_HEADERS = 512
"Most header lines in one message; more is answered 513."
MAX_KNOWN_NAMES = 256
"Names that are not looked at again; each is at most MAX_NAME characters."


class Field(NamedTuple):
    """One header line."""

    key: str
    name: str
    "As written."
    value: str
    raw: str | None
    "The line or lines as they came, without the last CRLF; None for a header that we set."


_field = tuple.__new__  # the constructor of a NamedTuple costs twice as much


@lru_cache(MAX_KNOWN_NAMES)
def _named(name: str) -> tuple[str, str]:
    """Return the key of a header and its name as we write it."""
    key = header_key(name)
    return key, name.strip(LWS) if len(name) > 1 else spelling(key)


class Headers:
    """The header lines of one message; the message is told of every change."""

    __slots__ = ("_by_key", "_fields", "typed", "version")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: list[Field] = []
        self._by_key: dict[str, list[str]] | None = None
        "Of a message that came; in one of ours, which is written and seldom read, the lines are gone through."
        self.typed: dict[str, object] = {}
        "Typed values read so far, by key; the typed view of the message fills and reads it."
        self.version = 0
        "Grows with every change."
        for name, value in pairs:
            self.add(name, value)

    @classmethod
    def read(cls, fields: list[Field], by_key: dict[str, list[str]]) -> Headers:
        """Return headers that came from a peer, as they are; `by_key` has the values of the same fields."""
        found = cls()
        found._fields = fields
        found._by_key = by_key
        return found

    @classmethod
    def of(cls, fields: list[Field]) -> Headers:
        """Return headers of these lines, which are known to be sound."""
        found = cls()
        found._fields = fields
        return found

    def __iter__(self) -> Iterator[Field]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: str) -> bool:
        return bool(self.lines(header_key(name)))

    def __repr__(self) -> str:
        return f"Headers({', '.join(field.name for field in self._fields)})"  # names only: values hold digests

    def pairs(self) -> list[tuple[str, str]]:
        """Return key and value of every line, in order: what two messages are compared by."""
        return [(field.key, field.value) for field in self._fields]

    @property
    def by_key(self) -> Mapping[str, list[str]]:
        """Return the values of all lines by key, keys in the order of their first lines."""
        if self._by_key is None:
            self._by_key = {}
            for field in self._fields:
                self._by_key.setdefault(field.key, []).append(field.value)
        return self._by_key

    def lines(self, key: str) -> list[str]:
        """Return the values of all lines with that key (not any spelling: the key), not split at commas."""
        if self._by_key is None:
            return [field[2] for field in self._fields if field[0] == key]
        return self._by_key.get(key, [])

    def all(self, name: str) -> list[str]:
        """Return the values of all lines with that name."""
        return list(self.lines(header_key(name)))

    def get(self, name: str) -> str | None:
        """Return the value of the first line with that name."""
        found = self.lines(header_key(name))
        return found[0] if found else None

    def add(self, name: str, value: object) -> None:
        """Put a line at the end."""
        self._append(self._made(name, value))

    def take_over(self, fields: Iterable[Field]) -> None:
        """Put lines of another message at the end, as they stand there."""
        for field in fields:
            self._append(field)

    def add_first(self, name: str, value: object) -> None:
        """Put a line before all others of its name, or at the top: a Via, a Record-Route."""
        key = header_key(name)
        if len(self._fields) >= MAX_HEADERS:
            raise SipError(f"more than {MAX_HEADERS} headers", status=513)
        at = next((number for number, field in enumerate(self._fields) if field.key == key), 0)
        self._fields.insert(at, self._made(name, value))
        self._changed(key)

    def set(self, name: str, value: object) -> None:
        """Put a line in the place of the first of its name, and remove the others; at the end if there is none."""
        key = header_key(name)
        at = next((number for number, field in enumerate(self._fields) if field[0] == key), None)
        if at is None:
            self._append(self._made(name, value))
            return
        made = self._made(name, value)
        self._fields = [field for field in self._fields[:at] if field.key != key] + [
            made,
            *(field for field in self._fields[at:] if field.key != key),
        ]
        self._changed(key)

    def replace_first(self, name: str, value: object) -> None:
        """Put a value in the place of the first one of a comma list or line, and keep the others: the top Via."""
        key = header_key(name)
        for at, field in enumerate(self._fields):
            if field.key == key:
                rest = split(field.value)[1:]
                self._fields[at] = self._made(field.name, ", ".join([str(value), *rest]))
                self._changed(key)
                return
        self.add(name, value)

    def remove_first(self, name: str) -> None:
        """Take away the first value of that name: the top Via of a response, the Route that was reached."""
        key = header_key(name)
        for at, field in enumerate(self._fields):
            if field.key == key:
                rest = split(field.value)[1:]
                self._fields[at : at + 1] = [self._made(field.name, ", ".join(rest))] if rest else []
                self._changed(key)
                return

    def remove(self, name: str) -> None:
        """Take away all lines of that name."""
        key = header_key(name)
        if not self.lines(key):
            return
        self._fields = [field for field in self._fields if field.key != key]
        self._changed(key)

    def texts(self, *, compact: bool = False) -> list[str]:
        """Return the lines as they go out: untouched ones as they came, ours as `Name: value`; with letters on demand."""
        if not compact:
            return [field.raw if field.raw is not None else f"{field.name}: {field.value}" for field in self._fields]
        return [f"{LETTERS.get(field.key, field.name)}: {field.value}" for field in self._fields]

    @staticmethod
    def line(name: str, value: str) -> Field:
        """Return a line for `take_over`, for who says the same in every message."""
        return Headers._made(name, value)

    def _append(self, made: Field) -> None:
        if len(self._fields) >= MAX_HEADERS:
            raise SipError(f"more than {MAX_HEADERS} headers", status=513)
        self._fields.append(made)
        if self._by_key is not None:
            self._by_key[made.key] = [*self._by_key.get(made.key, ()), made.value]
        if self.typed:
            self.typed.pop(made.key, None)
        self.version += 1

    @staticmethod
    def _made(name: str, value: object) -> Field:
        key, written = _named(name)
        return _field(Field, (key, written, refuse_injection(str(value)).strip(LWS), None))

    def _changed(self, key: str) -> None:
        if self._by_key is not None:
            values = [field.value for field in self._fields if field.key == key]
            if values:
                self._by_key[key] = values
            else:
                self._by_key.pop(key, None)
        self.typed.pop(key, None)
        self.version += 1
