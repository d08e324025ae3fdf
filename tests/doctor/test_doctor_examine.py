"""Checks run one after the other, and neither a slow nor a broken one keeps the others from speaking."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from doctor_subject import a_subject

from provisioner.errors import SettingsError
from provisioner.runtime.doctor.checks import CHECKS
from provisioner.runtime.doctor.examine import MAX_FINDINGS, Check, examine
from provisioner.runtime.doctor.finding import Finding, Level, ok
from provisioner.runtime.doctor.subject import Subject


def fine(_: Subject) -> Iterator[Finding]:
    yield ok("fine")


def test_a_check_that_hangs_is_given_up_and_the_next_one_runs(tmp_path: Path) -> None:
    release = threading.Event()

    def hangs(_: Subject) -> Iterator[Finding]:
        release.wait(30)
        yield ok("too late")

    try:
        found = examine(a_subject(tmp_path), (Check("slow", hangs, 0.05), Check("next", fine)))
    finally:
        release.set()
    assert [(one.check, one.level) for one in found] == [("slow", Level.WARNING), ("next", Level.OK)]
    assert "no result within 0.05 s" in found[0].fact


def test_a_check_that_breaks_is_a_problem_and_the_next_one_runs(tmp_path: Path) -> None:
    def breaks(_: Subject) -> Iterator[Finding]:
        raise ZeroDivisionError("oh")

    found = examine(a_subject(tmp_path), (Check("broken", breaks), Check("next", fine)))
    assert found[0].level is Level.PROBLEM and "ZeroDivisionError: oh" in found[0].fact
    assert found[1] == Finding(Level.OK, "fine", "", "next")


def test_an_error_of_ours_becomes_its_message_and_hint(tmp_path: Path) -> None:
    def refuses(_: Subject) -> Iterator[Finding]:
        raise SettingsError("http is odd", hint="make it even")

    assert examine(a_subject(tmp_path), (Check("one", refuses),)) == [
        Finding(Level.PROBLEM, "http is odd", "make it even", "one")
    ]


def test_a_folder_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    def denied(_: Subject) -> Iterator[Finding]:
        raise PermissionError(13, "Permission denied", "/etc/shadow")

    assert "could not look" in examine(a_subject(tmp_path), (Check("one", denied),))[0].fact


def test_a_check_says_something_and_not_too_much(tmp_path: Path) -> None:
    found = examine(a_subject(tmp_path), (Check("mute", lambda _: ()), Check("loud", lambda _: [ok("x")] * 1000)))
    assert found[0].level is Level.PROBLEM
    assert len(found) == 1 + MAX_FINDINGS


def test_every_check_has_its_own_name_and_a_time_limit() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names) == 12
    assert all(0 < check.timeout_s <= 60 for check in CHECKS)
