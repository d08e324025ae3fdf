"""Each value of a setting that works has a test, and the page that says so is made of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sbc_cases import cases, missing, subjects

from sipstub.sbc.settings.parameter import Status

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def made() -> subprocess.CompletedProcess[str]:
    """Return what the script says."""
    script = [sys.executable, "tests/sbc/sbc_parameters.py"]
    return subprocess.run(script, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_each_value_of_a_setting_that_works_has_a_test(made: subprocess.CompletedProcess[str]) -> None:
    assert (made.returncode, made.stderr.strip()) == (0, "")


def test_the_page_of_proofs_is_made_of_the_tests(made: subprocess.CompletedProcess[str]) -> None:
    page = (ROOT / "docs/reference/sbc-parameters.md").read_text("utf-8")
    assert page == made.stdout, "python tests/sbc/sbc_parameters.py > docs/reference/sbc-parameters.md"


def test_all_59_settings_are_on_the_page() -> None:
    assert sum(subject.table is None for subject in subjects()) == 59
    assert all(list(cases(subject.parameter)) for subject in subjects())


def test_a_value_without_a_test_is_said() -> None:
    proofs = [
        ("sbc_refused" if case.is_refused else "sbc", subject, case)
        for subject in subjects()
        for case in cases(subject.parameter)
    ]
    enough = [
        ("sbc_same" if kind == "sbc" and subject.parameter.status is Status.NO_EFFECT else kind, subject.title, value)
        for kind, subject, case in proofs
        if subject.parameter.status is not Status.NOT_YET or case.is_refused
        for value in (case.values or ((case.between[0] + 2,) if case.between else ("x",)))
    ]
    assert list(missing(enough)) == []
    without = [entry for entry in enough if entry[1:] != ("SBCMinSE", 1_000_000)]
    assert list(missing(without)) == ["SBCMinSE: no test of highest 1000000"]
    for subject in subjects():
        if subject.parameter.status is Status.NOT_YET:
            value = next(case.values[0] for case in cases(subject.parameter) if case.values and not case.is_refused)
            said = f"{subject.title}: {value} is proven, and the facts say that it lacks all"
            assert said in list(missing([*enough, ("sbc", subject.title, value)]))
