"""The busy-lamp keys of a phone: whom an account watches."""

from __future__ import annotations

import re

from sipstub.phone.format.effective import Effective

MAX_KEYS = 256
"Watched by one account; six expansion modules of forty keys have 240."
BUSY_LAMP = "16"
"Of linekey.X.type."
_KEY = re.compile(r"((?:linekey|expansion_module\.\d{1,2}\.key)\.\d{1,3})\.type", re.ASCII)


def watched_numbers(settings: Effective, account: int) -> tuple[str, ...]:
    """Return the numbers behind the busy-lamp keys of an account, each once, in the order of the files.

    A key that names no account is the first one's: what V80 does with it is inferred.
    """
    found: dict[str, None] = {}
    for name in settings:
        match = _KEY.fullmatch(name)
        if match is None or settings.text(name) != BUSY_LAMP or len(found) >= MAX_KEYS:
            continue
        line = settings.text(match[1] + ".line") or "0"
        number = settings.text(match[1] + ".value").partition("@")[0]
        if number and (line == str(account) or (line == "0" and account == 1)):
            found[number] = None
    return tuple(found)
