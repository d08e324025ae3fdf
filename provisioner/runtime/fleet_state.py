"""How each phone of the published inventory stands: one word, and the last fetch that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provisioner.delivery.file import PublishedFile
from provisioner.delivery.snapshot import PhoneEntry, Snapshot, SnapshotSource
from provisioner.state.phone_state import LastFetch, PhoneState, word_for
from provisioner.state.reading import Reading
from sipstub.phone.format.reading import read_file

DAY_S = 86_400.0
REPEAT = ("auto_provision.repeat.enable", "auto_provision.repeat.minutes")
WEEKLY = "auto_provision.weekly.enable"


@dataclass(frozen=True, slots=True)
class PhoneStanding:
    """One phone of the inventory, as far as this server has seen it."""

    entry: PhoneEntry
    "Identity."

    state: PhoneState
    "The word for it."

    fetches: Mapping[str, LastFetch]
    "Its last fetches by kind."

    wanted: Mapping[str, str | None]
    "Hashes it would get now, by kind."

    @property
    def model(self) -> str:
        """The model in the inventory; `unknown` while its text is not understood."""
        return self.entry.model or "unknown"

    @property
    def newest(self) -> LastFetch | None:
        """Its newest request of any kind."""
        return max(self.fetches.values(), key=lambda fetch: fetch.at, default=None)


def fleet_states(source: SnapshotSource, reading: Reading, *, now: float) -> Iterator[PhoneStanding]:
    """Yield every phone of the newest generation, by name."""
    snapshot = source.current()
    if snapshot is None:
        return
    fetched = reading.last_fetches()
    for mac, entry in sorted(snapshot.phones.items(), key=lambda item: item[1].name):
        wanted = {
            "mac": _sha(snapshot.own_file(mac)),
            "common": _sha(snapshot.files.get(entry.common_name)),
        }
        fetches = fetched.get(mac, {})
        stale_after_s = _stale_after(snapshot, entry) if fetches else None
        yield PhoneStanding(entry, word_for(fetches, wanted, now=now, stale_after_s=stale_after_s), fetches, wanted)


def _sha(file: PublishedFile | None) -> str | None:
    return file.sha256 if file is not None else None


def _stale_after(snapshot: Snapshot, entry: PhoneEntry) -> float | None:
    """Return the interval in which the phone's own files make it ask again (the later file wins), or None."""
    values: dict[str, str] = {}
    for file in (snapshot.files.get(entry.common_name), snapshot.own_file(entry.mac)):
        if file is None:
            continue
        body = bytes(file.body)
        if b"auto_provision.repeat" in body or b"auto_provision.weekly" in body:
            values.update(read_file(body).values())
    found: list[float] = []
    if values.get(REPEAT[0]) == "1" and values.get(REPEAT[1], "").isdigit():
        found.append(int(values[REPEAT[1]]) * 60.0)
    if values.get(WEEKLY) == "1":
        found.append(7 * DAY_S)
    return min(found) if found else None
