"""Reads our own form: TOML with `[settings]` and one `[[Table]]` per row.  Pure, bounded, never raises.

    [settings]
    SBCMinSE = 90
    SBCReferBehavior = "handle-locally"

    [[IpProfile]]
    index = 0
    ProfileName = "phones"

Every value is a number or a text in one line, so a line that is wrong does not take the others with it.  What is read here is
TOML, but not all TOML is read here: no dotted keys, no values over several lines.  `Password_file = "name"` stands for the
password in another file; the caller brings what reads it, since nothing here does.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import NamedTuple

from sipstub.sbc.settings.decode import Text
from sipstub.sbc.settings.draft import Draft, Reading
from sipstub.sbc.settings.parameter import Kind, Parameter, Table
from sipstub.sbc.settings.problem import Code, SettingsError
from sipstub.sbc.settings.secret import Secret
from sipstub.sbc.settings.value import shown
from sipstub.sbc.settings.vocabulary import the_vocabulary

SETTINGS = "settings"
INDEX = "index"
FILE = "_file"
RELEASE = "release"
'At the top: the release whose settings these are, as "7.2".'

_HEADER = re.compile(r"\[\s*([A-Za-z0-9_-]+)\s*\]\s*(?:#.*)?")
_ROW = re.compile(r"\[\[\s*([A-Za-z0-9_-]+)\s*\]\]\s*(?:#.*)?")
_ENTRY = re.compile(r"([A-Za-z0-9_-]+)\s*=\s*(.*)")
_RELEASE = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})")


class _Entry(NamedTuple):
    name: str
    value: int | str
    line: int


FileOfSecret = Callable[[str], Secret]
"Returns the password in the file of that name; raises SettingsError with what is wrong."


def read_toml(text: Text, file: str, secret_of: FileOfSecret | None = None) -> Reading:
    """Return what the file says, with all problems."""
    return _TomlReader(text, file, secret_of).read()


class _TomlReader:
    def __init__(self, text: Text, file: str, secret_of: FileOfSecret | None) -> None:
        self._secret_of = secret_of
        self._lines = text.lines
        self._draft = Draft(file, text.problems, is_strict=True)
        self._section: Table | str | None = ""
        "Empty at the top, None where entries are passed over."
        self._row: list[_Entry] = []
        self._row_line = 0
        self._has_settings = False

    def read(self) -> Reading:
        for number, line in enumerate(self._lines, 1):
            self._line(line.strip(), number)
        self._end_row()
        return self._draft.finish()

    def _line(self, line: str, number: int) -> None:
        if not line or line.startswith("#"):
            return
        if found := _ROW.fullmatch(line):
            self._begin_row(found[1], number)
        elif found := _HEADER.fullmatch(line):
            self._begin_settings(found[1], number)
        elif found := _ENTRY.fullmatch(line):
            if (value := self._value(found[2], found[1], number)) is not None:
                self._entry(_Entry(found[1], value, number))
        else:
            # nothing of it is repeated: it may be a password that stands on a line of its own
            hint = "a line is [settings], [[Table]] or Name = value, each value on one line"
            self._draft.error(Code.BAD_LINE, number, "this line is none of ours", hint)

    def _begin_settings(self, name: str, number: int) -> None:
        self._end_row()
        self._section = SETTINGS if name == SETTINGS else None
        if self._section is None:
            table = the_vocabulary().find_table(name)
            hint = f"a row of it begins with [[{table.name}]]" if table else "there is [settings]"
            self._draft.error(Code.BAD_LINE, number, f"[{name}] is no heading", hint)
        elif self._has_settings:
            self._draft.error(Code.DUPLICATE, number, "[settings] again")
        self._has_settings |= name == SETTINGS

    def _begin_row(self, name: str, number: int) -> None:
        self._end_row()
        known = the_vocabulary()
        self._section = known.find_table(name)
        self._row_line = number
        if self._section is None:
            self._draft.unknown(Code.UNKNOWN_TABLE, number, "table", name, [table.name for table in known.tables])

    def _entry(self, entry: _Entry) -> None:
        if self._section == SETTINGS:
            self._draft.set_global(*entry)
        elif isinstance(self._section, Table):
            self._row.append(entry)
        elif self._section == "":
            self._top(entry)

    def _top(self, entry: _Entry) -> None:
        found = _RELEASE.fullmatch(str(entry.value)) if entry.name == RELEASE else None
        if found:
            self._draft.release = (int(found[1]), int(found[2]))
        elif entry.name == RELEASE:
            self._draft.error(Code.BAD_VALUE, entry.line, f"release cannot be {shown(str(entry.value))}", 'as "7.2"')
        else:
            self._draft.error(
                Code.BAD_LINE, entry.line, f"{shown(entry.name)} stands before any heading", "begin with [settings]"
            )

    def _end_row(self) -> None:
        table, entries, self._row = self._section, self._row, []
        if not isinstance(table, Table):
            return
        indexes = [entry for entry in entries if entry.name.lower() == INDEX]
        index: int | str = indexes[0].value if indexes else self._draft.free_index(table)
        if not isinstance(index, int) or len(indexes) > 1:
            self._draft.error(Code.BAD_VALUE, indexes[-1].line, f"{table.name} has no such index", "one whole number")
            return
        if not self._draft.add_row(table, index, self._row_line):
            return
        by_name = {column.name.lower(): column for column in table.columns}
        for entry in entries:
            column = by_name.get(entry.name.lower())
            if entry in indexes:
                continue
            secret = by_name.get(entry.name.lower().removesuffix(FILE))
            if column is None and secret is not None and secret.kind is Kind.SECRET:
                self._secret(table, index, secret, entry)
            elif column is None:
                self._draft.unknown(
                    Code.UNKNOWN_NAME, entry.line, f"column of {table.name}", entry.name, [c.name for c in table.columns]
                )
            else:
                self._draft.set_cell(table, index, column, entry.value, entry.line)

    def _secret(self, table: Table, index: int, column: Parameter, entry: _Entry) -> None:
        try:
            if self._secret_of is None:
                raise SettingsError("passwords in files are not read here")
            value = self._secret_of(str(entry.value))
        except SettingsError as error:
            self._draft.error(Code.BAD_VALUE, entry.line, f"{entry.name}: {error.message}", error.hint)
        else:
            self._draft.set_cell(table, index, column, value, entry.line)

    def _value(self, text: str, name: str, number: int) -> int | str | None:
        try:
            value = tomllib.loads(f"v = {text}")["v"]
        except (ValueError, RecursionError):
            self._draft.error(
                Code.BAD_LINE, number, f"the value of {shown(name)} is not TOML", "a whole number, or a text in quotes"
            )
            return None
        if not isinstance(value, int | str):
            self._draft.error(
                Code.BAD_VALUE, number, f"{shown(name)} is neither number nor text", "a whole number, or a text in quotes"
            )
            return None
        return value
