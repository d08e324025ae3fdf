"""Turn one cell into a checked value, or say what is wrong with it; secrets are never quoted.

empty       keeps what is there
-           clears it
\\text      the text as it stands, even if it is empty, a dash, or looks like a spreadsheet's damage
********    (passwords) keeps: an export without --reveal has it there
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from typing import Any

from provisioner.catalogue.catalogue import Catalogue
from provisioner.inventory.importers.columns import Column
from provisioner.inventory.importers.damage import Damage, formula_damage, identifier_damage, mac_damage
from provisioner.inventory.layer import RESET, Plain
from provisioner.inventory.reading import NAME
from provisioner.inventory.value import ValueProblem, nearest, read_raw_setting, read_value
from provisioner.inventory.vocabulary import FieldType
from provisioner.mac import MacAddress
from provisioner.secret import MASK

ESCAPE = "\\"
CLEAR_CELL = "-"
MAX_TEXT = 511

_FREE_TEXT = frozenset({"display_name", "label", "description", "language", "time_zone", "time_zone_name"})
"Columns in which a date or a decimal may be meant."

_FLAGS = {
    **dict.fromkeys(("true", "yes", "on", "1", "y", "x", "wahr", "ja", "vrai", "oui"), True),
    **dict.fromkeys(("false", "no", "off", "0", "n", "falsch", "nein", "faux", "non"), False),
}
_AS_TEXT = re.compile(r'="(.*)"', re.DOTALL)
EDGES = " \t\xa0\u200b\u200e\u200f\u202a\u202c\ufeff"
"Blanks, also those that come along when cells are copied from web pages and from other programs."


class Word(enum.Enum):
    """What a cell without a value of its own says."""

    KEEP = "keep"
    CLEAR = "clear"
    MASKED = "masked"


class CellReader:
    """Reads cells by the type of their column."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._head: dict[str, Callable[[str], Plain]] = {
            "mac": _mac,
            "name": _name,
            "model": self._model,
            "reset": _reset,
            "description": _description,
        }

    def read(self, column: Column, cell: str) -> Plain | Word:
        """Return the value, or KEEP, CLEAR or (as good as KEEP) MASKED; raise ValueProblem with a stable code and a hint."""
        kind = column.field.type if column.field is not None else None
        text = cell if kind is FieldType.SECRET else cell.strip(EDGES)
        if not text.strip(EDGES):
            return Word.KEEP
        if match := _AS_TEXT.fullmatch(text):
            text = match[1].replace('""', '"')  # ="0123" is how people make a spreadsheet keep zeros
        if text.strip() == CLEAR_CELL:
            return Word.CLEAR
        if text.strip() == MASK:  # in any column: settings by parameter name may be secret too
            return Word.MASKED
        if text.startswith(ESCAPE):
            text = cell.lstrip(EDGES)[1:]
        else:
            _refuse_damage(column, text)
        if column.spot.place == "settings":
            return _parameter(column.spot.name, text)
        if column.field is None:
            return self._head.get(column.spot.name, _word)(text)
        return read_value(column.field, _typed(column, text))

    def _model(self, text: str) -> str:
        model = self._catalogue.find_model(text)
        if model is None:
            hint = nearest(text, self._catalogue.models) or "see `provisioner models`"
            raise ValueProblem("unknown-model", f'there is no model "{text[:40]}"', hint)
        if not model.is_in_scope:
            raise ValueProblem("out-of-scope", f"{model.name}: {model.scope_reason}", "see `provisioner models`")
        return model.name


def _refuse_damage(column: Column, text: str) -> None:
    is_secret = column.field is not None and column.field.type is FieldType.SECRET
    name = column.spot.name
    damage: Damage | None = formula_damage(text)
    if damage is None and name != "mac" and name not in _FREE_TEXT and not isinstance(_flag(column, text), bool):
        damage = identifier_damage(text, name)
        if damage is not None and damage.code == "became-a-decimal" and column.spot.place == "settings":
            damage = None
        if damage is not None and damage.code == "thousands-separator" and (is_secret or _may_be_host(column)):
            damage = None
    if damage is None and text.startswith("=") and not is_secret and name not in _FREE_TEXT:
        damage = Damage("formula", f"{name} is a formula", "enter the value itself")
    if damage is not None:
        message = f"{name} looks like a spreadsheet's damage ({damage.code}, not shown)" if is_secret else damage.message
        is_number = column.field is not None and column.field.type is FieldType.NUMBER
        escape = "" if is_number else "; if it is meant so, write a backslash before it"
        raise ValueProblem(damage.code, message, damage.hint + escape)


def _may_be_host(column: Column) -> bool:
    return column.field is not None and column.field.type is FieldType.HOST


def _flag(column: Column, text: str) -> bool | None:
    if column.field is None or column.field.type is not FieldType.FLAG:
        return None
    return _FLAGS.get(text.lower())


def _typed(column: Column, text: str) -> Any:
    field = column.field
    assert field is not None
    if field.type is FieldType.FLAG:
        value = _FLAGS.get(text.lower())
        if value is None:
            raise ValueProblem("wrong-type", f'{field.name} is "{text[:40]}", not yes or no', "write yes or no")
        return value
    if field.type is FieldType.NUMBER:
        if not re.fullmatch(r"[+-]?\d{1,15}", text, re.ASCII):
            raise ValueProblem("wrong-type", f'{field.name} is "{text[:40]}", not a whole number', "write digits only")
        return int(text)
    if field.type is FieldType.WORDS:
        return [word for word in re.split(r"[\s,;|>]+", text) if word]
    return text


def _parameter(name: str, text: str) -> str:
    value = read_raw_setting(name, text)
    if value == RESET:
        raise ValueProblem("empty-parameter", f"{name} is empty", f"write {name} into the column reset to put it back")
    return value


def _mac(text: str) -> str:
    try:
        mac = MacAddress.parse(text)
    except ValueError:
        damage = mac_damage(text)
        if damage is not None:
            raise ValueProblem(damage.code, damage.message, damage.hint) from None
        hint = "write 12 hex digits: 00:15:65:aa:bb:cc"
        raise ValueProblem("bad-mac", f'"{text[:40]}" is not a MAC address', hint) from None
    if mac.plain in ("000000000000", "ffffffffffff") or int(mac.plain[:2], 16) & 1:
        raise ValueProblem("bad-mac", f"{mac.colons} is not the address of one device", "copy it from the phone's label")
    return mac.colons


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        near = re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9_.-]+", "-", text)).strip("-._")[:64].lower()
        hint = f"write {near}" if near and NAME.fullmatch(near) else "use letters, digits, dot, dash and underscore"
        raise ValueProblem("bad-name", f'"{text[:64]}" is not a name', hint)
    return text


def _word(text: str) -> str:
    if not text or not text.isprintable() or len(text) > MAX_TEXT:
        raise ValueProblem("wrong-type", "is not a name", "write one line of text")
    return text


def _description(text: str) -> str:
    return text


def _reset(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in re.split(r"[\s,;|]+", text) if word))
