"""How two settings differ in what they mean: not in order, comments, spelling, or defaults that one of them writes out."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from sipstub.sbc.settings.parameter import Parameter, Restart, Table, Value
from sipstub.sbc.settings.problem import Origin
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.vocabulary import the_vocabulary


class Sign(enum.StrEnum):
    """What happened to a value or a row."""

    ADDED = "+"
    CHANGED = "~"
    REMOVED = "-"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference."""

    sign: Sign
    name: str
    'As `SBCMinSE`, `IPGroup "phones"` or `IPGroup "phones" ProfileName`.'
    before: str = ""
    "As people read it, without secrets; empty for rows."
    after: str = ""
    old_origin: Origin | None = None
    new_origin: Origin | None = None
    is_restart: bool = False
    "Whether it takes effect only after a restart."

    def __str__(self) -> str:
        values = f"  {self.before} → {self.after}" if self.before or self.after else ""
        return f"{self.sign} {self.name}{values}"


def difference(old: SbcSettings, new: SbcSettings) -> tuple[Change, ...]:
    """Return what differs: globals first, then tables, each in the order of the facts."""
    found = [*_globals(old, new)]
    for table in the_vocabulary().tables:
        found += _rows(table, old.table(table.name), new.table(table.name))
    return tuple(found)


def reloaded(old: SbcSettings, new: SbcSettings) -> tuple[SbcSettings, tuple[Parameter, ...]]:
    """Return the settings that hold after a reload without a restart, and those whose new value waits for one."""
    waiting = []
    settings = new
    for parameter in the_vocabulary().parameters:
        name = parameter.name
        if parameter.restart is Restart.YES and old.value(name) != new.value(name):
            waiting.append(parameter)
            settings = settings.with_value(name, old.value(name), old.origin(name) or Origin("(before)", 0))
    return settings, tuple(waiting)


def _globals(old: SbcSettings, new: SbcSettings) -> Iterator[Change]:
    for parameter in the_vocabulary().parameters:
        name = parameter.name
        if (before := old.value(name)) != (after := new.value(name)):
            origins = old.origin(name), new.origin(name)
            yield _changed(parameter, name, before, after, *origins, is_restart=parameter.restart is Restart.YES)


def _changed(
    parameter: Parameter,
    name: str,
    before: Value,
    after: Value,
    old_origin: Origin | None,
    new_origin: Origin | None,
    *,
    is_restart: bool = False,
) -> Change:
    words = parameter.word_of(before), parameter.word_of(after)
    return Change(Sign.CHANGED, name, *words, old_origin, new_origin, is_restart)


def _rows(table: Table, old: tuple[Row, ...], new: tuple[Row, ...]) -> Iterator[Change]:
    before, after = _by_title(old), _by_title(new)
    for title, row in before.items():
        if title not in after:
            yield Change(Sign.REMOVED, f"{table.name} {title}", old_origin=row.origin)
    for title, row in after.items():
        if (other := before.get(title)) is None:
            yield Change(Sign.ADDED, f"{table.name} {title}", new_origin=row.origin)
            continue
        if other.index != row.index:
            indexes = str(other.index), str(row.index)
            yield Change(Sign.CHANGED, f"{table.name} {title} index", *indexes, other.origin, row.origin)
        for column in table.columns:
            if (was := other.value(column.name)) != (now := row.value(column.name)):
                origins = other.origin_of(column.name), row.origin_of(column.name)
                yield _changed(column, f"{table.name} {title} {column.name}", was, now, *origins)


def _by_title(rows: tuple[Row, ...]) -> dict[str, Row]:
    """Return rows by name, and by index where there is none or another row has it already."""
    found: dict[str, Row] = {}
    for row in rows:
        title = f'"{row.name}"' if row.name else str(row.index)
        found[str(row.index) if title in found else title] = row
    return found
