"""Writes settings in our own form, with the meaning of every choice beside it."""

from __future__ import annotations

from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.toml_reader import INDEX, SETTINGS
from sipstub.sbc.settings.writing import Cell, Writing, Written


def write_toml(settings: SbcSettings, *, reveal: bool = False) -> Written:
    """Return the file, which the reader takes without a word; passwords are left out unless revealed."""
    writing = Writing(settings, reveal=reveal)
    lines = ["# SBC settings, written by sipstub", "", f"[{SETTINGS}]", *map(_line, writing.globals())]
    for table, rows in writing.tables():
        for row in rows:
            lines += ["", f"[[{table.name}]]", f"{INDEX} = {row.index}", *map(_line, writing.cells(row))]
    return Written("\n".join(lines) + "\n", tuple(writing.left_out))


def _line(cell: Cell) -> str:
    parameter, value = cell
    if isinstance(value, str):
        text = value.replace("\\", "\\\\")
        return f'{parameter.name} = "{text}"'
    choice = parameter.choice(value)
    return f"{parameter.name} = {value}" + (f"  # {choice.word}" if choice else "")
