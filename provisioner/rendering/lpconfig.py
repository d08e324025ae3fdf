"""The XML that linphone fetches, written.

Everything is escaped, characters that XML cannot hold or that could break a line are refused, each entry stands on a line of
its own, and every entry overwrites what the phone had.  A reset is an entry without text: linphone then takes the key out of
its file.  The reader is sipstub.phone.format.lpconfig.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from provisioner.inventory.origin import Origin
from provisioner.rendering.errors import TemplateProblem
from provisioner.rendering.lines import RESET, CfgLine
from sipstub.phone.format.lpconfig import NAMESPACE, split_name

HEAD = ('<?xml version="1.0" encoding="UTF-8"?>', f'<config xmlns="{NAMESPACE}">')
TAIL = "</config>"

_REFUSED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def escape(text: str) -> str:
    """Return `text` as element content or attribute value; ValueError names a character that cannot be in either."""
    found = _REFUSED.search(text)
    if found is not None:
        raise ValueError(f"the character U+{ord(found[0]):04X} cannot stand in XML")
    return text.translate(_ESCAPES)


def write_line(name: str, value: str) -> str:
    """Return the line of one entry; ValueError for a name or value that the format cannot hold."""
    place = split_name(name)
    if place is None:
        raise ValueError(f"{name[:60]} is not section.entry or section.number.entry")
    text = "" if value == RESET else escape(value)
    return f'    <entry name="{escape(place[1])}" overwrite="true">{text}</entry>'


def encode(lines: Iterable[CfgLine]) -> tuple[bytes, list[Origin | None]]:
    """Return the file's bytes, and for each of its lines the origin (None for markup).

    Sections stand in order of their first line.  A name or value that the format cannot hold raises TemplateProblem with
    its place.
    """
    sections: dict[str, list[tuple[str, Origin]]] = {}
    for line in lines:
        try:
            written = write_line(line.name, line.value)
        except ValueError as error:
            place = line.template or line.origin
            raise TemplateProblem(place.file, place.line, "not-in-this-format", str(error), "correct the name or value") from None
        section, _ = split_name(line.name) or ("", "")
        sections.setdefault(section, []).append((written, line.origin))
    text: list[str] = list(HEAD)
    origins: list[Origin | None] = [None] * len(HEAD)
    for section, entries in sections.items():
        text.append(f'  <section name="{escape(section)}">')
        origins.append(None)
        for written, origin in entries:
            text.append(written)
            origins.append(origin)
        text.append("  </section>")
        origins.append(None)
    text.append(TAIL)
    origins.append(None)
    return ("\n".join(text) + "\n").encode("utf-8"), origins
