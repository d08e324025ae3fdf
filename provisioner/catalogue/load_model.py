"""models.toml and sets.toml -> models, and named sets of them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioner.catalogue.model import Expansion, Model, Scope
from provisioner.catalogue.table import Table, read_toml, tables
from provisioner.catalogue.vendor import Vendor

FIELDS = frozenset(field.name for field in dataclasses.fields(Model)) - {"name", "vendor"}
"What a model table may say: the fields of a Model; its name is the name of the table, its vendor that of the folder."

CONFIDENCES = ("high", "medium", "low")
COLOURS = ("colour", "black-white")
MAX_KEY = 1000
"Highest key number that a row may claim."

_COMMON = re.compile(r"y([0-9]{12})\.cfg")


def load_models(file: Path, vendor: Vendor) -> dict[str, Model]:
    """Return every model of `file` by canonical name."""
    return {row.name: _model(row, vendor) for row in tables(file, read_toml(file))}


def _model(row: Table, vendor: Vendor) -> Model:
    row.only(FIELDS)
    scope = Scope(row.one_of("scope", [str(scope) for scope in Scope]))
    reason = row.text("scope_reason", "")
    if scope is not Scope.RENDERED and not reason:
        raise row.fault("a model that is not simply rendered says why", "scope_reason")
    prefix, number, common_name = _common_file(row) if vendor.has_common_file else (0, 0, "")
    return Model(
        name=row.name,
        user_agent_name=row.text("user_agent_name"),
        aliases=row.texts("aliases"),
        series=row.text("series"),
        scope=scope,
        scope_reason=reason,
        prefix=prefix,
        common_number=number,
        common_name=common_name,
        accounts=row.integer("accounts"),
        line_keys=row.optional_integer("line_keys"),
        memory_keys=row.optional_integer("memory_keys"),
        programmable_keys=_keys(row, "programmable_keys"),
        codec_slots=row.optional_integer("codec_slots"),
        expansion=_expansion(row),
        screen=row.optional_text("screen"),
        colour=row.one_of("colour", COLOURS) if "colour" in row.values else None,
        http_agent_sample=row.text("http_agent_sample", None if vendor.has_common_file else ""),
        sip_agent_sample=row.text("sip_agent_sample"),
        example_firmware=row.text("example_firmware"),
        recall=frozenset(row.texts("recall")),
        inferred={key: str(text) for key, text in row.table("inferred").items()},
        note=row.text("note", ""),
        source=row.texts("source"),
        confidence=row.one_of("confidence", CONFIDENCES),
        vendor=vendor,
    )


def _common_file(row: Table) -> tuple[int, int, str]:
    """Return firmware prefix, number and name of the common file; the number is in the name."""
    prefix = row.integer("prefix")
    number = row.values.get("common_number", prefix)
    if type(number) is not int:
        raise row.fault("a whole number is wanted", "common_number")
    name = row.text("common_name")
    common = _COMMON.fullmatch(name)
    if common is None:
        raise row.fault("a common file is called y000000000028.cfg", "common_name")
    if int(common[1]) != number:
        raise row.fault(
            f"{name} has the number {int(common[1])}, the firmware prefix is {prefix}",
            "common_name",
            hint=f"if that is so, write common_number = {int(common[1])}",
        )
    return prefix, number, name


def _keys(row: Table, key: str) -> frozenset[int] | None:
    if key not in row.values:
        return None
    keys: set[int] = set()
    for span in row.values[key] if isinstance(row.values[key], list) else [None]:
        if not (
            isinstance(span, list) and len(span) == 2 and all(type(n) is int for n in span) and 1 <= span[0] <= span[1] <= MAX_KEY
        ):
            raise row.fault("ranges of key numbers are wanted: [[1, 10], [13, 13]]", key)
        keys.update(range(span[0], span[1] + 1))
    return frozenset(keys)


def _expansion(row: Table) -> Expansion | None:
    if "expansion" not in row.values:
        return None
    part = Table(row.file, row.name, row.table("expansion"))
    part.only(frozenset({"module", "modules", "keys", "reserved_keys", "note"}))
    reserved: Any = part.values.get("reserved_keys", [])
    if not (isinstance(reserved, list) and all(type(number) is int for number in reserved)):
        raise row.fault("a list of key numbers is wanted", "reserved_keys")
    return Expansion(
        part.text("module"),
        part.optional_integer("modules"),
        part.optional_integer("keys"),
        frozenset(reserved),
        part.text("note", ""),
    )


def load_sets(file: Path, models: Mapping[str, Model]) -> dict[str, frozenset[str]]:
    """Return the named sets of models."""
    found = {}
    for row in tables(file, read_toml(file)):
        row.only(frozenset({"what", "models", "have", "where"}))
        names = set(row.texts("models"))
        unknown = names - models.keys()
        if unknown:
            raise row.fault(f"there is no model {min(unknown)!r}", "models")
        field = row.optional_text("have")
        wanted = {**{key: None for key in [field] if key}, **row.table("where")}
        if wanted.keys() - FIELDS:
            raise row.fault(f"models have no field {min(wanted.keys() - FIELDS)!r}", "have" if field else "where")
        if wanted:
            names |= {
                model.name
                for model in models.values()
                if all(getattr(model, key) if value is None else getattr(model, key) == value for key, value in wanted.items())
            }
        found[row.name] = frozenset(names)
    return found
