"""What makes the files of one vendor: its words, its templates and the renderer over them."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.vendor import Vendor
from provisioner.inventory.vocabulary import Vocabulary, load_vocabulary
from provisioner.rendering.context import Addresses
from provisioner.rendering.render import Renderer
from provisioner.rendering.template import Templates

BASE = "v80"
"Where the templates are if neither the vendor nor a generation says it."


@dataclass(frozen=True, slots=True)
class Workshop:
    """The tools for one vendor's phones."""

    vendor: Vendor
    "Whose."

    vocabulary: Vocabulary
    "What its phones understand of what people write."

    spoken: Vocabulary
    "What people may write for phones of any vendor."

    templates: Templates
    "Its templates."

    renderer: Renderer
    "Makes the files."


def load_workshops(catalogue: Catalogue, addresses: Addresses) -> list[Workshop]:
    """Return the workshops in the catalogue's order of vendors; CatalogueError if words are wrong or contradict each other."""
    words = [load_vocabulary(vendor.folder) for vendor in catalogue.vendors]
    spoken = functools.reduce(operator.or_, words)
    found = []
    for vendor, vocabulary in zip(catalogue.vendors, words, strict=True):
        templates = _templates(vendor, catalogue)
        renderer = Renderer(templates, catalogue, vocabulary, addresses, spoken)
        found.append(Workshop(vendor, vocabulary, spoken, templates, renderer))
    return found


def _templates(vendor: Vendor, catalogue: Catalogue) -> Templates:
    if vendor.base:
        return Templates(vendor.folder.parent, vendor.base, vendor.base)
    rendered = (generation.base for generation in catalogue.generations.values() if generation.is_rendered)
    return Templates(vendor.folder, next(rendered, BASE))
