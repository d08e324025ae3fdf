"""Rules by phones, a sign per cell that leads to the finding: what fails where, at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from sipstub.verify.report.anchor import Anchors
from sipstub.verify.report.document import PhoneReport
from sipstub.verify.report.sign import badge, short_sign
from sipstub.verify.verdict import WORST_FIRST, Verdict

COLUMNS = 12
"Phones of one table, so that it fits the width of A4."

_Cell = tuple[Verdict, int, str]
"The worst verdict, how many findings have it, and where the first of them is."


def write_matrix(phones: Sequence[PhoneReport], anchors: Sequence[Anchors]) -> str:
    """Return a table for every COLUMNS phones; rules that went worst come first, the same in all tables."""
    cells = [_cells(phone, places) for phone, places in zip(phones, anchors, strict=True)]
    rules = _rules(cells)
    if not rules:
        return ""
    used = {cell[0] for column in cells for cell in column.values()}
    legend = " ".join(badge(verdict) for verdict in WORST_FIRST if verdict in used)
    tables = []
    for begin in range(0, len(phones), COLUMNS):
        end = min(begin + COLUMNS, len(phones))
        some = f" {begin + 1} to {end} of {len(phones)}" if len(phones) > COLUMNS else ""
        caption = f"Rules by phones{some}: the worst of each, rules that went worst first"
        tables.append("".join(_table(caption, rules, phones[begin:end], anchors[begin:end], cells[begin:end])))
    return (
        '<section aria-labelledby="matrix"><h2 id="matrix">Phones by rules</h2>\n'
        f'<p class="legend">{legend} <span class="muted">A number counts several of one rule, an empty cell is not in the '
        f"file.</span></p>\n{''.join(tables)}</section>"
    )


def _table(
    caption: str,
    rules: Sequence[str],
    phones: Sequence[PhoneReport],
    anchors: Sequence[Anchors],
    cells: Sequence[dict[str, _Cell]],
) -> Iterator[str]:
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table class="matrix">'
    yield f'<caption>{escape(caption)}</caption><thead><tr><th scope="col">Rule</th>'
    for phone, places in zip(phones, anchors, strict=True):
        yield f'<th scope="col" class="turned"><a href="#{places.phone}"><span>{escape(phone.name)}</span></a></th>'
    yield "</tr></thead><tbody>\n"
    for rule in rules:
        yield f'<tr><th scope="row">{escape(rule)}</th>'
        for column in cells:
            cell = column.get(rule)
            if cell is None:
                yield "<td></td>"
            else:
                verdict, count, place = cell
                yield f'<td class="{verdict.lower()}"><a href="#{place}">{short_sign(verdict, count)}</a></td>'
        yield "</tr>\n"
    yield "</tbody></table></div>\n"


def _cells(phone: PhoneReport, anchors: Anchors) -> dict[str, _Cell]:
    found: dict[str, _Cell] = {}
    for place, finding in enumerate(phone.worst_first()):
        known = found.get(finding.rule)
        if known is None:
            found[finding.rule] = (finding.verdict, 1, anchors.finding(finding, place))
        elif known[0] is finding.verdict:
            found[finding.rule] = (known[0], known[1] + 1, known[2])
    return found


def _rules(cells: Sequence[dict[str, _Cell]]) -> list[str]:
    worst: dict[str, int] = {}
    for column in cells:
        for rule, (verdict, _, _) in column.items():
            worst[rule] = min(worst.get(rule, len(WORST_FIRST)), WORST_FIRST.index(verdict))
    return sorted(worst, key=lambda rule: (worst[rule], rule))
