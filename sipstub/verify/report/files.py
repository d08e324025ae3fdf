"""The report in files: JSON, JUnit, HTML, CSV, and the messages as pcapng with what is wrong as comments on packets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sipstub.errors import SipstubError
from sipstub.trace.pcapng_writer import write_pcapng
from sipstub.trace.record import RecordedMessage
from sipstub.verify.report.document import PhoneReport
from sipstub.verify.report.junit import write_junit
from sipstub.verify.report.page import write_html
from sipstub.verify.report.table import write_csv
from sipstub.verify.run import Verified
from sipstub.verify.verdict import Verdict

STANDARD_OUTPUT = "-"
COMMENTED = (Verdict.FAIL, Verdict.WARN, Verdict.PASS, Verdict.INFO)
"Findings that stand on their packet."
_NO_REMARKS: Mapping[int, Sequence[str]] = {}


class FileProblem(SipstubError):
    """A file that cannot be read or written."""

    code = "file"


def write_file(path: Path, text: str) -> None:
    """Write a text as it is; FileProblem names the file that cannot be written."""
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise FileProblem(f"{path}: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Which files are wanted; None for those that are not."""

    json: Path | None = None
    "`-` is standard output, and somebody else's business."
    junit: Path | None = None
    html: Path | None = None
    csv: Path | None = None
    pcap: Path | None = None

    def write(self, done: Verified, remarks: Mapping[int, Sequence[str]] = _NO_REMARKS) -> str:
        """Write them; return which there are, for people.  FileProblem names the one that cannot be written.

        `remarks` are what else is to be said on a message of the capture, by its number: what was done to the phone.
        """
        report = done.report
        jobs = [
            ("json", None if self.json is not None and str(self.json) == STANDARD_OUTPUT else self.json, report.to_text),
            ("junit", self.junit, lambda: write_junit(report, done.texts())),
            ("report", self.html, lambda: write_html(report, done.drawings(), done.evidence())),
            ("table", self.csv, lambda: write_csv(report)),
        ]
        written = []
        for name, path, make in jobs:
            if path is None:
                continue
            write_file(path, make())
            written.append(f"{name}: {path}")
        if self.pcap is not None:
            self._write_pcap(self.pcap, done, remarks)
            written.append(f"pcap: {self.pcap}")
        return "   ".join(written)

    def _write_pcap(self, path: Path, done: Verified, remarks: Mapping[int, Sequence[str]]) -> None:
        numbered: dict[int, RecordedMessage] = {}
        comments = {number: list(texts) for number, texts in remarks.items()}
        for phone in done.report.phones:
            numbered |= {message.number: message for message in done.wire(phone.name)}
            for number, texts in comments_of(phone).items():
                comments.setdefault(number, []).extend(texts)
        try:
            with path.open("wb") as stream:
                write_pcapng(stream, [numbered[number].masked() for number in sorted(numbered)], comments)
        except OSError as error:
            raise FileProblem(f"{path}: {error.strerror}") from None


def comments_of(phone: PhoneReport) -> Mapping[int, list[str]]:
    """Return what is to be said on each message, by its number, worst first."""
    found: dict[int, list[str]] = {}
    for finding in phone.worst_first():
        if finding.number and finding.verdict in COMMENTED:
            said = f"expected {finding.expected} ({finding.place}), seen {finding.seen}"
            likely = f"; likely {finding.likely}" if finding.likely else ""
            found.setdefault(finding.number, []).append(f"{finding.verdict} {phone.name}  {phone.title(finding)}: {said}{likely}")
    return found
