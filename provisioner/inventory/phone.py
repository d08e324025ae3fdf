"""One phone with everything laid over it: each value with the place that won."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.catalogue.model import Model
from provisioner.inventory.layer import KeyPlace, Layer, PhoneText, Setting
from provisioner.inventory.origin import Origin
from provisioner.mac import MacAddress


@dataclass(frozen=True, slots=True)
class Line:
    """One account."""

    number: int
    "1-based account index."

    fields: Mapping[str, Setting]
    "Typed settings that any layer gives, the strongest of each."

    origin: Origin
    "Where the phone names the line."


@dataclass(frozen=True, slots=True)
class Key:
    """One key; all its settings come from one layer, because they only make sense together."""

    place: KeyPlace
    "Which key."

    fields: Mapping[str, Setting]
    "Typed settings."

    origin: Origin
    "Where the table starts."


@dataclass(frozen=True, slots=True, eq=False)
class Phone:
    """A phone as it is wanted."""

    mac: MacAddress
    "Its identity."

    name: str
    "Its name; the MAC if it has none."

    model: Model
    "What it is."

    text: PhoneText
    "What its own file says."

    group: str | None
    "Its group."

    site: str | None
    "Its site, of its own or of its group."

    layers: tuple[Layer, ...]
    "From strongest to weakest: phone, group, site, defaults."

    template: Setting | None
    "The template some layer names; None for the model's own."

    fields: Mapping[str, Setting]
    "Typed settings of the phone as a whole."

    lines: tuple[Line, ...]
    "In order of their numbers."

    keys: tuple[Key, ...]
    "In order of kind, module, number."

    settings: Mapping[str, Setting]
    "Parameters by their own name; the value is text or `%NULL%`."
