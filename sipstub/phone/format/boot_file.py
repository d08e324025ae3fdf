"""The `.boot` file of firmware 81 and later: which cfg files to fetch, in order.  Pure, never raises.

Only the form of the include lines matters here, and it is recall: `include:config "name.cfg"`, with quotes, angle
brackets or neither.  `overwrite_mode` is seen and not acted upon.
"""

from __future__ import annotations

import re

from sipstub.phone.format.cfg import MAX_FILE_BYTES, VERSION_LINE

MAX_INCLUDES = 16

_INCLUDE = re.compile(r'^include:config[ \t]+(?:"([^"\s]+)"|<([^>\s]+)>|([^"<\s]+))[ \t]*\r?$', re.MULTILINE)


def included_files(data: bytes, mac: str) -> tuple[str, ...]:
    """Return the file names in order with `$MAC` filled in, at most MAX_INCLUDES; none without the version line."""
    text = data[:MAX_FILE_BYTES].decode(errors="replace")
    if text.partition("\n")[0].rstrip("\r") != VERSION_LINE:
        return ()
    names = (quoted or angled or bare for quoted, angled, bare in _INCLUDE.findall(text))
    safe = (name.replace("$MAC", mac) for name in names if "://" not in name and name.isprintable())
    return tuple(safe)[:MAX_INCLUDES]
