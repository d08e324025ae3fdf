"""`provisioner events`: every decision, newest last, with its reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.listing import Listing, listing_options

if TYPE_CHECKING:
    from provisioner.state.reading import Event, Reading

COLUMNS = ("at", "phone", "mac", "protocol", "method", "name", "peer", "outcome", "status", "size_bytes", "fact")
FOLLOW_INTERVAL_S = 1.0
PAGE_ROWS = 1_000
"Rows read at once while following."

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a length of time such as 90s, 15m, 1h, 2d or 1w as seconds."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,9})([smhdw])", value, re.ASCII)
    if match is None:
        raise click.BadParameter(f"{value!r} is not a duration; write 90s, 15m, 1h, 2d or 1w", ctx, param)
    return float(match[1]) * _UNITS[match[2]]


def state_option(function: Any) -> Any:
    """Add --state, the folder where the server keeps its state."""
    return click.option(
        "--state", type=click.Path(file_okay=False), default="state", show_default=True, help="The state folder."
    )(function)


def open_reading(state: str) -> Reading:
    """Return the questions to ask of a state folder that exists; NotFound if there is none."""
    from provisioner.state.database import Database
    from provisioner.state.folder import StateFolder
    from provisioner.state.reading import Reading
    from provisioner.state.source import PublishedSource

    folder = StateFolder.existing(state)
    return Reading(Database.open(folder), PublishedSource(folder))


def when(at: float, *, is_local: bool) -> str:
    """Return a time as people read it on their clock, or as ISO 8601 in UTC for exports."""
    if is_local:
        return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def readable(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with control characters shown as escapes: a peer chooses names and agents, a terminal obeys them."""
    return {
        key: re.sub(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", lambda found: ascii(found[0])[1:-1], value)
        if isinstance(value, str)
        else value
        for key, value in row.items()
    }


def find_mac(reading: Reading, state: str, phone: str) -> str:
    """Return the MAC of a phone given by MAC or name; NotFound with the nearest name."""
    import difflib

    from provisioner.errors import NotFound
    from provisioner.mac import MacAddress

    try:
        return MacAddress.parse(phone).plain
    except ValueError:
        names = reading.phone_names()
        if phone in names:
            return names[phone]
        near = difflib.get_close_matches(phone, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"name a MAC, or a phone that {state} knows"
        raise NotFound(f"no phone {phone!r}", hint=hint) from None


@click.command("events", epilog="Outcomes and what to do about each: docs/reference/reasons.md")
@click.option("--reason", metavar="WORD", help="Only this outcome: ok, not-modified, unknown-mac, ...")
@click.option("--phone", metavar="PHONE", help="Only this phone, by name or MAC.")
@click.option("--since", callback=_duration, metavar="AGO", help="Only the last 90s, 15m, 1h, 2d, 1w.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="The newest so many.")
@click.option("--follow", is_flag=True, help="Go on printing new ones until Ctrl-C.")
@state_option
@listing_options
def command(
    reason: str | None, phone: str | None, since: float | None, limit: int, follow: bool, state: str, listing: Listing
) -> None:
    """List decisions: who asked for what, and the outcome.

    \b
    Examples:
      provisioner events --reason unknown-mac --since 1h
      provisioner events --phone t46g-lobby --json
      provisioner events --follow --jsonl
    """
    import time

    if follow and listing.form in ("json", "csv"):
        raise click.UsageError(f"--follow never ends, --{listing.form} wants an end; use --jsonl")
    reading = open_reading(state)
    mac = find_mac(reading, state, phone) if phone else None
    begin = None if since is None else time.time() - since
    events = reading.events(reason=reason, mac=mac, since=begin, limit=limit)[::-1]
    is_local = listing.form == "table"
    newest = events[-1].id if events else reading.newest_event_id()
    listing.show([_row(event, is_local=is_local) for event in events], COLUMNS)
    while follow:
        time.sleep(FOLLOW_INTERVAL_S)
        fresh = reading.events(reason=reason, mac=mac, after_id=newest, limit=PAGE_ROWS)
        for event in fresh:
            newest = event.id
            _print_one(event, listing)


def _print_one(event: Event, listing: Listing) -> None:
    """Print one more event: without the head of the table, which stands far above."""
    row = _row(event, is_local=listing.form == "table")
    if listing.form == "jsonl":
        listing.show([row], COLUMNS)
    elif all(str(row.get(key, "")).lower() == text.lower() for key, text in listing.where):
        click.echo("  ".join(str(row[name]) if row[name] not in (None, "") else "-" for name in listing.columns or COLUMNS))


def _row(event: Event, *, is_local: bool) -> dict[str, Any]:
    return readable({"id": event.id, **event.values, "at": when(event.values["at"], is_local=is_local)})
