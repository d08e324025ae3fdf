"""A flow as inline SVG: title and description for who cannot see it, colours of the page around it, no script, no style.

Text and lines take `currentColor`, so that the picture follows a light or dark page; a picture that stands alone gets its own
ground.  A verdict is word and shape; only the shape is coloured, in tones that stand out on light and dark alike.
Each arrow has the id `PREFIX-mNUMBER` for links.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from sipstub.trace.ladder.flow import Arrow, Flow, LeftOut, Pin
from sipstub.trace.ladder.gist import plain

LEFT, TOP, ROW, BOTTOM = 200, 72, 34, 30
PITCH_OF_TWO, PITCH = 340, 230
ROWS_OF_PAGE = 24
"Arrows of a part that fits A4 with its head, at the width of the paper."
NOTE_LETTERS, LABEL_LETTERS = 64, 40
LETTER = 7.3
"Width of a letter of 12 px, a little generous."
SHAPES = {
    "FAIL": ("#e53935", "M0 -6 L6 5 L-6 5 Z"),
    "WARN": ("#c77700", "M0 -6 L6 0 L0 6 L-6 0 Z"),
    "PASS": ("#388e3c", "M-5 -5 H5 V5 H-5 Z"),
}
"Colour (3:1 or better on white and on near black) and outline by verdict: triangle, diamond, square; a circle for the others."
OTHER_SHAPE = ("#78909c", "M-5 0 A5 5 0 1 0 5 0 A5 5 0 1 0 -5 0 Z")
FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def flow_svg(flow: Flow, *, title: str = "SIP ladder", prefix: str = "flow", stands_alone: bool = False) -> str:
    """Return one `<svg>` element; `prefix` keeps the ids of several on one page apart."""
    return "".join(_Drawing(flow, title, prefix, stands_alone).parts())


def flow_svgs(flow: Flow, *, title: str = "SIP ladder", prefix: str = "flow", rows: int = ROWS_OF_PAGE) -> str:
    """Return `<svg>` elements of so many rows each, with the parties at the head of every one: each fits a page of A4.

    The ids of arrows are those of `flow_svg`; those of title and description have the number of the part.
    """
    count = max(1, -(-len(flow.rows) // rows))
    if count == 1:
        return flow_svg(flow, title=title, prefix=prefix)
    parts = []
    for at in range(count):
        part = replace(flow, rows=flow.rows[at * rows : (at + 1) * rows])
        drawing = _Drawing(part, f"{title}, part {at + 1} of {count}", prefix, False, whole=flow, part=at + 1)
        parts.append("".join(drawing.parts()))
    return "".join(parts)


class _Drawing:
    def __init__(
        self, flow: Flow, title: str, prefix: str, stands_alone: bool, *, whole: Flow | None = None, part: int = 0
    ) -> None:
        self._flow = flow
        self._is_last = whole is None or whole.rows[-1:] == flow.rows[-1:]
        self._title = title
        self._prefix = escape(prefix)
        self._name = f"{self._prefix}-part{part}" if part else self._prefix
        self._stands_alone = stands_alone
        self._pitch = PITCH_OF_TWO if len(flow.parties) <= 2 else PITCH
        columns = max(0, len(flow.parties) - 1)
        self._right = LEFT + columns * self._pitch
        rows = [row for row in (whole or flow).rows if isinstance(row, Arrow)]  # parts are equally wide
        letters = max((len(_shown(row.remark, NOTE_LETTERS)) for row in rows), default=0)
        pinned = max((sum(len(pin.text) + 4 for pin in row.pins[:2]) for row in rows), default=0)
        self._width = round(self._right + max(130, 24 + max(letters, pinned) * LETTER))
        self._height = TOP + ROW * len(flow.rows) + BOTTOM

    def parts(self) -> Iterator[str]:
        name = self._name
        own = ' xmlns="http://www.w3.org/2000/svg" color="#1b1f24"' if self._stands_alone else ""  # HTML needs no namespace
        yield (
            f'<svg{own} class="ladder" role="img" aria-labelledby="{name}-title {name}-desc" '
            f'viewBox="0 0 {self._width} {self._height}" width="{self._width}" height="{self._height}" '
            f'font-family="{FONT}" font-size="12" fill="currentColor">'
        )
        yield f'<title id="{name}-title">{svg_text(self._title, 200)}</title>'
        yield f'<desc id="{name}-desc">{svg_text(_description(self._flow), 2_000)}</desc>'
        for mark, colour in (("head", "currentColor"), ("wrong", SHAPES["FAIL"][0])):
            yield (
                f'<marker id="{name}-{mark}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
                f'orient="auto-start-reverse" color="{colour}"><path d="M0 1 L9 5 L0 9 Z" fill="{colour}"/></marker>'
            )
        if self._stands_alone:
            yield f'<rect width="{self._width}" height="{self._height}" fill="#ffffff"/>'
        yield from self._columns()
        for place, row in enumerate(self._flow.rows):
            y = TOP + ROW * place + 22
            yield from self._left_out(row, y) if isinstance(row, LeftOut) else self._arrow(row, y)
        below = self._flow.summary if self._is_last else "goes on in the next part"
        yield f'<text x="12" y="{self._height - 8}" opacity="0.75">{svg_text(below, 150)}</text></svg>\n'

    def _x(self, column: int) -> int:
        return LEFT + column * self._pitch

    def _columns(self) -> Iterator[str]:
        yield '<g opacity="0.75"><text x="44" y="66" text-anchor="end">#</text>'
        yield '<text x="110" y="66" text-anchor="end">time</text><text x="172" y="66" text-anchor="end">gap</text></g>'
        bottom = self._height - BOTTOM
        for column, party in enumerate(self._flow.parties):
            x, address = self._x(column), party.endpoints[0].address if party.endpoints else ""
            every = ", ".join(str(endpoint) for endpoint in party.endpoints)
            yield f"<g><title>{svg_text(party.name + ' ' + every, 400)}</title>"
            letters = int(self._pitch / LETTER) - 2
            head = svg_text(party.name or address, letters)
            yield f'<text x="{x}" y="26" text-anchor="middle" font-weight="bold">{head}</text>'
            if party.name:
                yield f'<text x="{x}" y="42" text-anchor="middle" opacity="0.75">{svg_text(address, letters)}</text>'
            yield f'<path d="M{x} 50 V{bottom}" stroke="currentColor" opacity="0.4" fill="none"/></g>'

    def _arrow(self, arrow: Arrow, y: int) -> Iterator[str]:
        is_wrong = any(pin.verdict == "FAIL" for pin in arrow.pins)
        colour, mark = (SHAPES["FAIL"][0], "wrong") if is_wrong else ("currentColor", "head")
        yield f'<g id="{self._prefix}-m{arrow.number}"><title>{svg_text(_spoken(arrow, self._flow), 600)}</title>'
        for number in sorted({pin.number for pin in arrow.pins} - {arrow.number}):
            yield f'<g id="{self._prefix}-m{number}"></g>'  # a repetition that a finding speaks of
        yield f'<text x="44" y="{y}" text-anchor="end">{arrow.number}</text>'
        yield f'<text x="110" y="{y}" text-anchor="end">{arrow.after_s:.3f}</text>'
        if arrow.gap_s >= 0.001:
            yield f'<text x="172" y="{y}" text-anchor="end" opacity="0.75">+{arrow.gap_s:.3f}</text>'
        begin, end = self._x(arrow.source), self._x(arrow.target)
        dashes = ' stroke-dasharray="5 3"' if arrow.kind == "response" else ' stroke-dasharray="1 4"' * (arrow.kind != "request")
        line = f'stroke="{colour}" stroke-width="1.4" fill="none"{dashes} marker-end="url(#{self._name}-{mark})"'
        if begin == end:
            yield f'<path d="M{begin} {y - 6} h26 v10 h-24" {line}/>'
            yield f'<text x="{begin + 34}" y="{y + 2}">{svg_text(arrow.text, LABEL_LETTERS)}</text>'
        else:
            yield f'<path d="M{begin} {y + 2} H{end - 2 if end > begin else end + 2}" {line}/>'
            letters = int(abs(end - begin) / LETTER) - 2
            yield f'<text x="{(begin + end) // 2}" y="{y - 4}" text-anchor="middle">{svg_text(arrow.text, letters)}</text>'
        x = self._right + 16
        if arrow.remark:
            yield f'<text x="{x}" y="{y - 4 if arrow.pins else y + 6}">{svg_text(arrow.remark, NOTE_LETTERS)}</text>'
        for pin in arrow.pins[:2]:
            yield _badge(pin, x, y + 10 if arrow.remark else y + 6)
            x += round((len(pin.text) + 4) * LETTER)
        yield "</g>"

    def _left_out(self, row: LeftOut, y: int) -> Iterator[str]:
        for column in range(len(self._flow.parties)):
            x = self._x(column)
            yield f'<path d="M{x - 8} {y - 4} l16 -6 M{x - 8} {y + 3} l16 -6" stroke="currentColor" fill="none"/>'
        yield f'<text x="{self._right + 16}" y="{y}" font-style="italic">{row.count} more not drawn</text>'


def _badge(pin: Pin, x: int, y: int) -> str:
    colour, outline = SHAPES.get(pin.verdict, OTHER_SHAPE)
    return (
        f'<g class="verdict-{svg_text(pin.verdict.lower(), 20)}"><title>{svg_text(pin.detail or pin.text, 400)}</title>'
        f'<path transform="translate({x + 6} {y - 4})" d="{outline}" fill="{colour}"/>'
        f'<text x="{x + 16}" y="{y}" font-weight="bold">{svg_text(pin.text, NOTE_LETTERS)}</text></g>'
    )


def _description(flow: Flow) -> str:
    findings = [f"{pin.text} at message {row.number}" for row in flow.rows if isinstance(row, Arrow) for pin in row.pins]
    text = flow.summary + ". "
    text += "Findings: " + "; ".join(findings) + ". " if findings else "No findings. "
    return text + "The same flow stands in the table."


def _spoken(arrow: Arrow, flow: Flow) -> str:
    source, target = flow.parties[arrow.source].title, flow.parties[arrow.target].title
    text = f"#{arrow.number} {arrow.text} from {source} to {target} over {arrow.transport}"
    return f"{text}: {arrow.remark}" if arrow.remark else text


def _shown(text: str, limit: int) -> str:
    return plain(text, limit)


def svg_text(text: str, limit: int) -> str:
    """Return text for a picture: cut, plain and escaped."""
    return escape(plain(text, limit))
