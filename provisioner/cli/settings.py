"""`provisioner settings`: every setting with its value and who gave it; with --reference, the page of the documentation."""

from __future__ import annotations

import click

from provisioner.cli.listing import Listing, listing_options
from provisioner.cli.session import settings_options
from provisioner.settings import _RANGES, BY_NAME, SETTINGS, Settings, SettingSpec

COLUMNS = ("name", "value", "origin")

_TYPES = {str: "text", int: "whole number", float: "number", list: "list of texts"}


@click.command("settings", epilog="Documentation: docs/reference/settings.md")
@click.option("--reference", is_flag=True, help="Print docs/reference/settings.md instead.")
@settings_options(*BY_NAME)
@listing_options
def command(reference: bool, settings: Settings, listing: Listing) -> None:
    """Print every setting with its origin.

    The other options are those of `serve`: give them to see what they would make of each setting.

    \b
    Examples:
      provisioner settings
      PROVISIONER_HTTP=:80 provisioner settings --where name=http
    """
    if reference:
        click.echo(reference_text(), nl=False)
        return
    rows = [
        {
            "name": spec.name,
            "value": setting.value,
            "origin": setting.origin,
            "default": spec.default,
            "environment": _environment(spec),
            "flag": _flag(spec),
            "summary": spec.summary,
        }
        for spec, setting in settings.items()
    ]
    listing.show(rows, COLUMNS)


def reference_text() -> str:
    """Return docs/reference/settings.md, made from the table of settings alone."""
    parts = [
        "# Settings",
        "Made by `provisioner settings --reference`; a test holds this page to the table in `provisioner/settings.py`.",
        "Order: a flag wins over `PROVISIONER_NAME` in the environment, that over `provisioner.toml`, that over the default.\n"
        "`provisioner settings` prints each value with its origin.",
        "The file is the one named by `--config`, else by `PROVISIONER_CONFIG`, else `./provisioner.toml`, else\n"
        "`/etc/provisioner/provisioner.toml`.  In it, folders and files are relative to the file itself; an unknown name is an\n"
        "error with the nearest known one.  In the environment a list is separated by commas; as a flag it is repeated.",
        "No setting holds a secret.",
    ]
    for spec in SETTINGS:
        parts.append(f"## {spec.name}")
        parts.append(f"{spec.summary[0].upper()}{spec.summary[1:]}.")
        parts.append(
            "| | |\n|---|---|\n"
            f"| type | {_type(spec)} |\n"
            f"| default | {_default(spec)} |\n"
            f"| in the file | `{spec.example}` |\n"
            f"| in the environment | `{_environment(spec)}` |\n"
            f"| as a flag | `{_flag(spec)}` |"
        )
    return "\n\n".join(parts) + "\n"


def _type(spec: SettingSpec) -> str:
    bounds = _RANGES.get(spec.name)
    return _TYPES[spec.type] + (f", {bounds[0]} to {bounds[1]}" if bounds else "")


def _default(spec: SettingSpec) -> str:
    return "empty" if spec.default in ("", []) else f"`{spec.default}`"


def _environment(spec: SettingSpec) -> str:
    return "PROVISIONER_" + spec.name.upper()


def _flag(spec: SettingSpec) -> str:
    return "--" + spec.name.replace("_", "-")
