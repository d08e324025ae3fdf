"""What phones last received against what they would get from today's text.  Reads, renders, changes nothing."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provisioner.catalogue.catalogue import Catalogue
from provisioner.errors import Problem, Severity
from provisioner.rendering.diff import Change, compare, secret_identities, values_of
from provisioner.runtime.compose import compose
from provisioner.runtime.fleet import Build, PhoneFiles
from provisioner.runtime.history import History
from provisioner.state.phone_state import LastFetch


class Against(enum.StrEnum):
    """The side that today's text is held against."""

    DELIVERED = "delivered"
    PUBLISHED = "published"


class PlanWord(enum.StrEnum):
    """What a plan says of one phone."""

    SAME = "same"
    "It would get what it has."
    CHANGED = "changed"
    "Values differ."
    REWRITTEN = "rewritten"
    "The bytes differ, the values do not."
    NEVER_FETCHED = "never-fetched"
    "It has nothing of ours yet."
    NEW = "new"
    "Not published yet."
    KEPT = "kept"
    "Its text has a problem: it keeps its last good file."
    FORGOTTEN = "forgotten"
    "It has another file, which is no longer kept, so nobody can say what differs."
    REMOVED = "removed"
    "It is served now and no longer in the inventory."


@dataclass(frozen=True, slots=True)
class PhonePlan:
    """One phone of a plan."""

    mac: str
    "12 hex digits."

    name: str
    "Its name."

    group: str | None
    "Its group."

    word: PlanWord
    "What is to be said of it."

    changes: tuple[Change, ...] = ()
    "By parameter."

    since: float | None = None
    "Unix time of the last delivery."

    problems: tuple[Problem, ...] = ()
    "What keeps it."


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files of one phone."""

    common: bytes | memoryview | None
    "None if it is not known which it has."

    mac: bytes | memoryview | None
    "None if there is none."


class Planner:
    """Compares phone after phone; remembers the common files it has read."""

    def __init__(self, build: Build, history: History, catalogue: Catalogue, against: Against) -> None:
        self._build = build
        self._history = history
        self._catalogue = catalogue
        self._against = against
        self._fetches: Mapping[str, Mapping[str, LastFetch]] = {}
        if against is Against.DELIVERED and history.reading is not None:
            self._fetches = history.reading.last_fetches(list(build.phones) if len(build.phones) == 1 else None)
        self._by_hash = {file.sha256: file.body for file in history.files.values() if file.path is None}
        self._hashes: dict[int, tuple[bytes | memoryview, str]] = {}

    def plans(self) -> Iterable[PhonePlan]:
        """Yield the phones of the build by name."""
        for found in sorted(self._build.phones.values(), key=lambda found: found.phone.name):
            yield self.plan(found)

    def plan(self, found: PhoneFiles) -> PhonePlan:
        """Return what is to be said of one phone."""
        phone = found.phone
        mac = phone.mac.plain

        # One place that fills in who is meant.
        def said(word: PlanWord, changes: tuple[Change, ...] = (), problems: tuple[Problem, ...] = ()) -> PhonePlan:
            return PhonePlan(mac, phone.name, phone.group, word, changes, self._since(mac), problems)

        if found.is_blocked:
            errors = [*self._build.inventory.blocked.get(mac, ()), *found.mac.problems]
            problems = tuple(problem for problem in dict.fromkeys(errors) if problem.severity is Severity.ERROR)
            return said(PlanWord.KEPT, problems=problems)
        wanted = self.wanted(found)
        if self._against is Against.PUBLISHED:
            before = self.published(found)
            if before.mac is None:
                return said(PlanWord.NEW, self._compare(Pair(b"", b""), wanted, found))
            return said(*self._verdict(before, wanted, found))
        hashes = self._delivered_hashes(mac)
        if "mac" not in hashes:
            return said(PlanWord.NEVER_FETCHED)
        if all(self._hash(getattr(wanted, kind)) == sha256 for kind, sha256 in hashes.items()):
            return said(PlanWord.SAME)
        delivered = self.delivered(found)
        if delivered.mac is None:
            return said(PlanWord.FORGOTTEN)
        return said(*self._verdict(delivered, wanted, found))

    def wanted(self, found: PhoneFiles) -> Pair:
        """Return what the phone would get: fresh files, or the last good where a fresh one is not good."""
        mac = self._history.bodies.get(found.own_name) if found.is_blocked else found.mac.body
        return Pair(found.common.body, mac)

    def published(self, found: PhoneFiles) -> Pair:
        """Return the pair of the published generation."""
        bodies = self._history.bodies
        return Pair(bodies.get(found.common_name, b""), bodies.get(found.own_name))

    def delivered(self, found: PhoneFiles) -> Pair:
        """Return the pair that last reached the phone, as far as it is known and kept."""
        hashes = self._delivered_hashes(found.phone.mac.plain)
        return Pair(self._body(hashes.get("common")), self._body(hashes.get("mac")))

    def _verdict(self, before: Pair, wanted: Pair, found: PhoneFiles) -> tuple[PlanWord, tuple[Change, ...]]:
        changes = self._compare(before, wanted, found)
        same = before.mac == wanted.mac and before.common in (None, wanted.common)
        return PlanWord.CHANGED if changes else PlanWord.SAME if same else PlanWord.REWRITTEN, changes

    def _compare(self, before: Pair, wanted: Pair, found: PhoneFiles) -> tuple[Change, ...]:
        # Of a common file that cannot be attributed nothing is claimed: it counts as the one it would get.
        common = wanted.common if before.common is None else before.common
        old = values_of(common or b"", before.mac or b"")
        new = values_of(wanted.common or b"", wanted.mac or b"")
        return compare(old, new, self._catalogue, secret_identities(found.mac.lines))

    def _since(self, mac: str) -> float | None:
        fetch = self._fetches.get(mac, {}).get("mac")
        return fetch.delivered_at if fetch is not None else None

    def _delivered_hashes(self, mac: str) -> dict[str, str]:
        return {
            kind: fetch.delivered_sha256
            for kind, fetch in self._fetches.get(mac, {}).items()
            if kind in ("mac", "common") and fetch.delivered_sha256 is not None
        }

    def _body(self, sha256: str | None) -> bytes | memoryview | None:
        if sha256 is None:
            return None
        body = self._by_hash.get(sha256)
        if body is None and self._history.source is not None:
            content = self._history.source.content(sha256)
            body = content.body if content is not None else None
        return body

    def _hash(self, body: bytes | memoryview | None) -> str:
        if body is None:
            return ""
        known = self._hashes.get(id(body))
        if known is None or known[0] is not body:
            known = (body, hashlib.sha256(body).hexdigest())
            self._hashes[id(body)] = known
        return known[1]


def other_phones(build: Build, history: History) -> list[PhonePlan]:
    """Return published phones that `build`, a whole one, does not have: removed, or kept while their text is unreadable."""
    published = history.published
    if published is None:
        return []
    lost = history.lost(build.inventory)
    plans = []
    for mac in sorted({*compose(build, published).removed_phones, *lost}):
        phone = published.phones[mac]
        problems = tuple(problem for problem in build.errors if problem.file == phone.source or problem.phone == mac)
        word = PlanWord.KEPT if mac in lost else PlanWord.REMOVED
        plans.append(PhonePlan(mac, phone.entry.name, phone.group, word, problems=problems))
    return sorted(plans, key=lambda plan: plan.name)
