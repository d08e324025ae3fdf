"""Phones as one TOML document with [[phone]], their own values only: put into devices/, it reads as the same phones."""

from __future__ import annotations

from collections.abc import Iterable

from provisioner.inventory.layer import PhoneText, Plain
from provisioner.inventory.spot import Spot, own_places, own_values
from provisioner.inventory.toml_writer import phone_toml
from provisioner.secret import Secret


def toml_of(phones: Iterable[tuple[PhoneText, dict[Spot, str]]], *, reveal: bool = False) -> tuple[str, int]:
    """Return the document, and how many passwords are not in it.

    Each phone comes with the names of its password files.  A password in a file stays a reference to it; one that
    stands in the open in devices/ is left out.  With `reveal` all passwords are in the document.
    """
    parts = []
    missing = 0
    for phone, named in phones:
        values: dict[Spot, Plain] = {}
        for spot, value in own_values(phone).items():
            if not isinstance(value, Secret) or reveal:
                values[spot] = value
            elif spot in named:
                values[Spot(spot.place, spot.name + "_file")] = named[spot]
            else:
                missing += 1
        parts.append(phone_toml(values, own_places(phone), table="phone"))
    return "\n".join(parts), missing


def password_files(table: dict[str, object], phone: PhoneText) -> dict[Spot, str]:
    """Return which file holds each secret of the phone that stands in `table`, as tomllib reads it."""
    found: dict[Spot, str] = {}
    _collect(table, None, found)
    lines = table.get("line")
    if isinstance(lines, list):
        following = 1
        for entry in lines:
            if isinstance(entry, dict):
                number = entry.get("number", following)
                if isinstance(number, int):
                    following = number + 1
                    _collect(entry, number, found)
    return found


def _collect(table: dict[str, object], place: int | None, found: dict[Spot, str]) -> None:
    for key, value in table.items():
        if key.endswith("_file") and isinstance(value, str):
            found[Spot(place, key.removesuffix("_file"))] = value
