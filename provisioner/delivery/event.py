"""What is written down of every decision, and the promise of whoever writes it."""

from __future__ import annotations

import typing
from typing import NamedTuple


class DeliveryEvent(NamedTuple):
    """One decision with what became of it; one row of the journal.

    A tuple, since one is made per request and a frozen dataclass costs seven times as much.  Words are plain `str`, not
    members of an enumeration.
    """

    at: float
    "Unix time, seconds."

    protocol: str
    "http, https, tftp, pnp or sip."

    method: str
    "GET, HEAD, PUT, RRQ, WRQ, ..."

    name: str
    "The path as sent, cut to 200 characters."

    peer: str
    "IP address."

    agent: str | None
    "User-Agent, cut to 200 characters."

    mac: str | None
    "12 hex digits, if the phone said."

    phone: str | None
    "Name in the inventory, if known."

    model: str | None
    "Model as far as known."

    firmware: str | None
    "Version from the agent."

    outcome: str
    "`ok` (whole body sent, or last block acknowledged), `not-modified`, `head`, `aborted`, or a Reason."

    status: int
    "HTTP status, or the TFTP error code (0 for none)."

    kind: str | None = None
    "mac, common or static when a file was found."

    file: str | None = None
    "Canonical name of that file."

    sha256: str | None = None
    "Its hash."

    size_bytes: int = 0
    "Bytes of body sent."

    duration_s: float = 0.0
    "From the request to the end of the transfer."

    fact: str = ""
    "What was seen, for refusals; or a note such as `newer-firmware`."


class EventSink(typing.Protocol):
    """Whoever keeps events.  Declared here, kept by provisioner.state."""

    def record(self, event: DeliveryEvent) -> None:
        """Take the event without waiting and without raising; it is stored within a second."""
