"""What a serving process looks things up in: the newest generation, together with the models it was made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.load import load_catalogue
from provisioner.delivery.policy import Policy, parse_networks
from provisioner.delivery.request import Protocol
from provisioner.delivery.snapshot import Snapshot
from provisioner.errors import CatalogueError
from provisioner.rendering.template import fingerprint
from provisioner.services.interface import networks
from provisioner.settings import Settings
from provisioner.state.published import PublishedSource, StateFolder


class FleetSource:
    """A `SnapshotSource` whose models and User-Agent forms follow edits of templates/, as the files do."""

    def __init__(self, state: StateFolder, templates: Path) -> None:
        self._folder = templates
        self._fingerprint = fingerprint(self._folder)
        catalogue = load_catalogue(self._folder)
        models, in_scope = _known(catalogue)
        self._published = PublishedSource(state, catalogue.agents, models, in_scope)
        self._from: Snapshot | None = None
        self._current: Snapshot | None = None
        self._catalogue: Catalogue | None = None

    def current(self) -> Snapshot | None:
        """Return the newest generation, or None before the first."""
        snapshot = self._published.current()
        if snapshot is not self._from:
            self._current = self._with_models(snapshot)
            self._from = snapshot
        return self._current

    def _with_models(self, snapshot: Snapshot | None) -> Snapshot | None:
        if snapshot is None:
            return None
        seen = fingerprint(self._folder)
        if seen != self._fingerprint:
            self._fingerprint = seen
            try:
                self._catalogue = load_catalogue(self._folder)
            except CatalogueError:
                return snapshot  # the loader says so and keeps the last good files; so do the last good models
        if self._catalogue is None:
            return snapshot
        models, in_scope = _known(self._catalogue)
        return replace(snapshot, agents=self._catalogue.agents, models=models, in_scope=in_scope)

    @property
    def published(self) -> PublishedSource:
        """The store behind it."""
        return self._published


def _known(catalogue: Catalogue) -> tuple[dict[str, str], frozenset[str]]:
    models = {name: model.common_name for name, model in catalogue.models.items()}
    return models, frozenset(name for name, model in catalogue.models.items() if model.is_in_scope)


def policy_of(settings: Settings) -> Policy:
    """Return the policy: allowed networks (this machine's own if none are named), and the transports that are on."""
    allowed = parse_networks(settings["allow"]) if settings["allow"] else networks()
    transports = {protocol for protocol in (Protocol.HTTP, Protocol.HTTPS, Protocol.TFTP) if settings[str(protocol)] != "off"}
    return Policy(tuple(allowed), frozenset(transports))
