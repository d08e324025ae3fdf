"""How a DHCP server can tell that a Yealink phone asks: by vendor class and by vendor prefix, both from the catalogue."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from provisioner.catalogue import Catalogue
from provisioner.catalogue.table import read_toml, tables
from provisioner.errors import CatalogueError

VENDOR_CLASS_PARAMETER = "auto_provision.dhcp_option.option60_value"
"Its default is what a phone sends in option 60."

TRUSTED = ("high", "medium")
"Prefixes known with this confidence are matched; a wrong one would send somebody else's device here."

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,99}")


@dataclass(frozen=True, slots=True)
class PhoneMatch:
    """What gives a phone away."""

    vendor_class: str
    "Text at the start of option 60: `yealink`."

    prefixes: tuple[str, ...]
    "Vendor prefixes, sorted, lower case: `00:15:65`."


def load_match(catalogue: Catalogue) -> PhoneMatch:
    """Return how to tell the phones of this catalogue; CatalogueError if it does not say."""
    return PhoneMatch(_vendor_class(catalogue), _prefixes(catalogue.folder / "ouis.toml"))


def _vendor_class(catalogue: Catalogue) -> str:
    parameter = catalogue.parameters.get(VENDOR_CLASS_PARAMETER)
    text = parameter.default if parameter is not None else None
    if not text or not _PLAIN.fullmatch(text):
        raise CatalogueError(
            f"{VENDOR_CLASS_PARAMETER} has no default that can be matched", hint="set its default to the text of option 60"
        )
    return text


def _prefixes(file: Path) -> tuple[str, ...]:
    rows = tables(file, read_toml(file))
    found = sorted(row.name.lower() for row in rows if row.one_of("confidence", ("high", "medium", "low")) in TRUSTED)
    if not found:
        raise CatalogueError(f"{file} names no prefix with confidence {' or '.join(TRUSTED)}")
    return tuple(found)
