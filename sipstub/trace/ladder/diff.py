"""Two messages side by side, line by line, masked: what changed between a request and its repetition, or between two phones."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from sipstub.trace.ladder.gist import plain
from sipstub.trace.masking import mask

MAX_LINES = 400
"Of one message; the rest is counted."
MAX_LINE = 1_000
DEFAULT_WIDTH = 120
SAME, CHANGED, LEFT_ONLY, RIGHT_ONLY = " ", "|", "<", ">"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of both."""

    mark: str
    "Blank for equal lines, | for changed ones, < and > for lines of one side only."
    left: str
    right: str


def diff_messages(left: bytes, right: bytes) -> list[DiffLine]:
    """Return both messages line by line; secrets are cut, and where only a secret differs the lines look equal."""
    ours, theirs = _lines(left), _lines(right)
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
    found: list[DiffLine] = []
    for kind, begin, end, begin_2, end_2 in matcher.get_opcodes():
        if kind == "equal":
            found += [DiffLine(SAME, line, line) for line in ours[begin:end]]
        else:
            found += _changed(ours[begin:end], theirs[begin_2:end_2])
    return found


def diff_text(left: bytes, right: bytes, *, width: int = DEFAULT_WIDTH) -> str:
    """Return the diff in two columns of text; long lines are broken, not cut."""
    column = max(20, (width - 3) // 2)
    lines = []
    for line in diff_messages(left, right):
        pieces = zip_longest(_broken(line.left, column), _broken(line.right, column), fillvalue="")
        for number, (one, two) in enumerate(pieces):
            lines.append(f"{one:<{column}} {line.mark if number == 0 else ' '} {two}".rstrip())
    return "\n".join(lines) + "\n"


def _changed(ours: list[str], theirs: list[str]) -> Iterator[DiffLine]:
    """Yield lines of the same header beside each other, in the order of the left side."""
    waiting = list(theirs)
    for line in ours:
        name = _name(line)
        place = next((at for at, other in enumerate(waiting) if _name(other) == name), None)
        if place is None:
            yield DiffLine(LEFT_ONLY, line, "")
            continue
        for other in waiting[:place]:
            yield DiffLine(RIGHT_ONLY, "", other)
        yield DiffLine(CHANGED, line, waiting[place])
        del waiting[: place + 1]
    for other in waiting:
        yield DiffLine(RIGHT_ONLY, "", other)


def _name(line: str) -> str:
    """Return what makes two lines the same header, or the same kind of line of SDP."""
    if line[1:2] == "=":
        return line[:2] + (line[2:].partition(":")[0] if line[0] == "a" else "")
    name, colon, _ = line.partition(":")
    return name.strip().lower() if colon and " " not in name.strip() else ""


def _lines(data: bytes) -> list[str]:
    text = mask(data).decode("utf-8", "replace")
    lines = text.split("\r\n")
    shown = [plain(line, MAX_LINE) for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        shown.append(f"({len(lines) - MAX_LINES} more lines)")
    while shown and not shown[-1]:
        shown.pop()
    return shown


def _broken(text: str, width: int) -> list[str]:
    return [text[at : at + width] for at in range(0, len(text), width)] or [""]
