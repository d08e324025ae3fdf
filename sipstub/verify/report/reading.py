"""A report that was written as JSON, read back from its file: which file is wrong, what was seen in it, and what to do."""

from __future__ import annotations

from pathlib import Path

from sipstub.verify.report.document import Report, ReportProblem, read_report
from sipstub.verify.report.files import FileProblem

MAX_REPORT_BYTES = 64 * 2**20
"Of one report; some 100,000 findings."
HOW = "give what `verify --json FILE` wrote"


def read_report_file(file: Path) -> Report:
    """Return the report of a file; FileProblem or ReportProblem name the file, what was seen, and what to do."""
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_REPORT_BYTES + 1)
    except OSError as error:
        raise FileProblem(f"{file}: {error.strerror}", hint=HOW) from None
    if len(data) > MAX_REPORT_BYTES:
        raise ReportProblem(f"{file} has more than {MAX_REPORT_BYTES} bytes", hint="compare fewer phones at once")
    try:
        return read_report(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ReportProblem(f"{file} is not UTF-8 text: byte {error.start}", hint=HOW) from None
    except ReportProblem as error:
        raise ReportProblem(f"{file} is {error.message}", hint=error.hint or HOW) from None
