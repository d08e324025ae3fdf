"""The words that people may use in devices/*.toml, read from templates/<vendor>/vocabulary.toml."""

from __future__ import annotations

import enum
import functools
import operator
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.errors import CatalogueError


class FieldType(enum.StrEnum):
    """What a person writes on the right of the equals sign."""

    TEXT = "text"
    SECRET = "secret"
    HOST = "host"
    NUMBER = "number"
    FLAG = "flag"
    WORD = "word"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Field:
    """One typed setting."""

    name: str
    "As written in the file: `transport`."

    scope: str
    "phone, line or key."

    type: FieldType
    "What may stand there."

    parameter: str
    "The parameter it becomes: `account.X.sip_server.1.transport_type`."

    summary: str
    "For people."

    words: Mapping[str, str]
    "For word and words: what a person writes, and what the phone gets."

    zero_means_off: bool = False
    "For numbers: 0 is allowed beside the parameter's range and switches the feature off."

    takes_stub: bool = False
    'For hosts: "@stub" may stand there for this server.'


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All typed settings."""

    phone: Mapping[str, Field]
    "Settings of the phone as a whole."

    line: Mapping[str, Field]
    "Settings of one account."

    key: Mapping[str, Field]
    "Settings of one key."

    def of(self, scope: str) -> Mapping[str, Field]:
        """Return the fields of `phone`, `line` or `key`."""
        fields: Mapping[str, Field] = getattr(self, scope)
        return fields

    def __or__(self, other: Vocabulary) -> Vocabulary:
        """Return everything that either knows, for readers of text about phones of both; CatalogueError where they disagree."""
        return Vocabulary(*(_joined(self.of(scope), other.of(scope)) for scope in ("phone", "line", "key")))


def _joined(one: Mapping[str, Field], other: Mapping[str, Field]) -> dict[str, Field]:
    joined = dict(one)
    for name, field in other.items():
        known = joined.setdefault(name, field)
        if known.type is not field.type:
            raise CatalogueError(
                f"vocabulary.toml: [{field.scope}.{name}] is a {known.type} for one vendor and a {field.type} for another",
                hint="a word of devices/ is the same for all vendors; choose another name",
            )
        words = {**known.words, **{word: value for word, value in field.words.items() if word not in known.words}}
        takes_stub, zero = known.takes_stub or field.takes_stub, known.zero_means_off or field.zero_means_off
        joined[name] = replace(known, words=words, takes_stub=takes_stub, zero_means_off=zero)
    return joined


def load_spoken(folders: Iterable[Path]) -> Vocabulary:
    """Return what people may write for phones of any of the vendors whose folders these are."""
    return functools.reduce(operator.or_, (load_vocabulary(folder) for folder in folders))


def load_vocabulary(folder: Path) -> Vocabulary:
    """Return the words in `folder`/vocabulary.toml, or raise CatalogueError naming the entry that is wrong."""
    file = folder / "vocabulary.toml"
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogueError(f"{file}: {error}", hint="restore the file, or correct it at that line") from None
    scopes: dict[str, dict[str, Field]] = {"phone": {}, "line": {}, "key": {}}
    for scope, entries in data.items():
        if scope not in scopes:
            raise CatalogueError(f"{file}: [{scope}.*] is none of {', '.join(scopes)}")
        for name, entry in entries.items():
            try:
                kind = FieldType(entry["type"])
                words = {str(word): str(value) for word, value in entry.get("words", {}).items()}
                flags = (bool(entry.get("zero", False)), bool(entry.get("stub", False)))
                field = Field(name, scope, kind, entry["parameter"], entry["summary"], words, *flags)
            except (KeyError, ValueError) as error:
                raise CatalogueError(f"{file}: [{scope}.{name}] is incomplete or wrong: {error}") from None
            if (kind in (FieldType.WORD, FieldType.WORDS)) != bool(words):
                raise CatalogueError(f"{file}: [{scope}.{name}] is a {kind}: `words` belongs to word and words only")
            scopes[scope][name] = field
    return Vocabulary(scopes["phone"], scopes["line"], scopes["key"])
