"""Values that a setting cannot have are refused where they stand, with what it can have."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet
from sbc_cases import NO_TEXT, TOO_LONG, Case, Subject, cases, subjects

from sipstub.sbc.settings.parameter import Kind
from sipstub.sbc.settings.problem import Code
from sipstub.sbc.settings.reading import read_settings
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.value import MAX_TEXT


def refused() -> list[ParameterSet]:
    """Return one set of arguments for each value of each setting that has to be refused."""
    return [
        pytest.param(subject, case, id=f"{subject.title}={case.values[0]}", marks=pytest.mark.sbc_refused(subject.title, value))
        for subject in subjects()
        for case in cases(subject.parameter)
        if case.is_refused
        for value in case.values
    ]


@pytest.mark.parametrize(("subject", "case"), refused())
def test_a_value_that_it_cannot_have_is_refused(subject: Subject, case: Case) -> None:
    parameter, table = subject.parameter, subject.table
    text = {TOO_LONG: "x" * (MAX_TEXT + 1), NO_TEXT: '""'}.get(str(case.values[0]), str(case.values[0]))
    lines = ["; of a device", f"{parameter.name} = {text}"]
    if table is not None:
        lines = [f"[ {table.name} ]", f"FORMAT Index = {parameter.name};", f"{table.name} 0 = {text};", f"[ \\{table.name} ]"]
    reading = read_settings("\n".join(lines).encode(), "sbc.ini")
    (problem,) = reading.errors
    assert problem.code is Code.BAD_VALUE and problem.origin.line == (2 if table is None else 3)
    seen = "that" if table is not None and table.has_secret else {TOO_LONG: TOO_LONG, NO_TEXT: ""}.get(str(case.values[0]), text)
    assert parameter.name in problem.message and seen in problem.message
    reasons = dict(parameter.refused)
    if (number := case.values[0]) in reasons:
        assert problem.hint == reasons[number]
    else:
        assert parameter.allowed in problem.hint
    if table is None:
        assert reading.settings == SbcSettings(), "nothing of it is taken"
    else:
        assert all(parameter.name not in row.given for row in reading.settings.table(table.name))
    assert parameter.kind is not Kind.SECRET
