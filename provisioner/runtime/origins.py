"""Who says what about one value of one phone: every layer that names it, the strongest first, and who won."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from provisioner.catalogue.catalogue import Catalogue
from provisioner.inventory.layer import KeyKind, KeyPlace, Layer, Setting
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.phone import Phone
from provisioner.inventory.vocabulary import Field, Vocabulary
from provisioner.secret import Secret

_KEY_NAMES = {
    KeyKind.LINE: "linekey.{number}",
    KeyKind.PROGRAMMABLE: "programablekey.{number}",
    KeyKind.EXPANSION: "expansion_module.{module}.key.{number}",
}
_KEY_NAME = re.compile(
    r"(?:linekey\.(?P<line>\d+)|programablekey\.(?P<programmable>\d+)|expansion_module\.(?P<module>\d+)\.key\.(?P<key>\d+))"
    r"\.(?P<field>.+)",
    re.ASCII,
)
CODEC_SLOTS = re.compile(r"account\.(\d+)\.codec\.(\d+)\.payload_type", re.ASCII)


@dataclass(frozen=True, slots=True)
class Word:
    """A typed setting of one place: `transport` of line 1."""

    field: Field
    "The word of the vocabulary."

    line: int | None = None
    "Account, for words of a line."

    key: KeyPlace | None = None
    "Key, for words of a key."

    def __str__(self) -> str:
        if self.line is not None:
            return f"line.{self.line}.{self.field.name}"
        if self.key is None:
            return self.field.name
        place = "" if self.key.kind is KeyKind.LINE else f"{self.key.kind}."
        module = f"{self.key.module}." if self.key.module else ""
        return f"key.{place}{module}{self.key.number}.{self.field.name}"

    def parameters(self, phone: Phone) -> list[str]:
        """Return the parameters it becomes on `phone`; a list of codecs becomes one for each slot."""
        name = self.field.parameter
        if self.key is not None:
            head = _KEY_NAMES[self.key.kind].format(number=self.key.number, module=self.key.module)
            return [f"{head}.{name.rpartition('.')[2]}"]
        if self.line is not None:
            name = re.sub(r"\bX\b", str(self.line - 1 + phone.model.vendor.first_account), name)
        if ".Y." in name:
            return [name.replace(".Y.", f".{slot}.") for slot in range(1, (phone.model.codec_slots or 0) + 1)]
        return [name]


@dataclass(frozen=True, slots=True)
class Claim:
    """What one layer says."""

    value: str
    "As written by the person, without quotes; masked if it is a secret."

    wire: str | None
    "What the phone's file gets for it, where that differs: the number of a word."

    origin: Origin
    "Where it stands."

    is_secret: bool
    "Then `value` is a mask."


def find_words(written: str, phone: Phone, vocabulary: Vocabulary) -> list[Word]:
    """Return the typed settings that a person means: `transport`, `line.transport`, `line.2.transport`, `key.3.value`."""
    parts = written.split(".")
    found: list[Word] = []
    scopes = ("phone", "line", "key") if parts[0] not in ("line", "key", "phone") else (parts[0],)
    rest = parts[1:] if parts[0] in ("line", "key", "phone") else parts
    for scope in scopes:
        if not rest:
            continue
        fields = vocabulary.of(scope)
        field = fields.get(rest[-1])
        if field is None:
            continue
        place = rest[:-1]
        if scope == "phone" and not place:
            found.append(Word(field))
        elif scope == "line" and all(part.isdigit() for part in place) and len(place) < 2:
            found += [Word(field, line.number) for line in phone.lines if not place or line.number == int(place[0])]
        elif scope == "key":
            found += [Word(field, key=key.place) for key in phone.keys if _is_place(key.place, place)]
    return found


def _is_place(place: KeyPlace, written: list[str]) -> bool:
    if not written:
        return True
    kind = KeyKind.LINE if written[0].isdigit() else next((kind for kind in KeyKind if str(kind) == written[0]), None)
    numbers = [part for part in written if part.isdigit()]
    wanted = [str(number) for number in (place.module, place.number) if number]
    return kind is place.kind and (numbers == wanted or numbers == wanted[-1:])


def words_of(name: str, phone: Phone, vocabulary: Vocabulary, catalogue: Catalogue) -> list[Word]:
    """Return the typed settings that become the parameter `name` of this phone."""
    found = []
    if match := _KEY_NAME.fullmatch(name):
        places = {
            KeyKind.LINE: (0, match["line"]),
            KeyKind.PROGRAMMABLE: (0, match["programmable"]),
            KeyKind.EXPANSION: (int(match["module"] or 0), match["key"]),
        }
        for kind, (module, number) in places.items():
            for field in vocabulary.key.values():
                if number is not None and field.parameter.rpartition(".")[2] == match["field"]:
                    found.append(Word(field, key=KeyPlace(kind, module, int(number))))
        return found
    for field in (*vocabulary.phone.values(), *vocabulary.line.values()):
        lines: Iterable[int | None] = [line.number for line in phone.lines] if field.scope == "line" else [None]
        found += [word for number in lines if name in (word := Word(field, number)).parameters(phone)]
    return found


def claims(name: str, words: Iterable[Word], phone: Phone, catalogue: Catalogue) -> list[Claim]:
    """Return what every layer says of the parameter, the strongest layer first; one layer may say it in two ways."""
    parameter = catalogue.parameter(name)
    is_secret = parameter is not None and parameter.is_secret
    found = []
    for layer in phone.layers:
        raw = layer.settings.get(name)
        if raw is not None:
            found.append(_claim(raw, None, is_secret))
        for word in words:
            setting = _of_layer(layer, word)
            if setting is not None:
                found.append(_claim(setting, word.field, is_secret))
    return found


def _of_layer(layer: Layer, word: Word) -> Setting | None:
    if word.line is not None:
        if layer.origin.rank is Rank.PHONE:
            slot = layer.lines.get(word.line)
            return slot.fields.get(word.field.name) if slot is not None else None
        return layer.every_line.get(word.field.name)
    if word.key is not None:
        slot = layer.keys.get(word.key)
        return slot.fields.get(word.field.name) if slot is not None else None
    return layer.fields.get(word.field.name)


def _claim(setting: Setting, field: Field | None, is_secret: bool) -> Claim:
    value = setting.value
    if isinstance(value, Secret) or is_secret:
        return Claim("********", None, setting.origin, True)
    if isinstance(value, tuple):
        return Claim(", ".join(value), None, setting.origin, False)
    if isinstance(value, bool):
        return Claim("true" if value else "false", str(int(value)), setting.origin, False)
    text = str(value)
    return Claim(text, field.words.get(text) if field is not None else None, setting.origin, False)


def typed_settings(phone: Phone) -> Iterator[tuple[str, Mapping[str, Setting]]]:
    """Yield the strongest typed settings by place: of the phone, of each line, of each key."""
    yield "phone", phone.fields
    for line in phone.lines:
        yield f"line {line.number}", line.fields
    for key in phone.keys:
        kind = "key" if key.place.kind is KeyKind.LINE else f"{key.place.kind} key"
        module = f"{key.place.module}/" if key.place.module else ""
        yield f"{kind} {module}{key.place.number}", key.fields
