"""Two reports, older and newer: which phones and rules changed, and what got worse.  Pure.

A phone is the same by its MAC; by its name, where no MAC is shared.  A rule is the same by its name, account and index.  FAIL is
worse than WARN, and WARN is worse than the rest.  What can no longer be told is not worse by itself (absence proves nothing), but
a phone of which nothing at all can be told any more is: it may have left the registrar.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sipstub.verify.finding import Finding
from sipstub.verify.report.document import DONE, FAILED, TELLING, PhoneReport, Report
from sipstub.verify.verdict import Verdict

SPOKEN = ("name", "mac", "model", "firmware", "agent", "state")
"What is said of a phone where it changed."
_WEIGHT = {Verdict.FAIL: 2, Verdict.WARN: 1}

Key = tuple[str, int | None, str, int]
"Rule, account, index, and which of several that share these."


class Kind(enum.StrEnum):
    """What became of a rule, in the order of reports."""

    NEWLY_FAILING = "newly failing"
    "FAIL now, and not before; also a rule that was not there before."
    FIXED = "fixed"
    "FAIL before, and now PASS or INFO."
    VERDICT = "verdict changed"
    EXPECTED = "expected changed"
    "The same verdict by another value of the file."
    SEEN = "seen changed"
    "The same verdict and value, and the phone does something else."
    NEW_RULE = "new rule"
    GONE_RULE = "rule gone"


class Presence(enum.StrEnum):
    """Which of the two reports has a phone."""

    BOTH = "both"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """One rule of one phone that is not as it was."""

    kind: Kind
    old: Finding | None
    new: Finding | None

    @property
    def finding(self) -> Finding:
        """Return the newer finding, the older one where the rule is gone."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def is_worse(self) -> bool:
        """Return whether the verdict weighs more than before; a rule that was not there weighed nothing."""
        return self.new is not None and _weight(self.new) > _weight(self.old)

    @property
    def is_lost(self) -> bool:
        """Return whether something could be told before, and now it cannot."""
        return self.old is not None and self.old.verdict in TELLING and (self.new is None or self.new.verdict not in TELLING)


@dataclass(frozen=True, slots=True)
class PhoneChange:
    """One phone of either report."""

    old: PhoneReport | None
    new: PhoneReport | None
    changes: tuple[Change, ...]
    "In the order of `Kind`; none for a phone that is new or gone."
    same: int
    "How many rules are as they were."

    @property
    def phone(self) -> PhoneReport:
        """Return the newer report of it, the older one where it is gone."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def presence(self) -> Presence:
        """Return which report has it."""
        return Presence.NEW if self.old is None else Presence.GONE if self.new is None else Presence.BOTH

    @property
    def facts(self) -> tuple[tuple[str, str, str], ...]:
        """Return name, old and new value of what else changed: firmware, model, how it calls itself."""
        if self.old is None or self.new is None:
            return ()
        pairs = ((name, str(getattr(self.old, name)), str(getattr(self.new, name))) for name in SPOKEN)
        return tuple((name, old, new) for name, old, new in pairs if old != new)

    @property
    def fell_silent(self) -> bool:
        """Return whether nothing can be told any more of a phone that was judged before."""
        return (
            self.old is not None
            and self.new is not None
            and self.old.verdict is not Verdict.INCONCLUSIVE
            and self.new.verdict is Verdict.INCONCLUSIVE
        )

    @property
    def is_worse(self) -> bool:
        """Return whether something of it got worse; a new phone has nothing to be worse than."""
        return self.fell_silent or any(change.is_worse for change in self.changes)

    @property
    def is_changed(self) -> bool:
        """Return whether there is anything to say of it."""
        return bool(self.changes or self.facts) or self.presence is not Presence.BOTH

    def of(self, kind: Kind) -> list[Change]:
        """Return the changes of one kind."""
        return [change for change in self.changes if change.kind is kind]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one report to another."""

    old: Report
    new: Report
    phones: tuple[PhoneChange, ...]
    "As the newer report has them, then those that are gone."

    @property
    def counts(self) -> Counter[Kind]:
        """Return how many rules changed in each way."""
        return Counter(change.kind for phone in self.phones for change in phone.changes)

    @property
    def worse(self) -> int:
        """Return how many rules got worse."""
        return sum(change.is_worse for phone in self.phones for change in phone.changes)

    @property
    def lost(self) -> int:
        """Return how many rules can no longer be told."""
        return sum(change.is_lost for phone in self.phones for change in phone.changes)

    @property
    def exit_code(self) -> int:
        """Return 1 if something got worse, else 0."""
        return FAILED if any(phone.is_worse for phone in self.phones) else DONE


