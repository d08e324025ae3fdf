"""Whether templates and devices can be loaded, and how much is wrong in them.  `check` lists it all."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.runtime.doctor.finding import Finding, ok, problem, warning
from provisioner.runtime.doctor.subject import Subject

TIMEOUT_S = 60.0
"Ten thousand phones take some seconds."


def look(subject: Subject) -> Iterator[Finding]:
    """Yield the number of problems; CatalogueError if the facts contradict each other."""
    devices = subject.settings.path("devices")
    build = subject.fleet.build()
    phones = len(build.inventory.phones)
    errors = len(build.errors)
    warnings = len(build.problems) - errors
    if errors:
        blocked = sum(found.is_blocked for found in build.phones.values())
        held = f", {_many(blocked, 'phone')} of {phones} get no newer file" if blocked else ""
        yield problem(f"{_many(errors, 'problem')}{held}; first: {build.errors[0]}", "provisioner check")
    elif not phones:
        yield warning(
            f"no phones in {devices}", "write one (`provisioner init DIR` gives an example), or `provisioner adopt MAC`"
        )
    elif warnings:
        yield warning(f"{_many(phones, 'phone')}, {_many(warnings, 'warning')}", "provisioner check")
    else:
        yield ok(f"{_many(phones, 'phone')}, no problems")


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
