"""One place in a phone's own table, whatever file it stands in; what importers, exporters and edits talk about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from provisioner.inventory.layer import RESET, KeyKind, KeyPlace, PhoneText, Plain
from provisioner.secret import Secret

Place = None | int | KeyPlace | Literal["settings"]
"The phone as a whole, an account (0: `[line]` of a group), a key, or the parameters by their own name."

EVERY_LINE = 0
_KIND_WORDS = {KeyKind.LINE: "key", KeyKind.PROGRAMMABLE: "programmable key"}


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands."""

    place: Place
    "Which table."

    name: str
    "Which key of it: `transport`, or a parameter's name."

    def __str__(self) -> str:
        return f"{place_text(self.place)} {self.name}".lstrip()


def place_text(place: Place) -> str:
    """Return the place in words: `line 2`, `module 1 key 3`, or nothing for the phone as a whole."""
    if place is None:
        return ""
    if isinstance(place, KeyPlace):
        if place.kind is KeyKind.EXPANSION:
            return f"module {place.module} key {place.number}"
        return f"{_KIND_WORDS[place.kind]} {place.number}"
    if place == EVERY_LINE:
        return "every line"
    return "settings" if place == "settings" else f"line {place}"


def own_values(phone: PhoneText) -> dict[Spot, Plain]:
    """Return what the phone's own table says, without anything inherited; `reset` is a tuple of names."""
    layer = phone.layer
    found: dict[Spot, Plain] = {Spot(None, "name"): layer.name, Spot(None, "mac"): phone.mac.colons}
    single = {"model": phone.model, "group": phone.group, "site": layer.site, "template": layer.template}
    for name, setting in (*single.items(), *layer.fields.items()):
        if setting is not None and setting.value != "":
            found[Spot(None, name)] = setting.value
        elif setting is not None and name in layer.fields:
            found[Spot(None, name)] = ""
    if layer.description:
        found[Spot(None, "description")] = layer.description
    for number, line in layer.lines.items():
        found.update({Spot(number, name): setting.value for name, setting in line.fields.items()})
    for place, key in layer.keys.items():
        found.update({Spot(place, name): setting.value for name, setting in key.fields.items()})
    resets = []
    for name, setting in layer.settings.items():
        if setting.value == RESET:
            resets.append(name)
        else:
            found[Spot("settings", name)] = setting.value
    if resets:
        found[Spot(None, "reset")] = tuple(resets)
    return found


def own_places(phone: PhoneText) -> tuple[Place, ...]:
    """Return the lines and keys that the phone's own table has, also those without any setting."""
    return (*phone.layer.lines, *phone.layer.keys)


def shown(value: Plain | None) -> str:
    """Return the value for people; secrets masked, nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return " ".join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return '""' if value == "" and not isinstance(value, Secret) else str(value)


def order(values: Mapping[Spot, Plain]) -> list[Spot]:
    """Return the spots as a person would write them: phone, lines, keys, parameters."""
    kinds = list(KeyKind)

    def rank(spot: Spot) -> tuple[int, int, int, int]:
        place = spot.place
        if place is None:
            return (0, 0, 0, 0)
        if isinstance(place, KeyPlace):
            return (2, kinds.index(place.kind), place.module, place.number)
        return (3, 0, 0, 0) if place == "settings" else (1, place, 0, 0)

    return sorted(values, key=rank)
