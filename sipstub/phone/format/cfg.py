"""A Yealink cfg file as a V80 phone reads it.  Pure, bounded, never raises.

The grammar, rule by rule with its source and how sure it is, is docs/reference/cfg-grammar.md.  The reader is
lenient (a phone goes on after a bad line) and says everything it stumbled over as faults.

Limits: MAX_FILE_BYTES, MAX_LINES, MAX_LINE_CHARACTERS and MAX_FAULTS are ours; what the phones can take is not known.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import NamedTuple

MAX_FILE_BYTES = 1024 * 1024
"A larger file is not read at all; a phone with every parameter set has about 100 kB."
MAX_LINES = 20_000
MAX_LINE_CHARACTERS = 4096
"A longer line is left out."
MAX_FAULTS = 200
"After so many faults one more says that the list was cut."
MAX_SHOWN = 60
"Characters of a name that a fault repeats; values, which may be secret, are never repeated."

VERSION_LINE = "#!version:1.0.0.1"
RESET = "%NULL%"
"As a value: back to the factory value."
USER_PASSWORD = "security.user_password"
"The one key that may stand several times: each line `user:password` is about another user."

_BOM = b"\xef\xbb\xbf"
_BLANKS = " \t"
_LEADERS = "# \t"
_C0_CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\n\r")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class CfgFaultCode(enum.StrEnum):
    """Every kind of fault.  Each value has a heading in docs/reference/cfg-grammar.md."""

    NO_VERSION_LINE = "no-version-line"
    BYTE_ORDER_MARK = "byte-order-mark"
    NOT_UTF8 = "not-utf8"
    NO_EQUALS_SIGN = "no-equals-sign"
    BLANK_NAME = "blank-name"
    BLANK_IN_NAME = "blank-in-name"
    INDENTED_LINE = "indented-line"
    CONTROL_CHARACTER = "control-character"
    REPEATED_KEY = "repeated-key"
    LINE_TOO_LONG = "line-too-long"
    TOO_MANY_LINES = "too-many-lines"
    FILE_TOO_LARGE = "file-too-large"
    TOO_MANY_FAULTS = "too-many-faults"
    NOT_XML = "not-xml"


class CfgEntry(NamedTuple):
    """One assignment."""

    name: str
    "As written, letter case included: `account.1.label`."

    value: str
    "Without the blanks around it; an inline `#` is part of it."

    line: int
    "1-based."

    @property
    def is_reset(self) -> bool:
        """Whether the value says `%NULL%`: back to the factory value."""
        return self.value == RESET


class CfgFault(NamedTuple):
    """Something in the file that a phone would trip over, or that we cannot say how a phone takes."""

    line: int
    "1-based; 1 where the whole file is meant."

    code: CfgFaultCode
    "Stable word."

    text: str
    "What was seen; names a key but never a value."


class CfgFile(NamedTuple):
    """What was read, in order."""

    entries: tuple[CfgEntry, ...]
    "Every assignment in file order, repeated keys included; also those of a file that a phone ignores."

    faults: tuple[CfgFault, ...]
    "In order of lines."

    has_version_line: bool
    "Whether the first line is exactly `#!version:1.0.0.1`."

    @property
    def is_ignored(self) -> bool:
        """Whether a phone takes nothing from this file."""
        return not self.has_version_line

    def values(self) -> dict[str, str]:
        """Return name to value; the last one wins.  For `security.user_password` see `user_passwords`."""
        return {name: value for name, value, _ in self.entries}

    def last_entries(self) -> dict[str, CfgEntry]:
        """Return name to the assignment that counts."""
        return {entry[0]: entry for entry in self.entries}

    def user_passwords(self) -> dict[str, str]:
        """Return user to password from the lines of `security.user_password`; the password may hold colons."""
        found = {}
        for name, value, _ in self.entries:
            if name == USER_PASSWORD:
                user, colon, password = value.partition(":")
                if colon:
                    found[user] = password
        return found


def parse_cfg(data: bytes) -> CfgFile:
    """Return the assignments and faults of a cfg file, whatever the bytes are."""
    if len(data) > MAX_FILE_BYTES:
        text = f"{len(data)} bytes are more than the {MAX_FILE_BYTES} that are read"
        return CfgFile((), (CfgFault(1, CfgFaultCode.FILE_TOO_LARGE, text),), has_version_line=False)
    try:
        text = data.decode()
        has_odd_bytes = False
    except UnicodeDecodeError:
        text = data.decode(errors="replace")
        has_odd_bytes = True
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    lines = text.split("\n")
    has_version_line = lines[0] == VERSION_LINE

    # This runs for every phone and every lint, and generated files have no faults: the careful reading happens only
    # where cheap counts over the whole file say that there is something to find.
    entries, has_odd_line = _read_quickly(lines)
    names = {entry[0] for entry in entries}
    joined = "".join(names)
    if (
        has_odd_line
        or has_odd_bytes
        or not has_version_line
        or len(lines) > MAX_LINES
        or (len(names) != len(entries) and _has_repetition(entries))
        or "" in names
        or " " in joined
        or "\t" in joined
        or len(max(lines, key=len)) > MAX_LINE_CHARACTERS
        or len(data.translate(None, _C0_CONTROLS)) != len(data)
        or "\r" in text
        or (not data.isascii() and _CONTROL.search(text))
    ):
        reading = _CarefulReading(data, lines)
        reading.read(has_version_line=has_version_line, has_odd_bytes=has_odd_bytes)
        return CfgFile(tuple(reading.entries), tuple(reading.faults), has_version_line)
    return CfgFile(tuple(entries), (), has_version_line=True)


def _read_quickly(lines: list[str]) -> tuple[list[CfgEntry], bool]:
    """Return the assignments, and whether some line is neither assignment nor comment nor empty or begins with a blank."""
    entries: list[CfgEntry] = []
    append = entries.append
    make: Callable[[type[CfgEntry], tuple[str, str, int]], CfgEntry] = tuple.__new__  # half the cost of CfgEntry(...)
    entry, blanks, leaders = CfgEntry, _BLANKS, _LEADERS  # locals, again for speed
    has_odd_line = False
    for number, line in enumerate(lines, 1):
        name, equals, value = line.partition("=")
        if equals and line[0] not in leaders:
            append(make(entry, (name.rstrip(blanks), value.strip(blanks), number)))
        elif line and line[0] != "#":
            has_odd_line = True
    return entries, has_odd_line


def _has_repetition(entries: list[CfgEntry]) -> bool:
    """Say whether a key stands twice; lines of USER_PASSWORD about different users are different keys."""
    return len({_identity(entry) for entry in entries}) != len(entries)


def _identity(entry: CfgEntry) -> tuple[str, str]:
    return entry.name, entry.value.partition(":")[0] if entry.name == USER_PASSWORD else ""


class _CarefulReading:
    """The same reading line by line, with every fault named."""

    def __init__(self, data: bytes, lines: list[str]) -> None:
        self.data = data
        self.lines = lines
        self.entries: list[CfgEntry] = []
        self.faults: list[CfgFault] = []
        self.seen: dict[tuple[str, str], int] = {}

    def read(self, *, has_version_line: bool, has_odd_bytes: bool) -> None:
        """Fill `entries` and `faults`."""
        has_mark = self.data.startswith(_BOM)
        if has_mark:
            self._fault(1, CfgFaultCode.BYTE_ORDER_MARK, "a byte order mark hides the first line from the phone")
        if not has_version_line:
            text = f"the first line is not exactly {VERSION_LINE}, so the phone ignores the whole file"
            self._fault(1, CfgFaultCode.NO_VERSION_LINE, text)
        if has_odd_bytes:
            odd = 1 + next((at for at, text in enumerate(self.data.split(b"\n")) if not _is_utf8(text)), 0)
            self._fault(odd, CfgFaultCode.NOT_UTF8, "bytes that are not UTF-8, the first of them in this line")
        if len(self.lines) > MAX_LINES:
            text = f"{len(self.lines)} lines, of which the first {MAX_LINES} are read"
            self._fault(1, CfgFaultCode.TOO_MANY_LINES, text)
        if has_mark:
            self.lines[0] = self.lines[0].removeprefix("\ufeff")
        for number, line in enumerate(self.lines[:MAX_LINES], 1):
            self._line(number, line)
        self.faults.sort(key=lambda fault: fault.line)
        if len(self.faults) > MAX_FAULTS:
            del self.faults[MAX_FAULTS:]
            self.faults.append(CfgFault(self.faults[-1].line, CfgFaultCode.TOO_MANY_FAULTS, "further faults are not listed"))

    def _line(self, number: int, line: str) -> None:
        if len(line) > MAX_LINE_CHARACTERS:
            text = f"{len(line)} characters are more than the {MAX_LINE_CHARACTERS} that are read; the line is left out"
            self._fault(number, CfgFaultCode.LINE_TOO_LONG, text)
            return
        stripped = line.strip(_BLANKS)
        if not stripped or line.startswith("#"):
            return
        control = _CONTROL.search(line)
        if control:
            text = f"control character U+{ord(control[0]):04X} at column {control.start() + 1}"
            self._fault(number, CfgFaultCode.CONTROL_CHARACTER, text)
        if line[0] in _BLANKS:
            text = "the line begins with a blank; whether a phone reads it is not known"
            self._fault(number, CfgFaultCode.INDENTED_LINE, text)
            if stripped.startswith("#"):
                return
        name, equals, value = stripped.partition("=")
        if not equals:
            self._fault(number, CfgFaultCode.NO_EQUALS_SIGN, "neither a comment nor name = value; the line is left out")
            return
        name = name.rstrip(_BLANKS)
        if not name:
            self._fault(number, CfgFaultCode.BLANK_NAME, "no name before the equals sign; the line is left out")
            return
        if " " in name or "\t" in name:
            self._fault(number, CfgFaultCode.BLANK_IN_NAME, f"a blank inside the name {_shown(name)}")
        entry = CfgEntry(name, value.lstrip(_BLANKS), number)
        self._note_repetition(entry)
        self.entries.append(entry)

    def _note_repetition(self, entry: CfgEntry) -> None:
        first = self.seen.setdefault(_identity(entry), entry.line)
        if first != entry.line:
            text = f"{_shown(entry.name)} stands already in line {first}; the last one wins"
            self._fault(entry.line, CfgFaultCode.REPEATED_KEY, text)

    def _fault(self, line: int, code: CfgFaultCode, text: str) -> None:
        if len(self.faults) <= MAX_FAULTS:
            self.faults.append(CfgFault(line, code, text))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(name: str) -> str:
    return repr(name if len(name) <= MAX_SHOWN else name[:MAX_SHOWN] + "…")
