"""One word for how a phone stands, the same in the command line, pages, metrics and documents.  Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class PhoneState(enum.StrEnum):
    """A closed list; each value has a heading in docs/reference/state.md."""

    NEVER_SEEN = "never-seen"
    CURRENT = "current"
    BEHIND = "behind"
    STALE = "stale"
    REFUSED = "refused"
    KNOCKING = "knocking"


STATE_MEANING: dict[PhoneState, str] = {
    PhoneState.NEVER_SEEN: "it is in the inventory and never asked",
    PhoneState.CURRENT: "it has exactly the files that it would get now",
    PhoneState.BEHIND: "a newer file waits for it",
    PhoneState.STALE: "it did not fetch within the interval that its own file sets",
    PhoneState.REFUSED: "its newest request was refused",
    PhoneState.KNOCKING: "it asks and is not in the inventory",
}


@dataclass(frozen=True, slots=True)
class LastFetch:
    """The newest request of a phone for one kind of file, and what last reached it whole."""

    mac: str
    "12 hex digits."

    kind: str
    "mac, common or static; `refusal` for requests that found no file."

    at: float
    "Unix time of the newest request."

    protocol: str
    "http, https, tftp or pnp."

    peer: str
    "IP address."

    agent: str | None
    "User-Agent."

    model: str | None
    "As the agent said, else as in the inventory."

    firmware: str | None
    "As the agent said."

    outcome: str
    "`ok`, `not-modified`, `aborted`, or a reason."

    status: int
    "HTTP status or TFTP error code."

    file: str | None
    "Canonical name."

    sha256: str | None
    "Hash of the file asked for."

    fact: str
    "What was seen, for refusals."

    delivered_sha256: str | None
    "Hash of what last reached the phone whole."

    delivered_file: str | None
    "Its name."

    delivered_at: float | None
    "When."


def word_for(
    fetches: Mapping[str, LastFetch],
    published: Mapping[str, str | None],
    *,
    now: float,
    stale_after_s: float | None,
) -> PhoneState:
    """Return the state of a phone of the inventory.

    `fetches` are its last fetches by kind, `published` the hashes it would get now by kind (`mac`, `common`).
    `stale_after_s` is the interval its own file sets; None, when it sets none, never makes it stale.
    Refused goes before stale, stale before behind: the first needs a person, the second may cause the third.
    """
    if not fetches:
        return PhoneState.NEVER_SEEN
    delivered = [fetch.delivered_at for fetch in fetches.values() if fetch.delivered_at is not None]
    refusal = fetches.get("refusal")
    if refusal is not None and refusal.at > max(delivered, default=0.0):
        return PhoneState.REFUSED
    mac_file = fetches.get("mac")
    if mac_file is None or mac_file.delivered_sha256 is None:
        return PhoneState.BEHIND
    if stale_after_s is not None and now - max(delivered) > stale_after_s:
        return PhoneState.STALE
    for kind, fetch in fetches.items():
        # A common file fetched over TFTP cannot always be attributed; without a hash nothing is claimed.
        wanted = published.get(kind)
        if wanted is not None and fetch.delivered_sha256 not in (None, wanted):
            return PhoneState.BEHIND
    return PhoneState.CURRENT
