"""Reads an ini file as the device writes it: globals, tables with FORMAT lines, comments.  Pure, bounded, never raises.

A line that cannot be taken is a problem, and the next line is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sipstub.sbc.settings.decode import Text
from sipstub.sbc.settings.draft import Draft, Reading
from sipstub.sbc.settings.parameter import Kind, Parameter, Table
from sipstub.sbc.settings.problem import Code, Severity
from sipstub.sbc.settings.value import first_word, shown
from sipstub.sbc.settings.vocabulary import the_vocabulary

DEFAULT = "$$"
"In a row: the column's default."
QUOTES = "\"'"

_SECTION = re.compile(r"\[\s*(\\?)\s*([^\]\\]*?)\s*\]")
_FORMAT = re.compile(r"FORMAT\s+(\w+)\s*=\s*(.*)", re.IGNORECASE)
_ROW = re.compile(r"(\w+)\s+([0-9]{1,6})\s*=\s*(.*)")
_GLOBAL = re.compile(r"([^=\s]+)\s*=\s*(.*)")
_VERSION = re.compile(r";\s*software version\s*:\s*([0-9]+)\.([0-9]+)", re.IGNORECASE)


def read_ini(text: Text, file: str) -> Reading:
    """Return what the file says, with all problems."""
    return _IniReader(text, file).read()


class _IniReader:
    def __init__(self, text: Text, file: str) -> None:
        self._lines = text.lines
        self._draft = Draft(file, text.problems)
        self._section = ""
        self._section_line = 0
        self._columns: Sequence[Parameter | None] | None = None
        "Of the table that is open; None if none is or it has no FORMAT yet."
        self._table: Table | None = None
        self._is_skipping = False
        "Within a table that the stub does not have."
        self._seen: dict[str, int] = {}

    def read(self) -> Reading:
        for number, line in enumerate(self._lines, 1):
            self._line(line.strip(), number)
        self._close("", len(self._lines))
        return self._draft.finish()

    def _line(self, line: str, number: int) -> None:
        if not line:
            return
        if line.startswith(";"):
            if (found := _VERSION.match(line)) and self._draft.release is None:
                self._draft.release = release_of(found[1], found[2])
        elif line.startswith("["):
            self._bracket(line, number)
        elif found := _FORMAT.fullmatch(line):
            self._format(found[1], found[2], number)
        elif self._is_skipping:
            pass
        elif self._table is not None:
            self._row(line, number)
        elif found := _GLOBAL.fullmatch(line):
            self._global(found[1], found[2], number)
        else:
            self._draft.error(Code.BAD_LINE, number, f"{first_word(line)} is no setting", "a line is Name = value")

    def _bracket(self, line: str, number: int) -> None:
        found = _SECTION.fullmatch(line)
        if found is None:
            self._draft.error(
                Code.BAD_LINE, number, f"{first_word(line)} is no heading", r"[ Table ] begins and [ \Table ] ends a table"
            )
            return
        if found[1]:
            self._close(found[2], number)
            return
        if self._table is not None or self._is_skipping:
            self._close("", number)
        self._section, self._section_line = found[2], number

    def _close(self, name: str, number: int) -> None:
        is_open = self._table is not None or self._is_skipping
        if is_open and self._section.lower() != name.lower():
            self._draft.error(
                Code.BAD_TABLE, self._section_line, f"table {shown(self._section)} has no end", rf"[ \{self._section} ]"
            )
        elif not is_open and name:
            self._draft.error(
                Code.BAD_TABLE, number, f"{shown(name)} ends and has not begun", "FORMAT is the first line of a table"
            )
        self._table, self._columns, self._is_skipping, self._section = None, None, False, ""

    def _format(self, head: str, rest: str, number: int) -> None:
        if not self._section or self._columns is not None or self._is_skipping:
            self._draft.error(Code.BAD_TABLE, number, "FORMAT is not the first line of a table", "it follows [ Table ]")
            return
        known = the_vocabulary()
        self._table = known.find_table(self._section)
        if self._table is None:
            self._is_skipping = True
            names = [table.name for table in known.tables]
            self._draft.unknown(Code.UNKNOWN_TABLE, self._section_line, "table", self._section, names)
            return
        if not rest.endswith(";"):
            self._draft.error(Code.BAD_TABLE, number, "FORMAT does not end in ;", "its rows are not read")
        names = [name.strip() for name in rest.removesuffix(";").split(",")]
        self._is_skipping = not rest.endswith(";")
        self._warn_order(self._table, number)
        prefix = f"{self._table.name}_".lower()
        if head.lower() == f"{prefix}index":
            names = [name[len(prefix) :] if name.lower().startswith(prefix) else name for name in names]
        elif head.lower() != "index":
            self._draft.error(Code.BAD_TABLE, number, f"FORMAT begins with {shown(head)}", f"Index, or {self._table.name}_Index")
        self._columns = self._columns_of(self._table, names, number)

    def _columns_of(self, table: Table, names: list[str], number: int) -> list[Parameter | None]:
        by_name = {column.name.lower(): column for column in table.columns}
        spelt = [column.name for column in table.columns]
        columns = [by_name.get(name.lower()) for name in names]
        for name, column in zip(names, columns, strict=True):
            if not name:
                self._draft.error(Code.BAD_TABLE, number, f"FORMAT of {table.name} has a column without a name")
            elif column is None:
                self._draft.unknown(Code.UNKNOWN_NAME, number, f"column of {table.name}", name, spelt)
        known = [column.name for column in columns if column is not None]
        for name in {name for name in known if known.count(name) > 1}:
            self._draft.error(Code.DUPLICATE, number, f"FORMAT of {table.name} has {name} twice")
        return columns

    def _warn_order(self, table: Table, number: int) -> None:
        if table.name in self._seen:
            hint = f"first at line {self._seen[table.name]}; rows of both are taken"
            self._draft.say(Severity.WARNING, Code.DUPLICATE, self._section_line, f"table {table.name} again", hint)
        for other in the_vocabulary().tables:
            if other.name in self._seen and any(column.refers == table.name for column in other.columns):
                hint = "the device wants a table before those that name it"
                self._draft.say(Severity.WARNING, Code.TABLE_ORDER, number, f"{table.name} comes after {other.name}", hint)
        self._seen.setdefault(table.name, self._section_line)

    def _row(self, line: str, number: int) -> None:
        table, columns = self._table, self._columns
        assert table is not None
        found = _ROW.fullmatch(line)
        if found is None or columns is None or found[1].lower() != table.name.lower():
            self._draft.error(Code.BAD_LINE, number, f"no row of table {table.name}", f"a row is {table.name} 0 = ...;")
            return
        if not found[3].endswith(";"):
            self._draft.error(Code.BAD_LINE, number, f"{table.name} {found[2]} does not end in ;")
            return
        fields = split_fields(found[3].removesuffix(";"))
        if fields is None:
            self._draft.error(Code.BAD_LINE, number, f"{table.name} {found[2]} has a quote without an end")
            return
        if len(fields) != len(columns):
            message = f"{table.name} {found[2]} has {len(fields)} values"
            self._draft.error(Code.BAD_LINE, number, message, f"FORMAT has {len(columns)} columns")
            return
        if not self._draft.add_row(table, int(found[2]), number):
            return
        for column, raw in zip(columns, fields, strict=True):
            if column is not None and raw != DEFAULT and (raw or is_text(column)):
                self._draft.set_cell(table, int(found[2]), column, unquoted(raw), number)

    def _global(self, name: str, raw: str, number: int) -> None:
        if raw[:1] in QUOTES and raw and (len(raw) < 2 or raw[-1] != raw[0]):
            self._draft.error(Code.BAD_LINE, number, f"{shown(name)} has a quote without an end")
            return
        self._draft.set_global(name, unquoted(raw), number)


def release_of(major: str, minor: str) -> tuple[int, ...]:
    """Return the release of a version such as 7.20 or 6.80: people call them 7.2 and 6.8."""
    number = int(minor[:4])
    return (int(major[:4]), number // 10 if len(minor) > 1 and number % 10 == 0 else number)


def is_text(column: Parameter) -> bool:
    """Return whether an empty field is a value of the column, and not its default."""
    return column.kind not in (Kind.NUMBER, Kind.CHOICE)


def unquoted(raw: str) -> str:
    """Return the text within a pair of quotes."""
    return raw[1:-1] if len(raw) > 1 and raw[0] in QUOTES and raw[-1] == raw[0] else raw


def split_fields(text: str) -> list[str] | None:
    """Return the fields between commas, commas in quotes left alone; None for a quote without an end."""
    fields: list[str] = []
    start, quote = 0, ""
    for place, letter in enumerate(text):
        if quote:
            if letter == quote:
                quote = ""
        elif letter in QUOTES and not text[start:place].strip():
            quote = letter
        elif letter == ",":
            fields.append(text[start:place].strip())
            start = place + 1
    if quote:
        return None
    return [*fields, text[start:].strip()]
