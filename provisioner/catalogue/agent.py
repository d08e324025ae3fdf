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

    is_ours: bool
    "Whether it begins with the name of a vendor that we know."

    token: str | None = None
    "The model as the phone wrote it, also when we do not know it: `SIP-T54W`."


NOBODY = Agent(None, None, None, False)
UNREADABLE = Agent(None, None, None, True)


class AgentReader:
    """Reads User-Agent texts with forms compiled once."""

    __slots__ = ("_begins", "_forms", "_models", "_texts")

    def __init__(self, forms: Sequence[str], models: Mapping[str, str], begins: tuple[str, ...] = ("yealink",)) -> None:
        """Take expressions with the groups model, firmware and (if any) mac, and tokens in lower case with their model.

        `begins` are the lower-case texts of which one stands at the start of each vendor's texts.
        """
        self._texts = tuple(forms)
        self._begins = begins
        compiled = [re.compile(form, re.ASCII) for form in forms]
        self._forms = tuple((form, form.groupindex.get("mac")) for form in compiled)
        self._models = dict(models)

    def __or__(self, other: AgentReader) -> AgentReader:
        """Return a reader of both vendors' texts."""
        return AgentReader((*self._texts, *other._texts), {**other._models, **self._models}, (*self._begins, *other._begins))

    def read(self, text: str | None) -> Agent:
        """Return what `text` says; any text, also none at all, has an answer."""
        if not isinstance(text, str) or len(text) > MAX_AGENT_LENGTH or not text.lower().startswith(self._begins):
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
