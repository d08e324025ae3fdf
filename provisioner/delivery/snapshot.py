"""All that `decide` looks at: one immutable generation, swapped whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from provisioner.catalogue.agent import AgentReader
from provisioner.delivery.file import PublishedFile
from provisioner.delivery.identify import OWN_ENDINGS


@dataclass(frozen=True, slots=True)
class PhoneEntry:
    """What delivery needs to know of one phone of the inventory."""

    mac: str
    "12 hex digits."

    name: str
    "Its name in the inventory."

    model: str
    "Canonical model name: `T46G`."

    common_name: str
    "The common file of its model: `y000000000028.cfg`."

    has_problem: bool = False
    "True while its newest text has a problem; it is then served its last good file, if it ever had one."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One published generation."""

    generation: int
    "Counts up by one with each change; 0 before the first."

    files: Mapping[str, PublishedFile] = field(default_factory=dict)
    "By canonical name: `001565aabbcc.cfg`, `y000000000028.cfg`, `files/T46.rom`."

    phones: Mapping[str, PhoneEntry] = field(default_factory=dict)
    "By MAC, 12 hex digits."

    agents: AgentReader | None = None
    "Reads User-Agents into models; None recognises none."

    models: Mapping[str, str] = field(default_factory=dict)
    "Every recognised model and its common file name, in scope or not: {`T46G`: `y000000000028.cfg`}."

    in_scope: frozenset[str] = frozenset()
    "Names of the models that templates are made for."

    newest_minor: int = 80
    "Generation that files are made for: 80 is V80."

    def own_file(self, mac: str) -> PublishedFile | None:
        """Return the own file of the phone with that MAC, whatever its vendor calls it; None if it has none yet."""
        return next((file for ending in OWN_ENDINGS if (file := self.files.get(f"{mac}.{ending}")) is not None), None)


class SnapshotSource(Protocol):
    """Whoever holds the newest generation.  Reading it is not I/O: a counter is compared, nothing is opened."""

    def current(self) -> Snapshot | None:
        """Return the newest generation, or None before the first."""
