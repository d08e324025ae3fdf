"""Marks that travel through a template inside the text and tell afterwards where each value came from.

They are characters of Unicode's private use area, which no value may contain (inventory/value.py refuses them), so a
person's text can neither forge nor break one.  `strip` takes them out again before anything leaves the package.
"""

from __future__ import annotations

import re

VALUE = "\ue000"
"Opens the number of a value's origin."
PLACE = "\ue001"
"Opens the place in a template: its number, a comma, the line."
END = "\ue002"
"Closes both."
DROP = "\ue003"
"Stands for a value that no layer gives: the whole line is left out."

ALL = frozenset((VALUE, PLACE, END, DROP))
BROKEN = ALL - {DROP}
"What is left in a line after `strip` only if a template took marked text apart."

_MARK = re.compile(f"([{VALUE}{PLACE}])([0-9,]*){END}")


def value_mark(number: int) -> str:
    """Return the mark before a value."""
    return f"{VALUE}{number}{END}"


def place_mark(template: int, line: int) -> str:
    """Return the mark at the start of a line of a template."""
    return f"{PLACE}{template},{line}{END}"


def strip(text: str) -> tuple[str, list[int], tuple[int, int] | None]:
    """Return the line without marks, the origins of its values in order, and the place of its first letter."""
    values: list[int] = []
    place: tuple[int, int] | None = None
    pieces = _MARK.split(text)  # text, kind, content, text, kind, content, ... text
    for at in range(1, len(pieces), 3):
        content = pieces[at + 1]
        if pieces[at] == VALUE:
            values.append(int(content))
        elif place is None:
            template, _, line = content.partition(",")
            place = int(template), int(line)
    return "".join(pieces[::3]), values, place
