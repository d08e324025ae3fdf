"""Write a phone's own values as TOML, in the shape a person would.  Same values, same text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from provisioner.inventory.layer import KeyKind, KeyPlace, Plain
from provisioner.inventory.spot import Place, Spot, order
from provisioner.secret import Secret

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_FIRST = ("name", "mac", "model", "group", "site", "template", "description")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def toml_string(text: str) -> str:
    """Return a basic string; characters that cannot be seen are written as escapes."""
    return '"' + "".join(_SHORT.get(character) or _plain(character) for character in text) + '"'


def _plain(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def toml_key(name: str) -> str:
    """Return the key bare where TOML allows it, else quoted."""
    return name if _BARE.fullmatch(name) else toml_string(name)


def toml_value(value: Plain) -> str:
    """Return the value; a Secret is revealed, so the caller decides whether one may be here at all."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_string(word) for word in value) + "]"
    return toml_string(value.reveal() if isinstance(value, Secret) else value)


def phone_toml(values: Mapping[Spot, Plain], places: tuple[Place, ...] = (), *, table: str = "") -> str:
    """Return a phone as the text of a file of its own, or with `table="phone"` as one [[phone]] of many.

    `places` are lines and keys that must be there even if no value of theirs is.
    """
    groups: dict[Place, dict[str, Plain]] = {None: {}}
    for spot in order({**dict.fromkeys((Spot(place, "") for place in places), ""), **values}):
        group = groups.setdefault(spot.place, {})
        if spot.name:
            group[spot.name] = values[spot]
    prefix = f"{table}." if table else ""
    blocks = []
    head = groups.pop(None)
    ordered = {name: head[name] for name in _FIRST if name in head} | head
    blocks.append(([f"[[{table}]]"] if table else []) + _assignments(ordered))
    following = 1
    next_key: dict[tuple[KeyKind, int], int] = {}
    for place, fields in groups.items():
        if isinstance(place, KeyPlace):
            number = {} if next_key.get((place.kind, place.module), 1) == place.number else {"number": place.number}
            next_key[place.kind, place.module] = place.number + 1
            blocks.append([f"[[{prefix}key]]", *_assignments(_key_head(place) | number | fields)])
        elif place == "settings":
            blocks.append([f"[{prefix}settings]", *_assignments(fields)])
        elif isinstance(place, int):
            head = {} if place == following else {"number": place}
            following = place + 1
            blocks.append([f"[[{prefix}line]]", *_assignments(head | fields)])
    return "\n".join("\n".join(block) + "\n" for block in blocks)


def _key_head(place: KeyPlace) -> dict[str, Plain]:
    if place.kind is KeyKind.EXPANSION:
        return {"module": place.module}
    return {} if place.kind is KeyKind.LINE else {"kind": str(place.kind)}


def _assignments(fields: Mapping[str, Plain]) -> list[str]:
    keys = {name: toml_key(name) for name in fields}
    width = max((len(key) for key in keys.values()), default=0)
    return [f"{keys[name].ljust(width)} = {toml_value(value)}" for name, value in fields.items()]
