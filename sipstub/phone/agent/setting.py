"""Reads settings by the names of their parameters, as a phone does: what is no number counts as not there."""

from __future__ import annotations

import re
from functools import lru_cache

from sipstub.phone.agent.factory import FACTORY
from sipstub.phone.format.effective import Effective

_INDEXES = re.compile(r"^account\.\d+\.|(?<=sip_server)\.\d+\.|(?<=outbound_proxy)\.\d+\.")
MAX_DIGITS = 10
CACHED_NAMES = 8_192
"All that a phone of sixteen accounts asks for: hundreds of phones in a process ask for the same."


class Reader:
    """The settings of one phone, with factory values behind them."""

    def __init__(self, settings: Effective) -> None:
        self._settings = settings

    @property
    def settings(self) -> Effective:
        """Return the settings without factory values."""
        return self._settings

    def text(self, name: str) -> str:
        """Return the value; an empty one counts as not there."""
        return self._settings.text(name) or FACTORY.get(pattern_of(name), "")

    def is_stated(self, name: str) -> bool:
        """Return whether a file says anything."""
        return bool(self._settings.text(name))

    def is_on(self, name: str) -> bool:
        """Return whether a switch is on."""
        return self.text(name) == "1"

    def number(self, name: str, least: int = 0) -> int:
        """Return a whole number, at least `least`; the factory value where the text is none."""
        for text in (self.text(name), FACTORY.get(pattern_of(name), "")):
            if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
                return max(least, int(text))
        return least

    def seconds(self, name: str) -> float:
        """Return a time with a fraction; the factory value where the text is none."""
        for text in (self.text(name), FACTORY.get(pattern_of(name), "")):
            if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text, re.ASCII) and float(text) > 0:
                return float(text)
        return 0.0


@lru_cache(CACHED_NAMES)
def pattern_of(name: str) -> str:
    """Return the name in the catalogue: `account.X.sip_server.Y.port` for `account.2.sip_server.1.port`."""
    return _INDEXES.sub(lambda found: "account.X." if found[0].startswith("account") else ".Y.", name)
