"""One verification from the asker's side: ask for the job, read what it records, judge again and again, end with a report.

    run = VerifyRun(table, verdicts, subjects, reading, options)
    run.ask(macs, now)
    while not run.poll(now).is_over: ...
    verified = run.finish(now)

The clock is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.errors import EnvironmentProblem
from provisioner.runtime.session_calls import SessionCalls
from provisioner.runtime.verify_jobs import KIND
from provisioner.runtime.verify_judge import Watching, judge_phones, messages_of, told, without_evidence
from provisioner.runtime.verify_part import pack, unpack
from provisioner.runtime.verify_stimuli import MAX_PHONES, USUAL, Pace, read_acts, steps_for, to_ask
from provisioner.runtime.verify_subject import Subjects, Tested
from provisioner.runtime.verify_through import Through, far_ends, held_on_phone_leg, phone_leg
from provisioner.state.job_table import Job, JobState, JobTable, Wish
from provisioner.state.reading import Reading
from provisioner.state.rows import DELIVERED
from provisioner.state.verdict_table import VerdictRow, VerdictTable
from sipstub.sbc.predict.roles import Roles
from sipstub.stimulus.act import Act, numbered
from sipstub.stimulus.director import MAX_AT_ONCE
from sipstub.stimulus.step import Step
from sipstub.trace.record import RecordedMessage
from sipstub.verify.expectation import Expectations
from sipstub.verify.facts import Facts, Fetch
from sipstub.verify.run import Verified
from sipstub.verify.stimulus import Stimulus
from sipstub.verify.tolerance import TOLERANCE, Tolerance
from sipstub.verify.verdict import Verdict

CLAIM_S = 40.0
"A job that nobody takes for so long is given up; longer than a crashed SIP process takes to come back."
SLACK_S = 10.0
"The job may run so much longer than was asked: whoever asked ends it."
FETCHING = frozenset({"GET", "RRQ"})
"Methods that give the phone the file."
MAX_FETCHES = 10_000
"Requests for files that are looked at, of all phones together."
LOST = "the SIP process was lost"


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How long, and what is done."""

    wait_s: float = 60.0
    "How long a phone may take to register."
    watch_s: float = 3.0
    "How long to go on once all did: longer than the journal takes to tell of a fetch."
    program: str = "provisioner"
    boots: bool = False
    "Each phone is told to fetch its files and restart."
    stimulates: bool = False
    "What disturbs is done too: refusals, silence, calls."
    has_person: bool = False
    "Somebody dials at the phones when asked to."
    has_action_uri: bool = False
    "They are asked over HTTP to dial by themselves."
    pace: Pace = USUAL
    sessions: SessionCalls | None = None
    "Calls are kept up for session timers."
    tolerance: Tolerance = TOLERANCE
    through: Through | None = None
    "The SBC that the phones find here; None where they talk to the registrar."

    @property
    def acts(self) -> bool:
        """Return whether anything is done to phones."""
        return self.boots or self.stimulates or self.sessions is not None


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """One phone of the live view."""

    name: str
    state: str
    "`registered udp`, `heard`, `silent`, `never fetched`."
    told: int
    "Rules that have a verdict."
    rules: int
    failed: int
    messages: int
    doing: str = ""
    "What is done to it now: `refuse 3 of 7, waiting for it to register again`."


@dataclass(slots=True)
class Standing:
    """How the run stands."""

    lines: list[PhoneLine] = field(default_factory=list)
    job: JobState = JobState.WAITING
    is_over: bool = False


