"""Reads a CLI script: levels entered by their words, `word value` lines, `exit`.  Pure, bounded, never raises.

How comments look (`#`, `!`), that `no word` puts a setting back and that `set word value` means `word value` are our reading.
Whether an unknown line opens a level is seen from the indentation of the next one; in a script without indentation every
unknown line right below `configure` does.
"""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sbc.settings.cli_names import OLD_SETTINGS, ROOTS, cli_names
from sipstub.sbc.settings.decode import Text
from sipstub.sbc.settings.draft import Draft, Reading
from sipstub.sbc.settings.parameter import Parameter, Table
from sipstub.sbc.settings.problem import Code, Severity
from sipstub.sbc.settings.value import first_word, shown

MAX_DEPTH = 64
COMMENTS = ("#", "!")
IGNORED = frozenset({"activate", "enable", "write", "write-factory", "reload", "do"})
"Words that change no setting."
CONFIGURE = frozenset({"configure", "config", "conf", *(root.split()[0] for root in ROOTS)})
PARENT, CHILD = "ProxySet", "ProxyIp"
"A row of the second entered within one of the first belongs to it."
LEAVING = frozenset({"exit", "quit"})


@dataclass(frozen=True, slots=True)
class _Level:
    path: str
    "Words below `configure voip`, in lower case."
    words: dict[str, Parameter] | None = None
    "Settings or columns that may stand here; None where only levels do."
    table: Table | None = None
    index: int = 0
    is_foreign: bool = False
    "A level that the stub knows nothing of; all in it is passed over."
    indent: int = 0


def read_cli(text: Text, file: str) -> Reading:
    """Return what the script says, with all problems."""
    return _CliReader(text, file).read()


