"""Read TOML and remember the line and column of every key.

`tomllib` decides what is valid and what the values are; the scanner below only finds where keys of valid text stand.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

MAX_FILE_BYTES = 32 * 1024 * 1024
"A file of 100,000 small phones is about 20 MB."

MAX_KEY_PARTS = 64
"Parts of one dotted key; the time of any reader grows with their square."

Path = tuple[str | int, ...]

_BARE = r"[A-Za-z0-9_-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"' + r"|'[^']*'"
_KEY = rf"(?:{_BARE}|{_QUOTED})(?:[ \t]*\.[ \t]*(?:{_BARE}|{_QUOTED}))*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_KEY})[ \t]*\]\]?")
_ASSIGN = re.compile(rf"[ \t]*({_KEY})[ \t]*=[ \t]*")
_PART = re.compile(rf"({_BARE})|({_QUOTED})")
_PLAIN_VALUE = re.compile(r"""(?:"(?!"")(?:[^"\\\n]|\\.)*"|'(?!'')[^'\n]*'|[^"'\[\{\n#]+)[ \t]*(?:#.*)?$""")
_TOKEN = re.compile(r'"""|' + "'''" + r'|"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'|#[^\n]*|[\[\]{}\n]")
_LONG_KEY = re.compile(
    r"""(?<![A-Za-z0-9_-])(?:(?:[A-Za-z0-9_-]++|"[^"\\]*+"|'[^']*+')[ \t]*+\.[ \t]*+)""" + f"{{{MAX_KEY_PARTS}}}"
)
_UNQUOTED = re.compile(rf"[ \t]*({_KEY})[ \t]*=[ \t]*[^\s\"'\[{{#][^\"'\[{{#]*(?:#.*)?$")
_WHERE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read."""

    data: dict[str, Any]
    "What tomllib makes of it."

    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    "Line and column of each key, both 1-based; elements of [[tables]] have their number in the path."

    def place(self, path: Path) -> tuple[int, int]:
        """Return line and column of the key, or of the nearest key around it; (1, 1) if there is none."""
        while path:
            found = self.places.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return (1, 1)


class TomlError(Exception):
    """Text that is not TOML: what is wrong in the reader's words, with line and column where they are known."""

    def __init__(self, message: str, line: int | None, column: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


def read_toml(raw: bytes) -> Document:
    """Return data and places, or raise TomlError with line and column."""
    if len(raw) > MAX_FILE_BYTES:
        raise TomlError(f"the file has {len(raw)} bytes, more than {MAX_FILE_BYTES}", None, None)
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]  # a byte order mark is an editor's habit, not a mistake worth refusing
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise TomlError("the text is not UTF-8", line, error.start - raw.rfind(b"\n", 0, error.start)) from None
    _check_keys(text)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = _WHERE.search(str(error))
        message = _WHERE.sub("", str(error)).strip()
        line, column = (int(where[1]), int(where[2])) if where and where[1] else (text.count("\n") + 1, None)
        raise TomlError(message[:1].lower() + message[1:], line, column) from None
    except (RecursionError, ValueError) as error:
        # ValueError: a number with thousands of digits, which Python refuses to convert.
        raise TomlError(f"cannot be read: {type(error).__name__}", None, None) from None
    return Document(data, _scan(text))


def _check_keys(text: str) -> None:
    if text.count(".") < MAX_KEY_PARTS:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") >= MAX_KEY_PARTS and (found := _LONG_KEY.search(line)):
            raise TomlError(f"a key of more than {MAX_KEY_PARTS} parts", number, found.start() + 1)


def unquoted_hint(raw: bytes, line: int | None) -> str:
    """Return a hint when the line gives text without quotes (`mac = 001565aabbcc`, `server = sip.example`); else nothing.

    The value itself is not repeated: it may be a password.
    """
    lines = raw.decode("utf-8", "replace").split("\n")
    match = _UNQUOTED.match(lines[line - 1]) if line is not None and line <= len(lines) else None
    return f'put the value in quotes: {match[1]} = "..."' if match else ""


def _parts(key: str) -> list[str]:
    names = []
    for bare, quoted in _PART.findall(key):
        if bare:
            names.append(bare)
        elif quoted[0] == '"' and "\\" in quoted:
            names.append(next(iter(tomllib.loads(f"{quoted} = 0"))))
        else:
            names.append(quoted[1:-1])
    return names


def _scan(text: str) -> dict[Path, tuple[int, int]]:
    places: dict[Path, tuple[int, int]] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    line_number, at, end = 1, 0, len(text)
    while at < end:
        stop = text.find("\n", at)
        stop = end if stop < 0 else stop
        if match := _ASSIGN.match(text, at, stop):
            path = table
            column = match.start(1) - at + 1
            for part in _parts(match[1]):
                path = (*path, part)
                places.setdefault(path, (line_number, column))
            if not _PLAIN_VALUE.match(text, match.end(), stop):
                stop = _end_of_value(text, match.end())
        elif match := _HEADER.match(text, at, stop):
            table = _resolve(_parts(match[2]), counts, is_array=match[1] == "[[")
            places.setdefault(table, (line_number, match.start(1) - at + 1))
        line_number += text.count("\n", at, stop) + 1
        at = stop + 1
    return places


def _resolve(parts: list[str], counts: dict[Path, int], *, is_array: bool) -> Path:
    path: Path = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if is_array and position == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _end_of_value(text: str, at: int) -> int:
    """Return where the line ends on which a value of several lines ends."""
    depth = 0
    while match := _TOKEN.search(text, at):
        token = match[0]
        at = match.end()
        if token in ('"""', "'''"):
            while True:
                found = text.find(token, at)
                if found < 0:
                    return len(text)
                at = found + 3
                if token[0] == '"' and _is_escaped(text, found):
                    at = found + 1
                    continue
                break
            while at < len(text) and text[at] == token[0]:  # up to two quotes may stand right before the closing three
                at += 1
        elif token in "[{":
            depth += 1
        elif token in "]}":
            depth -= 1
        elif token == "\n" and depth <= 0:
            return match.start()
    return len(text)


def _is_escaped(text: str, at: int) -> bool:
    slashes = 0
    while text[at - 1 - slashes] == "\\":
        slashes += 1
    return slashes % 2 == 1
