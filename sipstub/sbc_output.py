"""How `sipstub sbc` prints settings and problems: lines for people, objects for JSON.  Passwords are always masked."""

from __future__ import annotations

from typing import Any

import click

from sipstub.parse_command import printable
from sipstub.sbc.settings.draft import Reading
from sipstub.sbc.settings.problem import Problem
from sipstub.sbc.settings.secret import Secret
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.vocabulary import the_vocabulary
from sipstub.sbc_file import SettingsFileError


def problem_line(problem: Problem) -> str:
    """Return a problem as one line: place, severity, what was seen, what is allowed, its word."""
    hint = f"; {problem.hint}" if problem.hint else ""
    return printable(f"{problem.origin}  {problem.severity}  {problem.message}{hint}  {problem.code}")


def usable(reading: Reading) -> SbcSettings:
    """Return the settings; where there are errors, print them to stderr and raise SettingsFileError."""
    if reading.errors:
        for problem in reading.errors:
            click.echo(problem_line(problem), err=True)
        count = f"{len(reading.errors)} error" + ("s" if len(reading.errors) > 1 else "")
        raise SettingsFileError(f"{reading.errors[0].origin.file} has {count}", hint="sipstub sbc check prints all problems")
    return reading.settings


def problems_json(problems: tuple[Problem, ...]) -> list[dict[str, Any]]:
    """Return problems as JSON."""
    return [
        {
            "severity": str(problem.severity),
            "code": str(problem.code),
            "file": problem.origin.file,
            "line": problem.origin.line,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in problems
    ]


def size_of(settings: SbcSettings) -> dict[str, int]:
    """Return how many settings and rows were written."""
    rows = sum(len(settings.table(table.name)) for table in the_vocabulary().tables)
    return {"settings": len(settings.given()), "rows": rows}


def show_tables(settings: SbcSettings, changed: bool) -> None:
    """Print the rows of all tables, passwords masked; with `changed` only columns that are not at their default."""
    for table in the_vocabulary().tables:
        for row in settings.table(table.name):
            click.echo(f"\n{table.name} {row.index}  {row.origin or ''}".rstrip())
            width = max(len(column.name) for column in table.columns)
            for column in table.columns:
                value = row.value(column.name)
                if not changed or value != column.default:
                    shown = printable(column.word_of(value))
                    click.echo(f"  {column.name:<{width}}  {shown:<26}  {row.origin_of(column.name) or 'default'}".rstrip())


def settings_json(settings: SbcSettings, names: list[str], changed: bool) -> dict[str, Any]:
    """Return these global settings and the rows of all tables as JSON, passwords masked."""

    def plain(value: object) -> object:
        return str(value) if isinstance(value, Secret) else value

    tables = {}
    for table in the_vocabulary().tables:
        if rows := settings.table(table.name):
            wanted = {column.name: column.default for column in table.columns}
            tables[table.name] = [
                {"index": row.index} | {name: plain(v) for name, v in row.values.items() if not changed or v != wanted[name]}
                for row in rows
            ]
    values = {name: {"value": plain(settings.value(name)), "origin": str(settings.origin(name) or "default")} for name in names}
    return {"settings": values, "tables": tables}
