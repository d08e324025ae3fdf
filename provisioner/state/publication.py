"""What a loader hands over to be published, and what it finds published when it starts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.delivery.snapshot import PhoneEntry
from provisioner.inventory.static_file import StaticFile


@dataclass(frozen=True, slots=True)
class NewFile:
    """A cfg file as rendered."""

    kind: FileKind
    "MAC or common file."

    mac: str | None
    "Whose file it is, 12 hex digits; None for a common file."

    body: bytes
    "Exactly the bytes of the wire."

    origins: Sequence[Any] | None = None
    "Where each line comes from, as JSON-able values in the order of the lines; None if not known."


@dataclass(frozen=True, slots=True)
class PublishedPhone:
    """A phone as delivery needs it, and where people look for it."""

    entry: PhoneEntry
    "MAC, name, model, common file, problem or not."

    group: str | None = None
    "Its group, for lists."

    site: str | None = None
    "Its site, for lists."

    source: str = ""
    "The file of devices/ it stands in: while that cannot be read, the phone is neither changed nor removed."


@dataclass(frozen=True, slots=True)
class Publication:
    """What differs from the generation before; a first one names everything."""

    files: Mapping[str, NewFile] = field(default_factory=dict)
    "New or changed cfg files by canonical name; naming an unchanged one does no harm."

    static_files: Mapping[str, StaticFile] = field(default_factory=dict)
    "New or changed files of devices/files by canonical name: `files/T46.rom`."

    removed: Collection[str] = frozenset()
    "Names of files of any kind that are gone."

    phones: Mapping[str, PublishedPhone] = field(default_factory=dict)
    "New or changed phones by MAC."

    removed_phones: Collection[str] = frozenset()
    "MACs that left the inventory."

    fingerprint: str | None = None
    "Text that tells which templates and inventory this was made from; None keeps the one before."

    problems: Sequence[Mapping[str, Any]] | None = None
    "`Problem.as_json()` of everything found wrong in this load, for processes that show it; None keeps those before."


@dataclass(frozen=True, slots=True)
class Published:
    """What is published now, as the loader finds it after a restart."""

    generation: int
    "0 when nothing was ever published."

    published_at: float
    "Unix time of that generation; 0.0 when there is none."

    fingerprint: str
    "As given with the last publication; empty when there is none."

    files: Mapping[str, PublishedFile]
    "All files by name, cfg files with their bodies."

    phones: Mapping[str, PublishedPhone]
    "All phones by MAC."

    problems: Sequence[Mapping[str, Any]] = ()
    "What the last load found wrong."


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes behind a hash, current or replaced, with their origin map."""

    name: str
    "The file they were published as."

    sha256: str
    "Their hash."

    body: bytes
    "The bytes."

    origins: Sequence[Any] | None
    "As given with the publication."
