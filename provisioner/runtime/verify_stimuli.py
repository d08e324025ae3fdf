"""What a job does to phones beside watching: check-sync, refusals, silence, calls.  Everything is undone, however it ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner.runtime.session_calls import SessionCalls
from sipstub.stimulus.act import Act
from sipstub.stimulus.director import Director, StimulusProblem
from sipstub.stimulus.plan import GRANT_S, SLACK_S, plan_for
from sipstub.stimulus.run import Run
from sipstub.stimulus.step import Step
from sipstub.verify.expectation import Expectation, Expectations, read_expectations
from sipstub.verify.setting import ON
from sipstub.verify.stimulus import EVERY, Stimulus
from sipstub.verify.tolerance import TOLERANCE

MAX_PHONES = 200
"Phones of one job that something is done to."
WITH_A_PERSON = frozenset({Stimulus.CALL_OUT, Stimulus.DIGIT})
"Somebody has to dial at the phone."
LEFT_OUT = ("key-", "codec-")
"Settings that make most of a large file, and that no stimulus asks for but codecs that are on."
PRESSED_S = 4.0
"A key of a virtual phone is pressed by then."
MAX_ACTS = 500
"Of one job, as they are told to whoever asked."


@dataclass(frozen=True, slots=True)
class Pace:
    """How a job goes about it."""

    leaves_out: frozenset[Stimulus] = frozenset()
    "What is not done, for want of time."
    grant_s: int = GRANT_S
    "Longest time that a phone is granted meanwhile."
    are_virtual: bool = False
    "Whether nobody uses the phones: then they are disturbed all at once."

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"leaves_out": sorted(self.leaves_out), "grant_s": self.grant_s, "are_virtual": self.are_virtual}

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Pace:
        """Return what `as_json` gave; the usual pace for nothing."""
        left_out = frozenset(Stimulus(name) for name in values.get("leaves_out", ()))
        return cls(left_out, int(values.get("grant_s", GRANT_S)), bool(values.get("are_virtual")))


USUAL = Pace()


def steps_for(
    phone: Expectations,
    *,
    boots: bool,
    stimulates: bool,
    has_person: bool,
    pace: Pace = USUAL,
    sessions: SessionCalls | None = None,
) -> tuple[Step, ...]:
    """Return what is done to a phone: its own plan, first of all a restart if one is wanted, last the calls of session timers.

    Of virtual phones the calls come first.
    """
    allowed = (EVERY if has_person else EVERY - WITH_A_PERSON) - pace.leaves_out
    steps = plan_for(phone, allowed) if stimulates else ()
    if boots and not any(step.stimulus is Stimulus.BOOT for step in steps):
        limit = TOLERANCE.reboot + SLACK_S
        boot = Step(Stimulus.BOOT, tuple(phone.enabled), TOLERANCE.reboot / 2, limit, ())
        steps = (boot, *steps)
    if pace.are_virtual:
        steps = tuple(replace(step, usual_s=PRESSED_S) if step.stimulus is Stimulus.DIGIT else step for step in steps)
    calls = sessions.plan(phone, has_person=has_person).steps if sessions is not None else ()
    # Nobody waits for a virtual phone to come back from a call: what it does by itself meanwhile need not be waited for after it.
    return (*calls, *steps) if pace.are_virtual else (*steps, *calls)


def to_ask(phones: Iterable[Expectations]) -> list[dict[str, Any]]:
    """Return what the SIP process has to know of phones, without any secret."""
    found = []
    for phone in phones:
        used = {(item.account, item.index) for item in phone.items if item.setting == "codec-enabled" and item.value == ON}
        items = tuple(item for item in phone.items if not item.is_secret and (_is_asked(item) or _is_codec(item, used)))
        found.append(Expectations(phone.subject, items).as_json())
    return found


def _is_asked(item: Expectation) -> bool:
    return not item.setting.startswith(LEFT_OUT)


def _is_codec(item: Expectation, used: Collection[tuple[int | None, str]]) -> bool:
    """Return whether this says that a codec is on, or which: only a call shows their order."""
    return item.setting in ("codec-enabled", "codec-name") and (item.account, item.index) in used


class Stimulating:
    """All runs of one job."""

    def __init__(self, director: Director, asked: Mapping[str, Any], now: float) -> None:
        import json

        self._director = director
        self._runs: dict[str, Run] = {}
        self.problems: dict[str, str] = {}
        "Why nothing is done to a phone, by MAC."
        boots, stimulates = bool(asked.get("boots")), bool(asked.get("stimulates"))
        pace, sessions = Pace.read(asked.get("pace", {})), SessionCalls.read(asked.get("sessions"))
        given = asked.get("phones", [])
        try:
            for phone in read_expectations(json.dumps(given[:MAX_PHONES])):
                has_person = bool(asked.get("has_person"))
                steps = steps_for(phone, boots=boots, stimulates=stimulates, has_person=has_person, pace=pace, sessions=sessions)
                try:
                    self._runs[phone.subject.mac] = director.run(
                        phone, steps, now, may_restart=boots, waits_turn=not pace.are_virtual, grant_s=pace.grant_s
                    )
                except StimulusProblem as problem:
                    self.problems[phone.subject.mac] = problem.message
        except BaseException:
            self.stop(now)
            raise

    @property
    def macs(self) -> list[str]:
        """Return the phones that something is done to."""
        return list(self._runs)

    @property
    def is_done(self) -> bool:
        """Return whether nothing more will be done."""
        return all(run.is_done for run in self._runs.values())

    def fetched(self, times: Mapping[str, float], now: float) -> None:
        """Take note of the last request of each phone for a file, by MAC."""
        for mac, at in times.items():
            run = self._runs.get(mac)
            if run is not None and not run.is_done and at > max(run.stage.fetched_at, run.began_at):
                run.fetched(at)
                run.wake(now)

    def progress(self) -> dict[str, Any]:
        """Return how far each phone is, for whoever asked."""
        found = {}
        for mac, run in self._runs.items():
            step = run.step
            found[mac] = {
                "step": str(step.stimulus) if step is not None else "",
                "accounts": list(step.accounts) if step is not None else [],
                "wants_person": step is not None and step.wants_person,
                "waits_for": run.waits_for,
                "done": len(run.results),
                "of": len(run.steps),
                "given": sorted(str(one) for one in run.stimuli),
                "boots": list(run.boots),
                "held": run.held,
            }
        acts = [act for run in self._runs.values() for act in run.acts]
        return {
            "phones": found,
            "stimulated": self.is_done,
            "problems": self.problems,
            "acts": [act_as_json(act) for act in sorted(acts, key=lambda act: act.at)[-MAX_ACTS:]],
        }

    def stop(self, now: float) -> None:
        """End what is under way, and put everything back."""
        for run in self._runs.values():
            self._director.stop(run, now)


_ACT = ("kind", "aor", "what", "at", "until", "call_id", "line")


def act_as_json(act: Act) -> dict[str, Any]:
    """Return an act as plain values."""
    return {name: getattr(act, name) for name in _ACT} | {"kind": str(act.kind)}


def read_acts(rows: Sequence[Mapping[str, Any]]) -> list[Act]:
    """Return what `act_as_json` gave."""
    return [Act(id=at, **{**row, "kind": Stimulus(row["kind"])}) for at, row in enumerate(rows, 1)]
