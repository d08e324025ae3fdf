"""Each setting and column at the edges of what it may be, in each form of file."""

from __future__ import annotations

import pytest

from sipstub.sbc.settings.parameter import Kind, Parameter, Table
from sipstub.sbc.settings.problem import Code
from sipstub.sbc.settings.reading import Form, read_settings
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.vocabulary import the_vocabulary

FACTS = the_vocabulary()
NUMBERS = [parameter for parameter in FACTS.parameters if parameter.kind is Kind.NUMBER]
CHOICES = [parameter for parameter in FACTS.parameters if parameter.kind is Kind.CHOICE]
COLUMNS = [(table, column) for table in FACTS.tables for column in table.columns if column.kind in (Kind.NUMBER, Kind.CHOICE)]


def written(form: Form, parameter: Parameter, value: int) -> bytes:
    if form is Form.INI:
        return f"{parameter.name} = {value}\n".encode()
    if form is Form.TOML:
        return f"[settings]\n{parameter.name} = {value}\n".encode()
    return f"configure voip\n {parameter.cli_level}\n  {parameter.cli_word} {value}\n exit\nexit\n".encode()


def written_row(form: Form, table: Table, column: Parameter, value: int) -> bytes:
    if form is Form.INI:
        name = table.name
        return f"[ {name} ]\nFORMAT Index = {column.name};\n{name} 0 = {value};\n[ \\{name} ]\n".encode()
    if form is Form.TOML:
        return f"[[{table.name}]]\n{column.name} = {value}\n".encode()
    return f"configure voip\n {table.cli} 0\n  {column.cli_word} {value}\n exit\nexit\n".encode()


def allowed(parameter: Parameter) -> tuple[list[int], list[int]]:
    """Return values that are taken, and values that are refused."""
    if parameter.kind is Kind.NUMBER:
        inside = (parameter.low + parameter.high) // 2
        return [parameter.low, int(str(parameter.default)), inside, parameter.high], [parameter.low - 1, parameter.high + 1]
    listed = [choice.number for choice in parameter.choices]
    outside = [number for number in range(min(listed) - 1, max(listed) + 2) if number not in listed]
    refused = [number for number, _ in parameter.refused]
    return [number for number in listed if number not in refused], [*outside, *refused]


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("parameter", [*NUMBERS, *CHOICES], ids=lambda parameter: parameter.name)
def test_a_setting_takes_what_the_facts_allow_and_nothing_else(parameter: Parameter, form: Form) -> None:
    taken, refused = allowed(parameter)
    for value in taken:
        reading = read_settings(written(form, parameter, value), f"x.{form}")
        assert not reading.errors and reading.settings.number(parameter.name) == value
        assert reading.settings.origin(parameter.name) is not None
    for value in refused:
        reading = read_settings(written(form, parameter, value), f"x.{form}")
        assert [problem.code for problem in reading.errors] == [Code.BAD_VALUE], value
        assert reading.errors[0].hint and reading.settings == SbcSettings()


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[f"{table.name}.{column.name}" for table, column in COLUMNS])
def test_a_column_takes_what_the_facts_allow_and_nothing_else(table: Table, column: Parameter, form: Form) -> None:
    taken, refused = allowed(column)
    for value in taken:
        reading = read_settings(written_row(form, table, column, value), f"x.{form}")
        (row,) = reading.settings.table(table.name)
        assert not reading.errors and row.number(column.name) == value
    for value in refused:
        if column.inherits and value == -1:
            continue  # older releases: as the global says
        reading = read_settings(written_row(form, table, column, value), f"x.{form}")
        assert [problem.code for problem in reading.errors] == [Code.BAD_VALUE], value
