"""The report as text: one line per phone, then what is wrong in three lines each, worst first."""

from __future__ import annotations

from collections.abc import Collection

from sipstub.verify.finding import Finding
from sipstub.verify.report.document import PhoneReport, Report, evidence, remark
from sipstub.verify.verdict import WORST_FIRST, Verdict

SHOWN = (Verdict.FAIL, Verdict.WARN)
"Findings that are written out unless more is asked for."
MAX_WIDTH = 40
"Longest value that others are lined up with."


def write_text(report: Report, *, shown: Collection[Verdict] = SHOWN, files: str = "", exit_code: int | None = None) -> str:
    """Return the report for a terminal.

    `files` names what else was written; `exit_code` is what the command ends with, if not with that of the report.
    """
    lines = _phones(report)
    for phone in report.worst_first():
        for finding in phone.worst_first():
            if finding.verdict in shown:
                lines += ["", *_finding(phone, finding)]
    counts = report.counts
    totals = [f"{counts[verdict]} {verdict}" for verdict in WORST_FIRST if counts[verdict] and _is_counted(verdict, shown)]
    if report.silent:
        totals.insert(1 if counts[Verdict.FAIL] else 0, f"{report.silent} {_plural('phone', report.silent)} INCONCLUSIVE")
    tail = f"   {files}" if files else ""
    lines += ["", f"{', '.join(totals) or 'nothing asked'}.{tail}   exit {report.exit_code if exit_code is None else exit_code}"]
    return "\n".join(lines) + "\n"


def _is_counted(verdict: Verdict, shown: Collection[Verdict]) -> bool:
    return verdict in (Verdict.FAIL, Verdict.WARN, Verdict.PASS) or verdict in shown


def _phones(report: Report) -> list[str]:
    rows = []
    for phone in report.phones:
        counts = phone.counts
        told = "   ".join(f"{verdict} {counts[verdict]}" for verdict in reversed(WORST_FIRST) if counts[verdict])
        rows.append((phone.name, phone.firmware or phone.model or "-", phone.state, f"{phone.rules} rules", told))
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(4)]
    return ["   ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[4]]).rstrip() for row in rows]


def _finding(phone: PhoneReport, finding: Finding) -> list[str]:
    width = min(MAX_WIDTH, max(len(finding.expected), len(finding.seen)))
    shown_remark = remark(finding)
    tail = evidence(finding) + (f"   ({shown_remark})" if shown_remark else "")
    lines = [
        f"{finding.verdict} {phone.name}  {phone.title(finding)}",
        f"  expected  {finding.expected:<{width}}   {finding.place}".rstrip(),
        f"  seen      {finding.seen:<{width}}   {tail}".rstrip(),
    ]
    if finding.likely:
        lines.append(f"  likely    {finding.likely}")
    return lines


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"
