"""Several phones and one recording: whose message is whose, and what came of each phone.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sipstub.trace.ladder.flow import Flow, Pin, flow_of
from sipstub.trace.ladder.session_svg import sessions_svg
from sipstub.trace.ladder.svg import flow_svgs
from sipstub.trace.ladder.table import flow_table
from sipstub.trace.ladder.text import flow_text
from sipstub.trace.record import RecordedMessage
from sipstub.trace.recording import Recording
from sipstub.verify.attribution import attribute
from sipstub.verify.expectation import MASK, Expectations
from sipstub.verify.facts import Facts, Fetch, Lookup
from sipstub.verify.finding import MIN_SECRET
from sipstub.verify.judge import judge
from sipstub.verify.report.document import PhoneReport, Report
from sipstub.verify.stimulus import PASSIVE, Stimulus
from sipstub.verify.tolerance import TOLERANCE, Tolerance
from sipstub.verify.verdict import Verdict

MAX_ROWS = 120
"Arrows of one ladder in a report."
MAX_EVIDENCE = 40
"Messages of one phone that are written out."
MAX_EVIDENCE_LETTERS = 8_000
"Of one of them."


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
    secrets: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    "What no message of a phone may show, by its name."
    both: Mapping[str, tuple[RecordedMessage, ...]] = field(default_factory=dict, repr=False)
    "The same messages with those of the far legs, of phones that were judged through an SBC."
    parties: Mapping[str, str] = field(default_factory=dict)
    "What ends are called in ladders, beside the phones, by address."

    def wire(self, name: str) -> tuple[RecordedMessage, ...]:
        """Return all messages that have to do with a phone, on every leg."""
        return self.both.get(name, self.messages[name])

    def texts(self) -> dict[str, str]:
        """Return each phone's ladder as text."""
        return {phone.name: flow_text(self._flow(phone)) for phone in self.report.phones if self.messages[phone.name]}

    def drawings(self) -> dict[str, str]:
        """Return each phone's ladder for one page: sessions and messages as SVG, and the messages as a table to unfold."""
        return {
            phone.name: _drawn(self._flow(phone), f"Messages of {phone.name}", f"ladder{at}")
            for at, phone in enumerate(self.report.phones)
            if self.messages[phone.name]
        }

    def evidence(self) -> dict[str, dict[int, str]]:
        """Return the messages that show what is wrong, masked and cut, for each phone by their numbers.

        A phone whose secrets are not known shows none.
        """
        found = {}
        for phone in self.report.phones:
            if phone.name not in self.secrets:
                continue
            secrets = self.secrets[phone.name]
            wanted = dict.fromkeys(pin.number for pin in pins_of(phone))
            shown = {message.number: message for message in self.messages[phone.name] if message.number in wanted}
            found[phone.name] = {
                number: _written(shown[number], secrets) for number in [*wanted][:MAX_EVIDENCE] if number in shown
            }
        return found

    def _flow(self, phone: PhoneReport) -> Flow:
        recording = Recording(self.wire(phone.name), is_own=True).masked()
        names = {message.peer.address: phone.name for message in recording.messages} | dict(self.parties)
        return flow_of(recording, pins_of(phone), names, max_rows=MAX_ROWS)


def _drawn(flow: Flow, title: str, prefix: str) -> str:
    table = flow_table(flow, caption=title, prefix=prefix)
    pictures = sessions_svg(flow, prefix=prefix) + flow_svgs(flow, title=title, prefix=prefix)
    return f"{pictures}<details><summary>The same as a table</summary>{table}</details>"


def _written(message: RecordedMessage, secrets: Iterable[str]) -> str:
    text = message.masked().data.decode("utf-8", "replace").replace("\r\n", "\n")
    for word in sorted((secret for secret in secrets if len(secret) >= MIN_SECRET), key=len, reverse=True):
        text = text.replace(word, MASK)
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text[:MAX_EVIDENCE_LETTERS])


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
    secrets = {phone.subject.name: phone.secrets for phone in phones}
    return Verified(Report(now, tuple(reports), program), found, secrets)
