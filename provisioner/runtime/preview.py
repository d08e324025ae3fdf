"""Today's text as a generation that nobody published: so that questions can be answered without a server."""

from __future__ import annotations

import hashlib

from provisioner.catalogue.catalogue import Catalogue
from provisioner.delivery.file import FileKind, PublishedFile
from provisioner.delivery.snapshot import Snapshot
from provisioner.runtime.compose import compose
from provisioner.runtime.fleet import Build
from provisioner.state.published import Published


def preview(build: Build, catalogue: Catalogue) -> Snapshot:
    """Return the generation that a server with an empty state folder would publish from `build`."""
    publication = compose(build, Published(0, 0.0, "", {}, {}))
    files: dict[str, PublishedFile] = {}
    for name, new in publication.files.items():
        files[name] = PublishedFile(name, new.kind, hashlib.sha256(new.body).hexdigest(), len(new.body), new.body, None, new.mac)
    for name, static in publication.static_files.items():
        files[name] = PublishedFile(name, FileKind.STATIC, static.tag, static.size_bytes, b"", static.path)
    phones = {mac: phone.entry for mac, phone in publication.phones.items()}
    models = {name: model.common_name for name, model in catalogue.models.items()}
    in_scope = frozenset(name for name, model in catalogue.models.items() if model.is_in_scope)
    return Snapshot(0, files, phones, catalogue.agents, models, in_scope)
