"""One file's part of the inventory, read but not yet laid over others."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.inventory.origin import Origin
from provisioner.mac import MacAddress
from provisioner.secret import Secret

Plain = str | int | bool | Secret | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value with the place it was written at."""

    value: Plain
    "Checked against its field's type; free of control characters."

    origin: Origin
    "Where it stands."


RESET = "%NULL%"
"What a V80 phone reads as: back to the factory value (Wazo's templates rely on it)."


class KeyKind(enum.StrEnum):
    """Where on the phone a key is."""

    LINE = "line"
    PROGRAMMABLE = "programmable"
    EXPANSION = "expansion"


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """One key of a phone."""

    kind: KeyKind
    "Line key, programmable key or key of an expansion module."

    module: int
    "Expansion module, 1-based; 0 for the phone's own keys."

    number: int
    "1-based."


@dataclass(frozen=True, slots=True)
class Slot:
    """The settings of one line or key as one file gives them."""

    fields: Mapping[str, Setting]
    "By field name."

    origin: Origin
    "Where the table starts."


@dataclass(frozen=True, slots=True)
class Layer:
    """What one phone, group, site or the defaults say."""

    name: str
    "Name of the phone, group or site; `defaults`."

    origin: Origin
    "Where it starts."

    fields: Mapping[str, Setting] = field(default_factory=dict)
    "Typed settings of the phone as a whole."

    every_line: Mapping[str, Setting] = field(default_factory=dict)
    "`[line]` of a group, a site or the defaults: settings of every line below it."

    lines: Mapping[int, Slot] = field(default_factory=dict)
    "`[[line]]` of a phone by account number."

    keys: Mapping[KeyPlace, Slot] = field(default_factory=dict)
    "`[[key]]`."

    settings: Mapping[str, Setting] = field(default_factory=dict)
    "`settings` and `reset` by parameter name; the value is text, or RESET."

    template: Setting | None = None
    '`template = "..."`.'

    site: Setting | None = None
    '`site = "..."` of a phone or group.'

    description: str = ""
    "A note for people; phones never get it."


@dataclass(frozen=True, slots=True)
class PhoneText:
    """One phone as its file gives it."""

    mac: MacAddress
    "Its identity."

    layer: Layer
    "Its own settings."

    model: Setting
    "As written; the catalogue knows whether it exists."

    group: Setting | None
    "The group it belongs to."

    file: str
    "The file it stands in."
