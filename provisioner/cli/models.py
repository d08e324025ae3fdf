"""`provisioner models`: the phones we know, and which of them get files."""

from __future__ import annotations

from typing import Any

import click

from provisioner.catalogue import Model, load_catalogue
from provisioner.cli.folders import facts_folder
from provisioner.cli.listing import Listing, listing_options
from provisioner.cli.session import settings_options
from provisioner.settings import Settings

COLUMNS = ("model", "series", "prefix", "common_file", "accounts", "line_keys", "programmable_keys", "modules", "scope")


@click.command("models", epilog="Documentation: docs/reference/catalogue.md")
@click.option(
    "--all", "every", is_flag=True, help="Also the models that are only recognised, with the reason why they get no file."
)
@settings_options("devices", "templates")
@listing_options
def command(settings: Settings, every: bool, listing: Listing) -> None:
    """List the models: accounts, keys, files, agents.

    \b
    Examples:
      provisioner models                          the models that get files
      provisioner models --all --where series=T2  every T2, with the reason where it gets none
    """
    catalogue = load_catalogue(facts_folder(settings))
    rows = [_row(model) for model in catalogue.models.values() if every or model.is_in_scope]
    listing.show(rows, (*COLUMNS, "scope_reason") if every else COLUMNS)


def _row(model: Model) -> dict[str, Any]:
    row = model.as_json()
    module = model.expansion
    row["modules"] = None if module is None else f"{module.modules} x {module.module}" if module.modules else module.module
    return row
