"""Several phones and one recording: whose message is whose, and what came of each phone.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sipstub.trace.ladder.flow import Flow, Pin, flow_of
from sipstub.trace.ladder.svg import flow_svg
from sipstub.trace.ladder.text import flow_text
from sipstub.trace.record import RecordedMessage
from sipstub.trace.recording import Recording
from sipstub.verify.attribution import attribute
from sipstub.verify.expectation import Expectations
from sipstub.verify.facts import Facts, Fetch, Lookup
from sipstub.verify.judge import judge
from sipstub.verify.report.document import PhoneReport, Report
from sipstub.verify.stimulus import PASSIVE, Stimulus
from sipstub.verify.tolerance import TOLERANCE, Tolerance
from sipstub.verify.verdict import Verdict

MAX_ROWS = 120
"Arrows of one ladder in a report."


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a phone beside its messages."""

    stimuli: Collection[Stimulus] = PASSIVE
    "What was done so that settings show."
    boots: tuple[float, ...] = ()
    fetches: tuple[Fetch, ...] | None = None
    "Files it asked for; None if nobody looked."
    lookups: tuple[Lookup, ...] | None = None
    hosts: tuple[str, ...] = ()
    "Addresses where everything that it sends would have been seen."
    until: float | None = None
    "When watching ended; with the last message if None."
    is_factory_reset: bool = False
    held: tuple[str, ...] = ()
    "Call-IDs of calls that were kept up for session timers."


ALONE = Circumstances()
"A phone that was left alone, and of which only its messages are known."


@dataclass(frozen=True, slots=True)
class Verified:
    """A report, and the messages of each phone by its name."""

    report: Report
    messages: Mapping[str, tuple[RecordedMessage, ...]] = field(repr=False)

    def texts(self) -> dict[str, str]:
        """Return each phone's ladder as text."""
        return {phone.name: flow_text(self._flow(phone)) for phone in self.report.phones if self.messages[phone.name]}

    def drawings(self) -> dict[str, str]:
        """Return each phone's ladder as SVG for one page."""
        return {
            phone.name: flow_svg(self._flow(phone), title=f"Messages of {phone.name}", prefix=f"ladder{at}")
            for at, phone in enumerate(self.report.phones)
            if self.messages[phone.name]
        }

    def _flow(self, phone: PhoneReport) -> Flow:
        recording = Recording(self.messages[phone.name], is_own=True).masked()
        names = {message.peer.address: phone.name for message in recording.messages}
        return flow_of(recording, pins_of(phone), names, max_rows=MAX_ROWS)


def pins_of(phone: PhoneReport) -> list[Pin]:
    """Return what is to be pinned to messages: what failed or is odd."""
    return [
        Pin(finding.number, str(finding.verdict), phone.title(finding), f"expected {finding.expected}, seen {finding.seen}")
        for finding in phone.worst_first()
        if finding.number and finding.verdict in (Verdict.FAIL, Verdict.WARN)
    ]


def verify(
    phones: Sequence[Expectations],
    messages: Sequence[RecordedMessage],
    circumstances: Mapping[str, Circumstances] | Circumstances = ALONE,
    *,
    now: float,
    program: str = "sipstub",
    tolerance: Tolerance = TOLERANCE,
) -> Verified:
    """Return the findings on every phone; `circumstances` are those of each phone by its name, or the same for all."""
    reports: list[PhoneReport] = []
    found: dict[str, tuple[RecordedMessage, ...]] = {}
    for phone, mine in zip(phones, attribute(messages, phones), strict=True):
        known = circumstances if isinstance(circumstances, Circumstances) else circumstances.get(phone.subject.name, ALONE)
        facts = Facts.of(
            mine,
            boots=known.boots,
            fetches=known.fetches,
            lookups=known.lookups,
            hosts=known.hosts,
            until=known.until,
            held=known.held,
        )
        findings = judge(phone, facts, known.stimuli, tolerance=tolerance, is_factory_reset=known.is_factory_reset)
        reports.append(PhoneReport.of(phone, facts, findings))
        found[phone.subject.name] = tuple(mine)
    return Verified(Report(now, tuple(reports), program), found)
