"""A firmware generation: what a phone of that age asks for and how its parameters are spelled."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIRMWARE = re.compile(r"[0-9]{1,4}\.([0-9]{1,4})\.[0-9.]{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Generation:
    """One row of generations.toml."""

    name: str
    "`v80`."

    minor_versions: range
    "Second numbers of the firmware versions that belong here."

    is_rendered: bool
    "Whether files are made in this generation's spelling."

    base: str
    "The base template of this generation, as the rendering names it; empty if there is none."

    steps: tuple[tuple[str, ...], ...]
    "Files in the order asked for; of each step the phone takes the first that exists.  `{mac}`, `{common}`."

    boot_files: tuple[str, ...]
    "Names of the boot files it asks for; none for V80."

    static_prefix: str
    "What goes in front of the names that `static_names` lists: `static.`, or nothing."

    static_names: tuple[str, ...]
    "Parameter patterns written with the prefix."

    note: str
    source: tuple[str, ...]
    confidence: str


def minor_of(generation: str) -> int:
    """Return 80 for `v80`; the text must have been checked at load."""
    return int(generation[1:])


def minor_version(firmware: str) -> int | None:
    """Return 80 for `28.80.0.60`, or None if this is no firmware version."""
    match = _FIRMWARE.fullmatch(firmware)
    return int(match[1]) if match else None
