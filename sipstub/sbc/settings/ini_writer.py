"""Writes settings as an ini file: tables in the short form of release 7.2 and later, those that others name first."""

from __future__ import annotations

from sipstub.sbc.settings.ini_reader import DEFAULT
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.writing import Writing, Written


def write_ini(settings: SbcSettings, *, reveal: bool = False) -> Written:
    """Return the file, which the reader takes without a word; passwords are left out unless revealed."""
    writing = Writing(settings, reveal=reveal)
    lines = ["; SBC settings, written by sipstub", "", "[SBC Params]", ""]
    lines += [f"{cell.parameter.name} = {_global(cell.value)}" for cell in writing.globals()]
    for table, rows in writing.tables():
        filled = [{cell.parameter.name: cell.value for cell in writing.cells(row)} for row in rows]
        columns = [column.name for column in table.columns if any(column.name in cells for cells in filled)]
        columns = columns or [table.columns[0].name]
        lines += ["", f"[ {table.name} ]", f"FORMAT Index = {', '.join(columns)};"]
        for row, cells in zip(rows, filled, strict=True):
            fields = (_field(cells[name]) if name in cells else DEFAULT for name in columns)
            lines.append(f"{table.name} {row.index} = {', '.join(fields)};")
        lines.append(f"[ \\{table.name} ]")
    return Written("\n".join(lines) + "\n", tuple(writing.left_out))


def _global(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    return f'"{value}"' if "'" in value else f"'{value}'"


def _field(value: int | str) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
