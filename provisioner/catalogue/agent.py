"""Who a User-Agent header says it is.  Forms are data (agents.toml); reading never raises and never takes long."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MAX_AGENT_LENGTH = 200
"Longest text looked at; a phone's own is under 60 characters."


class Agent(NamedTuple):  # made for every request: a third of the cost of a frozen dataclass
    """What could be read from one User-Agent text; None where it does not say."""

    model: str | None
    "Canonical name of a model we know: `T46G`."

    firmware: str | None
    "`28.80.0.60`."

    mac: str | None
    "Twelve lower-case hex digits."

    is_yealink: bool
    "Whether it begins with the vendor's name."

    token: str | None = None
    "The model as the phone wrote it, also when we do not know it: `SIP-T54W`."


NOBODY = Agent(None, None, None, False)
UNREADABLE = Agent(None, None, None, True)


class AgentReader:
    """Reads User-Agent texts with forms compiled once."""

    __slots__ = ("_forms", "_models")

    def __init__(self, forms: Sequence[str], models: Mapping[str, str]) -> None:
        """Take expressions with the groups model, firmware and (if any) mac, and tokens in lower case with their model."""
        compiled = [re.compile(form, re.ASCII) for form in forms]
        self._forms = tuple((form, form.groupindex.get("mac")) for form in compiled)
        self._models = dict(models)

    def read(self, text: str | None) -> Agent:
        """Return what `text` says; any text, also none at all, has an answer."""
        if not isinstance(text, str) or len(text) > MAX_AGENT_LENGTH or text[:7].lower() != "yealink":
            return NOBODY
        for form, mac_group in self._forms:
            match = form.fullmatch(text)
            if match is not None:
                token = match["model"]
                mac = match[mac_group] if mac_group else None
                return Agent(
                    self._models.get(token.lower()) if token else None,
                    match["firmware"],
                    mac.replace(":", "").lower() if mac else None,
                    True,
                    token,
                )
        return UNREADABLE
