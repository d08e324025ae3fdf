"""The report as a value, and as JSON: what every other form of it is made from.

It holds no secret: findings come masked, and of the phone only its name, MAC, model and firmware are kept.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sipstub.errors import SipstubError
from sipstub.verify.compared import Compared
from sipstub.verify.expectation import Expectations
from sipstub.verify.facts import Facts
from sipstub.verify.finding import Finding
from sipstub.verify.verdict import WORST_FIRST, Verdict

FORMAT = "sipstub-report-1"
DONE, FAILED, INCONCLUSIVE = 0, 1, 4
"Exit codes: nothing failed, something did, some phone showed nothing that could be judged."
TELLING = (Verdict.PASS, Verdict.FAIL, Verdict.WARN)

_VERSION = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}(?![\d.])")
"Of firmware, in a User-Agent."
SWITCH = "account-enabled"
"The rule that also speaks of accounts that are off."
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "Verdict": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "int | None": (int, type(None)),
}
"What JSON may have for a field of a finding."
_PHONE = ("name", "mac", "model", "firmware", "agent", "state")


class ReportProblem(SipstubError):
    """A file that is no report."""

    code = "bad-report"


NOT_REGISTERED = "not registered"


@dataclass(frozen=True, slots=True)
class PhoneReport:
    """What is to be said of one phone."""

    name: str
    mac: str
    model: str
    firmware: str
    agent: str
    "How it called itself."
    state: str
    "`registered udp`, `not registered` (it asked and was granted nothing), `heard`, `silent`."
    messages: int
    "How many were looked at."
    findings: tuple[Finding, ...]
    compared: tuple[Compared, ...] = ()
    "What its calls and registrations through an SBC showed, beside what was predicted."

    @classmethod
    def of(cls, expectations: Expectations, facts: Facts, findings: Iterable[Finding]) -> PhoneReport:
        """Return the report of one phone."""
        subject = expectations.subject
        transport = facts.is_registered
        heard = bool(facts.requests or facts.keepalives or any(request.answers for request in facts.received))
        is_refused = bool(facts.registers) and all(request.status >= 300 for request in facts.registers)
        state = f"registered {transport}" if transport else NOT_REGISTERED if is_refused else "heard" if heard else "silent"
        agent = "".join(character for character in facts.user_agent[:120] if character.isprintable())
        firmware = subject.firmware or next(iter(_VERSION.findall(agent)), "")
        return cls(subject.name, subject.mac, subject.model, firmware, agent, state, facts.messages, tuple(findings))

    @property
    def counts(self) -> Counter[Verdict]:
        """Return how many findings have each verdict."""
        return Counter(finding.verdict for finding in self.findings)

    @property
    def differs(self) -> int:
        """Return how many statements about calls through an SBC came out otherwise than predicted."""
        return sum(one.agrees is False for one in self.compared)

    @property
    def rules(self) -> int:
        """Return how many questions were asked; what the file does not say is none."""
        return sum(finding.verdict is not Verdict.INFO for finding in self.findings)

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on the phone: the worst that was seen, INCONCLUSIVE if nothing could be told."""
        counts = self.counts
        if counts[Verdict.FAIL] or self.differs:
            return Verdict.FAIL
        if not any(counts[verdict] for verdict in TELLING):
            return Verdict.INCONCLUSIVE
        return Verdict.WARN if counts[Verdict.WARN] else Verdict.PASS

    def worst_first(self) -> list[Finding]:
        """Return the findings, worst first, else in the order of accounts and rules."""
        return sorted(self.findings, key=lambda finding: WORST_FIRST.index(finding.verdict))

    def title(self, finding: Finding) -> str:
        """Return the name of a finding for people: the account only where there are several."""
        accounts = {other.account for other in self.findings if other.account is not None and other.rule != SWITCH}
        account = f" account {finding.account}" if finding.account is not None and len(accounts) > 1 else ""
        index = f" [{finding.index}]" if finding.index not in ("", "1") else ""
        return f"{finding.rule}{account}{index}"

    def as_json(self) -> dict[str, Any]:
        """Return all fields under their names, and the counts."""
        head: dict[str, Any] = {name: getattr(self, name) for name in _PHONE}
        head |= {"verdict": str(self.verdict), "rules": self.rules, "messages": self.messages}
        head["counts"] = {str(verdict): self.counts[verdict] for verdict in WORST_FIRST}
        head["findings"] = [finding.as_json() for finding in self.findings]
        if self.compared:
            head["through_sbc"] = [one.as_json() for one in self.compared]
        return head


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    made_at: float
    "Unix seconds."
    phones: tuple[PhoneReport, ...]
    program: str = "sipstub"
    "Who made it, with its version."
    through: tuple[str, ...] = ()
    "What the SBC between phones and registrar was set to; nothing where none stood there."

    @property
    def counts(self) -> Counter[Verdict]:
        """Return how many findings have each verdict."""
        return Counter(finding.verdict for phone in self.phones for finding in phone.findings)

    @property
    def silent(self) -> int:
        """Return how many phones showed nothing that could be judged."""
        return sum(phone.verdict is Verdict.INCONCLUSIVE for phone in self.phones)

    @property
    def exit_code(self) -> int:
        """Return what a command that made this report should end with: a phone that was never let in is no success."""
        if self.counts[Verdict.FAIL] or any(phone.differs for phone in self.phones):
            return FAILED
        is_out = any(phone.state == NOT_REGISTERED for phone in self.phones)
        return INCONCLUSIVE if self.silent or is_out or not self.phones else DONE

    def worst_first(self) -> list[PhoneReport]:
        """Return the phones, worst first, else by name."""
        return sorted(self.phones, key=lambda phone: (WORST_FIRST.index(phone.verdict), phone.name))

    def as_json(self) -> dict[str, Any]:
        """Return the whole report as plain values."""
        counts = self.counts
        return {
            "format": FORMAT,
            "program": self.program,
            "made_at": iso(self.made_at),
            "summary": {"phones": len(self.phones), "silent": self.silent, "exit_code": self.exit_code}
            | {str(verdict): counts[verdict] for verdict in WORST_FIRST},
            "phones": [phone.as_json() for phone in self.phones],
        } | ({"through_sbc": list(self.through)} if self.through else {})

    def to_text(self) -> str:
        """Return the JSON file."""
        return json.dumps(self.as_json(), indent=2, ensure_ascii=False) + "\n"


