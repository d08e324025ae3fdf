"""parameters/*.toml -> parameters.  A file holds one area; its [defaults] are what most of its rows say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from provisioner.catalogue.generation import minor_of
from provisioner.catalogue.load_model import CONFIDENCES
from provisioner.catalogue.model import Model
from provisioner.catalogue.parameter import Caution, IndexRule, Parameter
from provisioner.catalogue.permitted import TYPES, Code, Form, Permitted, Span
from provisioner.catalogue.table import Table, read_toml, tables
from provisioner.errors import CatalogueError

VALUE_FIELDS = (
    "type",
    "range",
    "range_from",
    "values",
    "values_as",
    "values_open",
    "min_length",
    "max_length",
    "pattern",
    "schemes",
)
DEFAULT_FIELDS = ("unit", "permitted_note", "default", "default_note", "preset", "caution")
PLACE_FIELDS = ("scope", "indexes", "models", "models_are", "models_note", "since", "since_note", "until", "file", "may_repeat")
OTHER_FIELDS = ("summary", "is_legacy", "reboot", "reboot_note", "secret", "note", "recall", "source", "confidence", "origin")
FIELDS = frozenset((*VALUE_FIELDS, *DEFAULT_FIELDS, *PLACE_FIELDS, *OTHER_FIELDS))
"What a row may say."

FILES = ("common", "mac", "both")
REBOOTS = ("yes", "no", "unknown")
ORIGINS = ("curated", "auto")
COUNTED = ("account", "line-key", "memory-key", "programmable-key", "module", "module-key", "codec-slot", "unknown")
"What an index may count besides a written range or a list of words."

TYPE_FORMS = {"host": "host", "time": "clock"}
PLACEHOLDERS = ("X", "Y", "Z", "M", "<name>")

_GENERATION = re.compile(r"v[0-9]{2,3}")
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What rows may refer to."""

    sets: Mapping[str, frozenset[str]]
    scopes: Mapping[str, Mapping[str, IndexRule]]
    forms: Mapping[str, Form]
    models: Mapping[str, Model]
    lists: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    "Lists of models worked out already: most rows say one of a dozen."


def load_forms(file: Path) -> dict[str, Form]:
    """Return the named forms of text."""
    found = {}
    for row in tables(file, read_toml(file)):
        row.only(frozenset({"what", "form"}))
        try:
            found[row.name] = Form(row.name, row.text("what"), re.compile(row.text("form"), re.ASCII))
        except re.error as error:
            raise row.fault(str(error), "form") from None
    return found


def load_scopes(file: Path) -> dict[str, Mapping[str, IndexRule]]:
    """Return the rules of the placeholders of each scope."""
    found: dict[str, Mapping[str, IndexRule]] = {}
    for row in tables(file, read_toml(file)):
        row.only(frozenset({"what", "indexes"}))
        row.text("what")
        found[row.name] = MappingProxyType(_indexes(row))
    return found


def load_parameters(folder: Path, vocabulary: Vocabulary) -> tuple[dict[str, Parameter], list[CatalogueError]]:
    """Return the parameters by pattern name, and what is wrong with the rows that are left out."""
    found: dict[str, Parameter] = {}
    faults: list[CatalogueError] = []
    borrowing: list[tuple[Table, str]] = []
    for file in sorted(folder.glob("*.toml")):
        content = read_toml(file)
        head = Table(file, "area", {key: value for key, value in content.items() if key in ("area", "defaults")})
        area = head.text("area")
        defaults = head.table("defaults")
        Table(file, "defaults", defaults).only(FIELDS - {"summary", "default", "note"})
        for row in tables(file, content, skip=frozenset({"area", "defaults"})):
            try:
                if row.name in found:
                    raise row.fault(f"stands in {found[row.name].where} already")
                full = Table(file, row.name, {**defaults, **row.values})
                found[row.name] = _parameter(full, area, vocabulary)
                if "values_as" in row.values:
                    borrowing.append((row, row.text("values_as")))
            except CatalogueError as fault:
                faults.append(fault)
    for row, name in borrowing:
        lender, borrower = found.get(name), found[row.name]
        if lender is None:
            faults.append(row.fault(f"there is no parameter {name!r}", "values_as"))
            continue
        codes = MappingProxyType({**lender.permitted.codes, **borrower.permitted.codes})
        found[row.name] = replace(borrower, permitted=replace(borrower.permitted, codes=codes))
    return found, faults


def _parameter(row: Table, area: str, vocabulary: Vocabulary) -> Parameter:
    row.only(FIELDS)
    kind = row.one_of("type", TYPES)
    scope = row.one_of("scope", vocabulary.scopes)
    indexes = vocabulary.scopes[scope]
    if "indexes" in row.values:
        indexes = MappingProxyType({**indexes, **_indexes(row)})
    written = {segment for segment in row.name.split(".") if segment in PLACEHOLDERS}
    if written != indexes.keys():
        raise row.fault(f"scope {scope!r} has the placeholders {sorted(indexes)}, the name has {sorted(written)}", "scope")
    return Parameter(
        name=row.name,
        type=kind,
        permitted=_permitted(row, kind, vocabulary.forms),
        default=row.optional_text("default"),
        default_note=row.text("default_note", ""),
        presets=MappingProxyType(dict(row.table("preset"))) if "preset" in row.values else _NO_TEXTS,
        scope=scope,
        indexes=indexes,
        models=_models(row, vocabulary),
        models_are_exact=row.one_of("models_are", ("exact", "listed"), "exact") == "exact",
        models_note=row.text("models_note", ""),
        since=_generation(row, "since"),
        since_note=row.text("since_note", ""),
        until=_generation(row, "until"),
        reboot=row.one_of("reboot", REBOOTS),
        reboot_note=row.text("reboot_note", ""),
        area=area,
        file=row.one_of("file", FILES),
        summary=row.text("summary", ""),
        note=row.text("note", ""),
        source=row.texts("source"),
        confidence=row.one_of("confidence", CONFIDENCES),
        origin=row.one_of("origin", ORIGINS),
        recall=frozenset(row.texts("recall")),
        cautions=_cautions(row),
        is_secret=row.flag("secret"),
        may_repeat=row.flag("may_repeat"),
        is_legacy=row.flag("is_legacy"),
        where=f"{row.file.parent.name}/{row.file.name}",
    )


