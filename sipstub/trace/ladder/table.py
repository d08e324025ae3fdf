"""A flow as an HTML table: the same rows as the picture, for screen readers, for copying, and where there is no picture."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from sipstub.trace.ladder.flow import Arrow, Flow, LeftOut
from sipstub.trace.ladder.gist import plain

HEADS = ("#", "Time", "Gap", "From", "To", "Message", "Remark", "Finding")
MAX_YEAR_S = 253_402_300_799
"The end of the year 9999: later times have no date."


def flow_table(flow: Flow, *, caption: str = "SIP messages", prefix: str = "flow") -> str:
    """Return one `<table>`; each row has the id `PREFIX-rNUMBER`."""
    return "".join(_parts(flow, caption, prefix))


def flow_page(flow: Flow, svg: str, *, title: str) -> str:
    """Return a whole page that needs nothing else: the picture and the table."""
    head = escape(plain(title, 200))
    notes = "".join(f"<li>{escape(plain(note, 300))}</li>" for note in flow.notes)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{head}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<style>:root{color-scheme:light dark}body{font:14px/1.45 system-ui,sans-serif;margin:1rem}"
        "figure{margin:0;overflow-x:auto}"
        "table{border-collapse:collapse;margin-top:1rem}caption{text-align:left;font-weight:bold;padding:.3rem 0}"
        "th,td{text-align:left;padding:.2rem .6rem;border-bottom:1px solid #8886;vertical-align:top}"
        "td.number,th.number{text-align:right}td{font-family:ui-monospace,monospace}:target{outline:2px solid}</style></head>\n"
        f'<body><h1>{head}</h1>\n<figure tabindex="0" aria-label="Ladder, scrolls sideways">{svg}</figure>\n'
        f"{flow_table(flow, caption=title)}{f'<ul>{notes}</ul>' if notes else ''}</body></html>\n"
    )


def _parts(flow: Flow, caption: str, prefix: str) -> Iterator[str]:
    yield f'<table class="flow"><caption>{escape(plain(caption, 200))}: {escape(plain(flow.summary, 600))}</caption><thead><tr>'
    for head in HEADS:
        yield f'<th scope="col"{_numeric(head in HEADS[:3])}>{head}</th>'
    yield "</tr></thead><tbody>\n"
    for row in flow.rows:
        if isinstance(row, LeftOut):
            yield f'<tr><td colspan="{len(HEADS)}">{row.count} more not shown</td></tr>\n'
        else:
            yield from _row(row, flow, escape(prefix))
    yield "</tbody></table>\n"


def _row(arrow: Arrow, flow: Flow, prefix: str) -> Iterator[str]:
    gap = f"+{arrow.gap_s:.3f}" if arrow.gap_s >= 0.001 else ""
    when = f'<time datetime="{_iso(arrow.at)}" title="{_iso(arrow.at)}">{arrow.after_s:.3f}</time>'
    yield f'<tr id="{prefix}-r{arrow.number}"><th scope="row" class="number">{arrow.number}</th>'
    yield f'<td class="number">{when}</td><td class="number">{gap}</td>'
    texts = [flow.parties[arrow.source].title, flow.parties[arrow.target].title, arrow.text, arrow.remark]
    yield "".join(f"<td>{escape(plain(text, 300))}</td>" for text in texts)
    findings = (pin.text + (f": {pin.detail}" if pin.detail else "") for pin in arrow.pins)
    yield f"<td>{'<br>'.join(escape(plain(finding, 400)) for finding in findings)}</td></tr>\n"


def _numeric(is_numeric: bool) -> str:
    return ' class="number"' if is_numeric else ""


def _iso(at: float) -> str:
    return datetime.fromtimestamp(min(max(at, 0.0), MAX_YEAR_S), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
