"""A flow as text for a terminal or a report: fixed width, nothing that a terminal obeys."""

from __future__ import annotations

from collections.abc import Iterator

from sipstub.trace.ladder.flow import Arrow, Flow, LeftOut
from sipstub.trace.ladder.gist import plain

DEFAULT_WIDTH = 100
MIN_WIDTH, MAX_WIDTH = 60, 240
MIN_PITCH, MAX_PITCH = 20, 38
"Letters from one column to the next."
MARGIN = 26
"For number, time and gap."
NOTE_ROOM = 36
"Kept free for remarks, where the width allows."
SHOWN_GAP_S = 0.001


def flow_text(flow: Flow, *, width: int = DEFAULT_WIDTH) -> str:
    """Return the ladder, line by line, with a last line that sums it up and the notes of its recording."""
    return "\n".join(_lines(flow, max(MIN_WIDTH, min(width, MAX_WIDTH)))) + "\n"


def _lines(flow: Flow, width: int) -> Iterator[str]:
    if flow.parties:
        steps = max(1, len(flow.parties) - 1)
        pitch = max(MIN_PITCH, min(MAX_PITCH, (width - MARGIN - NOTE_ROOM) // steps))
        yield from _heads(flow, pitch)
        for row in flow.rows:
            yield (_left_out(row, flow, pitch) if isinstance(row, LeftOut) else _line(row, flow, pitch, width)).rstrip()
    yield plain(flow.summary, 4 * MAX_WIDTH)
    for note in flow.notes:
        yield "note: " + plain(note, 2 * MAX_WIDTH)


def _heads(flow: Flow, pitch: int) -> Iterator[str]:
    """Yield the names over the columns, and under them the addresses of those that have a name."""
    addresses = [party.endpoints[0].address if party.endpoints else "" for party in flow.parties]
    names = [party.name or address for party, address in zip(flow.parties, addresses, strict=True)]
    yield _head(f"{'#':>4} {'time':>9} {'gap':>9}", names, pitch)
    if any(party.name for party in flow.parties):
        yield _head("", [address if party.name else "" for party, address in zip(flow.parties, addresses, strict=True)], pitch)


def _head(margin: str, texts: list[str], pitch: int) -> str:
    line = list(margin.ljust(MARGIN + pitch * len(texts) + 1))
    for column, text in enumerate(texts):
        shown = plain(text, pitch // 2 if column == 0 else pitch - 4)
        at = MARGIN + column * pitch - (len(shown) // 2 if column else 0)
        line[at : at + len(shown)] = shown
    return "".join(line).rstrip()


def _rails(flow: Flow, pitch: int) -> list[str]:
    line = [" "] * ((len(flow.parties) - 1) * pitch + 1)
    for column in range(len(flow.parties)):
        line[column * pitch] = "|"
    return line


def _line(arrow: Arrow, flow: Flow, pitch: int, width: int) -> str:
    line = _rails(flow, pitch)
    left, right = sorted((arrow.source, arrow.target))
    if left == right:
        text = f" {arrow.text} (to itself)"
        line += [" "] * max(0, left * pitch + 1 + len(text) - len(line))
        line[left * pitch + 1 : left * pitch + 1 + len(text)] = text
    else:
        room = (right - left) * pitch - 1
        label = plain(arrow.text, room - 6)
        dashes = "-" * (room - len(label) - 4)
        forwards = arrow.source < arrow.target
        line[left * pitch + 1 : right * pitch] = f" {label} {dashes}> " if forwards else f" <{dashes} {label} "
    gap = f"+{arrow.gap_s:.3f}" if arrow.gap_s >= SHOWN_GAP_S else ""
    drawn = f"{arrow.number:>4} {arrow.after_s:>9.3f} {gap:>9} ".ljust(MARGIN) + "".join(line)
    pins = ", ".join(pin.text for pin in arrow.pins)
    room = width - len(drawn) - 3 - (len(pins) + 3 if pins else 0)
    beside = [plain(arrow.remark, max(NOTE_ROOM, room)) if arrow.remark else "", pins]  # a finding is never cut
    return "   ".join((drawn, *(part for part in beside if part)))


def _left_out(row: LeftOut, flow: Flow, pitch: int) -> str:
    rails = "".join(_rails(flow, pitch)).replace("|", ":")
    return " " * MARGIN + rails + f"   {row.count} more not drawn"
