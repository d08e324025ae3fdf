"""The settings of one SBC as a value that never changes: what the rest of the stub asks.

    settings = SbcSettings().with_value("SBCMinSE", 300).with_row("IPGroup", Name="phones", Type="user")
    settings.number("SBCMinSE")                                   300
    settings.ip_groups[0].number("Type")                          1
    settings.leg(settings.ip_groups[0]).number("SBCSessionExpiresMode")

Names are those of ini files.  A name that does not exist is a KeyError, so that a typing mistake in the stub shows at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sipstub.sbc.settings.parameter import Parameter, Table, Value
from sipstub.sbc.settings.problem import Origin, SettingsError
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.value import check_value, read_value
from sipstub.sbc.settings.vocabulary import the_vocabulary

NOWHERE = Origin("(program)", 0)
"Origin of values that were set by `with_value` and `with_row`."


class Given(NamedTuple):
    """A value that was written, and where."""

    value: Value
    origin: Origin


class SbcSettings:
    """Every setting of an SBC; without arguments all defaults.  Equal to another that means the same."""

    __slots__ = ("_called", "_given", "_tables")

    def __init__(self, given: Mapping[str, Given] | None = None, tables: Mapping[str, tuple[Row, ...]] | None = None) -> None:
        """Take checked values by the names of the vocabulary; readers and `with_...` make them."""
        self._given: Mapping[str, Given] = MappingProxyType(dict(given or {}))
        self._tables: Mapping[str, tuple[Row, ...]] = MappingProxyType(dict(tables or {}))
        self._called: dict[str, dict[str, Row]] = {}
        "Table to what its rows are called by to row, made when a table is first asked: thousands of routes name groups."

    # One value

    def value(self, name: str) -> Value:
        """Return the value of a global setting; KeyError if there is no such setting."""
        if (found := self._given.get(name)) is not None:
            return found.value
        parameter = the_vocabulary().parameter(name)
        found = self._given.get(parameter.name)
        return parameter.default if found is None else found.value

    def number(self, name: str) -> int:
        """Return a number, or the number of a choice; KeyError if there is no such setting, TypeError if it holds a text."""
        if not isinstance(found := self.value(name), int):
            raise TypeError(f"{name} holds no number")
        return found

    def text(self, name: str) -> str:
        """Return a text; KeyError if there is no such setting, TypeError if it holds a number."""
        if not isinstance(found := self.value(name), str):
            raise TypeError(f"{name} holds no text")
        return found

    def origin(self, name: str) -> Origin | None:
        """Return where the value was written; None for a default.  KeyError if there is no such setting."""
        found = self._given.get(the_vocabulary().parameter(name).name)
        return None if found is None else found.origin

    def given(self) -> tuple[Parameter, ...]:
        """Return the settings that were written, whether or not they differ from the default, in the order of the facts."""
        return tuple(parameter for parameter in the_vocabulary().parameters if parameter.name in self._given)

    def changed(self) -> tuple[Parameter, ...]:
        """Return the settings whose value is not the default, in the order of the facts."""
        return tuple(parameter for parameter in self.given() if self._given[parameter.name].value != parameter.default)

    # Tables

    def table(self, name: str) -> tuple[Row, ...]:
        """Return the rows of an ini table by index; KeyError if there is no such table."""
        return self._tables.get(the_vocabulary().table(name).name, ())

    def row(self, table: str, name_or_index: str | int) -> Row | None:
        """Return a row by the name that others call it by, or by its index in figures; None if there is none."""
        if (called := self._called.get(table)) is None:
            rows = self.table(table)[::-1]  # of rows with one name the first is meant
            called = {str(row.index): row for row in rows} | {row.name: row for row in rows if row.name}
            self._called[table] = called
        return called.get(str(name_or_index))

    @property
    def ip_groups(self) -> tuple[Row, ...]:
        """Return the rows of IPGroup."""
        return self.table("IPGroup")

    @property
    def ip_profiles(self) -> tuple[Row, ...]:
        """Return the rows of IpProfile."""
        return self.table("IpProfile")

    @property
    def proxy_sets(self) -> tuple[Row, ...]:
        """Return the rows of ProxySet."""
        return self.table("ProxySet")

    @property
    def proxy_ips(self) -> tuple[Row, ...]:
        """Return the rows of ProxyIp."""
        return self.table("ProxyIp")

    @property
    def accounts(self) -> tuple[Row, ...]:
        """Return the rows of Account."""
        return self.table("Account")

    @property
    def classifications(self) -> tuple[Row, ...]:
        """Return the rows of Classification."""
        return self.table("Classification")

    @property
    def routes(self) -> tuple[Row, ...]:
        """Return the rows of IP2IPRouting."""
        return self.table("IP2IPRouting")

    @property
    def sip_interfaces(self) -> tuple[Row, ...]:
        """Return the rows of SIPInterface."""
        return self.table("SIPInterface")

    @property
    def users(self) -> tuple[Row, ...]:
        """Return the rows of SBCUserInfoTable: whose passwords the SBC checks itself."""
        return self.table("SBCUserInfoTable")

    def leg(self, group: Row | None) -> Row:
        """Return the IP Profile that holds for the leg of an IP Group.

        A group without a profile, and no group at all, get one made of the globals (index -1), so that callers ask the
        profile and never have to think of the global.
        """
        profile = None if group is None else self.row("IpProfile", group.text("ProfileName"))
        return profile if profile is not None else make_row(self, the_vocabulary().table("IpProfile"), -1, {})

    # Others like it

    def with_value(self, name: str, value: Value | str, origin: Origin = NOWHERE) -> SbcSettings:
        """Return settings with that value instead, which may be a word of a choice; KeyError, BadValue.

        IP Profiles that exist already keep what they inherited, as on the device.
        """
        parameter = the_vocabulary().parameter(name)
        checked = read_value(parameter, value) if isinstance(value, str) else check_value(parameter, value)
        return SbcSettings({**self._given, parameter.name: Given(checked, origin)}, self._tables)

    def with_row(self, table: str, index: int | None = None, /, **columns: Value | str) -> SbcSettings:
        """Return settings with that row more (at the first free index), or instead; KeyError, BadValue."""
        known = the_vocabulary().table(table)
        rows = self.table(table)
        place = index if index is not None else next(n for n in range(len(rows) + 1) if all(row.index != n for row in rows))
        if place < 0:
            raise SettingsError(f"{known.name} has no row {place}", hint="indexes begin with 0")
        given: dict[str, Given] = {}
        for name, value in columns.items():
            column = known.column(name)
            checked = read_value(column, value) if isinstance(value, str) else check_value(column, value)
            given[column.name] = Given(checked, NOWHERE)
        return self.with_rows(known, [*(row for row in rows if row.index != place), make_row(self, known, place, given, NOWHERE)])

    def with_rows(self, table: Table, rows: Iterable[Row]) -> SbcSettings:
        """Return settings with these rows as that table."""
        return SbcSettings(self._given, {**self._tables, table.name: tuple(sorted(rows, key=lambda row: row.index))})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SbcSettings):
            return NotImplemented
        known = the_vocabulary()
        return all(self.value(one.name) == other.value(one.name) for one in known.parameters) and all(
            self.table(table.name) == other.table(table.name) for table in known.tables
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        rows = sum(map(len, self._tables.values()))
        return f"<SbcSettings: {len(self._given)} values, {rows} rows>"


def make_row(settings: SbcSettings, table: Table, index: int, given: Mapping[str, Given], origin: Origin | None = None) -> Row:
    """Return a row of checked values by the table's names; what is left out and inherits takes the global's value now."""
    inherited = {column.name: column.inherits for column in table.columns if column.inherits and column.name not in given}
    origins = {name: entry.origin for name, entry in given.items()}
    origins |= {name: there for name, parent in inherited.items() if (there := settings.origin(parent)) is not None}
    return Row(
        table,
        index,
        MappingProxyType({name: entry.value for name, entry in given.items()}),
        MappingProxyType({name: settings.value(parent) for name, parent in inherited.items()}),
        MappingProxyType(origins),
        origin,
    )
