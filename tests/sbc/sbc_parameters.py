"""Makes docs/reference/sbc-parameters.md of the facts and of the tests: python tests/sbc/sbc_parameters.py

Says on stderr which value of a setting that works has no test, and ends with 1 then.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
sys.path[:0] = [str(FOLDER), str(ROOT)]

from sbc_cases import Case, Subject, cases, missing, subjects  # noqa: E402 - scripts find their neighbours only now
from sbc_proof import title_of  # noqa: E402

from sipstub.sbc.settings.explanation import default_of  # noqa: E402
from sipstub.sbc.settings.facts import GROUPS  # noqa: E402
from sipstub.sbc.settings.parameter import Status, Value  # noqa: E402

MARKS = ("sbc", "sbc_refused", "sbc_same")
HEAD = """# Settings of the SBC and their proofs

Made by `python tests/sbc/sbc_parameters.py`; a test holds this page to the facts and to the tests. What the settings mean is on
[their own page](sbc-settings.md), what the SBC does by them in [The SBC](sbc.md).

- **works**: each value has a test that sees it on the wire. Such a test is run again with an SBC that reads other values instead,
  and has to fail then; so no test stands here that would pass anyway.
- **partly**, **not yet**: calls do not feel all of it; the values that have a test do what they say.
- **no effect**: taken, and seen to change nothing.
- Values outside of what is allowed are refused by the readers, with the line and what is allowed.

How sure the facts are: *documented*, *inferred* from what documents say of something else, *our choice*, *unknown*.
"""


class _Collector:
    """Keeps what the tests say that they prove."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, Value, str]] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            name = f"{Path(str(item.fspath)).stem}::{getattr(item, 'originalname', item.name)}"
            self.found += [
                (mark.name, title_of(mark.args[0]), mark.args[1], name) for mark in item.iter_markers() if mark.name in MARKS
            ]


def collected() -> list[tuple[str, str, Value, str]]:
    """Return kind of proof, setting, value and test of all tests beside this file."""
    collector = _Collector()
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        options = ["--collect-only", "-q", "-n0", "-p", "no:cacheprovider", "--rootdir", str(ROOT), str(FOLDER)]
        code = pytest.main(options, plugins=[collector])
    if code != 0:
        raise SystemExit(told.getvalue())
    return collector.found


def page(found: list[tuple[str, str, Value, str]]) -> Iterator[str]:
    """Yield the lines of the page."""
    every = list(subjects())
    yield HEAD
    counts = [f"{sum(one.parameter.status is status for one in every)} {status}" for status in Status]
    yield f"Of {len(every)} settings: {', '.join(counts)}.\n"
    yield "| setting | status | sure | values with a test |\n|---|---|---|---|"
    for subject in every:
        wanted = list(cases(subject.parameter))
        have = sum(bool(_tests(subject, case, found)) for case in wanted)
        link = f"[{subject.title}](#{subject.title.lower().replace('.', '')})"
        yield f"| {link} | {subject.parameter.status} | {subject.parameter.weakest} | {have} of {len(wanted)} |"
    heading = ""
    for subject in every:
        title = "IP Profile and IP Group" if subject.table else GROUPS[subject.parameter.group]
        if title != heading:
            heading = title
            yield f"\n## {title}"
        yield from _section(subject, found)


def _section(subject: Subject, found: list[tuple[str, str, Value, str]]) -> Iterator[str]:
    parameter = subject.parameter
    lacking = f": {parameter.lacks}" if parameter.status is Status.PARTLY else ""
    yield f"\n### {subject.title}\n"
    yield f"{parameter.status}{lacking}; {parameter.weakest}; default {default_of(parameter)}.\n"
    yield "| value | | tests |\n|---|---|---|"
    for case in cases(parameter):
        tests = _tests(subject, case, found)
        values = sorted({value for _, title, value, _ in found if title == subject.title and case.takes(value)}, key=str)
        shown = ", ".join(str(value) or "empty" for value in (case.values or values))
        label = case.label if shown in case.label or not shown else f"{shown}, {case.label}"
        state = "refused" if case.is_refused else "" if tests else "no test"
        yield f"| {_safe(label)} | {state} | {', '.join(f'`{test}`' for test in tests)} |"


def _tests(subject: Subject, case: Case, found: list[tuple[str, str, Value, str]]) -> list[str]:
    kinds = ("sbc_refused",) if case.is_refused else ("sbc", "sbc_same")
    return sorted({name for kind, title, value, name in found if kind in kinds and title == subject.title and case.takes(value)})


def _safe(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("~", "\\~")


def main() -> int:
    """Print the page; return 1 if a value of a setting that works has no test."""
    found = collected()
    print("\n".join(page(found)))
    wrong = list(missing((kind, title, value) for kind, title, value, _ in found))
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
