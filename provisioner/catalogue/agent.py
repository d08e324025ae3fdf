"""Who a User-Agent header says it is.  Forms are data (agents.toml); reading never raises and never takes long."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_AGENT_LENGTH = 200
"Longest text looked at; a phone's own is under 60 characters."

_SEPARATORS = str.maketrans("", "", ":")


@dataclass(frozen=True, slots=True)
class Agent:
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
        self._forms = tuple(re.compile(form, re.ASCII) for form in forms)
        self._models = dict(models)

    def read(self, text: str | None) -> Agent:
        """Return what `text` says; any text, also none at all, has an answer."""
        if not isinstance(text, str) or len(text) > MAX_AGENT_LENGTH or text[:7].lower() != "yealink":
            return NOBODY
        for form in self._forms:
            match = form.fullmatch(text)
            if match is not None:
                found = match.groupdict()
                token = found.get("model")
                mac = found.get("mac")
                return Agent(
                    self._models.get(token.lower()) if token else None,
                    found.get("firmware"),
                    mac.translate(_SEPARATORS).lower() if mac else None,
                    True,
                    token,
                )
        return UNREADABLE