def read_report(text: str) -> Report:
    """Return the report of a JSON file; ReportProblem says why it is none, and what it is instead."""
    try:
        found = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        why = "empty" if not text.strip() else f"broken JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        raise ReportProblem(f"not a report: {why}") from None
    except (ValueError, RecursionError) as error:
        raise ReportProblem(f"not a report: {error}") from None
    if not isinstance(found, Mapping) or found.get("format") != FORMAT:
        raise ReportProblem(f'not a report: there is no "format": "{FORMAT}", but {_kind_of(found)}')
    try:
        phones = tuple(_phone(row) for row in found["phones"])
        made_at = datetime.fromisoformat(found["made_at"]).timestamp()
        iso(made_at)
        return Report(made_at, phones, str(found.get("program", "")))
    except KeyError as error:
        raise ReportProblem(f"not a whole report: {error} is missing") from None
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ReportProblem(f"not a report: {error}") from None


def _phone(row: Mapping[str, Any]) -> PhoneReport:
    for name in _PHONE:
        _check(name, row[name], str)
    _check("messages", row["messages"], int)
    findings = tuple(_finding(finding) for finding in row["findings"])
    return PhoneReport(**{name: row[name] for name in _PHONE}, messages=row["messages"], findings=findings)


def _finding(row: Mapping[str, Any]) -> Finding:
    for name in ("rule", "verdict", "expected", "place", "seen", "parameter"):
        _check(name, row[name], str)
    for field in fields(Finding):
        if field.name in row:
            _check(field.name, row[field.name], *_TYPES[str(field.type)])
    return Finding.from_json(row)


def _check(name: str, value: object, *types: type) -> None:
    """Raise ValueError for a value that no report has there: a bool is no number, and half a letter is no text."""
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(f"{name} is {str(value)[:40]!r}")
    if isinstance(value, str):
        value.encode()


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _kind_of(found: object) -> str:
    """Return in words what somebody gave instead of a report."""
    if not isinstance(found, Mapping):
        return f"a {'list' if isinstance(found, list) else 'single value'}"
    if "format" in found:
        return f'"format": {json.dumps(found["format"])[:60]}'
    return f"the keys {', '.join(json.dumps(str(key))[:30] for key in list(found)[:5])}" if found else "nothing at all"


def iso(at: float) -> str:
    """Return a moment in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(at: float) -> str:
    """Return the time of day in UTC: `14:03:22.118`."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}"


def evidence(finding: Finding) -> str:
    """Return which message shows it: `REGISTER #4 14:03:22.118`; empty if none does."""
    if not finding.number:
        return ""
    return f"{finding.label or 'message'} #{finding.number} {clock(finding.at)}"


def remark(finding: Finding) -> str:
    """Return what else is to be known of the evidence: where it began, and what had to be sent again."""
    parts = [finding.note] if finding.note else []
    if finding.retries:
        parts.append(f"after {finding.retries} {'retry' if finding.retries == 1 else 'retries'}")
    return ", ".join(parts)
