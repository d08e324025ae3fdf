"""One row of a table of the SBC: an IP Group, an IP Profile, a route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sipstub.sbc.settings.parameter import Table, Value
from sipstub.sbc.settings.problem import Origin
from sipstub.sbc.settings.secret import MASK, Secret


@dataclass(frozen=True, eq=False)
class Row:
    """A row with a value in every column; equal to another with the same table, index and values."""

    table: Table = field(repr=False)
    index: int
    _given: Mapping[str, Value] = field(repr=False)
    "Column to value, as it was written; names as in the table."
    _others: Mapping[str, Value] = field(repr=False, default_factory=dict)
    "Values of columns that inherit from a global; all others have their own default."
    _origins: Mapping[str, Origin] = field(repr=False, default_factory=dict)
    origin: Origin | None = None
    "Where the row was written."

    @property
    def name(self) -> str:
        """Return the name by which others call this row; empty for tables without one."""
        return self.text(self.table.key) if self.table.key else ""

    def value(self, column: str) -> Value:
        """Return what stands in that column; KeyError if there is no such column.  Letters are compared without case."""
        if (found := self._given.get(column)) is not None:
            return found
        known = self.table.column(column)
        for values in (self._given, self._others):
            if (found := values.get(known.name)) is not None:
                return found
        return known.default

    def number(self, column: str) -> int:
        """Return the number in that column; KeyError if there is no such column, TypeError if it holds none."""
        if not isinstance(found := self.value(column), int):
            raise TypeError(f"{self.table.name}.{column} holds no number")
        return found

    def text(self, column: str) -> str:
        """Return the text in that column; KeyError if there is no such column, TypeError if it holds none."""
        if not isinstance(found := self.value(column), str):
            raise TypeError(f"{self.table.name}.{column} holds no text")
        return found

    def secret(self, column: str) -> Secret:
        """Return the password in that column; KeyError if there is no such column, TypeError if it holds none."""
        if not isinstance(found := self.value(column), Secret):
            raise TypeError(f"{self.table.name}.{column} holds no password")
        return found

    def origin_of(self, column: str) -> Origin | None:
        """Return where the value of that column was written, or that of the global it inherits; None for a default."""
        return self._origins.get(self.table.column(column).name)

    @property
    def given(self) -> tuple[str, ...]:
        """Return the columns that were written, in the order of the table."""
        return tuple(column.name for column in self.table.columns if column.name in self._given)

    @property
    def values(self) -> dict[str, Value]:
        """Return the value of every column, in the order of the table."""
        return {column.name: self.value(column.name) for column in self.table.columns}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Row):
            return NotImplemented
        return (self.table.name, self.index, self.values) == (other.table.name, other.index, other.values)

    def __hash__(self) -> int:
        return hash((self.table.name, self.index))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={MASK if isinstance(value, Secret) else value!r}" for name, value in self._given.items())
        return f"<{self.table.name} {self.index}: {shown}>"
