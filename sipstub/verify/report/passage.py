"""Calls through an SBC in the HTML report: what was predicted of both legs, beside what was seen."""

from __future__ import annotations

from collections import Counter
from html import escape

from sipstub.verify.compared import Compared
from sipstub.verify.report.document import PhoneReport, Report
from sipstub.verify.report.sign import SIGNS
from sipstub.verify.verdict import Verdict

_VERDICTS = {True: Verdict.PASS, False: Verdict.FAIL, None: Verdict.INCONCLUSIVE}


def write_setting(report: Report) -> str:
    """Return a paragraph on what the SBC was set to; nothing where there was none."""
    if not report.through:
        return ""
    words = ", ".join(f'<span class="code">{escape(word).replace("=", "=<wbr>")}</span>' for word in report.through)
    return f'<p class="through">Between the phones and the registrar stood an SBC, set to {words}.</p>\n'


def write_passage(phone: PhoneReport) -> str:
    """Return the table of one phone, what differs first; nothing for a phone without calls through an SBC."""
    if not phone.compared:
        return ""
    counts = Counter(row.word for row in phone.compared)
    told = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    rows = sorted(phone.compared, key=lambda row: (row.agrees is not False, row.agrees is None))
    body = "".join(map(_row, rows))
    return f"""<table class="findings passage"><caption>{escape(phone.name)} through the SBC: {told}</caption>
<thead><tr><th scope="col">Outcome</th><th scope="col">Call and leg</th><th scope="col">Predicted</th><th scope="col">Seen</th>\
</tr></thead>
<tbody>{body}</tbody></table>
"""


def _row(row: Compared) -> str:
    verdict = _VERDICTS[row.agrees]
    badge = f'<span class="badge {verdict.lower()}"><span aria-hidden="true">{SIGNS[verdict]}</span> {row.word}</span>'
    what = " ".join(part for part in (row.what, f"on the {row.leg} leg" if row.leg else "") if part)
    return (
        f'<tr class="{verdict.lower()}"><td>{badge}</td>'
        f'<th scope="row">{escape(what)}<br><span class="muted">{escape(row.subject)}</span></th>'
        f"<td>{escape(row.predicted)}</td><td>{escape(row.seen)}</td></tr>"
    )
