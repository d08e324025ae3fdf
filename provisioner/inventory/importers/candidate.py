"""What each row of a file says about one phone.  Every wrong cell is reported, with row and column, not only the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.errors import Problem, Severity
from provisioner.inventory.importers.cells import ESCAPE, CellReader, Word
from provisioner.inventory.importers.columns import Column
from provisioner.inventory.importers.csv_text import Row, Sheet
from provisioner.inventory.layer import KeyPlace, Plain
from provisioner.inventory.spot import Place, Spot, place_text
from provisioner.inventory.value import ValueProblem
from provisioner.mac import MacAddress

_NEVER_CLEARED = ("mac", "name", "model")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row that can be understood."""

    line: int
    "Line of the file."

    mac: MacAddress | None
    "Who it is; None if the row has only a name."

    name: str | None
    "Its name, if the row gives one."

    values: dict[Spot, Plain | None]
    "What it sets; None clears."

    removed: tuple[Place, ...]
    "Lines and keys that are to go: their extension or type is cleared."

    literal: frozenset[Spot] = frozenset()
    "Values that were written with a backslash: meant exactly so."

    masked: tuple[Spot, ...] = ()
    "Secrets that stand there as stars: kept where there is one."


def read_candidates(sheet: Sheet, columns: Sequence[Column], cells: CellReader) -> tuple[list[Candidate], list[Problem]]:
    """Return the rows without a mistake, and all mistakes of the others; two rows of one phone are both refused."""
    found: list[Candidate] = []
    problems: list[Problem] = []
    for row in sheet.rows:
        candidate, wrong = _read(sheet.file, row, columns, cells)
        problems += wrong
        if candidate is not None:
            found.append(candidate)
    return _without_twins(sheet.file, found, columns, problems), problems


def _read(file: str, row: Row, columns: Sequence[Column], cells: CellReader) -> tuple[Candidate | None, list[Problem]]:
    problems: list[Problem] = []
    values: dict[Spot, Plain | None] = {}
    titles: dict[Spot, Column] = {}
    masked: list[Spot] = []

    def note(column: Column | None, code: str, message: str, hint: str) -> None:
        at, title = (column.at + 1, column.title) if column is not None else (None, None)
        problems.append(Problem(file, row.line, code, message, hint, at, title))

    for column in columns:
        titles[column.spot] = column
        try:
            value = cells.read(column, row.cells[column.at])
        except ValueProblem as problem:
            note(column, problem.code, problem.message, problem.hint)
            continue
        if value is Word.MASKED:
            masked.append(column.spot)
        if value in (Word.KEEP, Word.MASKED):
            continue
        if value is Word.CLEAR and column.spot.place is None and column.spot.name in _NEVER_CLEARED:
            note(column, "cannot-clear", f"{column.spot.name} cannot be cleared", "leave the cell empty to keep it")
        else:
            values[column.spot] = None if isinstance(value, Word) else value
    removed = []
    for spot in [spot for spot, value in values.items() if value is None and _is_anchor(spot)]:
        others = [other for other, value in values.items() if other.place == spot.place and value is not None]
        if others:
            what = place_text(spot.place)
            note(titles[others[0]], "cleared-and-set", f"{what} is cleared and {others[0]} is set", "do one of both")
        removed.append(spot.place)
    values = {spot: value for spot, value in values.items() if spot.place not in removed}
    mac, name = values.get(Spot(None, "mac")), values.get(Spot(None, "name"))
    if not problems and mac is None and name is None:
        note(None, "no-mac", "the row has neither a MAC nor a name", "fill in the MAC")
    if problems:
        return None, problems
    known = MacAddress.parse(mac) if isinstance(mac, str) else None
    literal = frozenset(spot for spot in values if row.cells[titles[spot].at].lstrip().startswith(ESCAPE))
    return Candidate(row.line, known, name if isinstance(name, str) else None, values, tuple(removed), literal, tuple(masked)), []


def _is_anchor(spot: Spot) -> bool:
    return spot.name == ("type" if isinstance(spot.place, KeyPlace) else "extension") and spot.place not in (None, "settings")


def _without_twins(file: str, found: list[Candidate], columns: Sequence[Column], problems: list[Problem]) -> list[Candidate]:
    bad: set[int] = set()
    for word in ("mac", "name"):
        at = next((column.at + 1 for column in columns if column.spot == Spot(None, word)), None)
        first: dict[object, Candidate] = {}
        for candidate in found:
            value = candidate.mac if word == "mac" else candidate.name
            if value is None:
                continue
            other = first.setdefault(value, candidate)
            if other is not candidate:
                shown = value.colons if isinstance(value, MacAddress) else value
                message = f"{shown} is also in row {other.line}"
                problems.append(Problem(file, candidate.line, f"duplicate-{word}", message, "keep one of the rows", at, word))
                bad |= {id(candidate), id(other)}
    return [candidate for candidate in found if id(candidate) not in bad]


def errors_of(problems: Sequence[Problem]) -> list[Problem]:
    """Return those that keep something from being written."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]
