"""Writes settings as a CLI script.  Choices are written as numbers: how the device spells their words is not verified."""

from __future__ import annotations

from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.writing import Cell, Writing, Written


def write_cli(settings: SbcSettings, *, reveal: bool = False) -> Written:
    """Return the script, which the reader takes without a word; passwords are left out unless revealed."""
    writing = Writing(settings, reveal=reveal)
    levels: dict[str, list[Cell]] = {}
    for cell in writing.globals():
        levels.setdefault(cell.parameter.cli_level, []).append(cell)
    for table, rows in writing.tables():
        for row in rows:
            levels[f"{table.cli} {row.index}"] = writing.cells(row)
    lines = ["# SBC settings, written by sipstub", "configure voip"]
    for level, cells in levels.items():
        lines.append(f"  {level}")
        lines += [f"    {cell.parameter.cli_word} {_word(cell.value)}" for cell in cells]
        lines += ["    activate", "  exit"]
    lines.append("exit")
    return Written("\n".join(lines) + "\n", tuple(writing.left_out))


def _word(value: int | str) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
