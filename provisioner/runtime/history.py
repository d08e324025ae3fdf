"""What a state folder knows, for commands that only look: the published files, and what phones fetched.

A folder that no server ever used is an empty history, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.delivery.snapshot import Snapshot
from provisioner.state.database_place import has_database
from provisioner.state.folder import StateFolder
from provisioner.state.publication import Published, PublishedPhone
from provisioner.state.source import PublishedSource

if TYPE_CHECKING:
    from provisioner.inventory.load import Inventory
    from provisioner.state.reading import Reading


class History:
    """The past of one server, or of none."""

    def __init__(self, path: Path) -> None:
        """Look at `path`; EnvironmentProblem if it belongs to somebody else or is open to others."""
        self._folder: StateFolder | None = None
        self._source: PublishedSource | None = None
        try:
            has_index, self._has_database = (path / "published.sqlite").exists(), has_database(path)
        except PermissionError:
            has_index = self._has_database = True  # the folder itself says below whose it is
        if has_index or self._has_database:
            self._folder = StateFolder.existing(path)
            if has_index:
                self._source = PublishedSource(self._folder)

    @cached_property
    def snapshot(self) -> Snapshot | None:
        """The newest generation; None before the first."""
        return self._source.refresh() if self._source is not None else None

    @property
    def generation(self) -> int:
        """Its number; 0 before the first."""
        return self.snapshot.generation if self.snapshot is not None else 0

    @property
    def folder(self) -> StateFolder | None:
        """The state folder, if a server used it."""
        return self._folder

    @property
    def source(self) -> PublishedSource | None:
        """The published store, if there is one."""
        return self._source

    @property
    def files(self) -> Mapping[str, PublishedFile]:
        """Published files by canonical name."""
        return self.snapshot.files if self.snapshot is not None else {}

    @cached_property
    def bodies(self) -> Mapping[str, bytes | memoryview]:
        """The cfg files that are published, by name: what a build goes on from."""
        return {name: file.body for name, file in self.files.items() if file.kind is not FileKind.STATIC}

    @cached_property
    def report(self) -> Mapping[str, Any]:
        """Generation, published_at and problems of the last load; empty before the first."""
        return self._source.load_report() if self._source is not None else {}

    @cached_property
    def published(self) -> Published | None:
        """The newest generation as a loader finds it; None before the first."""
        if self._source is None or self.snapshot is None:
            return None
        report = self.report
        return Published(
            report["generation"], report["published_at"], report["fingerprint"] or "", self.files, self._source.phones()
        )

    def lost(self, inventory: Inventory) -> dict[str, PublishedPhone]:
        """Return published phones by MAC that today's text cannot tell of, because it cannot be read: they are kept."""
        if self.published is None:
            return {}
        from provisioner.runtime.compose import kept_macs

        macs = (kept_macs(inventory, self.published) | set(inventory.blocked)) - set(inventory.phones)
        return {mac: self.published.phones[mac] for mac in sorted(macs) if mac in self.published.phones}

    @cached_property
    def reading(self) -> Reading | None:
        """Questions to the journal; None if no phone was ever heard here."""
        if self._folder is None or not self._has_database:
            return None
        from provisioner.state.database import Database
        from provisioner.state.reading import Reading

        return Reading(Database.open(self._folder), self._source)
