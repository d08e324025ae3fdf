"""What a phone gets: one file, or a refusal that only people can read in full."""

from __future__ import annotations

from typing import NamedTuple

from provisioner.delivery.file import PublishedFile
from provisioner.delivery.reason import HINTS, Reason


class Served(NamedTuple):  # made for every request: a third of the cost of a frozen dataclass
    """The one file this phone should get now."""

    file: PublishedFile
    "The bytes."

    mac: str | None = None
    "The phone as far as it said who it is (path or agent), 12 hex digits."

    phone: str | None = None
    "Its name in the inventory."

    model: str | None = None
    "Model named by the agent, else by the inventory."

    firmware: str | None = None
    "Version named by the agent: `28.80.0.60`."

    note: str = ""
    "A remark for the journal: `newer-firmware`, or empty."


class Refusal(NamedTuple):
    """The reason a phone gets nothing.  The wire shows 404, TFTP error 1, or 503 before the first generation."""

    reason: Reason
    "Stable word for logs, pages, metrics and tests."

    fact: str
    "What was seen, without secrets: `mac 001565aabbcc from 10.9.0.4`."

    mac: str | None = None
    "The phone as far as it said who it is."

    phone: str | None = None
    "Its name in the inventory."

    model: str | None = None
    "Model named by the agent."

    firmware: str | None = None
    "Version named by the agent."

    @property
    def hint(self) -> str:
        """What the reader can do next."""
        return HINTS[self.reason]

    @property
    def http_status(self) -> int:
        """503 before the first generation, else 404: unknown and refused look alike on the wire."""
        return 503 if self.reason is Reason.NOT_READY else 404


Answer = Served | Refusal
