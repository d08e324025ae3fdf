"""What the three writers share: which values are written, and which passwords are left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sipstub.sbc.settings.parameter import Parameter, Table, Value
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.secret import Secret
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.vocabulary import the_vocabulary


class Cell(NamedTuple):
    """One value that is written."""

    parameter: Parameter
    value: int | str


class Written(NamedTuple):
    """A file, and what is not in it."""

    text: str
    left_out: tuple[str, ...]
    "Passwords, as `Account 0: Password`; empty ones are not counted."


class Writing:
    """Goes through settings in the order of the facts; what was written once is written again, also where it is the default."""

    def __init__(self, settings: SbcSettings, *, reveal: bool = False) -> None:
        """Without `reveal` no password is given out."""
        self.settings = settings
        self.left_out: list[str] = []
        self._reveal = reveal

    def globals(self) -> Iterator[Cell]:
        """Yield the global settings."""
        for parameter in self.settings.given():
            if (value := self._plain(self.settings.value(parameter.name), parameter.name)) is not None:
                yield Cell(parameter, value)

    def tables(self) -> Iterator[tuple[Table, tuple[Row, ...]]]:
        """Yield the tables that have rows, those that others name first."""
        for table in the_vocabulary().tables:
            if rows := self.settings.table(table.name):
                yield table, rows

    def cells(self, row: Row) -> list[Cell]:
        """Return the values of a row in the order of its columns."""
        found = []
        for column in row.table.columns:
            fresh = self.settings.value(column.inherits) if column.inherits else column.default
            value = row.value(column.name)
            if column.name in row.given or value != fresh:
                plain = self._plain(value, f"{row.table.name} {row.index}: {column.name}")
                if plain is not None:
                    found.append(Cell(column, plain))
        return found

    def _plain(self, value: Value, where: str) -> int | str | None:
        if not isinstance(value, Secret):
            return value
        if self._reveal or not value:
            return value.reveal()
        self.left_out.append(where)
        return None