class VerifyRun:
    """Not for several threads."""

    def __init__(
        self, table: JobTable, verdicts: VerdictTable, subjects: Subjects, reading: Reading, options: VerifyOptions
    ) -> None:
        self._table = table
        self._verdicts = verdicts
        self._subjects = subjects
        self._reading = reading
        self._options = options
        self._macs: tuple[str, ...] = ()
        self._job_id = 0
        self._part = 0
        self._since = self._asked_at = self._began_at = self._settled_at = 0.0
        self.limit_s = options.wait_s
        "How long it takes at most, once the job was taken."
        self.usual_s = 0.0
        "How long it takes where phones and people do what is expected; 0 where nothing is done to phones."
        self._hashes: dict[str, tuple[str, ...]] = {}
        self._messages: list[RecordedMessage] = []
        self.job: Job | None = None
        "As it was last seen."
        self._roles: tuple[int, Roles | None] = (0, None)
        "Who is who through an SBC, for the first so many messages."
        self.notes: list[str] = []
        "What a person should know beside the findings."

    def ask(self, macs: Sequence[str], now: float, *, since: float | None = None) -> int:
        """Ask for a job about these phones and return its number; what they said `since` then counts too, else from now on."""
        self._macs = tuple(macs)
        self._since = now if since is None else since
        phones = self._subjects.look(macs)
        self._hashes = {phone.mac: phone.hashes for phone in phones}
        hosts = {host for phone in phones if phone.expectations is not None for host in phone.expectations.subject.addresses}
        asked = {
            "macs": list(macs),
            "words": sorted(self._subjects.words(phones)),
            "hosts": sorted(hosts),
            "since": self._since,
        }
        options = self._options
        self.limit_s = options.wait_s
        if options.acts:
            asked |= self._deeds(phones)
        self._asked_at = now
        until = now + CLAIM_S + self.limit_s + options.watch_s + SLACK_S
        self._job_id = self._table.ask(KIND, asked, until=until, now=now)
        return self._job_id

    def _deeds(self, phones: Sequence[Tested]) -> dict[str, Any]:
        """Return what the SIP process needs to act, and allow for the time that takes."""
        options = self._options
        known = [phone.expectations for phone in phones if phone.expectations is not None]
        if len(known) > MAX_PHONES:
            raise EnvironmentProblem(
                f"{len(known)} phones are too many to act on in one job, {MAX_PHONES} at most", hint="take them group by group"
            )
        flags: dict[str, Any] = {"boots": options.boots, "stimulates": options.stimulates, "has_person": options.has_person}
        longest = [sum(step.limit_s for step in self.steps(phone)) for phone in known]
        self.usual_s = max((sum(step.usual_s for step in self.steps(phone)) for phone in known), default=0.0)
        rounds = 1 if options.pace.are_virtual else -(-len(known) // MAX_AT_ONCE)
        self.limit_s += max(longest, default=0.0) * max(1, rounds)
        self.usual_s *= max(1, rounds)
        if options.sessions is not None:
            flags["sessions"] = options.sessions.as_json()
        return flags | {"pace": options.pace.as_json(), "phones": to_ask(known)}

    def steps(self, phone: Expectations) -> tuple[Step, ...]:
        """Return what will be done to a phone."""
        options = self._options
        return steps_for(
            phone,
            boots=options.boots,
            stimulates=options.stimulates,
            has_person=options.has_person,
            pace=options.pace,
            sessions=options.sessions,
        )

    def poll(self, now: float) -> Standing:
        """Read what is new and say how each phone stands; `is_over` once there is nothing more to wait for."""
        job = self._table.look(self._job_id, now=now, is_asker=True)
        if job is None:
            raise EnvironmentProblem("the job is gone: its row was deleted", code="job-gone")
        self.job = job
        if job.state is JobState.WAITING and now - self._asked_at > CLAIM_S:
            self.cancel(now)
            raise EnvironmentProblem(
                f"no SIP process took the job within {CLAIM_S:g} s",
                hint="is the server of this state folder of the same version? see its log",
                code="job-not-taken",
            )
        self._read_parts()
        self._began_at = job.began_at or self._began_at
        phones = self._subjects.look(self._macs)
        lines, all_registered = self._lines(phones, now)
        if job.state is JobState.RUNNING and job.wish is Wish.GO_ON and self._is_enough(job, all_registered, now):
            self._table.wish(self._job_id, Wish.STOP, now=now)
        return Standing(lines, job.state, job.is_over)

    def _is_enough(self, job: Job, all_registered: bool, now: float) -> bool:
        """Return whether the run may end: all was done and seen, or the time is over."""
        options = self._options
        if options.acts:
            is_acted = bool(job.progress.get("stimulated"))
            all_registered = is_acted if options.stimulates or options.sessions is not None else is_acted and all_registered
        self._settled_at = (self._settled_at or now) if all_registered else 0.0
        if self._settled_at:
            return now - self._settled_at >= options.watch_s
        return now - self._began_at >= self.limit_s

    def cancel(self, now: float) -> None:
        """Tell the SIP process to stop; what was recorded is not kept."""
        self._table.wish(self._job_id, Wish.CANCEL, now=now)

    def so_far(self, now: float) -> Verified:
        """Judge what was recorded until now, for somebody who does not want to wait; nothing of it is kept."""
        return self._judged(self._subjects.look(self._macs), now)

    def finish(self, now: float) -> Verified:
        """Judge what was recorded, keep report and verdicts, and return the findings."""
        self._read_parts()
        phones = self._subjects.look(self._macs)
        job = self.job
        if job is None or job.state is not JobState.DONE:
            why = job.problem if job is not None else ""
            self.notes.append(f"no findings: {why or LOST}")
            verified = without_evidence(phones, LOST, now=now, program=self._options.program)
        else:
            verified = self._judged(phones, now)
            self.notes += [f"{phone.name}: {note}" for phone in phones for note in phone.notes]
            names = {phone.mac: phone.name for phone in phones}
            self.notes += [f"{names.get(mac, mac)}: {why}" for mac, why in job.progress.get("problems", {}).items()]
            if job.progress.get("left_out"):
                self.notes.append(f"{job.progress['left_out']} messages were beyond what one job keeps, and are not judged")
        self._keep(verified, now)
        return verified

    def _keep(self, verified: Verified, now: float) -> None:
        self._table.keep_report(self._job_id, verified.report.to_text())
        kept = [message.masked() for message in self._messages]
        self._table.replace_parts(self._job_id, pack(kept), len(kept))
        rows = []
        for phone in verified.report.phones:
            counts = phone.counts
            rows.append(
                VerdictRow(
                    phone.mac, now, str(phone.verdict), phone.state[:32], counts[Verdict.PASS], counts[Verdict.FAIL], self._job_id
                )
            )
        self._verdicts.add(rows)

    def _read_parts(self) -> None:
        for number, body in self._table.parts(self._job_id, self._part):
            self._messages += unpack(body)
            self._part = number
        self._messages.sort(key=lambda message: message.number)

    def _judged(self, phones: Sequence[Tested], now: float, *, is_whole: bool = True) -> Verified:
        bystanders = self._subjects.bystanders(self._macs)
        options = self._options
        mine, watching = phone_leg(self._messages, self._far), self._watching(now)
        verified = judge_phones(phones, bystanders, mine, watching, program=options.program, tolerance=options.tolerance)
        if options.through is None or not is_whole:
            return verified
        played = {call_id: name for one in self._told.values() for call_id, name in one.get("held", {}).items()}
        return options.through.judged(verified, phones, self._messages, self._sides, played)

    @property
    def _told(self) -> Mapping[str, Any]:
        return self.job.progress.get("phones", {}) if self.job is not None else {}

    @property
    def _far(self) -> frozenset[tuple[str, int]]:
        return far_ends(self.job.progress.get("far", ()) if self.job is not None else ())

    @property
    def _sides(self) -> Roles | None:
        """Return who is who; None where no SBC stands between."""
        if not self._far:
            return None
        count, roles = self._roles
        if roles is None or count != len(self._messages):
            roles = Roles.known(self._messages, self._far)
            self._roles = len(self._messages), roles
        return roles

    def _watching(self, now: float) -> Watching:
        told, roles = self._told, self._sides
        held = {mac: tuple(one.get("held", ())) for mac, one in told.items()}
        return Watching(
            self._since,
            now,
            {mac: [Stimulus(name) for name in one["given"]] for mac, one in told.items()},
            {mac: one["boots"] for mac, one in told.items()},
            self._fetches(),
            self._hashes,
            [tuple(door) for door in self.job.progress.get("doors", ())] if self.job is not None else (),
            held if roles is None else held_on_phone_leg(held, roles),
        )

    @property
    def waits(self) -> dict[str, tuple[int, str]]:
        """Return which step each phone is at, and what that waits for, by MAC."""
        return {mac: (one["done"], one["waits_for"]) for mac, one in self._told.items()}

    @property
    def acts(self) -> tuple[Act, ...]:
        """Return what was done to the phones, with the messages it was done by."""
        rows = self.job.progress.get("acts", []) if self.job is not None else []
        return numbered(read_acts(rows), self._messages)

    def _fetches(self) -> dict[str, list[Fetch]]:
        found: dict[str, list[Fetch]] = {mac: [] for mac in self._macs}
        only = self._macs[0] if len(self._macs) == 1 else None
        for event in self._reading.events(mac=only, since=self._since, limit=MAX_FETCHES):
            values = event.values
            if values["protocol"] != "sip" and values["mac"] in found:
                has_it = values["outcome"] in DELIVERED and values["method"] in FETCHING
                found[values["mac"]].append(Fetch(values["at"], values["file"] or values["name"], is_delivered=has_it))
        return found

    def _doing(self, mac: str) -> str:
        told = self._told.get(mac)
        if not told or not told["step"]:
            return ""
        return f"{told['step']} {told['done'] + 1} of {told['of']}" + (f", {told['waits_for']}" if told["waits_for"] else "")

    def _lines(self, phones: Sequence[Tested], now: float) -> tuple[list[PhoneLine], bool]:
        verified = self._judged(phones, now, is_whole=False)
        heard = phone_leg(self._messages, self._far)
        mine = messages_of(phones, self._subjects.bystanders(self._macs), heard, self._watching(now))
        lines = []
        for report in verified.report.phones:
            done, rules = told(report)
            lines.append(
                PhoneLine(
                    report.name, report.state, done, rules, report.counts[Verdict.FAIL], report.messages, self._doing(report.mac)
                )
            )
        registered = [phone.is_registered(Facts.of(mine.get(phone.mac, ()))) for phone in phones]
        return lines, all(registered)
