"""Read one file of devices/ into layers and phones.  Never stops at the first mistake, never raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from provisioner.errors import Problem, Severity
from provisioner.inventory.layer import KeyKind, KeyPlace, Layer, PhoneText, Setting, Slot
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.reading_settings import is_parameter, read_settings
from provisioner.inventory.toml_text import Document, Path, TomlError, read_toml, unquoted_hint
from provisioner.inventory.value import ValueProblem, check_text, nearest, read_value
from provisioner.inventory.vocabulary import Field, Vocabulary
from provisioner.mac import MacAddress
from provisioner.secret import Secret

MAX_PHONES_PER_FILE = 200_000
MAX_HINTS = 200
"Unknown settings of one file that a near name is looked for."
MAX_SHOWN = 80
"Characters of a name that a message repeats."
MAX_SLOTS = 1_000
"Lines or keys of one layer; no phone has more than 6 x 40 + 29."

SecretReader = Callable[[str], str]
"Gives the text of a password file; raises ValueProblem."

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?", re.ASCII)

_SHARED_KEYS = ("template", "site", "settings", "reset", "key", "description")
_PHONE_KEYS = ("name", "mac", "model", "group", "line", *_SHARED_KEYS)
_LAYER_KEYS = ("name", "line", *_SHARED_KEYS)


@dataclass(frozen=True, slots=True)
class FileText:
    """What one file holds."""

    layer: Layer | None
    "The group, site or defaults that the file is; None for files of phones."

    phones: tuple[PhoneText, ...]
    "Its phones, without those that have no usable MAC or name."

    problems: tuple[Problem, ...]
    "Everything wrong in it; those of one phone carry its MAC."

    is_readable: bool = True
    "False when it is not TOML, or a phone in it has no usable MAC: then nobody knows which phones it holds."


def read_file(file: str, raw: bytes, rank: Rank, vocabulary: Vocabulary, read_secret: SecretReader) -> FileText:
    """Return what stands in the file at `file` (relative to devices/), as a phone file or as the layer of `rank`."""
    try:
        document = read_toml(raw)
    except TomlError as error:
        hint = unquoted_hint(raw, error.line) or "correct the line"
        problem = Problem(file, error.line, "broken-toml", f"not TOML: {error.message}", hint, column=error.column)
        return FileText(None, (), (problem,), is_readable=False)
    reader = _Reader(file, document, rank, vocabulary, read_secret)
    if rank is not Rank.PHONE:
        return FileText(reader.layer(), (), tuple(reader.problems))
    phones = tuple(reader.phones())
    return FileText(None, phones, tuple(reader.problems), is_readable=not reader.has_lost)


class _Reader:
    def __init__(self, file: str, document: Document, rank: Rank, vocabulary: Vocabulary, read_secret: SecretReader) -> None:
        self.file = file
        self.document = document
        self.rank = rank
        self.vocabulary = vocabulary
        self.read_secret = read_secret
        self.problems: list[Problem] = []
        self.mac: str | None = None
        self.layer_name = ""
        self.has_lost = False
        self.hints = 0

    # -- problems and origins

    def note(self, path: Path, code: str, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> None:
        line, column = self.document.place(path)
        key = ".".join(str(part) for part in path) or None
        self.problems.append(Problem(self.file, line, code, message, hint, column, key, self.mac, severity))

    def origin(self, path: Path) -> Origin:
        return Origin(self.file, self.document.place(path)[0], self.layer_name, self.rank)

    def setting(self, path: Path, value: Any) -> Setting:
        return Setting(value, self.origin(path))

    # -- files

    def phones(self) -> Iterable[PhoneText]:
        data = self.document.data
        if "phone" not in data:
            phone = self.phone((), data)
            return [phone] if phone else []
        tables = data["phone"]
        for name in data:
            if name != "phone":
                self.note(
                    (name,),
                    "unknown-setting",
                    f'"{name[:MAX_SHOWN]}" stands beside [[phone]]',
                    "move it into a [[phone]], or into defaults.toml",
                )
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.note(("phone",), "wrong-type", "phone is not a list of tables", "write [[phone]] above each phone")
            self.has_lost = True
            return []
        if len(tables) > MAX_PHONES_PER_FILE:
            self.note(("phone",), "too-many-phones", f"{len(tables)} phones in one file", "split the file")
            self.has_lost = True
            tables = tables[:MAX_PHONES_PER_FILE]
        found = [self.phone(("phone", number), table) for number, table in enumerate(tables)]
        return [phone for phone in found if phone]

    def layer(self) -> Layer:
        stem = self.file.rpartition("/")[2].removesuffix(".toml")
        data = self.document.data
        name = data.get("name", stem)
        if not isinstance(name, str) or not NAME.fullmatch(name):
            self.note(("name",), "bad-name", "name is not a name", "use letters, digits, dot, dash and underscore")
            name = stem
        word = self.rank.name.lower()
        self.layer_name = "defaults" if self.rank is Rank.DEFAULTS else f'{word} "{name}"'
        self.unknown_keys((), data, (*_LAYER_KEYS, *self.vocabulary.phone, *_secret_files(self.vocabulary.phone)))
        return self.shared((), data, name)

    def phone(self, path: Path, table: dict[str, Any]) -> PhoneText | None:
        self.mac, self.layer_name = None, "phone"
        mac = self.read_mac(path, table)
        self.mac = mac.plain if mac else None
        name = table.get("name", self.mac)
        if "name" not in table and name is None:
            name = ""  # the missing MAC is said already
        elif not isinstance(name, str) or not NAME.fullmatch(name):
            self.note((*path, "name"), "bad-name", "name is not a name", "use letters, digits, dot, dash and underscore")
            name = self.mac or ""
        self.layer_name = f'phone "{name}"'
        self.unknown_keys(path, table, (*_PHONE_KEYS, *self.vocabulary.phone, *_secret_files(self.vocabulary.phone)))
        layer = self.shared(path, table, name)
        model = self.text(path, table, "model")
        group = self.text(path, table, "group")
        if model is None and "model" not in table:
            self.note(path, "no-model", f"phone {name or 'without a name'} has no model", 'add model = "T46G"')
        if mac is None:
            self.has_lost = True
            return None
        return PhoneText(mac, layer, model or self.setting(path, ""), group, self.file)

    def read_mac(self, path: Path, table: dict[str, Any]) -> MacAddress | None:
        where = (*path, "mac")
        raw = table.get("mac")
        if raw is None:
            self.note(path, "no-mac", "a phone without a MAC address", 'add mac = "00:15:65:aa:bb:cc"')
            return None
        if isinstance(raw, int):
            digits = len(str(raw))
            self.note(
                where, "mac-number", f"the MAC is a number of {digits} digits, so leading zeros are lost", "put the MAC in quotes"
            )
            return None
        if not isinstance(raw, str):
            self.note(where, "bad-mac", "the MAC is not text", "put the MAC in quotes")
            return None
        try:
            mac = MacAddress.parse(raw)
        except ValueError:
            self.note(where, "bad-mac", f'"{raw[:40]}" is not a MAC address', "write 12 hex digits: 00:15:65:aa:bb:cc")
            return None
        if mac.plain in ("000000000000", "ffffffffffff") or int(mac.plain[:2], 16) & 1:
            self.note(where, "bad-mac", f"{mac.colons} is not the address of one device", "copy it from the phone's label")
            return None
        return mac

    # -- what phones, groups, sites and defaults have in common

    def shared(self, path: Path, table: dict[str, Any], name: str) -> Layer:
        every_line: dict[str, Setting] = {}
        lines: dict[int, Slot] = {}
        raw_lines = table.get("line")
        if raw_lines is not None:
            if self.rank is Rank.PHONE:
                lines = self.lines((*path, "line"), raw_lines)
            elif isinstance(raw_lines, dict):
                every_line = self.fields((*path, "line"), raw_lines, self.vocabulary.line, ())
            else:
                self.note(
                    (*path, "line"),
                    "wrong-type",
                    f"[[line]] in a {self.rank.name.lower()}",
                    "write [line]: it holds for every line",
                )
        site = self.text(path, table, "site")
        if self.rank in (Rank.SITE, Rank.DEFAULTS) and site is not None:
            self.note(
                (*path, "site"), "misplaced", f"site stands in {self.layer_name}", "only phones and groups belong to a site"
            )
            site = None
        return Layer(
            name,
            self.origin(path),
            self.with_secrets(path, table, self.vocabulary.phone),
            every_line,
            lines,
            self.keys((*path, "key"), table["key"]) if "key" in table else {},
            read_settings(path, table, self.note, self.setting),
            self.text(path, table, "template"),
            site,
            table["description"] if isinstance(table.get("description"), str) else "",
        )

    def text(self, path: Path, table: dict[str, Any], key: str) -> Setting | None:
        raw = table.get(key)
        if raw is None:
            return None
        if not isinstance(raw, str) or not raw or not raw.isprintable():
            self.note((*path, key), "wrong-type", f"{key} is not a name", "put the name in quotes")
            return None
        return self.setting((*path, key), raw)

    def unknown_keys(self, path: Path, table: dict[str, Any], known: tuple[str, ...]) -> None:
        for name in table:
            if name in known:
                continue
            self.hints += 1
            hint = nearest(name, known) if self.hints <= MAX_HINTS else ""
            near = "" if hint or self.hints > MAX_HINTS else nearest(name, self.vocabulary.line)
            if not hint and is_parameter(name):
                hint = f'a parameter by its own name goes into settings: settings."{name[:MAX_SHOWN]}" = ...'
            elif near and self.vocabulary.line.keys().isdisjoint(known):
                is_exact = name in self.vocabulary.line
                hint = (
                    "it is" if is_exact else near
                ) + " a setting of a line: put it into [[line]] (a phone) or [line] (a group)"
            self.note(
                (*path, name),
                "unknown-setting",
                f'unknown setting "{name[:MAX_SHOWN]}"',
                hint or "see docs/reference/devices.md for what there is",
            )

    def typed(self, path: Path, table: dict[str, Any], fields: Any) -> dict[str, Setting]:
        found: dict[str, Setting] = {}
        for name, field in fields.items():
            if name in table:
                self.one(found, (*path, name), field, table[name])
        return found

    def one(self, found: dict[str, Setting], path: Path, field: Field, raw: Any) -> None:
        try:
            found[field.name] = self.setting(path, read_value(field, raw))
        except ValueProblem as problem:
            self.note(path, problem.code, problem.message, problem.hint)

    def fields(self, path: Path, table: dict[str, Any], fields: Any, structural: tuple[str, ...]) -> dict[str, Setting]:
        self.unknown_keys(path, table, (*structural, *fields, *_secret_files(fields)))
        return self.with_secrets(path, table, fields)

    def with_secrets(self, path: Path, table: dict[str, Any], fields: Any) -> dict[str, Setting]:
        found = self.typed(path, table, fields)
        for name in _secret_files(fields):
            plain = name.removesuffix("_file")
            if name not in table:
                if plain in found:
                    hint = f"put it into a file and name it: {name} = ..."
                    self.note((*path, plain), "inline-secret", f"{plain} stands in the open", hint, Severity.WARNING)
                continue
            if plain in table:
                self.note((*path, name), "two-values", f"both {plain} and {name} are given", "keep one")
                continue
            self.secret_file(found, (*path, name), plain, table[name])
        return found

    def secret_file(self, found: dict[str, Setting], path: Path, plain: str, raw: Any) -> None:
        try:
            if not isinstance(raw, str) or not raw:
                raise ValueProblem("wrong-type", f"{path[-1]} is not a file name", "put the name in quotes")
            found[plain] = self.setting(path, Secret(check_text(self.read_secret(raw), is_secret=True)))
        except ValueProblem as problem:
            self.note(path, problem.code, f"{path[-1]}: {problem.message}", problem.hint)

    # -- lines and keys

    def tables(self, path: Path, raw: Any) -> list[dict[str, Any]]:
        word = str(path[-1])
        if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
            self.note(path, "wrong-type", f"{word} is not a list of tables", f"write [[{word}]] above each {word}")
            return []
        if len(raw) > MAX_SLOTS:
            self.note(path, f"too-many-{word}s", f"{len(raw)} {word}s", "no phone has so many")
        return raw[:MAX_SLOTS]

    def number(self, path: Path, table: dict[str, Any], key: str, fallback: int) -> int | None:
        raw = table.get(key, fallback)
        if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= MAX_SLOTS:
            self.note((*path, key), "out-of-range", f"{key} is not a number from 1 up", "count from 1, without quotes")
            return None
        return raw

    def lines(self, path: Path, raw: Any) -> dict[int, Slot]:
        found: dict[int, Slot] = {}
        following = 1
        for index, table in enumerate(self.tables(path, raw)):
            where = (*path, index)
            number = self.number(where, table, "number", following)
            if number is None:
                continue
            if number in found:
                first = found[number].origin.line
                self.note(
                    where, "two-values", f"line {number} is given twice, first at line {first}", "give each line its own number"
                )
                continue
            found[number] = Slot(self.fields(where, table, self.vocabulary.line, ("number",)), self.origin(where))
            following = number + 1
        return found

    def keys(self, path: Path, raw: Any) -> dict[KeyPlace, Slot]:
        found: dict[KeyPlace, Slot] = {}
        following: dict[tuple[KeyKind, int], int] = {}
        for index, table in enumerate(self.tables(path, raw)):
            where = (*path, index)
            kind = self.key_kind(where, table)
            if kind is None:
                continue
            module = self.number(where, table, "module", 1) if kind is KeyKind.EXPANSION else 0
            if module is None:
                continue
            number = self.number(where, table, "number", following.get((kind, module), 1))
            if number is None:
                continue
            place = KeyPlace(kind, module, number)
            if place in found:
                first = found[place].origin.line
                self.note(
                    where, "two-values", f"{kind} key {number} is given twice, first at line {first}", "give each its own number"
                )
                continue
            found[place] = Slot(self.fields(where, table, self.vocabulary.key, ("kind", "module", "number")), self.origin(where))
            following[kind, module] = number + 1
            if "type" not in table:
                self.note(where, "no-key-type", f"{kind} key {number} has no type", 'add type = "blf"')
        return found

    def key_kind(self, path: Path, table: dict[str, Any]) -> KeyKind | None:
        raw = table.get("kind", "expansion" if "module" in table else "line")
        if raw not in list(KeyKind):
            self.note(
                (*path, "kind"),
                "unknown-word",
                "kind is none of line, programmable, expansion",
                nearest(str(raw)[:80], list(KeyKind)),
            )
            return None
        kind = KeyKind(raw)
        if kind is not KeyKind.EXPANSION and "module" in table:
            self.note((*path, "module"), "misplaced", f"a {kind} key has no module", 'kind = "expansion" has')
        return kind


def _secret_files(fields: Any) -> list[str]:
    return [name + "_file" for name, field in fields.items() if field.type == "secret"]
