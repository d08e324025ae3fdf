"""Bytes of a settings file to lines: byte-order marks, encodings, line ends, and bounds.  Never raises."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from sipstub.sbc.settings.problem import Code, Origin, Problem, Severity

MAX_FILE_BYTES = 8 * 2**20
"The file of a large device has some hundred kilobytes."
MAX_LINES = 200_000
MAX_LINE_CHARACTERS = 32_768
"FORMAT lines of wide tables have some thousand."

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Text(NamedTuple):
    """A decoded file."""

    lines: tuple[str, ...]
    "Without their ends; too long ones are empty.  No lines if the file is too large."
    problems: tuple[Problem, ...]


def decode(data: bytes, file: str) -> Text:
    """Return the lines of a file, and what is odd about its form."""
    found: list[Problem] = []

    def say(severity: Severity, code: Code, line: int, message: str, hint: str = "") -> None:
        found.append(Problem(severity, code, Origin(file, line), message, hint))

    if len(data) > MAX_FILE_BYTES:
        say(Severity.ERROR, Code.TOO_LARGE, 0, f"{len(data)} bytes, at most {MAX_FILE_BYTES} are read")
        return Text((), tuple(found))
    text = _text(data, say)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text and not text.endswith("\n"):
        say(Severity.NOTE, Code.FILE_FORM, text.count("\n") + 1, "the last line has no end", "the device wants one")
    lines = text.removesuffix("\n").split("\n", MAX_LINES) if text else []
    if len(lines) > MAX_LINES:
        say(Severity.ERROR, Code.TOO_LARGE, MAX_LINES + 1, f"more than {MAX_LINES} lines", "the rest is not read")
        del lines[MAX_LINES:]
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_CHARACTERS:
            say(
                Severity.ERROR,
                Code.TOO_LARGE,
                number,
                f"a line of {len(line)} characters, at most {MAX_LINE_CHARACTERS} are read",
            )
            lines[number - 1] = ""
    return Text(tuple(lines), tuple(found))


def _text(data: bytes, say: object) -> str:
    assert callable(say)
    for mark, name in _MARKS:
        if data.startswith(mark):
            try:
                text = data[len(mark) :].decode(name)
            except UnicodeDecodeError as error:
                say(Severity.ERROR, Code.ENCODING, 0, f"begins like {name} and is not: byte {error.start}", "save it as UTF-8")
                return data[len(mark) :].decode(name, errors="replace")
            if name != "utf-8":
                say(Severity.WARNING, Code.ENCODING, 1, f"the file is {name}", "the device writes UTF-8 or ASCII")
            return text
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        say(Severity.WARNING, Code.ENCODING, line, "the file is not UTF-8 and was read as Latin-1", "save it as UTF-8")
        return data.decode("latin-1")
