"""Lay a phone over its group, its site and the defaults.  Pure; the strongest layer wins (`Rank`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.model import Model
from provisioner.errors import Problem
from provisioner.inventory.layer import KeyKind, KeyPlace, Layer, PhoneText, Setting
from provisioner.inventory.origin import Rank
from provisioner.inventory.phone import Key, Line, Phone
from provisioner.inventory.value import nearest

MAX_SHOWN = 80
"Characters of a name that a message repeats."

Layers = Mapping[Rank, Mapping[str, Layer]]
_Note = Callable[[Setting | None, str, str, str, str], None]
_Parts = Iterable[Mapping[str, Setting]]


def resolve(text: PhoneText, layers: Layers, catalogue: Catalogue) -> tuple[Phone | None, tuple[Problem, ...]]:
    """Return the phone (None if its model is unknown or has no templates) and all that is wrong with it."""
    problems: list[Problem] = []

    def note(setting: Setting | None, key: str, code: str, message: str, hint: str) -> None:
        origin = setting.origin if setting is not None else text.layer.origin
        problems.append(Problem(origin.file, origin.line, code, message, hint, key=key, phone=text.mac.plain))

    def named(rank: Rank, setting: Setting | None) -> Layer | None:
        if setting is None:
            return None
        word = rank.name.lower()
        found = layers[rank].get(str(setting.value))
        if found is None:
            shown = str(setting.value)[:MAX_SHOWN]
            hint = nearest(shown, layers[rank]) or f"create {word}s/{shown}.toml, or correct it if it is there"
            note(setting, word, f"unknown-{word}", f'there is no {word} "{shown}"', hint)
        return found

    model = _model(text, catalogue, note)
    group = named(Rank.GROUP, text.group)
    site_setting = text.layer.site or (group.site if group is not None else None)
    site = named(Rank.SITE, site_setting)
    defaults = next(iter(layers[Rank.DEFAULTS].values()), None)
    stack = tuple(layer for layer in (text.layer, group, site, defaults) if layer is not None)
    if model is None:
        return None, tuple(problems)
    lines = _lines(text, stack, model, note)
    keys = _keys(stack, model, note)
    return (
        Phone(
            text.mac,
            text.layer.name,
            model,
            text,
            group.name if group is not None else None,
            site.name if site is not None else None,
            stack,
            next((layer.template for layer in stack if layer.template is not None), None),
            _merged(layer.fields for layer in stack),
            lines,
            keys,
            _merged(layer.settings for layer in stack),
        ),
        tuple(problems),
    )


def _model(text: PhoneText, catalogue: Catalogue, note: _Note) -> Model | None:
    written = str(text.model.value)
    if not written:
        return None
    model = catalogue.find_model(written)
    if model is None:
        hint = nearest(written, catalogue.models) or "see `provisioner models`"
        note(text.model, "model", "unknown-model", f'there is no model "{written[:40]}"', hint)
        return None
    if not model.is_in_scope:
        note(
            text.model,
            "model",
            "out-of-scope",
            f"{model.name}: {model.scope_reason}",
            "see `provisioner models` for those that have templates",
        )
        return None
    return model


def _merged(parts: _Parts) -> dict[str, Setting]:
    merged: dict[str, Setting] = {}
    for part in parts:
        for name, setting in part.items():
            merged.setdefault(name, setting)
    return merged


def _lines(text: PhoneText, stack: tuple[Layer, ...], model: Model, note: _Note) -> tuple[Line, ...]:
    found = []
    below = [layer.every_line for layer in stack[1:]]
    for number, slot in sorted(text.layer.lines.items()):
        place = Setting("", slot.origin)
        if number > model.accounts:
            note(
                place,
                f"line.{number}",
                "too-many-lines",
                f"line {number} does not exist on {model.name} (it has {model.accounts})",
                "remove it",
            )
            continue
        fields = _merged([slot.fields, *below])
        if "extension" not in fields or not fields["extension"].value:
            note(place, f"line.{number}.extension", "no-extension", f"line {number} has no extension", 'add extension = "101"')
        found.append(Line(number, fields, slot.origin))
    return tuple(found)


def _keys(stack: tuple[Layer, ...], model: Model, note: _Note) -> tuple[Key, ...]:
    found: dict[object, Key] = {}
    for layer in stack:
        for place, slot in layer.keys.items():
            if place in found:
                continue
            missing = _missing_key(model, place)
            if missing is None:
                found[place] = Key(place, slot.fields, slot.origin)
            elif layer.origin.rank is Rank.PHONE:
                # A group's key that this model does not have is left out; the phone's own is a mistake.
                name = f"key.{place.number}" if place.kind is KeyKind.LINE else f"{place.kind} key {place.number}"
                message = f"{name} does not exist on {model.name} (it has {missing})"
                note(Setting("", slot.origin), name, "too-many-keys", message, "remove it")
    kinds = list(KeyKind)
    return tuple(sorted(found.values(), key=lambda key: (kinds.index(key.place.kind), key.place.module, key.place.number)))


def _missing_key(model: Model, place: KeyPlace) -> str | None:
    """Return which keys the model has instead, or None if it has this one or nobody knows."""
    if place.kind is KeyKind.PROGRAMMABLE:
        known = model.programmable_keys
        if "programmable_keys" in model.inferred or "programmable_keys" in model.recall:
            return None  # nobody has read which ones there are; the lint says so
        return None if known is None or place.number in known else f"the programmable keys {model.programmable_key_text}"
    if place.kind is KeyKind.LINE:
        count: int | None = model.line_keys or 0
    elif model.expansion is None or place.module > (model.expansion.modules or 0):
        count = 0
    else:
        count = model.expansion.keys
    return None if count is None or place.number <= count else str(count)
