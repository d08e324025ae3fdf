"""Which files of devices/ set a parameter by a typed word: `line.session_expires` for account.X.session_timer.expires."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from provisioner.catalogue.use import MAX_USES, Use
from provisioner.inventory.folder import DeviceFolder
from provisioner.inventory.layer import KeyKind, KeyPlace, Layer, Setting
from provisioner.inventory.vocabulary import Field, Vocabulary

_KEY_HEADS = {
    KeyKind.LINE: "linekey.Z",
    KeyKind.PROGRAMMABLE: "programablekey.Z",
    KeyKind.EXPANSION: "expansion_module.X.key.Y",
}
_INDEX = re.compile(r"[A-Z]")


def words_for(asked: str, vocabulary: Vocabulary) -> list[tuple[str, Field, KeyKind | None]]:
    """Return the typed words that become the parameter, asked for by pattern or with indexes: name, field, kind of key."""
    found: list[tuple[str, Field, KeyKind | None]] = []
    for field in (*vocabulary.phone.values(), *vocabulary.line.values()):
        if _means(field.parameter, asked):
            found.append((field.name if field.scope == "phone" else f"line.{field.name}", field, None))
    for field in vocabulary.key.values():
        for kind, head in _KEY_HEADS.items():
            if _means(f"{head}.{field.parameter.rpartition('.')[2]}", asked):
                found.append((f"key.{field.name}", field, kind))
    return found


def word_uses(asked: str, vocabulary: Vocabulary, devices: Path, spoken: Vocabulary | None = None) -> list[Use]:
    """Return the lines of `devices` that set it by a typed word, in order of the files, at most MAX_USES.

    `vocabulary` is that of the parameter's vendor; `spoken` holds the words of all vendors, which the files may use.
    """
    wanted = words_for(asked, vocabulary)
    if not wanted:
        return []
    found: list[Use] = []
    for file in DeviceFolder(devices, spoken or vocabulary).read().files.values():
        layers = [*([file.layer] if file.layer is not None else []), *(phone.layer for phone in file.phones)]
        for layer in layers:
            for name, setting in _settings(layer, wanted, asked):
                found.append(Use("device", str(devices / setting.origin.file), setting.origin.line, name))
                if len(found) == MAX_USES:
                    return found
    return found


def _settings(layer: Layer, wanted: list[tuple[str, Field, KeyKind | None]], asked: str) -> Iterator[tuple[str, Setting]]:
    for name, field, kind in wanted:
        if field.scope == "phone":
            yield from _one(name, layer.fields, field)
        elif field.scope == "line":
            yield from _one(name, layer.every_line, field)
            for number, slot in layer.lines.items():
                if _has_index(asked, "account", number):
                    yield from _one(f"line.{number}.{field.name}", slot.fields, field)
        else:
            for place, slot in layer.keys.items():
                if place.kind is kind and _is_key(asked, place):
                    yield from _one(f"key.{place.number}.{field.name}", slot.fields, field)


def _one(name: str, fields: Mapping[str, Setting], field: Field) -> Iterator[tuple[str, Setting]]:
    setting = fields.get(field.name)
    if setting is not None:
        yield name, setting


def _means(pattern: str, asked: str) -> bool:
    """Return whether a word's parameter can be the one asked for: a letter stands for any number, on both sides."""
    one, other = pattern.split("."), asked.split(".")
    return len(one) == len(other) and all(
        a == b or (_is_index(a) and _is_index(b) and (_INDEX.fullmatch(a) or _INDEX.fullmatch(b)))
        for a, b in zip(one, other, strict=True)
    )


def _is_index(part: str) -> bool:
    return part.isdigit() or _INDEX.fullmatch(part) is not None


def _has_index(asked: str, head: str, number: int) -> bool:
    parts = asked.split(".")
    return parts[0] != head or not parts[1].isdigit() or int(parts[1]) == number


def _is_key(asked: str, place: KeyPlace) -> bool:
    numbers = [int(part) for part in asked.split(".") if part.isdigit()]
    if place.kind is KeyKind.EXPANSION:
        return numbers in ([], [place.module, place.number]) or (len(numbers) == 1 and numbers[0] in (place.module, place.number))
    return numbers in ([], [place.number])
