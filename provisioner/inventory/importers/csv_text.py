"""A CSV file as a header and rows of cells, whatever a spreadsheet made of it.

Encodings: UTF-8 with or without a mark, UTF-16 with a mark, and cp1252 with a note.  Separators: comma, semicolon, tab,
bar; found by which of them makes known column names of the first row.  Bounded in bytes, rows, columns and cell length.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass

from provisioner.errors import Problem, Severity

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_ROWS = 100_000
MAX_COLUMNS = 2_000
MAX_CELL = 4_096

SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
_WORKBOOKS = {b"PK\x03\x04": "an .xlsx or .ods workbook", b"\xd0\xcf\x11\xe0": "an .xls workbook"}

IsKnown = Callable[[str], bool]
"Whether a text is the name of a column."


@dataclass(frozen=True, slots=True)
class Row:
    """One row of cells."""

    line: int
    "1-based line of the file that it starts at, as an editor shows it."

    cells: tuple[str, ...]
    "As many as the header has; those missing at the end are empty."


@dataclass(frozen=True, slots=True)
class Sheet:
    """The file, read."""

    file: str
    "As the person named it."

    header: tuple[str, ...]
    "Names of the columns as written, without blanks at their ends."

    header_line: int
    "Line of the header."

    rows: tuple[Row, ...]
    "Without empty ones."

    encoding: str
    "utf-8, utf-8-bom, utf-16 or cp1252."

    separator: str
    "comma, semicolon, tab or bar."

    problems: tuple[Problem, ...]
    "What is wrong with the file as a whole and with the shape of rows."


def read_sheet(file: str, raw: bytes, is_known: IsKnown) -> Sheet:
    """Return the rows of `raw`; never raises, a file that cannot be read is a sheet of problems."""
    problems: list[Problem] = []
    text, encoding = _decode(file, raw, problems)
    if text is None:
        return Sheet(file, (), 1, (), encoding, "comma", tuple(problems))
    skipped = 0
    forced = None
    if match := _SEP_LINE.match(text):
        forced, skipped = match[1], 1
        text = text[match.end() :]
    separator = forced or _separator(text, is_known)
    records, problem = _records(file, text, separator, skipped)
    if problem is not None:
        problems.append(problem)
    name = _SEPARATOR_NAMES.get(separator, separator)
    if not records:
        if problem is None:
            problems.append(Problem(file, 1, "empty-file", "the file is empty", "see `provisioner export csv --empty`"))
        return Sheet(file, (), 1, (), encoding, name, tuple(problems))
    header_line, first = records[0]
    header = tuple(cell.strip(" \t\xa0\u200b\ufeff") for cell in first)
    while header and not header[-1]:
        header = header[:-1]
    if len(header) > MAX_COLUMNS:
        problems.append(Problem(file, header_line, "too-many-columns", f"{len(header)} columns, more than {MAX_COLUMNS}"))
        return Sheet(file, (), header_line, (), encoding, name, tuple(problems))
    rows = []
    for line, cells in records[1:]:
        row = _row(file, line, cells, header, problems)
        if row is not None:
            rows.append(row)
    return Sheet(file, header, header_line, tuple(rows), encoding, name, tuple(problems))


def _decode(file: str, raw: bytes, problems: list[Problem]) -> tuple[str | None, str]:
    def refuse(code: str, message: str, hint: str) -> None:
        problems.append(Problem(file, None, code, message, hint))

    if len(raw) > MAX_FILE_BYTES:
        refuse("file-too-large", f"the file has {len(raw)} bytes, more than {MAX_FILE_BYTES}", "split it")
        return None, "utf-8"
    for signature, what in _WORKBOOKS.items():
        if raw.startswith(signature):
            refuse("not-csv", f"this is {what}, not CSV", "in the spreadsheet: save as CSV UTF-8")
            return None, "utf-8"
    for mark, codec, name in (
        (codecs.BOM_UTF8, "utf-8-sig", "utf-8-bom"),
        (codecs.BOM_UTF16_LE, "utf-16", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16", "utf-16"),
    ):
        if raw.startswith(mark):
            try:
                return raw.decode(codec), name
            except UnicodeDecodeError:
                refuse("bad-encoding", f"the file begins as {name} and does not go on so", "save it as CSV UTF-8")
                return None, name
    if b"\0" in raw[:4096]:
        refuse("bad-encoding", "the file has zero bytes: UTF-16 without its mark, or no text at all", "save it as CSV UTF-8")
        return None, "binary"
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        problems.append(Problem(file, line, "bad-encoding", "the text is neither UTF-8 nor cp1252", "save it as CSV UTF-8"))
        return None, "unknown"
    message = "not UTF-8; read as cp1252, the encoding of western Windows"
    hint = "look at names with accents, and save as CSV UTF-8 if they are wrong"
    problems.append(Problem(file, line, "cp1252", message, hint, severity=Severity.WARNING))
    return text, "cp1252"


def _separator(text: str, is_known: IsKnown) -> str:
    """Return the separator under which most cells of the first row that is not empty are names of columns."""
    start = text.lstrip("\r\n,;\t| ")
    first = start.partition("\n")[0][: MAX_COLUMNS * 32]

    def weight(separator: str) -> tuple[int, int]:
        cells = [cell.strip(' "\r\xa0') for cell in first.split(separator)]
        return sum(is_known(cell) for cell in cells), len(cells)

    return max(SEPARATORS, key=weight)


def _records(file: str, text: str, separator: str, skipped: int) -> tuple[list[tuple[int, list[str]]], Problem | None]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    records: list[tuple[int, list[str]]] = []
    begin = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return records, None
        except csv.Error as error:
            is_open = "unexpected end" in str(error)
            said = (
                "a quote is opened here and never closed"
                if is_open
                else f"a quote is in the wrong place or a cell is huge: {error}"
            )
            return records, Problem(file, begin + skipped, "bad-quoting", said, 'double a quote inside a quoted cell: ""')
        if any(cell.strip() for cell in cells):
            if len(records) > MAX_ROWS:
                return records, Problem(file, begin + skipped, "too-many-rows", f"more than {MAX_ROWS} rows", "split the file")
            records.append((begin + skipped, cells))
        begin = reader.line_num + 1


def _row(file: str, line: int, cells: list[str], header: tuple[str, ...], problems: list[Problem]) -> Row | None:
    width = len(header)
    extra = [at for at, cell in enumerate(cells[width:], width) if cell.strip()]
    if extra:
        message = f"the row has {len(cells)} cells, the header {width}"
        hint = "quote a cell that holds the separator, or remove the extra cell"
        problems.append(Problem(file, line, "ragged-row", message, hint, extra[0] + 1))
        return None
    if len(cells) < width:
        # Spreadsheets drop separators after the last filled cell; a missing cell says nothing, as an empty one does.
        message = f"the row has {len(cells)} cells, the header {width}; the missing ones are taken as empty"
        problems.append(Problem(file, line, "short-row", message, severity=Severity.WARNING))
    for at, cell in enumerate(cells[:width]):
        if len(cell) > MAX_CELL:
            message = f"the cell has {len(cell)} characters, more than {MAX_CELL}"
            problems.append(Problem(file, line, "too-long", message, "shorten it", at + 1, header[at]))
            return None
    return Row(line, (*cells[:width], *[""] * (width - len(cells))))
