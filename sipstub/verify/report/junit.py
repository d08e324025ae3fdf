"""The report as JUnit XML, which Jenkins, GitLab and GitHub read: a suite per phone, a case per rule and account."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sipstub.verify.compared import Compared
from sipstub.verify.finding import Finding
from sipstub.verify.report.document import PhoneReport, Report, evidence, iso, remark
from sipstub.verify.verdict import Verdict

MAX_LADDER = 200_000
"Characters of one phone's ladder that are taken along."

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(report: Report, ladders: Mapping[str, str] | None = None) -> str:
    """Return the XML; `ladders` has the text of each phone's ladder by its name.

    FAIL is a failure; SKIPPED and INCONCLUSIVE are skipped cases; WARN and INFO pass, with their text as output.
    """
    root = Element("testsuites", {"name": "sipstub verify", **_sums(report.phones)})
    for phone in report.phones:
        _suite(root, report, phone, (ladders or {}).get(phone.name, ""))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, report: Report, phone: PhoneReport, ladder: str) -> None:
    suite = SubElement(root, "testsuite", {"name": _clean(phone.name), "errors": "0", **_sums([phone])})
    suite.set("timestamp", iso(report.made_at).partition(".")[0])
    properties = SubElement(suite, "properties")
    for name in ("mac", "model", "firmware", "agent", "state"):
        SubElement(properties, "property", name=name, value=_clean(getattr(phone, name)))
    for finding in phone.findings:
        _case(suite, phone, finding)
    for row in phone.compared:
        _compared(suite, phone, row)
    if ladder:
        SubElement(suite, "system-out").text = _clean(ladder[:MAX_LADDER])


def _case(suite: Element, phone: PhoneReport, finding: Finding) -> None:
    case = SubElement(suite, "testcase", name=_clean(finding.title), classname=_clean(f"sipstub.{phone.name}"), time="0")
    text = describe(finding)
    if finding.verdict is Verdict.FAIL:
        failure = SubElement(case, "failure", type=str(finding.verdict), message=_clean(_message(finding)))
        failure.text = _clean(text)
    elif finding.verdict in (Verdict.SKIPPED, Verdict.INCONCLUSIVE):
        SubElement(case, "skipped", message=_clean(f"{finding.verdict}: {finding.seen}"))
    elif finding.verdict is not Verdict.PASS or finding.retries:
        SubElement(case, "system-out").text = _clean(f"{finding.verdict}\n{text}")


def _sums(phones: Sequence[PhoneReport]) -> dict[str, str]:
    """Return how many cases there are, how many failed and how many told nothing."""
    counts = sum((phone.counts for phone in phones), Counter[Verdict]())
    rows = [row.agrees for phone in phones for row in phone.compared]
    return {
        "tests": str(sum(counts.values()) + len(rows)),
        "failures": str(counts[Verdict.FAIL] + rows.count(False)),
        "skipped": str(counts[Verdict.SKIPPED] + counts[Verdict.INCONCLUSIVE] + rows.count(None)),
    }


def _compared(suite: Element, phone: PhoneReport, row: Compared) -> None:
    title = " ".join(part for part in (f"through the SBC: {row.subject}", row.leg, row.what) if part)
    case = SubElement(suite, "testcase", name=_clean(title), classname=_clean(f"sipstub.{phone.name}"), time="0")
    text = f"predicted {row.predicted}, seen {row.seen}"
    if row.agrees is False:
        SubElement(case, "failure", type=row.word, message=_clean(text)).text = _clean(text)
    elif row.agrees is None:
        SubElement(case, "skipped", message=_clean(f"{row.word}: {text}"))


def describe(finding: Finding) -> str:
    """Return expected, seen and likely cause, a line each."""
    extra = ", ".join(part for part in (evidence(finding), remark(finding)) if part)
    lines = [f"expected  {finding.expected}   {finding.place}", f"seen      {finding.seen}   {extra}".rstrip()]
    if finding.likely:
        lines.append(f"likely    {finding.likely}")
    lines.append(f"source    {finding.source} ({finding.certainty})")
    return "\n".join(lines)


def _message(finding: Finding) -> str:
    return f"expected {finding.expected} ({finding.place}), seen {finding.seen}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
