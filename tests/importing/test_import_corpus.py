"""Drop NAME.csv and NAME.expected.json into corpus/, get a test.

The expectation holds `problems` ([row, column, code] each), `phones` (name, action, changes as printed), `encoding` and
`separator`.  `python -m pytest --update-golden` is not needed here: PRINT_CORPUS=1 prints what came out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from import_builders import a_devices_folder, contents, run

CORPUS = Path(__file__).parent / "corpus"
CASES = sorted(path.stem for path in CORPUS.glob("*.csv"))


@pytest.mark.parametrize("case", CASES)
def test_a_nasty_file_gives_exactly_these_phones_and_problems_and_writes_nothing(case: str, tmp_path: Path) -> None:
    devices = a_devices_folder(tmp_path)
    before = contents(devices)
    outcome = run(devices, (CORPUS / f"{case}.csv").read_bytes())
    seen: dict[str, Any] = {
        "encoding": outcome.sheet.encoding,
        "separator": outcome.sheet.separator,
        "problems": [[problem.line, problem.column, problem.code] for problem in outcome.plan.problems],
        "phones": {
            phone.name: [str(phone.action), *map(str, phone.changes)] if phone.changes else [str(phone.action)]
            for phone in outcome.plan.phones
        },
    }
    if os.environ.get("PRINT_CORPUS"):
        print(json.dumps(seen, indent=1, ensure_ascii=False))
        for problem in outcome.plan.problems:
            print(problem)
    assert contents(devices) == before
    assert seen == json.loads((CORPUS / f"{case}.expected.json").read_text("utf-8"))


def test_every_csv_of_the_corpus_has_an_expectation_and_the_other_way_round() -> None:
    expected = sorted(path.name.removesuffix(".expected.json") for path in CORPUS.glob("*.json"))
    assert expected == CASES
    assert len(CASES) >= 20
