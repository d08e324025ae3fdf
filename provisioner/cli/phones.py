"""`provisioner phones`: every phone of the inventory, and how it stands."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.events import readable, when
from provisioner.cli.listing import Listing, listing_options
from provisioner.cli.session import open_fleet, settings_options
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.inventory.load import Inventory
    from provisioner.inventory.phone import Phone
    from provisioner.runtime.fleet import Fleet
    from provisioner.runtime.fleet_state import PhoneStanding
    from provisioner.runtime.history import History

COLUMNS = (
    "name",
    "mac",
    "model",
    "firmware",
    "lines",
    "group",
    "last_fetch",
    "transport",
    "result",
    "state",
    "delivered",
    "current",
    "registered",
    "verdict",
    "verified",
)
SHORT_HASH = 8
"Hex digits of a hash in a table."


@click.command("phones", epilog="The words for state: docs/reference/state.md")
@click.argument("word", required=False)
@click.option("--group", metavar="NAME", help="Only the phones of this group.")
@settings_options("devices", "templates", "state")
@listing_options
def command(settings: Settings, word: str | None, group: str | None, listing: Listing) -> None:
    """List phones: last fetch, firmware, current or behind.  WORD is looked for in name, MAC and extensions.

    \b
    Examples:
      provisioner phones --where state=behind
      provisioner phones 101 --json
    """
    from provisioner.runtime.history import History

    fleet = open_fleet(settings)
    inventory = fleet.inventory()
    history = History(settings.path("state"))
    now = time.time()
    known = standings(history, now)
    is_exact = listing.form != "table"
    rows = [_row(phone, known.get(mac), mac in inventory.blocked, now, is_exact) for mac, phone in inventory.phones.items()]
    rows += _unread(inventory, history, known, now, is_exact)
    wire = _wire(settings, fleet, history, now, is_exact)
    rows = [row | wire.get(row["mac"], UNVERIFIED) for row in rows]
    kept = [row for row in rows if (group is None or row["group"] == group) and (word is None or _matches(row, word.lower()))]
    listing.show(sorted(kept, key=lambda row: row["name"]), COLUMNS)


UNVERIFIED = {"registered": None, "verdict": None, "verified": None, "failed": None}
"Of a phone that was never verified, where nobody can tell whether it is registered."


def _wire(settings: Settings, fleet: Fleet, history: History, now: float, is_exact: bool) -> dict[str, dict[str, Any]]:
    """Return what is known of phones beyond their files: whether they are registered, and the last verdict."""
    if history.snapshot is None or history.reading is None or history.folder is None:
        return {}
    from provisioner.expectations.observables import load_observables
    from provisioner.runtime.registration_state import registrations
    from provisioner.runtime.serve import running_server
    from provisioner.state.database import Database
    from provisioner.state.verdict_table import VerdictTable

    database = Database.open(history.folder)
    found: dict[str, dict[str, Any]] = {}
    for mac, row in VerdictTable(database).newest().items():
        age = when(row.at, is_local=False) if is_exact else ago(now - row.at)
        found[mac] = UNVERIFIED | {"verdict": row.verdict, "verified": age, "failed": row.failed}
    server = running_server(settings.path("state"))
    if server is not None and (server.get("sip") or server.get("sips")):  # else there is nobody to register at
        for mac, word in registrations(history.snapshot, database, load_observables(fleet.root), now=now).items():
            found[mac] = found.get(mac, UNVERIFIED) | {"registered": word}
    return found


def standings(history: History, now: float) -> Mapping[str, PhoneStanding]:
    """Return how phones stand by MAC, as far as a server ever published or heard them."""
    from provisioner.runtime.fleet_state import fleet_states

    if history.source is None or history.reading is None:
        return {}
    history.source.refresh()
    return {standing.entry.mac: standing for standing in fleet_states(history.source, history.reading, now=now)}


def ago(seconds: float) -> str:
    """Return `3 min ago`: the largest unit that fits."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{max(0, int(seconds))} s ago"


def _row(phone: Phone, standing: PhoneStanding | None, has_problem: bool, now: float, is_exact: bool) -> dict[str, Any]:
    return {
        "name": phone.name,
        "mac": phone.mac.plain,
        "model": phone.model.name,
        "lines": [str(line.fields["extension"].value) for line in phone.lines if "extension" in line.fields],
        "group": phone.group,
        "site": phone.site,
        "problem": has_problem,
        **_seen(standing, now, is_exact),
    }


def _seen(standing: PhoneStanding | None, now: float, is_exact: bool) -> dict[str, Any]:
    from provisioner.state.phone_state import PhoneState

    newest = standing.newest if standing is not None else None
    mac_file = standing.fetches.get("mac") if standing is not None else None
    at = newest.at if newest is not None else None
    firmware = (
        next((fetch.firmware for fetch in sorted(standing.fetches.values(), key=lambda fetch: -fetch.at) if fetch.firmware), None)
        if standing is not None
        else None
    )
    return readable(
        {
            "firmware": firmware,
            "last_fetch": None if at is None else when(at, is_local=False) if is_exact else ago(now - at),
            "transport": newest.protocol if newest is not None else None,
            "peer": newest.peer if newest is not None else None,
            "result": newest.outcome if newest is not None else None,
            "state": str(standing.state if standing is not None else PhoneState.NEVER_SEEN),
            "delivered": _hash(mac_file.delivered_sha256 if mac_file is not None else None, is_exact),
            "current": _hash(standing.wanted["mac"] if standing is not None else None, is_exact),
        }
    )


def _hash(sha256: str | None, is_exact: bool) -> str | None:
    return sha256 if sha256 is None or is_exact else sha256[:SHORT_HASH]


def _unread(
    inventory: Inventory, history: History, known: Mapping[str, PhoneStanding], now: float, is_exact: bool
) -> list[dict[str, Any]]:
    """Return rows of phones whose text is too wrong to be a phone, or unreadable: they keep their last good file."""
    lost = history.lost(inventory)
    rows = []
    for mac in sorted((set(inventory.blocked) | set(lost)) - set(inventory.phones)):
        phone = lost.get(mac)
        entry = phone.entry if phone is not None else None
        row: dict[str, Any] = {"name": entry.name if entry else mac, "mac": mac, "model": entry.model if entry else None}
        row |= {"lines": [], "group": phone.group if phone else None, "site": phone.site if phone else None, "problem": True}
        rows.append(row | _seen(known.get(mac), now, is_exact))
    return rows


def _matches(row: Mapping[str, Any], word: str) -> bool:
    plain = word.replace(":", "").replace("-", "").replace(".", "")
    return word in row["name"].lower() or (bool(plain) and plain in row["mac"]) or word in [line.lower() for line in row["lines"]]
