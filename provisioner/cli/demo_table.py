"""Tables of the demo: five cells, as wide as the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import click

MIN_CELL, MAX_CELL = 18, 44
"Characters of expected and of seen; what is longer is cut, more of it on a narrow terminal."
GAP = "  "
WIDTH = 160
"Columns where there is no terminal."


def print_table(lines: Sequence[tuple[str, ...]], margin: str, last: int, cut: tuple[int, int] = (1, 2)) -> None:
    """Print lines of five cells; expected and seen, which are those to `cut`, get what the terminal has room for.

    `last` is the room for the fifth cell; a longer one is printed as it is.
    """
    columns = shutil.get_terminal_size((WIDTH, 24)).columns
    taken = (
        sum(max((len(line[at]) for line in lines), default=0) for at in range(4) if at not in cut)
        + last
        + len(margin)
        + 4 * len(GAP)
    )
    most = max(MIN_CELL, min(MAX_CELL, (columns - taken) // 2))
    shown = [
        [text if at not in cut or len(text) <= most else text[: most - 3] + "..." for at, text in enumerate(line)]
        for line in lines
    ]
    widths = [max((len(line[at]) for line in shown), default=0) for at in range(4)]
    for line in shown:
        text = GAP.join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4]])
        click.echo(f"{margin}{text}".rstrip())
