"""The one process that parses, renders, lints and publishes.  All others only look up."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from provisioner.errors import CatalogueError, EnvironmentProblem, Problem
from provisioner.runtime.compose import bodies, compose
from provisioner.runtime.fleet import Build, Fleet
from provisioner.runtime.lab_return import LabReturns
from provisioner.state.published import Publication, Publisher

LOOK_SHARE = 20
"Looking at the folders may take one part in so many of the time; large fleets are looked at less often."


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What one load did."""

    generation: int
    "The generation that is published now."

    is_new: bool
    "Whether this load made it."

    errors: int
    "Problems that stop files."

    seconds: float
    "How long it took."

    error: str = ""
    "Why nothing could be published; empty if it could."


class Loader:
    """Loads, publishes, and looks again."""

    def __init__(
        self,
        fleet: Fleet,
        publisher: Publisher,
        say: Callable[[str], None],
        now: Callable[[], float] = time.time,
        returns: LabReturns | None = None,
    ) -> None:
        self.fleet = fleet
        self._returns = returns
        self._publisher = publisher
        self._say = say
        self._now = now
        self._last_text: object = None
        self.build: Build | None = None

    def load(self, *, force: bool = False) -> LoadReport | None:
        """Publish what the folders say now; return None if nothing changed since the last load."""
        began = time.monotonic()
        now = self._now()
        published = self._publisher.load_last() if self.build is None or force else None
        try:
            is_changed = self.fleet.refresh_templates()
        except CatalogueError as error:
            return self._refused(error, began, now)
        returns = self._returns
        arrived = returns.arrived() if returns is not None else frozenset()
        seen = self.fleet.look(now)
        if not (force or is_changed or arrived) and seen == self._last_text:
            return None
        before = published if published is not None else self._publisher.load_last()
        known = bodies(before)
        self.build = self.fleet.build(known if returns is None else returns.without_resets(known, arrived))
        publication = compose(self.build, before)
        try:
            if returns is not None:
                returns.note(self.build, before)
                publication = returns.bring_back(publication, self.build, before, self.fleet.labs)
            number = self._publisher.publish(publication, now=now)
            if returns is not None:
                returns.settle(publication, before, self.fleet.labs)
        except (EnvironmentProblem, OSError) as error:
            return LoadReport(before.generation, False, len(self.build.errors), time.monotonic() - began, str(error))
        self._last_text = seen
        return LoadReport(number, number != before.generation, len(self.build.errors), time.monotonic() - began)

    def _refused(self, error: CatalogueError, began: float, now: float) -> LoadReport:
        """Keep everything and show why: the facts under templates/ contradict each other.  Lab layers end all the same."""
        problem = Problem("templates", None, error.code, error.message, error.hint)
        publication = Publication(problems=[problem.as_json()])
        if self._returns is not None:
            self.fleet.look_at_labs(now)
            before = self._publisher.load_last()
            publication = self._returns.bring_back(publication, None, before, self.fleet.labs)
        number = self._publisher.publish(publication, now=now)
        if self._returns is not None:
            self._returns.settle(publication, before, self.fleet.labs)
        return LoadReport(number, False, 1, time.monotonic() - began, error.message)

    def run(self, poll_s: float, ready: Callable[[], None]) -> None:
        """Load, call `ready`, and look every `poll_s` seconds or on SIGHUP until SIGTERM."""
        wake = threading.Event()
        asked = {"stop": False, "force": False}

        def on_signal(number: int, _frame: object) -> None:
            asked["stop" if number == signal.SIGTERM else "force"] = True
            wake.set()

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGHUP, on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # the supervisor starts it with SIGHUP blocked
        self._report(self.load(force=True))
        ready()
        pause = poll_s
        while not asked["stop"]:
            wake.wait(pause)
            wake.clear()
            if asked["stop"]:
                break
            began = time.monotonic()
            force, asked["force"] = asked["force"], False
            self._report(self.load(force=force))
            pause = max(poll_s, LOOK_SHARE * (time.monotonic() - began))

    def _report(self, report: LoadReport | None) -> None:
        if report is None:
            return
        if report.error:
            self._say(f"generation {report.generation} stays: {report.error}")
            return
        shown = f"generation {report.generation}" if report.is_new else f"generation {report.generation}, unchanged"
        held = f", {report.errors} problems: run `provisioner check`" if report.errors else ""
        self._say(f"loaded {shown} in {report.seconds:.2f} s{held}")