class _CliReader:
    def __init__(self, text: Text, file: str) -> None:
        self._lines = [(number, line) for number, line in enumerate(text.lines, 1) if line.strip() and not _is_comment(line)]
        self._draft = Draft(file, text.problems, last_wins=True)
        self._stack: list[_Level] = []
        self._names = cli_names()
        self._is_indented = any(line[0] in " \t" for _, line in self._lines)

    def read(self) -> Reading:
        for place, (number, line) in enumerate(self._lines):
            following = _indent(self._lines[place + 1][1]) if place + 1 < len(self._lines) else 0
            self._line(line, number, following)
        return self._draft.finish()

    def _line(self, line: str, number: int, following: int) -> None:
        indent = _indent(line)
        opens = following > indent and (not self._stack or indent > self._stack[-1].indent)
        words = split_words(line)
        if words is None:
            self._draft.error(Code.BAD_LINE, number, "a quote without an end")
            return
        first = words[0].lower()
        if self._passes_over(first, number, indent, opens=opens):
            return
        if first in LEAVING:
            if self._stack:
                self._stack.pop()
            else:
                self._draft.say(Severity.WARNING, Code.FILE_FORM, number, f"{first} with no level open")
        elif first in IGNORED:
            pass
        elif first in CONFIGURE:
            is_ours = " ".join(words).lower() in ROOTS or (len(words) == 2 and "voip".startswith(words[1].lower()))
            self._stack = [_Level("", is_foreign=not is_ours, indent=indent)]
        elif not self._enter(words, number, indent):
            self._setting(words, number, indent, opens=opens)

    def _passes_over(self, first: str, number: int, indent: int, *, opens: bool) -> bool:
        """Return whether the line is one of a foreign level, other than its end.

        Levels within it are counted by indentation, so that each `exit` is that of its own level.
        """
        while self._stack and self._stack[-1].is_foreign:
            if first in LEAVING:
                return False
            if indent > self._stack[-1].indent or (not self._is_indented and first not in CONFIGURE):
                if opens:
                    self._push(_Level("", is_foreign=True, indent=indent), number)
                return True
            self._stack.pop()
        return False

    def _enter(self, words: list[str], number: int, indent: int) -> bool:
        """Enter the level that the line names, and return whether it names one."""
        names = self._names
        above = self._stack[-1] if self._stack else None
        if above is not None and above.words is not None and words[0].lower() in above.words:
            return False
        parents = [above.path] if above is not None and above.path else []
        for parent in (*parents, ""):
            path = f"{parent} {' '.join(words)}".strip().lower()
            head, _, last = path.rpartition(" ")
            table = names.tables.get(head)
            if path in names.levels:
                self._push(_Level(path, names.levels[path], indent=indent), number)
            elif table is not None and last.isascii() and last.isdigit() and len(last) < 9:
                self._enter_row(path, table, int(last), number, indent)
            elif path in names.beginnings:
                self._push(_Level(path, indent=indent), number)
            else:
                continue
            return True
        return False

    def _enter_row(self, path: str, table: Table, index: int, number: int, indent: int) -> None:
        above = self._stack[-1] if self._stack else None
        is_within = above is not None and above.table is not None and above.table.name == PARENT and table.name == CHILD
        place = self._draft.free_index(table) if is_within else index
        if not self._draft.add_row(table, place, number, may_exist=not is_within):
            self._push(_Level(path, is_foreign=True, indent=indent), number)
            return
        if is_within and above is not None:
            self._draft.set_cell(table, place, table.column("ProxySetId"), str(above.index), number)
            self._draft.set_cell(table, place, table.column("ProxyIpIndex"), index, number)
        elif above is not None and above.words is not None:
            hint = "is an exit missing?"
            self._draft.say(
                Severity.WARNING, Code.FILE_FORM, number, f"{shown(path)} is entered within {shown(above.path)}", hint
            )
        self._push(_Level(path, self._names.columns[table.name], table, place, indent=indent), number)

    def _push(self, level: _Level, number: int) -> None:
        if not self._stack and not level.is_foreign:
            self._draft.say(Severity.WARNING, Code.FILE_FORM, number, f"{shown(level.path)} stands outside of configure voip")
        if len(self._stack) >= MAX_DEPTH:
            self._draft.error(Code.BAD_LINE, number, f"more than {MAX_DEPTH} levels", "is an exit missing?")
            return
        self._stack.append(level)

    def _setting(self, words: list[str], number: int, indent: int, *, opens: bool) -> None:
        level = self._stack[-1] if self._stack else None
        if level is None or level.words is None:
            self._unknown_level(words, number, indent, opens=opens)
            return
        is_reset = words[0].lower() == "no"
        rest = words[1:] if words[0].lower() in ("set", "no") else words
        word = rest[0].lower() if rest else ""
        parameter = level.words.get(word)
        if parameter is None and opens:
            self._unknown_level(words, number, indent, opens=opens)
            return
        if parameter is None:
            self._unknown_setting(level, word, number)
            return
        self._old_spelling(level, word, parameter, number)
        if is_reset and len(rest) == 1:
            self._reset(level, parameter, number)
        elif is_reset or len(rest) != 2:
            self._draft.error(
                Code.BAD_LINE, number, f"{word} has {len(rest) - 1} values", "one, in double quotes if it has spaces"
            )
        elif level.table is None:
            self._draft.set_global(parameter.name, rest[1], number)
        else:
            self._draft.set_cell(level.table, level.index, parameter, rest[1], number)

    def _old_spelling(self, level: _Level, word: str, parameter: Parameter, number: int) -> None:
        if word in parameter.aliases:
            hint = f"now {parameter.cli_word}"
            self._draft.say(Severity.WARNING, Code.OLD_SPELLING, number, f"{word} is how older releases spell it", hint)
        if level.path in OLD_SETTINGS and parameter.cli_level not in OLD_SETTINGS:
            hint = f"now {parameter.cli_level}"
            self._draft.say(Severity.WARNING, Code.OLD_SPELLING, number, f"{word} in {level.path} is of older releases", hint)

    def _reset(self, level: _Level, parameter: Parameter, number: int) -> None:
        if level.table is None:
            self._draft.reset_global(parameter)
        else:
            self._draft.reset_cell(level.table, level.index, parameter)
        message = f"no {parameter.cli_word} understood as back to the default"
        self._draft.say(Severity.NOTE, Code.UNDERSTOOD_AS, number, message, "this is our reading")

    def _unknown_setting(self, level: _Level, word: str, number: int) -> None:
        home = self._names.home_of(word)
        if home and level.table is None:
            self._draft.error(Code.BAD_LINE, number, f"{word} does not stand in {level.path}", f"it stands in {home}")
            return
        self._draft.unknown(Code.UNKNOWN_NAME, number, f"word of {level.path}", word, list(level.words or ()))

    def _unknown_level(self, words: list[str], number: int, indent: int, *, opens: bool) -> None:
        path = " ".join(words[:3])
        if home := self._names.home_of(words[0].lower()):
            self._draft.error(
                Code.BAD_LINE, number, f"{first_word(words[0])} stands in no level", f"it stands in configure voip > {home}"
            )
            return
        near = self._draft.near(path.rstrip(" 0123456789"), [*self._names.levels, *self._names.tables])
        hint = f"did you mean {near}?" if near else "the stub has nothing of that name"
        severity = Severity.WARNING if near else Severity.NOTE
        self._draft.say(severity, Code.UNKNOWN_LEVEL, number, f"unknown level {first_word(words[0])}", hint)
        if opens or (self._stack and not self._is_indented):
            self._push(_Level(path.lower(), is_foreign=True, indent=indent), number)


def split_words(line: str) -> list[str] | None:
    """Return the words of a line, double quotes taken off; None for a quote without an end.  The line is not blank."""
    words: list[str] = []
    rest = line.strip()
    while rest:
        if rest[0] == '"':
            end = rest.find('"', 1)
            if end < 0 or (rest[end + 1 :] and not rest[end + 1].isspace()):
                return None
            words.append(rest[1:end])
            rest = rest[end + 1 :].lstrip()
        else:
            word, *others = rest.split(maxsplit=1)
            words.append(word)
            rest = others[0] if others else ""
    return words


def _indent(line: str) -> int:
    expanded = line.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(COMMENTS)
