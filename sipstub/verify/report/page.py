"""The report as one HTML file: opens offline, prints on A4, light and dark, no script.

Summary first, then each phone, worst first: what is wrong, its ladder, and every finding.  Text of peers is escaped; a drawing
is taken along only if it is plain SVG, and the page forbids scripts and anything from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from sipstub.verify.finding import Finding
from sipstub.verify.report.anchor import BAD, Anchors, anchors_of
from sipstub.verify.report.document import PhoneReport, Report, clock, evidence, iso, remark
from sipstub.verify.report.matrix import write_matrix
from sipstub.verify.report.passage import write_passage, write_setting
from sipstub.verify.report.sign import SIGNS, badge
from sipstub.verify.report.style import STYLE
from sipstub.verify.verdict import WORST_FIRST, Verdict

MAX_DRAWING = 2_000_000
"Characters of one phone's ladder; a larger one is left out, and the page says so."

_HEADLINES = {
    Verdict.FAIL: "Not as the files say",
    Verdict.WARN: "As the files say, with warnings",
    Verdict.INCONCLUSIVE: "Nothing was seen that could tell",
    Verdict.PASS: "As the files say",
}
_TAG = re.compile("<[^>]*>")
_ACTIVE = re.compile(
    r"<\s*/?\s*(?:script|foreignObject|iframe|object|embed|image|a|use|animate\w*|set|style)\b"
    r"|\son\w+\s*=|javascript:|\b(?:xlink:)?href\s*=|\bsrc\s*=|url\((?!#)",
    re.IGNORECASE,
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_html(
    report: Report, drawings: Mapping[str, str] | None = None, messages: Mapping[str, Mapping[int, str]] | None = None
) -> str:
    """Return the page; `drawings` has the ladder of each phone by its name, as SVG, `messages` masked texts by their numbers."""
    phones = report.worst_first()
    drawn = {name: _checked(drawing) for name, drawing in (drawings or {}).items()}
    anchors = anchors_of(phones, drawn)
    body = [_summary(report, phones), write_matrix(phones, anchors)]
    for phone, places in zip(phones, anchors, strict=True):
        body.append(_phone(phone, drawn.get(phone.name), places, (messages or {}).get(phone.name, {})))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(_title(report))}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            '<a class="skip" href="#phones">Skip to the phones</a>',
            *body,
            "</main>",
            f"<footer>{escape(report.program)} · {iso(report.made_at)} · all times UTC · secrets masked</footer>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _title(report: Report) -> str:
    return f"Verification: {_headline(report)[1].lower()}"


def _headline(report: Report) -> tuple[Verdict, str]:
    worst = min((phone.verdict for phone in report.phones), key=WORST_FIRST.index, default=Verdict.INCONCLUSIVE)
    if worst is Verdict.FAIL and not report.counts[Verdict.FAIL]:
        return worst, "As the files say, but not as predicted"
    return worst, _HEADLINES[worst]


def _summary(report: Report, phones: list[PhoneReport]) -> str:
    worst, headline = _headline(report)
    counts = report.counts
    used = [verdict for verdict in WORST_FIRST if counts[verdict]]
    totals = "".join(f'<li class="{verdict.lower()}"><b>{counts[verdict]}</b> {badge(verdict)}</li>' for verdict in used)
    made = iso(report.made_at)
    head = "".join(f'<th scope="col" class="number">{verdict}</th>' for verdict in used)
    rows = "".join(_summary_row(phone, used, at) for at, phone in enumerate(phones))
    return f"""<header id="top">
<p class="kicker">SIP verification report · <time datetime="{made}">{made[:16].replace("T", " ")} UTC</time></p>
<h1 class="{worst.lower()}"><span class="sign" aria-hidden="true">{SIGNS[worst]}</span> {headline}</h1>
<ul class="totals">{totals}</ul>
{write_setting(report)}</header>
<main id="phones">
<h2>Summary</h2>
<div class="scroll" role="region" tabindex="0" aria-label="Phones and their verdicts">
<table class="summary"><caption>{len(phones)} {"phone" if len(phones) == 1 else "phones"}, worst first</caption>
<thead><tr><th scope="col">Phone</th><th scope="col">Model</th><th scope="col">Firmware</th><th scope="col">MAC</th>\
<th scope="col">State</th><th scope="col">Verdict</th>{head}</tr></thead>
<tbody>{rows}</tbody></table></div>"""


def _summary_row(phone: PhoneReport, used: list[Verdict], at: int) -> str:
    counts = phone.counts
    cells = "".join(f'<td class="number">{counts[verdict] or ""}</td>' for verdict in used)
    return (
        f'<tr><th scope="row"><a href="#phone{at}">{escape(phone.name)}</a></th><td>{escape(phone.model or "-")}</td>'
        f'<td class="code">{escape(phone.firmware or "-")}</td><td class="code">{_mac(phone.mac)}</td>'
        f"<td>{escape(phone.state)}</td><td>{badge(phone.verdict)}</td>{cells}</tr>"
    )


def _phone(phone: PhoneReport, drawing: str | None, places: Anchors, messages: Mapping[int, str]) -> str:
    facts = [phone.model, phone.firmware, _mac(phone.mac) if phone.mac else "", phone.state, f"{phone.rules} rules",
             f"{phone.messages} messages"]  # fmt: skip
    head = " · ".join(escape(fact) for fact in facts if fact)
    findings = list(enumerate(phone.worst_first()))
    cards = "".join(_card(phone, finding, place, places, messages) for place, finding in findings if finding.verdict in BAD)
    rows = "".join(_row(phone, finding, place, places) for place, finding in findings)
    name = f"name{places.at}"
    return f"""<section class="phone" id="{places.phone}" aria-labelledby="{name}">
