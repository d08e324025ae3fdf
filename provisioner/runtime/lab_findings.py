"""What a report may claim of settings that a lab layer laid: nothing about the value that the phone's own server wants."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from provisioner.inventory.origin import Rank
from provisioner.state.publication import Content
from sipstub.phone.format.cfg import parse_cfg
from sipstub.verify.finding import Finding
from sipstub.verify.report.document import PhoneReport
from sipstub.verify.verdict import Verdict

NOTE = "laid by the lab layer: says nothing of the phone's own value"


def laid_parameters(content: Content) -> frozenset[str]:
    """Return the parameters of a delivered file whose value a lab layer gave."""
    lines = {at for at, origin in enumerate(content.origins or (), 1) if origin and origin[3] == Rank.LAB}
    if not lines:
        return frozenset()
    return frozenset(entry.name for entry in parse_cfg(content.body).entries if entry.line in lines)


def marked(report: PhoneReport, laid: Collection[str]) -> PhoneReport:
    """Return the report with every finding on a laid parameter marked; a PASS on one becomes INFO."""
    if not laid:
        return report
    return replace(report, findings=tuple(_marked(one) if one.parameter in laid else one for one in report.findings))


def _marked(finding: Finding) -> Finding:
    verdict = Verdict.INFO if finding.verdict is Verdict.PASS else finding.verdict
    return replace(finding, verdict=verdict, note=f"{finding.note}; {NOTE}" if finding.note else NOTE)