def _models(row: Table, vocabulary: Vocabulary) -> frozenset[str]:
    texts = row.texts("models")
    known = vocabulary.lists.get(texts)
    if known is not None:
        return known
    names: set[str] = set()
    for text in texts:
        if text.startswith("@"):
            if text[1:] not in vocabulary.sets:
                raise row.fault(f"there is no set {text!r} in sets.toml", "models")
            names |= vocabulary.sets[text[1:]]
            continue
        name = text.removeprefix("-")
        if name not in vocabulary.models:
            raise row.fault(f"there is no model {name!r}", "models")
        if text.startswith("-"):
            names.discard(name)
        else:
            names.add(name)
    if not names:
        raise row.fault("no model has it", "models")
    found = vocabulary.lists[texts] = frozenset(names)
    return found


def _generation(row: Table, key: str) -> str | None:
    name = row.optional_text(key)
    if name is not None and not _GENERATION.fullmatch(name):
        raise row.fault("a generation is written v80", key)
    return name


def _permitted(row: Table, kind: str, forms: Mapping[str, Form]) -> Permitted:
    values = row.values
    if "range" in values and "range_from" in values:
        raise row.fault("either range or range_from", "range")
    spans: tuple[tuple[int, tuple[Span, ...]], ...] = ()
    if "range" in values:
        spans = ((0, _spans(row, "range", values["range"])),)
    elif "range_from" in values:
        parts = row.table("range_from")
        for name in parts:
            if not _GENERATION.fullmatch(name):
                raise row.fault("a generation is written v80", "range_from")
        spans = tuple(
            sorted(((minor_of(name), _spans(row, "range_from", part)) for name, part in parts.items()), key=lambda pair: pair[0])
        )
    if spans and kind not in ("int", "float"):
        raise row.fault(f"a {kind} has no range", "range")
    form_name = row.optional_text("pattern") or TYPE_FORMS.get(kind)
    if form_name is not None and form_name not in forms:
        raise row.fault(f"there is no form {form_name!r} in patterns.toml", "pattern")
    return Permitted(
        kind=kind,
        codes=MappingProxyType(_codes(row)) if "values" in values else _NO_CODES,
        is_open=row.flag("values_open"),
        spans=spans,
        min_length=row.optional_integer("min_length"),
        max_length=row.optional_integer("max_length"),
        form=None if form_name is None else forms[form_name],
        schemes=row.texts("schemes"),
        unit=row.text("unit", ""),
        note=row.text("permitted_note", ""),
    )


_NO_CODES: Mapping[str, Code] = MappingProxyType({})


def _codes(row: Table) -> dict[str, Code]:
    values = row.values["values"]
    if type(values) is list:
        return {text: Code(text, "") for text in row.texts("values")}
    found = {}
    for text, meaning in row.table("values").items():
        if type(meaning) is str:
            found[text] = Code(text, meaning)
        elif type(meaning) is dict:
            part = Table(row.file, row.name, meaning)
            part.only(frozenset({"meaning", "since", "until", "doubtful"}))
            found[text] = Code(
                text, part.text("meaning"), _generation(part, "since"), _generation(part, "until"), part.flag("doubtful")
            )
        else:
            raise row.fault(f"{text} needs a meaning in words", "values")
    return found


def _spans(row: Table, key: str, pairs: Any) -> tuple[Span, ...]:
    found = []
    for pair in pairs if type(pairs) is list and pairs else [None]:
        if type(pair) is list and len(pair) == 2 and type(pair[0]) in (int, float):
            low, high = pair
            if high == "accounts":
                found.append(Span(low, 0, is_up_to_accounts=True))
                continue
            if type(high) in (int, float) and low <= high:
                found.append(Span(low, high))
                continue
        raise row.fault('pairs of numbers are wanted: [[0, 0], [60, 65535]]; inf and "accounts" may end one', key)
    return tuple(found)


def _cautions(row: Table) -> tuple[Caution, ...]:
    if "caution" not in row.values:
        return ()
    rows: Sequence[Any] = row.values["caution"]
    found = []
    for part in rows:
        if type(part) is not dict or part.keys() != {"min", "max", "text"}:
            raise row.fault("wants min, max and text", "caution")
        found.append(Caution(float(part["min"]), float(part["max"]), str(part["text"])))
    return tuple(found)


def _indexes(row: Table) -> dict[str, IndexRule]:
    found = {}
    for letter, rule in row.table("indexes").items():
        if letter not in PLACEHOLDERS:
            raise row.fault(f"{letter!r} is no placeholder ({', '.join(PLACEHOLDERS)})", "indexes")
        if rule in COUNTED:
            found[letter] = IndexRule(rule)
        elif type(rule) is list and len(rule) == 2 and all(type(part) is int for part in rule) and rule[0] <= rule[1]:
            found[letter] = IndexRule("range", rule[0], rule[1])
        elif type(rule) is list and rule and all(type(part) is str for part in rule):
            found[letter] = IndexRule("words", words=frozenset(rule))
        else:
            raise row.fault(f"{letter} is a range [1, 50], a list of words, or one of {', '.join(COUNTED)}", "indexes")
    return found
