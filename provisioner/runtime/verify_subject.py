"""By what a phone is judged: the last pair of files that reached it, read anew whenever it fetched another one.

What a phone never fetched it cannot be judged by: then there is a reason instead of expectations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.catalogue.catalogue import Catalogue
from provisioner.delivery.snapshot import PhoneEntry, Snapshot
from provisioner.expectations.accounts import AccountReader
from provisioner.expectations.build import Delivered, build_expectations, read_cfg_files, subject_of
from provisioner.expectations.observables import Observables
from provisioner.runtime.lab_findings import laid_parameters
from provisioner.state.phone_state import LastFetch
from provisioner.state.publication import Content
from provisioner.state.reading import Reading
from provisioner.state.source import PublishedSource
from sipstub.phone.format.reading import is_lpconfig, read_file
from sipstub.verify.expectation import Expectation, Expectations, Subject
from sipstub.verify.facts import Facts

NEVER_FETCHED = "never fetched"
FORGOTTEN = "file no longer kept"
MAX_KEPT = 2_000
"Expectations kept between two looks."
KINDS = ("common", "mac")
"In the order in which a phone reads them."

_USER = re.compile(rb"^account\.\d+\.user_name *= *(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tested:
    """One phone that is to be judged."""

    mac: str
    name: str
    model: str
    expectations: Expectations | None = field(repr=False)
    "None where there is nothing to judge by."
    missing: str = ""
    "Why there is nothing: `never fetched`."
    hashes: tuple[str, ...] = ()
    "Of the files."
    delivered_at: float = 0.0
    "When the newer of the files came."
    notes: tuple[str, ...] = ()
    laid: frozenset[str] = frozenset()
    "Parameters whose value a lab layer gave."

    @property
    def words(self) -> set[str]:
        """Return what the phone calls itself: its MAC and its user names."""
        if self.expectations is None:
            return {self.mac}
        return {self.mac} | {item.value for item in self.expectations.items if item.setting == "user-name" and item.value}

    def is_registered(self, facts: Facts) -> bool:
        """Return whether every account that its file enables got its registration."""
        if self.expectations is None:
            return False
        wanted = {self.expectations.text("user-name", account) for account in self.expectations.enabled}
        found = {one.user for one in facts.registers if 200 <= one.status < 300 and not one.is_removal}
        return bool(wanted) and wanted <= found


class Subjects:
    """Looks phones up in the journal and in the published store."""

    def __init__(
        self,
        source: PublishedSource,
        reading: Reading,
        observables: Observables,
        catalogue: Catalogue,
        show: Callable[[Any], str] = str,
    ) -> None:
        """`show` writes a stored origin as people type it: `devices/phones/lobby.toml:9`."""
        self._source = source
        self._reading = reading
        self._observables = observables
        self._catalogue = catalogue
        self._show = show
        self._kept: dict[tuple[Any, ...], Expectations] = {}
        self._bystanders: tuple[Snapshot | None, dict[str, Expectations]] = (None, {})

    def look(self, macs: Collection[str]) -> list[Tested]:
        """Return these phones as they stand now, in the order given; one that nobody published has never fetched."""
        snapshot = self._source.refresh()
        phones: Mapping[str, PhoneEntry] = snapshot.phones if snapshot is not None else {}
        fetches = self._reading.last_fetches()
        owners = _owners(fetches)
        found = []
        for mac in macs:
            entry = phones.get(mac) or PhoneEntry(mac, mac, "", "")
            found.append(self._tested(entry, fetches.get(mac, {}), {host for host, owner in owners.items() if owner == mac}))
        return found

    def words(self, phones: Iterable[Tested]) -> set[str]:
        """Return what these phones call themselves, now or after they fetched what waits for them."""
        waiting = {phone.subject.mac: phone for phone in self.bystanders(())}
        found = set()
        for phone in phones:
            next_one = waiting.get(phone.mac)
            found |= phone.words | {item.value for item in (next_one.items if next_one is not None else ()) if item.value}
        return found

    def bystanders(self, macs: Collection[str]) -> list[Expectations]:
        """Return how all other phones of the fleet call themselves: what is theirs is nobody else's."""
        snapshot = self._source.refresh()
        if snapshot is None:
            return []
        if self._bystanders[0] is not snapshot:
            self._bystanders = (snapshot, {mac: self._sign(snapshot, entry) for mac, entry in snapshot.phones.items()})
        left_out = set(macs)
        return [phone for mac, phone in self._bystanders[1].items() if mac not in left_out]

    def _sign(self, snapshot: Snapshot, entry: PhoneEntry) -> Expectations:
        file = snapshot.own_file(entry.mac)
        body = bytes(file.body) if file is not None else b""
        users = self._users_in_xml(body) if is_lpconfig(body) else _USER.findall(body)
        items = tuple(
            Expectation("user-name", user.decode("utf-8", "replace"), "", account=at) for at, user in enumerate(users, 1)
        )
        return Expectations(Subject(f"{entry.name} ({entry.mac})", entry.mac, agent=self._agent(entry.model)), items)

    def _users_in_xml(self, body: bytes) -> list[bytes]:
        return [account.user_name.encode() for account in AccountReader(self._observables).read(read_file(body).values())]

    def _agent(self, model: str) -> str:
        found = self._catalogue.models.get(model)
        return found.user_agent_name if found is not None else ""

    def _tested(self, entry: PhoneEntry, fetches: Mapping[str, LastFetch], hosts: Iterable[str]) -> Tested:
        mine = fetches.get("mac")
        if mine is None or mine.delivered_sha256 is None:
            return Tested(entry.mac, entry.name, entry.model, None, NEVER_FETCHED)
        files: list[Delivered] = []
        notes: list[str] = []
        at = 0.0
        hashes = []
        laid: frozenset[str] = frozenset()
        for kind in KINDS:
            fetch = fetches.get(kind)
            if kind == "common" and not entry.common_name:
                continue  # phones of its vendor have none
            if fetch is None or fetch.delivered_sha256 is None:
                notes.append(f"which {kind} file it has is not known: judged without")
                continue
            content = self._source.content(fetch.delivered_sha256)
            if content is None and kind == "mac":
                return Tested(entry.mac, entry.name, entry.model, None, FORGOTTEN)
            if content is None:
                notes.append(f"its {kind} file is no longer kept: judged without")
                continue
            hashes.append(fetch.delivered_sha256)
            at = max(at, fetch.delivered_at or 0.0)
            laid |= laid_parameters(content)
            files.append(self._delivered(fetch.delivered_file or content.name, content))
        firmware = next((fetch.firmware for fetch in sorted(fetches.values(), key=lambda one: -one.at) if fetch.firmware), "")
        subject = subject_of(
            entry.name, entry.mac, self._catalogue.models.get(entry.model), firmware=firmware or "", addresses=sorted(hosts)
        )
        expectations = self._expectations(tuple(hashes), files, subject)
        return Tested(entry.mac, entry.name, entry.model, expectations, "", tuple(hashes), at, tuple(notes), laid)

    def _delivered(self, name: str, content: Content) -> Delivered:
        origins: Sequence[Any] = content.origins or ()
        return Delivered(name, content.body, tuple(self._show(origin) if origin else "" for origin in origins))

    def _expectations(self, hashes: tuple[str, ...], files: Sequence[Delivered], subject: Subject) -> Expectations:
        key = (hashes, subject)
        found = self._kept.get(key)
        if found is None:
            found = build_expectations(read_cfg_files(files), self._observables, subject, self._catalogue)
            if len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = found
        return found


def _owners(fetches: Mapping[str, Mapping[str, LastFetch]]) -> dict[str, str]:
    """Return each address from which the newest request of one phone came, and of no other.

    Addresses wander, so what a phone had before does not count; behind one that phones share it could be any of them.
    """
    users: dict[str, list[str]] = {}
    for mac, kinds in fetches.items():
        newest = max(kinds.values(), key=lambda fetch: fetch.at)
        users.setdefault(newest.peer, []).append(mac)
    return {peer: macs[0] for peer, macs in users.items() if len(macs) == 1}
