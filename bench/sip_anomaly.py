"""Wrong SIP messages, field by field: every header and every part of it missing, doubled, overlong, of the wrong type, and so on.

A `Draft` is a message in pieces.  `anomalies(draft)` lists all that can be wrong with such a message, in a fixed order; `spoil`
makes the bytes of one of them from a draft of the same shape, so that each message has its own branch, Call-ID and digest.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from bench.sip_anomaly_edits import BODY_EDITS, LINE_EDITS, MESSAGE_EDITS, PART_EDITS, SEPARATOR_EDITS, message

_PARTS = re.compile(rb"[A-Za-z0-9_.+!%*~`'\-]+|[^A-Za-z0-9_.+!%*~`'\-]")
MAX_BYTES = 65_000
"Of one message, as a datagram can be no longer."


@dataclass(frozen=True, slots=True)
class Draft:
    """A message in pieces."""

    start: bytes
    "The request line, or the status line."
    lines: tuple[bytes, ...]
    "Headers, without Content-Length."
    body: bytes = b""

    def __bytes__(self) -> bytes:
        return message(self.start, [*self.lines, b"Content-Length: %d" % len(self.body)], self.body)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One thing that is wrong."""

    kind: str
    "`line`, `part`, `separator`, `start`, `body`, `message`, `cut` or `byte`."
    at: int
    "Which line (the last is Content-Length), or which byte."
    part: int
    "Which part of that line."
    edit: str
    "What is done to it."


def anomalies(draft: Draft) -> list[Anomaly]:
    """Return everything that can be wrong with a message of that shape."""
    found: list[Anomaly] = []
    lines = [draft.start, *draft.lines, b"Content-Length: %d" % len(draft.body)]
    for at, line in enumerate(lines):
        if at:
            found += [Anomaly("line", at, 0, edit) for edit in LINE_EDITS]
        for number, part in enumerate(_PARTS.findall(_value(line, at))):
            kind, edits = ("part", PART_EDITS) if len(part) > 1 or part.isalnum() else ("separator", SEPARATOR_EDITS)
            found += [Anomaly(kind, at, number, edit) for edit in edits]
    found += [Anomaly("body", 0, 0, edit) for edit in BODY_EDITS]
    found += [Anomaly("message", 0, 0, edit) for edit in MESSAGE_EDITS]
    size = len(bytes(draft))
    found += [Anomaly("cut", at, 0, "cut off") for at in range(size)]
    found += [Anomaly("byte", at, 0, edit) for at in range(size) for edit in ("NUL", "0xff", "next")]
    return found


def spoil(draft: Draft, anomaly: Anomaly) -> bytes:
    """Return the bytes of a message with that wrong."""
    lines = [draft.start, *draft.lines, b"Content-Length: %d" % len(draft.body)]
    at, edit = anomaly.at, anomaly.edit
    match anomaly.kind:
        case "line":
            name, _, value = lines[at].partition(b": ")
            lines[at : at + 1] = LINE_EDITS[edit](name, value)
        case "part" | "separator":
            edits = PART_EDITS if anomaly.kind == "part" else SEPARATOR_EDITS
            lines[at] = _edited(lines[at], at, anomaly.part, edits[edit])
        case "body":
            return replace_body(draft, BODY_EDITS[edit](draft.body))[:MAX_BYTES]
        case "message":
            return MESSAGE_EDITS[edit](draft.start, lines[1:], draft.body)[:MAX_BYTES]
        case "cut":
            return bytes(draft)[:at]
        case _:
            data = bytearray(bytes(draft))
            at = min(at, len(data) - 1)
            data[at] = {"NUL": 0, "0xff": 255, "next": (data[at] + 1) % 256}[edit]
            return bytes(data)
    return message(lines[0], lines[1:], draft.body)[:MAX_BYTES]


def replace_body(draft: Draft, body: bytes) -> bytes:
    """Return the message with another body, and its length."""
    return bytes(replace(draft, body=body))


def sample(found: list[Anomaly], count: int, source: random.Random) -> Iterator[Anomaly]:
    """Return so many of them: all when there are no more, else spread over all kinds alike, the rarer ones first whole."""
    if count >= len(found):
        yield from found
        return
    by_kind: dict[tuple[str, str], list[Anomaly]] = {}
    for one in found:
        by_kind.setdefault((one.kind, one.edit), []).append(one)
    groups = list(by_kind.values())
    for group in groups:
        source.shuffle(group)
    given = 0
    while given < count:
        groups = [group for group in groups if group]
        for group in groups:
            yield group.pop()
            given += 1
            if given == count:
                return


def _value(line: bytes, at: int) -> bytes:
    return line if at == 0 else line.partition(b": ")[2]


def _edited(line: bytes, at: int, number: int, edit: Callable[[bytes], bytes]) -> bytes:
    parts = _PARTS.findall(_value(line, at))
    number = min(number, len(parts) - 1)
    parts[number] = edit(parts[number])
    value = b"".join(parts)
    return value if at == 0 else line.partition(b": ")[0] + b": " + value
