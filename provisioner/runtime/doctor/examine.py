"""Runs the checks one after the other, each with its time limit.

A check that does not end in time is left behind on its daemon thread and reported; one that fails is reported too: neither keeps
the others from speaking.  At most MAX_FINDINGS of one check are kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from provisioner.errors import ProvisionerError
from provisioner.runtime.doctor.finding import Finding, problem, warning
from provisioner.runtime.doctor.subject import Subject

MAX_FINDINGS = 20
USUAL_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at."""

    name: str
    "A noun: `clock`."

    look: Callable[[Subject], Iterable[Finding]]
    "Returns what it found; may raise ProvisionerError or OSError."

    timeout_s: float = USUAL_TIMEOUT_S
    "It is given up after so long."


def examine(subject: Subject, checks: Sequence[Check]) -> list[Finding]:
    """Return the findings of all checks in their order; every check gives at least one."""
    return [replace(finding, check=check.name) for check in checks for finding in _run(check, subject)]


def _run(check: Check, subject: Subject) -> list[Finding]:
    found: list[Finding] = []
    done = threading.Event()

    def look() -> None:
        try:
            result = list(islice(check.look(subject), MAX_FINDINGS))
        except ProvisionerError as error:
            result = [problem(error.message, error.hint)]
        except OSError as error:
            result = [problem(f"could not look: {error}", "see that this user may read it")]
        except Exception as error:  # the other checks still have something to say
            result = [problem(f"the check broke: {type(error).__name__}: {error}", "this is a bug in provisioner; report it")]
        found.extend(result)
        done.set()

    threading.Thread(target=look, name=f"doctor-{check.name}", daemon=True).start()
    if not done.wait(check.timeout_s):
        return [warning(f"no result within {check.timeout_s:g} s", "look at it by hand; a name server may not answer")]
    return list(found) or [problem("the check found nothing to say", "this is a bug in provisioner; report it")]
