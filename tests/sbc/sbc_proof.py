"""What makes a test a proof that one value of a setting is felt: it passes with that value, and fails when the SBC reads another.

A test names what it proves by `named(...)` in its parameters or by `@proves(...)`.  After it has passed it is run again, and the
SBC that it builds reads other values instead, one after the other, until one makes it fail.  So neither an empty test nor one
that would pass anyway can stand for a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from sipstub.sbc.settings.parameter import Kind, Parameter, Value
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.vocabulary import the_vocabulary

TABLES = ("IpProfile", "IPGroup", "SIPInterface")
"Where a name is looked for that is not of a global setting and says no table."
NOTICED = (AssertionError, pytest.fail.Exception)


def parameter_named(name: str) -> tuple[str, Parameter]:
    """Return table and setting of `SBCMinSE`, `IpProfile.SBCMaxCallDuration`, `SbcPrackMode`; the table of a global is empty."""
    known = the_vocabulary()
    table, _, column = name.rpartition(".")
    if table:
        return table, known.table(table).column(column)
    for parameter in known.parameters:
        if parameter.name == name:
            return "", parameter
    for table in TABLES:
        for one in known.table(table).columns:
            if one.name == name:
                return table, one
    raise KeyError(name)


def title_of(name: str) -> str:
    """Return the name with its table, the same for all ways to write it."""
    table, parameter = parameter_named(name)
    return f"{table}.{parameter.name}" if table else parameter.name


def proves(name: str, value: Value) -> pytest.MarkDecorator:
    """Return the mark of a test that proves one value of a setting."""
    parameter_named(name)
    return pytest.mark.sbc(name, value)


def named(name: str, value: Value, *more: object, case: object = "") -> ParameterSet:
    """Return the arguments of a test that proves one value of a setting, which its name then says."""
    return pytest.param(value, *more, id=_id(name, value, case), marks=proves(name, value))


def shown(name: str, value: Value, *more: object, case: object = "") -> ParameterSet:
    """Return the same for a test that holds whatever the value is, and so proves none."""
    return pytest.param(value, *more, id=_id(name, value, case))


def _id(name: str, value: Value, case: object) -> str:
    return f"{name}={value}" + (f"-{case}" if case != "" else "")


def others(parameter: Parameter, value: Value) -> list[Value]:
    """Return values to read instead."""
    found: list[Value]
    if parameter.kind is Kind.CHOICE:
        refused = dict(parameter.refused)
        found = [choice.number for choice in parameter.choices if choice.number not in refused]
    elif parameter.kind is Kind.NUMBER:
        found = [parameter.default, parameter.low, parameter.low + 1, parameter.high]
    elif parameter.kind is Kind.URI_PARTS:
        found = ["All", "None"]
    else:
        found = ["", "other"]
    return [one for one in found if one != value]


class _Swap:
    def __init__(self, table: str, parameter: Parameter, value: Value, other: Value) -> None:
        self.table, self.parameter, self.value, self.other = table, parameter, value, other
        self.count = 0

    def of(self, table: str, name: str, found: Value) -> Value:
        if table != self.table or name.lower() != self.parameter.name.lower() or found != self.value:
            return found
        self.count += 1
        return self.other


@contextmanager
def reading_instead(swap: _Swap) -> Iterator[None]:
    """Have whoever asks settings for that value get the other one."""
    of_settings, of_row = SbcSettings.value, Row.value

    def value(self: SbcSettings, name: str) -> Value:
        return swap.of("", name, of_settings(self, name))

    def row_value(self: Row, column: str) -> Value:
        return swap.of(self.table.name, column, of_row(self, column))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SbcSettings, "value", value)
        patch.setattr(Row, "value", row_value)
        yield


def prove(item: pytest.Function, name: str, value: Value) -> None:
    """Run a test that has passed again with other values, until it fails; fail if none makes it."""
    arguments: dict[str, Any] = {key: item.funcargs[key] for key in item._fixtureinfo.argnames}
    table, parameter = parameter_named(name)
    for other in others(parameter, value):
        swap = _Swap(table, parameter, value, other)
        try:
            with reading_instead(swap):
                item.obj(**arguments)
        except NOTICED:
            return
        if not swap.count:
            pytest.fail(f"says that it proves {name} = {value}, and no SBC of it has that value", pytrace=False)
    pytest.fail(f"says that it proves {name} = {value}, and passes as well with any other value", pytrace=False)
