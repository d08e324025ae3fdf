"""Settings that can change nothing here are taken, said, and seen to change nothing."""

from __future__ import annotations

import pytest
from sbc_cases import Case, Subject, cases, subjects
from sbc_world import hang_up, place, two_servers

from sipstub.sbc.settings.parameter import Status, Value
from sipstub.sbc.settings.problem import Code, Severity
from sipstub.sbc.settings.reading import read_settings


def value_of(case: Case) -> Value:
    """Return the value of a case, or one in its middle."""
    return case.values[0] if case.between is None else sum(case.between) // 2


SAME = [
    pytest.param(subject, value, id=f"{subject.title}={value}", marks=pytest.mark.sbc_same(subject.title, value))
    for subject in subjects()
    if subject.parameter.status is Status.NO_EFFECT
    for case in cases(subject.parameter)
    if not case.is_refused
    for value in (value_of(case),)
]


def talk(values: dict[str, int]) -> list[tuple[float, str, str, bytes]]:
    """Return all messages of a watched call with a session timer that nobody refreshes, and of a subscription."""
    world, a, b = two_servers(values, {"SBCSessionExpiresMode": 1}, {"SBCSessionExpiresMode": 1})
    timer = (("Supported", "timer"), ("Session-Expires", "1800"))
    answers = (("Session-Expires", "1800;refresher=uac"), ("Require", "timer"))
    ours, _ = place(a, b, "sip:200@corp.example", *timer, answers=answers)
    hang_up(a, b, ours)
    place(a, b, "sip:200@corp.example", *timer, answers=answers)
    a.ask("SUBSCRIBE", "sip:200@corp.example", ("Event", "dialog"), ("Expires", "600"))
    b.answer(b.request("SUBSCRIBE"), 200, ("Expires", "600"))
    world.run(2000)
    assert "BYE" in a.heard and "BYE" in b.heard
    return [(at, source, to, message.start_line.encode()) for at, source, to, message in world.log]


@pytest.mark.parametrize(("subject", "value"), SAME)
def test_nothing_on_the_wire_is_otherwise(subject: Subject, value: Value) -> None:
    assert isinstance(value, int)
    name = subject.parameter.name
    reading = read_settings(f"{name} = {value}\n".encode(), "sbc.ini")
    assert reading.settings.number(name) == value and not reading.errors
    notes = [one for one in reading.problems if one.code is Code.NOT_MODELLED]
    assert [(one.severity, one.hint) for one in notes] == [(Severity.WARNING, subject.parameter.has_no_effect)]
    assert talk({name: value}) == talk({})
