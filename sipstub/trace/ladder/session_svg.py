"""Session timers as inline SVG: a line per term, to scale, with half time, the moment of giving up, expiry, refreshes and BYE.

The bar is the time in which the term held; the thin line goes on to its expiry.  Every mark has a form of its own, colours only
underline.  Nothing is active, and nothing comes from elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from sipstub.trace.ladder.flow import Flow
from sipstub.trace.ladder.gist import plain
from sipstub.trace.ladder.session import Session, Term
from sipstub.trace.ladder.svg import FONT, LEFT, LETTER, SHAPES, svg_text

BAR, ROW, TOP, BOTTOM = 380, 24, 66, 34
"Width of the scale, height of a term, room above and below."
NOTE_LETTERS = 60
NAME_LETTERS = 13
"Of a party in a note: two of them, times and words fit it."
WIDTH = LEFT + BAR + 24 + round(NOTE_LETTERS * LETTER)
MAX_ROWS = 24
"Terms of one session that are drawn: the first and the last ones."
MAX_CASCADE = 8
"So many terms are drawn on one scale of the whole session; of more, each one is drawn from its own beginning."
MAX_MARKS = 20
MAX_TICKS = 6
STEPS = (1, 2, 5)
MINUTES = (10, 15, 30, 60, 90, 120, 300, 600, 900, 1800, 3600, 7200)
"Distances of ticks that people think in, in seconds; beyond the last one powers of ten are taken."
WORST = SHAPES["FAIL"][0]


def sessions_svg(flow: Flow, *, prefix: str = "flow") -> str:
    """Return one `<svg>` for each session of the flow; empty if there is none."""
    return "".join(_Picture(flow, session, f"{prefix}-s{at}").text() for at, session in enumerate(flow.sessions, 1))


def tick_s(span_s: float) -> float:
    """Return the distance of ticks for a scale so long, so that there are at most MAX_TICKS of them."""
    wanted = max(span_s, 0.001) / MAX_TICKS
    if 5 < wanted <= MINUTES[-1]:
        return float(next(step for step in MINUTES if step >= wanted))
    power = 10.0 ** math.floor(math.log10(wanted))
    return next((step * power for step in STEPS if step * power >= wanted), 10 * power)


class _Picture:
    def __init__(self, flow: Flow, session: Session, name: str) -> None:
        self._flow = flow
        self._session = session
        self._name = name
        terms = session.terms
        half = MAX_ROWS // 2
        self._hidden = max(0, len(terms) - MAX_ROWS)
        self._first = terms if not self._hidden else terms[:half]
        self._last = () if not self._hidden else terms[-half:]
        self._is_whole = len(terms) <= MAX_CASCADE
        ends = [max(term.expires_at, term.until) - self._begin(term) for term in terms]
        self._span_s = max(1.0, *ends)
        rows = len(self._first) + len(self._last) + bool(self._hidden or session.left_out)
        self._bottom = TOP + ROW * rows
        self._height = self._bottom + BOTTOM

    def text(self) -> str:
        return "".join(self._parts())

    def _parts(self) -> Iterator[str]:
        name = self._name
        yield (
            f'<svg class="session" role="img" aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {WIDTH} {self._height}" '
            f'width="{WIDTH}" height="{self._height}" font-family="{FONT}" font-size="12" fill="currentColor">'
        )
        yield f'<title id="{name}-title">{svg_text(self._title(), 200)}</title>'
        yield f'<desc id="{name}-desc">{svg_text(self._spoken(), 2_000)}</desc>'
        yield f'<text x="12" y="20" font-weight="bold">{svg_text(self._title(), 150)}</text>'
        yield from self._legend()
        yield from self._scale()
        y = TOP
        for term in self._first:
            yield from self._term(term, y)
            y += ROW
        if self._hidden or self._session.left_out:
            count = self._hidden + self._session.left_out
            yield f'<text x="{LEFT}" y="{y + 16}" font-style="italic">{count} more terms not drawn</text>'
            y += ROW
        for term in self._last:
            yield from self._term(term, y)
            y += ROW
        yield "</svg>\n"

    def _begin(self, term: Term) -> float:
        """Return where the scale of a term begins."""
        return self._session.began_at if self._is_whole else term.at

    def _x(self, after_s: float) -> float:
        return round(LEFT + BAR * min(1.0, max(0.0, after_s / self._span_s)), 1)

    def _scale(self) -> Iterator[str]:
        step = tick_s(self._span_s)
        yield f'<path d="M{LEFT} {self._bottom + 4} H{LEFT + BAR}" stroke="currentColor" fill="none"/>'
        for at in range(int(self._span_s / step) + 1):
            x = self._x(at * step)
            yield f'<path d="M{x} {TOP} V{self._bottom + 8}" stroke="currentColor" opacity="0.2" fill="none"/>'
            yield f'<text x="{x}" y="{self._bottom + 22}" text-anchor="middle">{at * step:g}</text>'
        since = "the call was answered" if self._is_whole else "each 2xx"
        yield f'<text x="{LEFT + BAR + 24}" y="{self._bottom + 22}">seconds after {since}</text>'

    def _legend(self) -> Iterator[str]:
        x = LEFT
        for mark, word in (
            ("half", "half time"),
            ("given-up", "given up"),
            ("expiry", "expiry"),
            ("refresh", "refresh"),
            ("bye", "BYE"),
        ):
            yield f'{_mark(mark, x, 40)}<text x="{x + 12}" y="44" opacity="0.8">{word}</text>'
            x += round((len(word) + 4) * LETTER)

    def _term(self, term: Term, top: int) -> Iterator[str]:
        y, begin = top + 12, self._begin(term)
        told = self._told(term, NAME_LETTERS)
        yield f"<g><title>{svg_text(f'#{term.number}: {self._told(term)}', 400)}</title>"
        after_s = term.at - self._session.began_at
        for x, text in ((44, str(term.number)), (118, f"+{after_s:.1f}"), (LEFT - 12, term.method)):
            yield f'<text x="{x}" y="{y + 4}" text-anchor="end">{svg_text(text, 12)}</text>'
        left, right = self._x(term.at - begin), self._x(term.until - begin)
        yield f'<rect x="{left}" y="{y - 4}" width="{max(1.0, round(right - left, 1))}" height="8" opacity="0.45"/>'
        if term.interval_s is not None:
            end = self._x(term.expires_at - begin)
            yield f'<path d="M{left} {y} H{end}" stroke="currentColor" fill="none"/>'
            yield _mark("half", self._x(term.half_at - begin), y)
            yield _mark("given-up", self._x(term.given_up_at - begin), y)
            yield _mark("expiry", end, y)
        for tried in term.tries[:MAX_MARKS]:
            yield _mark("refresh", self._x(tried.at - begin), y)
        bye = self._session.bye
        if bye is not None and not term.is_renewed:
            yield _mark("bye", self._x(bye.at - begin), y)
        yield f'<text x="{LEFT + BAR + 24}" y="{y + 4}">{svg_text(told, NOTE_LETTERS)}</text></g>'

    def _told(self, term: Term, letters: int = 200) -> str:
        """Return in words who has to refresh a term, and what came of it; names have so many letters at most."""
        if term.interval_s is None:
            return "no session timer from here on"
        who = self._party(term.refresher, letters)
        after_s = term.until - term.at
        if term.is_renewed:
            by = next((self._party(tried.party, letters) for tried in reversed(term.tries)), "")
            share = f"{100 * after_s / term.interval_s:.0f} %" if term.interval_s else "of 0 s"
            whom = f"{by} renewed" if by == who or not by else f"{by} renewed, not {who},"
            return f"{term.interval_s} s: {whom} after {after_s:.1f} s, {share}"
        bye = self._session.bye
        if bye is not None:
            return f"{term.interval_s} s: {self._party(bye.party, letters)} BYE after {after_s:.1f} s; {who} refreshes"
        if after_s >= term.interval_s:
            return f"{term.interval_s} s: expired, no BYE seen; {who} refreshes"
        return f"{term.interval_s} s: watched for {after_s:.1f} s; {who} refreshes"

    def _party(self, column: int, letters: int) -> str:
        party = self._flow.parties[column]
        return plain(party.name or (party.endpoints[0].address if party.endpoints else ""), letters)

    def _title(self) -> str:
        session = self._session
        intervals = list(dict.fromkeys(term.interval_s for term in session.terms if term.interval_s is not None))
        said = ", ".join(f"{seconds} s" for seconds in intervals[:3]) + (", ..." if len(intervals) > 3 else "")
        times = session.refreshes
        return f"Session of the call answered by #{session.number}: {said}, renewed {times} {'time' if times == 1 else 'times'}"

    def _spoken(self) -> str:
        return ". ".join([self._title(), *(self._told(term) for term in (*self._first, *self._last))])


def _mark(kind: str, x: float, y: int) -> str:
    """Return one mark: bar, dotted bar, thick bar, dot, cross."""
    line = f'fill="none" stroke="currentColor" class="{kind}"'
    if kind == "half":
        return f'<path d="M{x} {y - 7} V{y + 7}" {line} stroke-width="1.5"/>'
    if kind == "given-up":
        return f'<path d="M{x} {y - 8} V{y + 8}" {line} stroke-width="2" stroke-dasharray="2 2"/>'
    if kind == "expiry":
        return f'<path d="M{x} {y - 8} V{y + 8}" {line} stroke-width="4"/>'
    if kind == "refresh":
        return f'<circle cx="{x}" cy="{y}" r="4.5" class="refresh" fill="{SHAPES["PASS"][0]}" stroke="currentColor"/>'
    cross = f"M{x - 5} {y - 5} l10 10 m-10 0 l10 -10"
    return f'<path d="{cross}" fill="none" class="bye" stroke="{WORST}" stroke-width="2.5"/>'
