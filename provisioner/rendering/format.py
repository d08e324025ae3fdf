"""How the lines of a rendering become a file: one writer for each format, each with its own guard against values that escape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from provisioner.inventory.origin import Origin
from provisioner.rendering import lines, lpconfig
from provisioner.rendering.lines import CfgLine
from sipstub.phone.format.reading import is_lpconfig

Encoded = tuple[bytes, list[Origin | None]]
"The bytes, and for each line of them the place that gave its value."


@dataclass(frozen=True, slots=True)
class Format:
    """One form of files."""

    name: str
    "As in vendor.toml."

    encode: Callable[[Iterable[CfgLine]], Encoded]
    "Same lines, same bytes; raises TemplateProblem for what the format cannot hold."

    write_line: Callable[[str, str], str]
    "One assignment as it stands in the file, for files shown with other values."


CFG = Format("cfg", lines.encode, lambda name, value: f"{name} = {value}")
LPCONFIG = Format("lpconfig", lpconfig.encode, lpconfig.write_line)
FORMATS: Mapping[str, Format] = {each.name: each for each in (CFG, LPCONFIG)}
"By the name that a vendor's facts use."


def format_of(body: bytes) -> Format:
    """Return the format that a file is in, by how it begins."""
    return LPCONFIG if is_lpconfig(body) else CFG
