"""Change values in a person's TOML without touching their comments and layout.  Pure: text in, text out.

Every edit is made twice, on the text by tomlkit and on the plain data that tomllib reads, and the new text must read as
exactly that data.  A text in which that fails (an exotic but valid layout) is refused, never half edited.
"""

from __future__ import annotations

import copy
import itertools
import tomllib
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit import items
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from provisioner.errors import ProvisionerError
from provisioner.inventory.layer import KeyKind, KeyPlace, Plain
from provisioner.inventory.spot import EVERY_LINE, Place, Spot, place_text
from provisioner.inventory.toml_writer import phone_toml
from provisioner.mac import MacAddress
from provisioner.secret import Secret

Table = MutableMapping[str, Any]


class EditProblem(ProvisionerError):
    """A file cannot be edited; it was not touched."""

    code = "cannot-edit"


@dataclass(frozen=True, slots=True)
class Edit:
    """Give one value, or take it away."""

    spot: Spot
    "Where."

    value: Plain | None
    "What stands there afterwards; None removes the key.  A Secret is refused: secrets live in files of their own."


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a whole line or key away."""

    place: Place
    "Which."


Edits = Iterable[Edit | Remove]


def edit_phone(text: str, mac: MacAddress, edits: Edits) -> str:
    """Return `text`, a file of one phone or of many [[phone]], with the edits of the phone that has this MAC."""
    return edit_phones(text, {mac: edits})


def edit_phones(text: str, edits: Mapping[MacAddress, Edits]) -> str:
    """Return `text` with the edits of several phones, read and written once; raise EditProblem if one is not there."""
    wanted = {mac: tuple(changes) for mac, changes in edits.items()}

    def apply(data: Table, is_plain: bool) -> None:
        tables = _phone_tables(data)
        for mac, changes in wanted.items():
            _apply(_one(tables, mac), changes, is_plain, in_layer=False)

    return _twice(text, apply)


def edit_layer(text: str, edits: Edits) -> str:
    """Return the text of a group, a site or the defaults with the edits; account 0 is its `[line]`."""
    changes = tuple(edits)
    return _twice(text, lambda data, is_plain: _apply(data, changes, is_plain, in_layer=True))


def remove_phone(text: str, mac: MacAddress) -> str:
    """Return a file of many [[phone]] without the one that has this MAC."""

    def apply(data: Table, is_plain: bool) -> None:
        table = _one(_phone_tables(data), mac)
        if table is data:
            raise EditProblem(f"the file holds only {mac.colons}", hint="delete the file")
        del data["phone"][_index(data["phone"], table)]

    return _twice(text, apply)


def add_phone(text: str, values: Mapping[Spot, Plain]) -> str:
    """Return a file of many [[phone]] (or an empty one) with one more at its end."""
    before = _plain(text)
    if before and "phone" not in before:
        raise EditProblem("the file holds a single phone", hint="write the new one into a file of its own")
    gap = "" if not text.strip() else "\n" if text.endswith("\n") else "\n\n"
    new = text + gap + phone_toml(values, table="phone")
    added = _plain(phone_toml(values, table="phone"))["phone"]
    if _plain(new) != before | {"phone": [*before.get("phone", []), *added]}:
        raise EditProblem("a phone cannot be added to this file", hint="write it into a file of its own")
    return new


def _twice(text: str, apply: Any) -> str:
    expected = copy.deepcopy(_plain(text))
    apply(expected, True)
    if expected == _plain(text):
        return text
    try:
        document = tomlkit.parse(text)
        apply(document, False)
        new = tomlkit.dumps(document)
    except EditProblem:
        raise
    except (TOMLKitError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise EditProblem(
            f"its layout cannot be edited by command ({type(error).__name__})", hint="edit it in a text editor"
        ) from None
    try:
        is_right = tomllib.loads(new) == expected
    except ValueError:
        is_right = False
    if not is_right:
        raise EditProblem("its layout cannot be edited by command", hint="edit it in a text editor")
    airy = _airy(text, new)
    return airy if tomllib.loads(airy) == expected else new


def _airy(old: str, new: str) -> str:
    """Return `new` with a blank line above each table header that the edit put right below another line."""
    known = set(itertools.pairwise(old.split("\n")))
    lines: list[str] = []
    for line in new.split("\n"):
        above = lines[-1].strip() if lines else ""
        if line.lstrip().startswith("[") and above and above[0] != "#" and (lines[-1], line) not in known:
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def _plain(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise EditProblem(f"it is not TOML: {error}", hint="correct it first") from None


def _phone_tables(data: Table) -> dict[MacAddress, Table]:
    """Return the phones of a file; of two with one MAC the first."""
    found: dict[MacAddress, Table] = {}
    for table in data["phone"] if isinstance(data.get("phone"), list) else [data]:
        try:
            found.setdefault(MacAddress.parse(str(table.get("mac"))), table)
        except ValueError:
            continue
    return found


def _one(tables: Mapping[MacAddress, Table], mac: MacAddress) -> Table:
    if mac not in tables:
        raise EditProblem(f"{mac.colons} is not in it any more", hint="run the command again")
    return tables[mac]


def _apply(table: Table, edits: Iterable[Edit | Remove], is_plain: bool, *, in_layer: bool) -> None:
    for edit in edits:
        if isinstance(edit, Remove):
            _remove(table, edit.place)
            continue
        if isinstance(edit.value, Secret):
            raise EditProblem(f"{edit.spot} is a secret", hint="write it into a file and name that file")
        value = list(edit.value) if isinstance(edit.value, tuple) else edit.value
        place = edit.spot.place
        if place == "settings":
            _set_parameter(table, edit.spot.name, value, is_plain)
            continue
        if place is None:
            target: Table | None = table
        elif in_layer and place == EVERY_LINE:
            target = _sub(table, "line", is_plain, make=value is not None)
        else:
            target = _slot(table, place, is_plain, make=value is not None)
        if target is not None:
            _set(target, edit.spot.name, value)


def _set(table: Table, name: str, value: Any) -> None:
    if value is None:
        table.pop(name, None)
    elif name not in table:
        _insert(table, name, value)
    elif table[name] != value or isinstance(table[name], bool) != isinstance(value, bool):
        table[name] = value


def _insert(table: Table, name: str, value: Any) -> None:
    """Put a new key right below the last one: tomlkit itself would put it below the comment of the next table."""
    body = table if isinstance(table, Container) else table.value if isinstance(table, items.Table) else None
    last = None
    for key, item in body.body if body is not None else ():
        if key is not None and not isinstance(item, items.Table | AoT):
            last = key
    if body is None or not body.body or (last is not None and last.is_dotted()):
        table[name] = value
        return
    if last is None:
        body._insert_at(0, name, value)
    else:
        body._insert_after(last, name, value)
    if isinstance(table, items.Table):
        dict.__setitem__(table, name, body[name])  # a table mirrors its container, and is asked by `in` and `del`


def _sub(table: Table, name: str, is_plain: bool, *, make: bool) -> Table | None:
    if name not in table:
        if not make:
            return None
        tail = [] if is_plain else _take_tail(table)
        table[name] = {} if is_plain else tomlkit.table()
        for item in tail:
            table[name].add(item)
    found: Table = table[name]
    return found


def _set_parameter(table: Table, name: str, value: Any, is_plain: bool) -> None:
    settings = _sub(table, "settings", is_plain, make=value is not None)
    if settings is None:
        return
    # The same parameter may stand there quoted, or without quotes as tables within tables.
    pending: list[tuple[Table, str]] = [(settings, name)]
    while pending:
        where, rest = pending.pop()
        for key in list(where):
            if key == rest:
                _set(where, key, value)
                return
            if rest.startswith(key + ".") and isinstance(where[key], MutableMapping):
                pending.append((where[key], rest[len(key) + 1 :]))
    if value is not None:
        _set(settings, name, value)


# -- lines and keys: numbered, or counting up from the one before


def _slot(table: Table, place: Place, is_plain: bool, *, make: bool) -> Table | None:
    word = "key" if isinstance(place, KeyPlace) else "line"
    found = _find(table, place)
    if found is not None or not make:
        return found
    head: dict[str, Any] = {}
    last = 0
    numbers = _numbers(table, word)
    if isinstance(place, KeyPlace):
        if place.kind is KeyKind.EXPANSION:
            head["module"] = place.module
        elif place.kind is not KeyKind.LINE:
            head["kind"] = str(place.kind)
        kin = [other.number for other, _ in numbers if isinstance(other, KeyPlace) and _kin(other) == _kin(place)]
        last, number = (kin[-1] if kin else 0), place.number
    else:
        last = next((other for other, _ in reversed(numbers) if isinstance(other, int)), 0)
        number = place if isinstance(place, int) else 0
    if number != last + 1:
        head["number"] = number
    is_inline = word in table and not isinstance(table[word], AoT)
    new: Any = {} if is_plain else tomlkit.inline_table() if is_inline else tomlkit.table()
    new.update(head)
    tail = [] if is_plain or is_inline else _take_tail(table[word][-1] if word in table else table)
    if word not in table:
        table[word] = [] if is_plain else tomlkit.aot()
    table[word].append(new)
    for item in tail:
        table[word][-1].add(item)
    return _find(table, place)


def _take_tail(table: Any) -> list[Any]:
    """Take off the blank line at the end of a table and the comments below it: they belong to what follows it."""
    body = (table if isinstance(table, Container) else table.value).body
    for key, item in reversed(body):
        if key is not None and isinstance(item, items.Table | AoT):
            return _take_tail(item if isinstance(item, items.Table) else item[-1])
        if key is not None:
            break
    begin = len(body)
    while begin and body[begin - 1][0] is None:
        begin -= 1
    begin = next((at for at in range(begin, len(body)) if isinstance(body[at][1], items.Whitespace)), len(body))
    tail = [item for _, item in body[begin:]]
    if not any(isinstance(item, items.Comment) for item in tail):
        return []
    del body[begin:]
    return tail


def _kin(place: KeyPlace) -> tuple[KeyKind, int]:
    return place.kind, place.module


def _numbers(table: Table, word: str) -> list[tuple[Place, Table]]:
    found: list[tuple[Place, Table]] = []
    following: dict[Any, int] = {}
    for entry in table.get(word, ()):
        if word == "line":
            number = int(entry.get("number", following.get(None, 1)))
            following[None] = number + 1
            found.append((number, entry))
            continue
        kind = KeyKind(str(entry.get("kind", "expansion" if "module" in entry else "line")))
        module = int(entry.get("module", 1)) if kind is KeyKind.EXPANSION else 0
        number = int(entry.get("number", following.get((kind, module), 1)))
        following[kind, module] = number + 1
        found.append((KeyPlace(kind, module, number), entry))
    return found


def _find(table: Table, place: Place) -> Table | None:
    word = "key" if isinstance(place, KeyPlace) else "line"
    return next((entry for other, entry in _numbers(table, word) if other == place), None)


def _remove(table: Table, place: Place) -> None:
    word = "key" if isinstance(place, KeyPlace) else "line"
    numbers = _numbers(table, word)
    at = next((index for index, (other, _) in enumerate(numbers) if other == place), None)
    if at is None:
        raise EditProblem(f"there is no {place_text(place)} in it", hint="run the command again")
    # Whoever counted on from the removed one gets its number in writing, so that no other line moves.
    for other, entry in numbers[at + 1 :]:
        is_kin = not isinstance(other, KeyPlace) or (isinstance(place, KeyPlace) and _kin(other) == _kin(place))
        if is_kin:
            if "number" not in entry:
                entry["number"] = other.number if isinstance(other, KeyPlace) else other
            break
    del table[word][at]
    if not table[word]:
        del table[word]


def _index(tables: Any, wanted: Table) -> int:
    return next(at for at, table in enumerate(tables) if table is wanted)