def compare(old: Report, new: Report) -> Comparison:
    """Return what changed between two reports of the same phones: another firmware, or other settings."""
    before = _pairs(old.phones, new.phones)
    phones = [_phone(before.get(at), phone) for at, phone in enumerate(new.phones)]
    taken = {id(phone) for phone in before.values()}
    phones += [PhoneChange(phone, None, (), 0) for phone in old.phones if id(phone) not in taken]
    return Comparison(old, new, tuple(phones))


def _pairs(old: Sequence[PhoneReport], new: Sequence[PhoneReport]) -> dict[int, PhoneReport]:
    """Return the older report of each newer phone, by its place; one older phone is never taken twice."""
    found: dict[int, PhoneReport] = {}
    free = {id(phone): phone for phone in old}
    for name in ("mac", "name"):
        known: dict[str, list[PhoneReport]] = {}
        for phone in free.values():
            known.setdefault(str(getattr(phone, name)).lower(), []).append(phone)
        for at, phone in enumerate(new):
            word = str(getattr(phone, name)).lower()
            if at not in found and word and (same := known.get(word)):
                found[at] = same.pop(0)
                del free[id(found[at])]
    return found


def _phone(old: PhoneReport | None, new: PhoneReport) -> PhoneChange:
    if old is None:
        return PhoneChange(None, new, (), 0)
    before, after = _keyed(old), _keyed(new)
    keys = [*after, *(key for key in before if key not in after)]
    changes = list(_changes(keys, before, after))
    order = tuple(Kind)
    changes.sort(key=lambda change: order.index(change.kind))
    return PhoneChange(old, new, tuple(changes), len(keys) - len(changes))


def _changes(keys: Sequence[Key], before: Mapping[Key, Finding], after: Mapping[Key, Finding]) -> Iterator[Change]:
    for key in keys:
        kind = _kind(before.get(key), after.get(key))
        if kind is not None:
            yield Change(kind, before.get(key), after.get(key))


def _keyed(phone: PhoneReport) -> dict[Key, Finding]:
    found: dict[Key, Finding] = {}
    often: Counter[tuple[str, int | None, str]] = Counter()
    for finding in phone.findings:
        plain = (finding.rule, finding.account, finding.index)
        found[(*plain, often[plain])] = finding
        often[plain] += 1
    return found


def _kind(old: Finding | None, new: Finding | None) -> Kind | None:
    """Return what became of a rule.  Why nothing could be told is no change, and neither is the line in which a value stands."""
    if new is None:
        return Kind.GONE_RULE
    if new.verdict is Verdict.FAIL and (old is None or old.verdict is not Verdict.FAIL):
        return Kind.NEWLY_FAILING
    if old is None:
        return Kind.NEW_RULE
    if old.verdict is not new.verdict:
        return Kind.FIXED if old.verdict is Verdict.FAIL and new.verdict in (Verdict.PASS, Verdict.INFO) else Kind.VERDICT
    if old.expected != new.expected:
        return Kind.EXPECTED
    is_told = new.verdict in TELLING or new.verdict is Verdict.INFO
    return Kind.SEEN if is_told and old.seen != new.seen else None


def _weight(finding: Finding | None) -> int:
    return _WEIGHT.get(finding.verdict, 0) if finding is not None else 0
