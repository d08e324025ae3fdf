"""Every name that the stub knows, looked up as files spell it: ini names, words of the CLI, tables, and what is not ours."""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass, field

from sipstub.sbc.settings.facts import read_parameters, read_sources, read_tables
from sipstub.sbc.settings.parameter import Parameter, Table

NEAR = 0.8
"How alike two names are for one to be offered for the other (difflib's ratio)."
LEAST_BEGINNING = 3
"Letters of a word cut short."
MAX_COMPARED = 80
"Longest name that a near one is looked for."


@dataclass(frozen=True)
class Vocabulary:
    """All facts, and the ways to them.  One per process: `the_vocabulary()`."""

    parameters: tuple[Parameter, ...]
    tables: tuple[Table, ...]
    gateway_only: dict[str, str]
    "Settings of the gateway application in lower case, each with the SBC's own, or nothing."
    other_models: dict[str, str]
    sources: dict[str, str]
    _by_name: dict[str, Parameter] = field(init=False, repr=False)
    _by_table: dict[str, Table] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {parameter.name.lower(): parameter for parameter in self.parameters})
        object.__setattr__(self, "_by_table", {table.name.lower(): table for table in self.tables})

    def find(self, name: str) -> Parameter | None:
        """Return the global setting of that ini name, letters compared without case."""
        return self._by_name.get(name.lower())

    def parameter(self, name: str) -> Parameter:
        """Return the global setting of that ini name; KeyError if there is none."""
        if (found := self.find(name)) is None:
            raise KeyError(name)
        return found

    def find_table(self, name: str) -> Table | None:
        """Return the table of that name."""
        return self._by_table.get(name.lower())

    def table(self, name: str) -> Table:
        """Return the table of that name; KeyError if there is none."""
        if (found := self.find_table(name)) is None:
            raise KeyError(name)
        return found

    def look_up(self, text: str) -> list[Parameter]:
        """Return what a person may mean: an ini name, `Table.Column`, a word of the CLI, or a label of the web pages."""
        table, _, column = text.partition(".")
        if column and (known := self.find_table(table)):
            return [entry for entry in known.columns if entry.name.lower() == column.lower()]
        if found := self.find(text):
            return [found]
        folded = " ".join(text.lower().split())
        every = [*self.parameters, *(entry for table_ in self.tables for entry in table_.columns)]
        spelt = [entry for entry in every if folded in (entry.name.lower(), entry.cli_word.lower(), entry.cli, *entry.aliases)]
        return spelt or [entry for entry in every if entry.label.lower() == folded]

    def nearest(self, name: str) -> str:
        """Return the known ini name that looks most like this one; empty if none does."""
        return nearest(name, [parameter.name for parameter in self.parameters])

    def nearest_of_all(self, text: str) -> str:
        """Return the name, of whatever kind, that looks most like this one; empty if none does."""
        names = [parameter.name for parameter in self.parameters] + [parameter.cli_word for parameter in self.parameters]
        names += [f"{table.name}.{column.name}" for table in self.tables for column in table.columns]
        names += [column.name for table in self.tables for column in table.columns]
        return nearest(text, names)


def nearest(name: str, known: list[str]) -> str:
    """Return the one of the known names that looks most like this one, letters compared without case; empty if none does."""
    if len(name) > MAX_COMPARED:
        return ""
    folded = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=NEAR)
    if not close and len(name) >= LEAST_BEGINNING:  # a word that is cut short, as people type it
        begun = [other for other in folded if other.startswith(name.lower())]
        close = begun if len(begun) == 1 else []
    return folded[close[0]] if close else ""


@functools.cache
def the_vocabulary() -> Vocabulary:
    """Return the facts, read once per process."""
    parameters = read_parameters()
    others = read_sources()
    return Vocabulary(
        parameters=parameters,
        tables=read_tables(parameters),
        gateway_only={name.lower(): instead for name, instead in others["gateway_only"].items()},
        other_models={name.lower(): why for name, why in others["other_models"].items()},
        sources=others["sources"],
    )
