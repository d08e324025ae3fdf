"""A report such as a lab files: an honest phone and one that breaks session timers, led through calls in simulated time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scenario_lab import STIMULI, Bench, timer

from sipstub.verify.expectation import Expectations
from sipstub.verify.report.page import write_html
from sipstub.verify.run import Circumstances, Verified, verify

LONG_NAME = "reception-of-the-second-floor-behind-the-lift"
CALLS = ("open", "too-short", "refreshes-as-callee", "refreshed-as-callee", "silent-as-callee")


def judged(name: str, calls: Sequence[str], *disobey: str) -> Verified:
    """Return what is found of one phone."""
    bench = Bench(timer(), disobey=disobey).play(*calls)
    expectations = bench.desk.lab.expectations
    phone = Expectations(replace(expectations.subject, name=name), expectations.items)
    known = Circumstances(STIMULI, until=bench.desk.now, held=bench.run.held)
    return verify((phone,), bench.desk.lab.recorder.messages(), known, now=1_750_000_000.0)


def both() -> Verified:
    """Return what is found of both phones, as one report."""
    first = judged(LONG_NAME, CALLS, "session-refresh-late", "session-never-ends", "session-422-low-min-se")
    second = judged("lobby", CALLS[:1])
    report = replace(first.report, phones=(*first.report.phones, *second.report.phones))
    return Verified(report, {**first.messages, **second.messages}, {**first.secrets, **second.secrets})


def written() -> str:
    """Return the page."""
    done = both()
    return write_html(done.report, done.drawings(), done.evidence())
