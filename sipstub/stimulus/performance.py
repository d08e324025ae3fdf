"""One step under way: what it begins with, when it is over, what it waits for, and how it is undone."""

from __future__ import annotations

from sipstub.stimulus.stage import Stage
from sipstub.stimulus.step import Step
from sipstub.verify.tolerance import TOLERANCE

LOOK_S = 1.0
"How often a step looks whether it is over, where nothing else wakes it."


class Performance:
    """What all steps have in common: `look` returns whether the step is over."""

    def __init__(self, stage: Stage, step: Step, now: float) -> None:
        self.stage = stage
        self.step = step
        self.began_at = now
        self.aors = stage.of(step.accounts)
        self.is_given = False
        "Whether the stimulus came about, so that its rules can be judged."
        self.waits_for = ""
        "For people: what has to happen."

    @property
    def ends_at(self) -> float:
        """Return when it is given up."""
        return self.began_at + self.step.limit_s

    def begin(self, now: float) -> None:
        """Do what there is to do at first."""

    def look(self, now: float) -> bool:
        """Return whether it is over; do what has become possible."""
        raise NotImplementedError

    def end(self, now: float) -> None:
        """Undo what it began."""

    def all_registered_since(self, since: float) -> bool:
        """Return whether every account of the step was registered after that moment."""
        return all(self.stage.is_registered_since(aor, since) for aor in self.aors)


class Registering(Performance):
    """The phone registers, and renews that."""

    def __init__(self, stage: Stage, step: Step, now: float) -> None:
        super().__init__(stage, step, now)
        self._restarted_at = 0.0
        self._is_late: set[str] = set()

    def begin(self, now: float) -> None:
        """Restart a phone that would not register for a long time, if it may be."""
        self.is_given = True
        self._is_late = {aor for aor in self.aors if self.stage.comes_late(aor, now)}
        if self._is_late and self.stage.may_restart and self.stage.director.check_sync_one(self.aors, now, with_reboot=True):
            self._restarted_at = now
            self._is_late = set()

    def look(self, now: float) -> bool:
        """Return whether each account has registered and renewed that, and had time for what follows."""
        missing = [aor for aor in self.aors if not self._is_done(aor, now)]
        self.waits_for = "" if not missing else "waiting for it to register"
        if missing and all(self.stage.is_registered(aor, now) for aor in self.aors):
            self.waits_for = "registered; waiting for it to renew that"
        return not missing

    def _is_done(self, aor: str, now: float) -> bool:
        since = self._restarted_at or self.stage.began_at
        times = [at for at in self.stage.registered_at.get(aor, ()) if at > since]
        if aor in self._is_late:
            return now >= self.began_at + TOLERANCE.absence
        return len(times) >= 2 and now >= times[0] + TOLERANCE.absence + TOLERANCE.edge_s


class Idling(Performance):
    """Nothing is done."""

    def look(self, now: float) -> bool:
        """Return whether the time is over."""
        self.is_given = True
        self.waits_for = f"left alone for {self.step.usual_s:.0f} s"
        return now >= self.began_at + self.step.usual_s


class Asking(Performance):
    """OPTIONS to each account."""

    def begin(self, now: float) -> None:
        """Send it, to all that can be reached."""
        self._unasked = list(self.aors)
        self._asked_at = now
        self._ask(now)

    def _ask(self, now: float) -> None:
        for aor in list(self._unasked):
            if self.stage.director.options(aor, now):
                self._unasked.remove(aor)
                self._asked_at, self.is_given = now, True

    def look(self, now: float) -> bool:
        """Return whether each was asked, and has answered or had the time to."""
        self._ask(now)
        self.waits_for = "waiting for it to register" if self._unasked else "waiting for an answer to OPTIONS"
        acts = self.stage.director.acts.of(self.aors, self.began_at)
        is_open = any(act.kind is self.step.stimulus and act.until is None for act in acts)
        return not self._unasked and not is_open
