"""From recorded messages to a report on some phones of a fleet: whose message is whose, what counts, what came of it.

Sends nothing and reads no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provisioner.runtime.lab_findings import marked
from provisioner.runtime.verify_subject import Tested
from sipstub.trace.record import RecordedMessage
from sipstub.verify.attribution import attribute
from sipstub.verify.expectation import Expectations
from sipstub.verify.facts import Facts, Fetch
from sipstub.verify.report.document import PhoneReport, Report
from sipstub.verify.run import Circumstances, Verified, verify
from sipstub.verify.stimulus import PASSIVE, Stimulus
from sipstub.verify.tolerance import TOLERANCE, Tolerance
from sipstub.verify.verdict import Verdict

FIRST_SERVER = "1"
DEFAULT_PORTS = {"udp": "5060", "tcp": "5060", "tls": "5061"}


@dataclass(frozen=True, slots=True)
class Watching:
    """What is known of a run beside its messages."""

    began_at: float
    until: float
    stimuli: Mapping[str, Collection[Stimulus]] = field(default_factory=dict)
    "What was done to each phone, by MAC, beside looking at it."
    boots: Mapping[str, Sequence[float]] = field(default_factory=dict)
    "When each phone is known to have started, by MAC."
    fetches: Mapping[str, Sequence[Fetch]] | None = None
    "Files that each phone asked for, by MAC; None if nobody looked."
    hashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    "Files that each phone had when it began, by MAC."
    doors: Collection[tuple[str, str, int]] = ()
    "Transport, address and port where all that phones said was heard."
    held: Mapping[str, Sequence[str]] = field(default_factory=dict)
    "Call-IDs of calls that were kept up for session timers, by MAC."


def judge_phones(
    phones: Sequence[Tested],
    bystanders: Sequence[Expectations],
    messages: Sequence[RecordedMessage],
    watching: Watching,
    *,
    program: str,
    tolerance: Tolerance = TOLERANCE,
) -> Verified:
    """Return findings on every phone; one without a file is INCONCLUSIVE, with the reason as its state.

    Phones have names of their own.
    """
    judged = [phone.expectations for phone in phones if phone.expectations is not None]
    mine = messages_of(phones, bystanders, messages, watching)
    relevant = sorted((message for found in mine.values() for message in found), key=lambda one: one.number)
    circumstances = {
        phone.name: Circumstances(
            stimuli=frozenset(PASSIVE) | frozenset(watching.stimuli.get(phone.mac, ())),
            fetches=None if watching.fetches is None else tuple(watching.fetches.get(phone.mac, ())),
            boots=tuple(watching.boots.get(phone.mac, ())),
            until=watching.until,
            held=tuple(watching.held.get(phone.mac, ())),
            hosts=heard_at(phone.expectations, watching.doors),
        )
        for phone in phones
    }
    verified = verify(judged, relevant, circumstances, now=watching.until, program=program, tolerance=tolerance)
    reports = {report.name: report for report in verified.report.phones}
    found = dict(verified.messages)
    ordered = []
    for phone in phones:
        report = reports.get(phone.name)
        if report is not None:
            report = marked(report, phone.laid)
        else:
            report = PhoneReport(phone.name, phone.mac, phone.model, "", "", phone.missing, 0, ())
            found[phone.name] = ()
        ordered.append(report)
    return Verified(replace(verified.report, phones=tuple(ordered)), found, verified.secrets)


def messages_of(
    phones: Sequence[Tested], bystanders: Sequence[Expectations], messages: Sequence[RecordedMessage], watching: Watching
) -> dict[str, list[RecordedMessage]]:
    """Return the messages that each phone is judged by, by MAC.

    A phone that fetched another file meanwhile is judged by that one, so what it said before does not count.
    """
    known = [phone for phone in phones if phone.expectations is not None]
    everybody = [phone.expectations for phone in known if phone.expectations is not None]
    found = {}
    for phone, its in zip(known, attribute(messages, [*everybody, *bystanders]), strict=False):
        before = watching.hashes.get(phone.mac)
        is_new = before is not None and before != phone.hashes and phone.delivered_at > watching.began_at
        found[phone.mac] = [message for message in its if not is_new or message.at >= phone.delivered_at]
    return found


def heard_at(phone: Expectations | None, doors: Collection[tuple[str, str, int]]) -> tuple[str, ...]:
    """Return the addresses of its servers at which everything that this phone says was heard.

    An address counts only if all accounts that name it mean a door of ours: another port is somebody else's.
    """
    if phone is None or not doors:
        return ()
    found: dict[str, bool] = {}
    for account in phone.enabled:
        transport = phone.text("transport", account, FIRST_SERVER) or "udp"
        address = phone.text("server-address", account, FIRST_SERVER)
        port = phone.text("server-port", account, FIRST_SERVER) or DEFAULT_PORTS.get(transport, "")
        if address:
            is_ours = any((transport, address, port) == (door[0], door[1], str(door[2])) for door in doors)
            found[address] = found.get(address, True) and is_ours
    return tuple(address for address, is_heard in found.items() if is_heard)


def facts_of(messages: Sequence[RecordedMessage], until: float) -> Facts:
    """Return the facts of one phone's messages."""
    return Facts.of(messages, until=until)


def without_evidence(phones: Sequence[Tested], state: str, *, now: float, program: str) -> Verified:
    """Return a report in which every phone is INCONCLUSIVE, with the reason as its state."""
    reports = tuple(PhoneReport(phone.name, phone.mac, phone.model, "", "", phone.missing or state, 0, ()) for phone in phones)
    return Verified(Report(now, reports, program), {phone.name: () for phone in phones})


def told(report: PhoneReport) -> tuple[int, int]:
    """Return how many rules have a verdict from evidence, and how many are asked."""
    counts = report.counts
    return sum(counts[verdict] for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.WARN)), report.rules