<h2 id="{name}">{badge(phone.verdict)} {escape(phone.name)}</h2>
<p class="facts">{head}</p>
{cards}{write_passage(phone)}{_drawing(phone, drawing)}
<table class="findings"><caption>All findings of {escape(phone.name)}, worst first</caption>
<thead><tr><th scope="col">Verdict</th><th scope="col">Rule</th><th scope="col">Expected</th><th scope="col">Seen</th>\
<th scope="col">Evidence</th></tr></thead>
<tbody>{rows}</tbody></table>
<p class="back"><a href="#top">Back to the summary</a></p>
</section>"""


def _card(phone: PhoneReport, finding: Finding, place: int, places: Anchors, messages: Mapping[int, str]) -> str:
    likely = f"<dt>likely</dt><dd>{escape(finding.likely)}</dd>" if finding.likely else ""
    shown = " · ".join(part for part in (_linked(finding, evidence(finding), places), escape(remark(finding))) if part)
    text = messages.get(finding.number, "")
    message = f"<details><summary>Message #{finding.number}</summary><pre>{escape(text.rstrip())}</pre></details>" if text else ""
    return f"""<article class="card {finding.verdict.lower()}" id="{places.card(place)}">
<h3>{badge(finding.verdict)} {escape(phone.title(finding))}</h3>
<dl><dt>expected</dt><dd><b>{escape(finding.expected)}</b> <span class="place">{_breakable(finding.place)}</span></dd>
<dt>seen</dt><dd><b>{escape(finding.seen)}</b> <span class="place">{shown}</span></dd>{likely}
<dt>source</dt><dd class="muted">{escape(finding.source)} ({escape(finding.certainty)})</dd></dl>{message}
</article>"""


def _row(phone: PhoneReport, finding: Finding, place: int, places: Anchors) -> str:
    shown = escape(remark(finding))
    where = ""
    if finding.number:
        where = _linked(finding, f"{finding.label or 'message'} #{finding.number}", places)
        where += f' <time datetime="{iso(finding.at)}">{clock(finding.at)}</time>'
    extra = f'<br><span class="muted">{shown}</span>' if shown else ""
    return (
        f'<tr class="{finding.verdict.lower()}" id="{places.row(place)}"><td>{badge(finding.verdict)}</td>'
        f'<th scope="row">{escape(phone.title(finding))}<br><span class="code muted">{_breakable(finding.parameter)}</span></th>'
        f'<td>{escape(finding.expected)}<br><span class="place">{_breakable(finding.place)}</span></td>'
        f'<td>{escape(finding.seen)}</td><td class="code">{where}{extra}</td></tr>'
    )


def _linked(finding: Finding, text: str, places: Anchors) -> str:
    """Return a text that leads to the message in the ladder, where it is drawn."""
    target = places.messages.get(finding.number)
    return f'<a href="#{target}">{escape(text)}</a>' if target and text else escape(text)


def _checked(drawing: str) -> str:
    """Return a drawing from its first `<svg` on; nothing if it is too large or no plain picture."""
    text = drawing[drawing.find("<svg") :] if "<svg" in drawing else ""
    return "" if len(text) > MAX_DRAWING or any(_ACTIVE.search(tag) for tag in _TAG.findall(text)) else text


def _drawing(phone: PhoneReport, drawing: str | None) -> str:
    name = escape(phone.name)
    if drawing is None:
        return ""
    if not drawing:
        return f'<p class="muted">The ladder of {name} was left out: it is too large, or no plain drawing.</p>'
    label = f"Messages of {name}"
    scroll = f'<div class="drawing" role="region" tabindex="0" aria-label="{label}">{drawing}</div>'
    return f"<figure><figcaption>{label}</figcaption>{scroll}</figure>"


def _mac(mac: str) -> str:
    return ":".join(mac[at : at + 2] for at in range(0, len(mac), 2)) if len(mac) == 12 else escape(mac)


def _breakable(name: str) -> str:
    """Return a dotted name or a path that may be broken behind its dots and slashes."""
    return escape(name).replace(".", ".<wbr>").replace("/", "/<wbr>")
