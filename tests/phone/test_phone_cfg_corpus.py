"""Every cfg file of tests/corpus/cfg reads as the JSON beside it says.  Drop two files, get a test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sipstub.phone.format.cfg import CfgFaultCode, parse_cfg
from sipstub.phone.outcome import Outcome

FOLDER = Path(__file__).parents[1] / "corpus" / "cfg"
FILES = sorted(FOLDER.glob("*.cfg"))
MIN_FILES = 10
"What was there once stays there."


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_of_the_corpus_reads_as_written_beside_it(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    file = parse_cfg(path.read_bytes())
    assert {
        "why": expected["why"],
        "ignored": file.is_ignored,
        "values": file.values(),
        "user_passwords": file.user_passwords(),
        "faults": [[fault.line, str(fault.code)] for fault in file.faults],
    } == expected


def test_no_file_of_the_corpus_is_without_its_partner() -> None:
    assert len(FILES) >= MIN_FILES
    assert {path.stem for path in FILES} == {path.stem for path in FOLDER.glob("*.json")}


def headings(page: str) -> list[str]:
    text = (Path(__file__).parents[2] / "docs" / "reference" / page).read_text(encoding="utf-8")
    return [line.removeprefix("### ") for line in text.splitlines() if line.startswith("### ")]


def test_the_reference_has_a_heading_for_every_fault_and_outcome() -> None:
    assert headings("cfg-grammar.md") == [str(code) for code in CfgFaultCode]
    assert headings("boot.md") == [str(outcome) for outcome in Outcome]
