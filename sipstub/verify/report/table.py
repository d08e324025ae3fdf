"""The report as CSV, for the test manager's sheet: a row per finding."""

from __future__ import annotations

import csv
import io

from sipstub.verify.finding import Finding
from sipstub.verify.report.document import PhoneReport, Report, iso

COLUMNS = (
    "phone", "mac", "model", "firmware", "rule", "account", "index", "verdict", "expected", "where", "seen", "message", "time",
    "note", "retries", "likely", "parameter", "certainty", "source", "row",
)  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"What a spreadsheet would take as the beginning of a formula."


def write_csv(report: Report) -> str:
    """Return the table, with a heading; no cell can be taken for a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for phone in report.phones:
        for finding in phone.findings:
            writer.writerow([_safe(cell) for cell in _row(phone, finding)])
    return text.getvalue()


def _row(phone: PhoneReport, finding: Finding) -> list[str]:
    return [
        phone.name,
        phone.mac,
        phone.model,
        phone.firmware,
        finding.rule,
        "" if finding.account is None else str(finding.account),
        finding.index,
        str(finding.verdict),
        finding.expected,
        finding.place,
        finding.seen,
        f"{finding.label} #{finding.number}" if finding.number else "",
        iso(finding.at) if finding.number else "",
        finding.note,
        str(finding.retries) if finding.retries else "",
        finding.likely,
        finding.parameter,
        finding.certainty,
        finding.source,
        finding.row,
    ]


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
