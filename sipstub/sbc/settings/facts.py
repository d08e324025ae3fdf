"""Reads the facts about settings that lie beside this file as TOML: one Parameter per block, one Table per table.

A mistake in them is a mistake of the program, so it is an AssertionError or KeyError at first use, and a test reads them all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sipstub.sbc.settings.parameter import (
    ASPECTS,
    Choice,
    Confidence,
    Kind,
    Parameter,
    ReleaseNote,
    Restart,
    Table,
    Value,
)
from sipstub.sbc.settings.secret import Secret

FOLDER = Path(__file__).parent / "facts"
GROUPS = {
    "general": "The SBC as a whole",
    "session": "Session timers",
    "registration": "Registration",
    "transfer": "Transfer and redirection",
    "headers": "Headers, identity, topology",
    "subscription": "Subscriptions",
    "authentication": "Authentication",
    "media": "Media",
}
"File of facts to the heading that its settings get, in the order of the documentation."
TABLE_FILES = ("tables", "ip_profile")
_FIELDS = frozenset(
    """name label cli cli_aliases cli_words kind choices same_choices_as range unit words default restart meaning wire source
    inferred chosen unknown lacks is_media inherits overridden_by refers releases no_effect unsupported refused""".split()
)


def read_parameters() -> tuple[Parameter, ...]:
    """Return all global settings."""
    found: list[Parameter] = []
    for group in GROUPS:
        found += [parameter_of(block, group) for block in _load(group)["parameter"]]
    return tuple(found)


def read_tables(parameters: Iterable[Parameter]) -> tuple[Table, ...]:
    """Return all tables, those that others name first."""
    globals_ = {parameter.name: parameter for parameter in parameters}
    blocks = {block["name"]: block for file in TABLE_FILES for block in _load(file)["table"]}
    return tuple(_table(blocks[name], globals_) for name in _by_reference(blocks))


def read_sources() -> dict[str, dict[str, str]]:
    """Return what names of sources stand for, and the names of settings that are not about SBC calls."""
    return _load("sources")


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _by_reference(blocks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    order: list[str] = []

    def add(name: str) -> None:
        for column in blocks[name].get("columns") or blocks[name]["column"]:
            if (other := column.get("refers")) and other not in order and other != name:
                add(other)
        if name not in order:
            order.append(name)

    for name in blocks:
        add(name)
    return order


def _table(block: Mapping[str, Any], globals_: Mapping[str, Parameter]) -> Table:
    confidence = Confidence(block["sure"])
    rows = block.get("columns") or block["column"]
    documented = {*block.get("documented", ()), *(row["name"] for row in rows if confidence is Confidence.DOCUMENTED)}
    columns = []
    for row in rows:
        same = row.get("same_choices_as")
        extra: dict[str, Any] = {"choices": [[c.number, c.word, c.meaning] for c in globals_[same].choices]} if same else {}
        if row["name"] not in documented:
            extra["chosen"] = ["name", "cli", "values", "default"]
        source = row.get("source", block["source"])
        columns.append(parameter_of({**row, **extra, "source": source}, block["name"]))
    return Table(
        name=block["name"],
        attribute=block["attribute"],
        cli=block["cli"],
        key=block["key"],
        meaning=block["meaning"],
        source="; ".join(block["source"]),
        confidence=confidence,
        columns=tuple(columns),
        cli_aliases=tuple(block.get("cli_aliases", ())),
    )


def parameter_of(block: Mapping[str, Any], group: str) -> Parameter:
    """Return the Parameter of one block of facts; AssertionError for a word that no block has."""
    assert not (strange := set(block) - _FIELDS), f"{block['name']}: {strange}"
    kind = Kind(block["kind"])
    low, high = block.get("range", (0, 0))
    default: Value = Secret(block["default"]) if kind is Kind.SECRET else block["default"]
    return Parameter(
        name=block["name"],
        kind=kind,
        default=default,
        cli=block["cli"],
        label=block.get("label", ""),
        choices=tuple(Choice(number, word, *rest) for number, word, *rest in block.get("choices", ())),
        low=low,
        high=high,
        unit=block.get("unit", ""),
        words=tuple((int(number), word) for number, word in block.get("words", {}).items()),
        restart={True: Restart.YES, False: Restart.NO, None: Restart.UNKNOWN}[block.get("restart")],
        meaning=block["meaning"],
        wire=block.get("wire", ""),
        source="; ".join(block["source"]),
        sure=_sure(block),
        aliases=tuple(block.get("cli_aliases", ())),
        cli_words=tuple(block.get("cli_words", {}).items()),
        is_media=block.get("is_media", False),
        group=group,
        inherits=block.get("inherits", ""),
        overridden_by=block.get("overridden_by", ""),
        refers=block.get("refers", ""),
        releases=tuple(_release(note) for note in block.get("releases", ())),
        has_no_effect=block.get("no_effect", ""),
        lacks=block.get("lacks", ""),
        unsupported=tuple((int(number), why) for number, why in block.get("unsupported", {}).items()),
        refused=tuple((int(number), why) for number, why in block.get("refused", {}).items()),
    )


def _sure(block: Mapping[str, Any]) -> tuple[tuple[str, Confidence], ...]:
    words = {"inferred": Confidence.INFERRED, "chosen": Confidence.CHOSEN, "unknown": Confidence.UNKNOWN}
    found = {aspect: confidence for word, confidence in words.items() for aspect in block.get(word, ())}
    if "restart" not in block and "inherits" not in block:
        found.setdefault("restart", Confidence.UNKNOWN)
    assert set(found) <= set(ASPECTS), f"{block['name']}: {set(found)}"
    return tuple((aspect, found[aspect]) for aspect in ASPECTS if aspect in found)


def _release(note: Mapping[str, Any]) -> ReleaseNote:
    return ReleaseNote(
        until=tuple(int(part) for part in str(note["until"]).split(".")),
        says=note["says"],
        default=note.get("default"),
        high=note.get("high"),
        values=tuple(note.get("values", ())),
    )
