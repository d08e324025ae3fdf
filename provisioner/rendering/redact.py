"""Files as people may see them: every secret value replaced by a mask, everything else as it is.

A value is secret when the catalogue says so of its parameter, when it came from a secret setting, or when it repeats
such a value (of MIN_REPEATED characters or more) under another name.  User names and passwords in URLs are masked too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from provisioner.catalogue.catalogue import Catalogue
from provisioner.rendering.format import format_of
from provisioner.rendering.lines import RESET, USER_PASSWORD, CfgLine
from provisioner.secret import MASK
from sipstub.phone.format.reading import read_file

MIN_REPEATED = 6
"A shorter secret that stands in another line by chance is not looked for."

_USERINFO = re.compile(r"(?<=://)[^/?#@\s]*@")
_QUERY = re.compile(r"(?i)([?&;][^=&;]*(?:pass|pwd|secret|token|auth|key)[^=&;]*=)[^&;#\s]+")


def is_secret_name(name: str, catalogue: Catalogue) -> bool:
    """Return whether the catalogue calls the parameter secret."""
    parameter = catalogue.parameter(name)
    return parameter is not None and parameter.is_secret


def masked(name: str, value: str, *, is_secret: bool, known: Collection[str] = ()) -> str:
    """Return the value as people may see it; a reset and an empty value hide nothing."""
    if is_secret and value and value != RESET:
        user, colon, _ = value.partition(":")
        return f"{user}:{MASK}" if name == USER_PASSWORD and colon else MASK
    for secret in known:
        if len(secret) >= MIN_REPEATED:
            value = value.replace(secret, MASK)
    return _QUERY.sub(rf"\1{MASK}", _USERINFO.sub(MASK + "@", value))


def secrets_in(values: Iterable[tuple[str, str]], catalogue: Catalogue, lines: Mapping[str, CfgLine] | None = None) -> set[str]:
    """Return the secret texts among (name, value) pairs, and those of `lines` that came from a secret."""
    found = set()
    for name, value in values:
        if is_secret_name(name, catalogue) and value and value != RESET:
            found.add(value)
            if name == USER_PASSWORD:
                found.add(value.partition(":")[2])
    for line in (lines or {}).values():
        if line.is_secret:
            found.add(line.value)
    return found - {"", RESET}


def redact(body: bytes | memoryview, catalogue: Catalogue, lines: Mapping[str, CfgLine] | None = None) -> str:
    """Return the text of a file with its secrets masked; `lines` are those of its rendering, if it is at hand."""
    text = bytes(body).decode("utf-8", "replace")
    write_line = format_of(bytes(body)).write_line
    entries = read_file(bytes(body)).entries
    at_line = {entry.line: entry for entry in entries}
    marked = {(line.name, line.value) for line in (lines or {}).values() if line.is_secret}
    known = secrets_in(((entry.name, entry.value) for entry in entries), catalogue, lines)
    shown = []
    for number, line in enumerate(text.split("\n"), 1):
        entry = at_line.get(number)
        if entry is None:
            shown.append(masked("", line, is_secret=False, known=known))
            continue
        is_secret = is_secret_name(entry.name, catalogue) or (entry.name, entry.value) in marked
        value = masked(entry.name, entry.value, is_secret=is_secret, known=known)
        shown.append(write_line(entry.name, value))
    return "\n".join(shown)
