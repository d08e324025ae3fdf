"""`provisioner knocking`: unknown phones that asked, and with --refused known ones that were turned away."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from provisioner.cli.events import open_reading, readable, state_option, when
from provisioner.cli.listing import Listing, listing_options

COLUMNS = ("mac", "model", "firmware", "count", "first_at", "last_at", "peer", "protocol", "adopt")
REFUSED_COLUMNS = ("mac", "outcome", "at", "peer", "protocol", "fact", "hint")


@click.command("knocking")
@click.option("--refused", is_flag=True, help="List phones of the inventory whose newest request was refused instead.")
@click.option("--ignored", is_flag=True, help="Show also those that were set to be ignored.")
@state_option
@listing_options
def command(refused: bool, ignored: bool, state: str, listing: Listing) -> None:
    """List unknown phones that asked.

    \b
    Examples:
      provisioner knocking
      provisioner knocking --where model=T46G --csv
      provisioner knocking --refused
    """
    reading = open_reading(state)
    is_local = listing.form == "table"
    if refused:
        listing.show([_refused_row(asdict(fetch), is_local) for fetch in reading.refused()], REFUSED_COLUMNS)
        return
    rows = []
    for knock in reading.knocking(with_ignored=ignored):
        row = asdict(knock)
        row |= {key: when(row[key], is_local=is_local) for key in ("first_at", "last_at")}
        rows.append(readable(row) | {"adopt": f"provisioner adopt {knock.mac}"})
    listing.show(rows, COLUMNS)


def _refused_row(row: dict[str, Any], is_local: bool) -> dict[str, Any]:
    from provisioner.delivery.reason import HINTS, Reason

    known = {str(reason) for reason in Reason}
    kept = {key: row[key] for key in ("mac", "outcome", "status", "protocol", "peer", "agent", "model", "firmware", "fact")}
    hint = HINTS[Reason(row["outcome"])] if row["outcome"] in known else ""
    return readable(kept) | {"at": when(row["at"], is_local=is_local), "hint": hint}
