"""Whether the clock can be right.  Compared with nothing outside: only what cannot be is found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from provisioner.runtime.doctor.finding import Finding, ok, problem, warning
from provisioner.runtime.doctor.subject import Subject

BUILD_YEAR = 2026
"This program did not exist before."

MAX_YEARS = 20
"A clock so far ahead is wrong more likely than the program so old."

HINT = "set the clock (timedatectl set-ntp true): certificates, the journal and `stale` depend on it"


def look(subject: Subject) -> Iterator[Finding]:
    """Yield whether the year is one in which this program can run."""
    shown = datetime.fromtimestamp(subject.now, UTC)
    if shown.year < BUILD_YEAR:
        yield problem(f"the clock says {shown:%Y-%m-%d}, which is before this program was made", HINT)
    elif shown.year > BUILD_YEAR + MAX_YEARS:
        yield warning(f"the clock says {shown:%Y-%m-%d}", HINT)
    else:
        yield ok(f"{shown:%Y-%m-%d %H:%M} UTC")
