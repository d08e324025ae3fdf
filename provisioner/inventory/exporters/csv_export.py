"""Phones as CSV, one row each, with the columns that the import understands.

Importing an export changes nothing: an empty cell keeps, masked passwords keep, and text that a spreadsheet or the
import would take for something else gets a backslash before it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from provisioner.inventory.importers.cells import EDGES, ESCAPE
from provisioner.inventory.importers.columns import HEAD, title_of
from provisioner.inventory.importers.damage import formula_damage, identifier_damage
from provisioner.inventory.layer import KeyKind, KeyPlace, PhoneText, Plain
from provisioner.inventory.spot import Spot, order, own_values
from provisioner.inventory.vocabulary import Vocabulary
from provisioner.secret import MASK, Secret

_ODD = re.compile(r'[=+@\\#-]|["\']|0\d+$|\d{16,}$')
"Begins like a formula, an order to clear or an error, or is a number that a spreadsheet would shorten."


def csv_header(vocabulary: Vocabulary) -> list[Spot]:
    """Return the columns of a template to fill in: the phone, its first line, its first key."""
    key = KeyPlace(KeyKind.LINE, 0, 1)
    return [
        *(Spot(None, name) for name in HEAD),
        *(Spot(1, name) for name in vocabulary.line),
        *(Spot(None, name) for name in vocabulary.phone),
        *(Spot(key, name) for name in vocabulary.key),
    ]


def csv_of(phones: Iterable[PhoneText], vocabulary: Vocabulary, *, reveal: bool = False) -> str:
    """Return the phones' own values with all columns of the template and those that any phone needs beyond it."""
    rows = [own_values(phone) for phone in phones]
    used = {spot for row in rows for spot in row}
    numbers = {spot.place for spot in used if isinstance(spot.place, int)}
    keys = {spot.place for spot in used if isinstance(spot.place, KeyPlace)}
    columns: dict[Spot, Plain] = {Spot(number, name): "" for number in numbers for name in vocabulary.line}
    columns |= {Spot(place, name): "" for place in keys for name in vocabulary.key}
    columns |= {spot: "" for spot in sorted(used, key=str) if spot.place == "settings"}
    first = csv_header(vocabulary)
    chosen = [*first, *(spot for spot in order(columns) if spot not in first)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([title_of(spot) for spot in chosen])
    for row in rows:
        writer.writerow([_cell(spot, row.get(spot), reveal=reveal) for spot in chosen])
    return text.getvalue()


def _cell(spot: Spot, value: Plain | None, *, reveal: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, Secret):
        return _escaped(value.reveal()) if reveal else MASK
    return value if spot == Spot(None, "mac") else _escaped(value)


def _escaped(text: str) -> str:
    """Return the text, with a backslash before it where a spreadsheet or the import would take it for something else."""
    is_odd = text == MASK or text != text.strip(EDGES) or not text or _ODD.match(text) is not None
    is_damage = formula_damage(text) is not None or identifier_damage(text, "") is not None
    return ESCAPE + text if is_odd or is_damage else text
