"""The tree of the CLI as far as the stub knows it: levels below `configure voip`, and what stands in them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from sipstub.sbc.settings.parameter import Parameter, Table
from sipstub.sbc.settings.vocabulary import the_vocabulary

ROOTS = ("configure voip", "config voip", "config-voip", "configure-voip")
"How the manuals write the first level."
SETTINGS = "sbc settings"
OLD_SETTINGS = ("sbc general-setting", "sbc general-settings")
"Release 6.8; one setting still stands there on the page of 7.4."


@dataclass(frozen=True)
class CliNames:
    """Words to settings and tables; all in lower case."""

    levels: dict[str, dict[str, Parameter]]
    "Level to word to setting."
    tables: dict[str, Table]
    "Level of a row, without its index."
    columns: dict[str, dict[str, Parameter]]
    "Name of a table to word to column."
    beginnings: frozenset[str]
    "Beginnings of levels that are entered one word at a time, as `sbc`."

    def home_of(self, word: str) -> str:
        """Return the level in which a word stands; empty if it stands in none."""
        return next((level for level, words in self.levels.items() if word in words), "")


@functools.cache
def cli_names() -> CliNames:
    """Return the tree, made once."""
    known = the_vocabulary()
    levels: dict[str, dict[str, Parameter]] = {SETTINGS: {}}
    for parameter in known.parameters:
        home = SETTINGS if parameter.cli_level in OLD_SETTINGS else parameter.cli_level
        for word in (parameter.cli_word, *parameter.aliases):
            levels.setdefault(home, {})[word.lower()] = parameter
    for old in OLD_SETTINGS:
        levels[old] = levels[SETTINGS]
    tables = {level: table for table in known.tables for level in (table.cli, *table.cli_aliases)}
    columns = {table.name: {column.cli_word.lower(): column for column in table.columns} for table in known.tables}
    whole = [*levels, *tables]
    beginnings = {" ".join(level.split()[:count]) for level in whole for count in range(1, len(level.split()))}
    return CliNames(levels, tables, columns, frozenset(beginnings - set(whole)))
