"""How phones come back from the lab: which file they had before, and what has to be put back until they have it again.

Beside each layer the loader notes what the phone's file was.  When the layer is over the phone's text is rendered as ever, which
gives the old bytes again, unless the layer had to name a parameter that neither file of the phone names: that one stays named, as
reset, until the phone has fetched it, and then the old bytes return.  A phone whose text cannot be rendered at that time gets the
file from before the lab, as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from provisioner.delivery.file import FileKind
from provisioner.inventory.lab_layer import laid
from provisioner.inventory.layer import RESET
from provisioner.runtime.fleet import Build
from provisioner.runtime.lab_folder import FOLDER, Labs, write_whole
from provisioner.state.publication import Content, NewFile, Publication, Published
from sipstub.phone.format.cfg import parse_cfg

SUFFIX = ".before"
MAX_NOTE_BYTES = 65_536

Bodies = Mapping[str, bytes | memoryview]

Contents = Callable[[str], Content | None]
"Gives the bytes behind a hash, with their origins."

DeliveredHashes = Callable[[Collection[str]], Mapping[str, str]]
"Gives the hash of the own file that each phone last received, by MAC."


@dataclass(frozen=True, slots=True)
class Note:
    """What a phone's file was before its lab layer."""

    file: str
    "Name of its own file."

    sha256: str
    "Hash of the file published then."

    added: tuple[str, ...]
    "Parameters that the layer names and neither file of the phone did."


class LabReturns:
    """The notes of one state folder; used by the loader alone."""

    def __init__(self, state: Path, contents: Contents, delivered: DeliveredHashes) -> None:
        self._path = state / FOLDER
        self._contents = contents
        self._delivered = delivered
        self._notes = _read_notes(self._path)
        self._waiting: dict[str, str] = {}

    def arrived(self) -> frozenset[str]:
        """Return the phones that have fetched what puts them back; asks only while some have not."""
        if not self._waiting:
            return frozenset()
        has = self._delivered(list(self._waiting))
        return frozenset(mac for mac, wanted in self._waiting.items() if has.get(mac) == wanted)

    def without_resets(
        self, bodies: Mapping[str, bytes | memoryview], arrived: Collection[str]
    ) -> Mapping[str, bytes | memoryview]:
        """Return the published files to build upon; of phones that have arrived without what only put them back."""
        if not arrived:
            return bodies
        changed = dict(bodies)
        for mac in arrived:
            note = self._notes.get(mac)
            if note is not None and note.file in changed:
                changed[note.file] = _without(bytes(changed[note.file]), note.added)
        return changed

    def note(self, build: Build, published: Published) -> None:
        """Write down what the phones under a new layer have now, before anything else is published for them."""
        own = _own_files(published) if any(laid(found.phone) for found in build.phones.values()) else {}
        for mac, found in build.phones.items():
            layer = laid(found.phone)
            file = published.files.get(own[mac]) if mac in own else None
            if not layer or file is None or found.is_blocked:
                continue
            known = self._notes.get(mac)
            if known is None:
                common = published.files.get(found.common_name)
                named = _names(bytes(file.body)) | (_names(bytes(common.body)) if common is not None else set())
                note = Note(file.name, file.sha256, tuple(sorted(set(layer) - named)))
            else:
                # Laid again before the phone was back: what was added then is still to be put back.
                content = self._contents(known.sha256)
                named = _names(content.body) if content is not None else set()
                note = replace(known, added=tuple(sorted({*known.added, *(set(layer) - named - _names(found.common.body))})))
            self._waiting.pop(mac, None)
            if note != known:
                write_whole(self._path / (mac + SUFFIX), json.dumps(asdict(note)).encode())
                self._notes[mac] = note

    def bring_back(self, publication: Publication, build: Build | None, published: Published, labs: Labs) -> Publication:
        """Return the publication with the files from before the lab for phones that cannot be rendered now.

        `build` is None when nothing can be.
        """
        files = dict(publication.files)
        for mac, note in self._notes.items():
            found = build.phones.get(mac) if build is not None else None
            name = note.file
            if mac in labs.on and (found is None or laid(found.phone) or found.is_blocked):
                continue
            if name in publication.removed or (found is not None and not found.is_blocked) or name not in published.files:
                continue
            content = self._contents(note.sha256)
            if content is not None:
                files[name] = self._old(mac, note, content)
        return replace(publication, files=files)

    def _old(self, mac: str, note: Note, content: Content) -> NewFile:
        resets = "".join(f"{name} = {RESET}\n" for name in note.added).encode()
        origins = None if content.origins is None else [*content.origins, *([None] * len(note.added))]
        whole = NewFile(FileKind.MAC, mac, content.body + resets, origins)
        has = self._delivered([mac]) if note.added else {}
        if has.get(mac) == _hash(whole.body) or not note.added:
            return NewFile(FileKind.MAC, mac, content.body, content.origins)
        return whole

    def settle(self, publication: Publication, published: Published, labs: Labs) -> None:
        """After a publication: forget the phones that have their old file again, and remember whom to wait for."""
        for mac, note in list(self._notes.items()):
            if mac in labs.on:
                continue
            name = note.file
            new, old = publication.files.get(name), published.files.get(name)
            body = b"" if name in publication.removed else new.body if new is not None else bytes(old.body) if old else b""
            if set(note.added) & _resets(body):
                self._waiting[mac] = _hash(body)
                continue
            self._waiting.pop(mac, None)
            del self._notes[mac]
            (self._path / (mac + SUFFIX)).unlink(missing_ok=True)
            if mac in labs.over:
                (self._path / (mac + ".toml")).unlink(missing_ok=True)


def _own_files(published: Published) -> dict[str, str]:
    return {file.mac: name for name, file in published.files.items() if file.kind is FileKind.MAC and file.mac is not None}


def noted_hashes(state: Path) -> set[str]:
    """Return the hashes of the files that phones come back to: they must survive every compaction."""
    return {note.sha256 for note in _read_notes(state / FOLDER).values()}


def _read_notes(folder: Path) -> dict[str, Note]:
    return {path.stem: note for path in sorted(folder.glob("*" + SUFFIX)) if (note := _read(path)) is not None}


def _read(path: Path) -> Note | None:
    try:
        with path.open("rb") as file:
            data: Any = json.loads(file.read(MAX_NOTE_BYTES))
        return Note(str(data["file"]), str(data["sha256"]), tuple(str(name) for name in data["added"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _names(body: bytes) -> set[str]:
    return {entry.name for entry in parse_cfg(body).entries}


def _resets(body: bytes) -> set[str]:
    return {entry.name for entry in parse_cfg(body).entries if entry.is_reset}


def _without(body: bytes, names: Collection[str]) -> bytes:
    """Return the file without the lines that put `names` back."""
    gone = {entry.line for entry in parse_cfg(body).entries if entry.is_reset and entry.name in names}
    return b"".join(line for number, line in enumerate(body.splitlines(keepends=True), 1) if number not in gone)


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
