"""The corpus of raw messages: what each is, and what is to be said of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sipstub.sip.message import Message
from sipstub.sip.sdp import Sdp

FOLDER = Path(__file__).parents[1] / "corpus" / "sip"
CAPTURES = sorted((FOLDER / "captures").glob("*.sip"))


@dataclass(frozen=True)
class Case:
    """One message of our own with the defect of an RFC's case."""

    rfc: str
    name: str
    section: str
    defect: str
    verdict: str
    sees: dict[str, str]

    @property
    def path(self) -> Path:
        return FOLDER / self.rfc / f"{self.name}.sip"


def cases() -> list[Case]:
    """Return all cases of verdicts.toml, in its order."""
    table = tomllib.loads((FOLDER / "verdicts.toml").read_text("utf-8"))
    return [
        Case(rfc, name, entry["section"], entry["defect"], entry["verdict"], entry.get("sees", {}))
        for rfc, entries in table.items()
        for name, entry in entries.items()
    ]


def seen(message: Message, path: str) -> str:
    """Return the text of what stands at a path such as `vias.0.branch`; `sdp` is the body."""
    value: Any = message
    for step in path.split("."):
        if step == "sdp":
            value = Sdp.parse(value.body)
        elif step.isdigit():
            value = value[int(step)]
        else:
            value = getattr(value, step)
    return value.decode() if isinstance(value, bytes) else str(value)
