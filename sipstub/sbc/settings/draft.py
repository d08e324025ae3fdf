"""What a reader has gathered so far: values checked one by one, problems listed, and settings made of the rest at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sipstub.sbc.settings.consideration import Release, consider
from sipstub.sbc.settings.parameter import Kind, Parameter, Table, Value
from sipstub.sbc.settings.problem import Code, Origin, Problem, Severity
from sipstub.sbc.settings.secret import Secret
from sipstub.sbc.settings.settings import Given, SbcSettings, make_row
from sipstub.sbc.settings.value import BadValue, check_value, read_value, shown
from sipstub.sbc.settings.vocabulary import nearest, the_vocabulary

MAX_PROBLEMS = 1000
"Of one severity, so that notes never crowd out errors.  After so many one more says that the list was cut."
MAX_ROWS = 2000
"Of one table."
MAX_NEAREST = 300
"Unknown names for which a near one is looked for; files of other devices have thousands."
MAX_INDEX = 99_999


class Reading(NamedTuple):
    """What a file says."""

    settings: SbcSettings
    "Of all lines that could be taken."
    problems: tuple[Problem, ...]
    "By line."
    release: Release | None = None
    "Of the device that wrote the file, if it says so."

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return the problems for which the settings may not be used."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


class Draft:
    """Gathers the settings of one file."""

    def __init__(self, file: str, problems: Iterable[Problem] = (), *, is_strict: bool = False, last_wins: bool = False) -> None:
        """Begin with the problems of decoding.

        `is_strict`: an unknown name is an error.  `last_wins`: a value may be set again, as in a script.
        """
        self.file = file
        self.release: Release | None = None
        self._problems = list(problems)
        self._is_strict = is_strict
        self._last_wins = last_wins
        self._globals: dict[str, Given] = {}
        self._rows: dict[str, dict[int, tuple[Origin, dict[str, Given]]]] = {}
        self._free: dict[str, int] = {}
        self._looked_near = 0
        self._counts: Counter[Severity] = Counter()

    # Problems

    def say(self, severity: Severity, code: Code, line: int, message: str, hint: str = "") -> None:
        """Add a problem, unless there are too many of its severity."""
        self._counts[severity] += 1
        if self._counts[severity] <= MAX_PROBLEMS:
            self._problems.append(Problem(severity, code, Origin(self.file, line), message, hint))
        elif self._counts[severity] == MAX_PROBLEMS + 1:
            cut = Problem(severity, Code.TOO_LARGE, Origin(self.file, line), f"more than {MAX_PROBLEMS} {severity}s", "cut here")
            self._problems.append(cut)

    def error(self, code: Code, line: int, message: str, hint: str = "") -> None:
        """Add an error."""
        self.say(Severity.ERROR, code, line, message, hint)

    def unknown(self, code: Code, line: int, what: str, name: str, known: list[str]) -> None:
        """Add an unknown name with the nearest known one: an error where names are ours, else a warning or a note."""
        near = self.near(name, known)
        severity = Severity.ERROR if self._is_strict else Severity.WARNING if near else Severity.NOTE
        hint = f"did you mean {near}?" if near else "" if self._is_strict else "the stub has nothing of that name"
        self.say(severity, code, line, f"unknown {what} {shown(name)}", hint)

    def near(self, name: str, known: list[str]) -> str:
        """Return the known name that looks most like this one; empty if none does, or after too many questions."""
        self._looked_near += 1
        return nearest(name, known) if self._looked_near <= MAX_NEAREST else ""

    # Values

    def set_global(self, name: str, raw: Value, line: int) -> None:
        """Take a global value as it is written, by its ini name."""
        known = the_vocabulary()
        parameter = known.find(name)
        if parameter is None:
            self._no_global(name, line)
            return
        if (value := self._value(parameter, raw, line)) is None:
            return
        before = self._globals.get(parameter.name)
        if before is not None and not self._last_wins:
            if before.value != value:
                self.error(Code.DUPLICATE, line, f"{parameter.name} again with another value", f"first at {before.origin}")
                return
            self.say(Severity.WARNING, Code.DUPLICATE, line, f"{parameter.name} again", f"first at {before.origin}")
        self._globals[parameter.name] = Given(value, Origin(self.file, line))

    def add_row(self, table: Table, index: int, line: int, *, may_exist: bool = False) -> bool:
        """Begin a row and return whether it may be filled."""
        rows = self._rows.setdefault(table.name, {})
        if index in rows:
            if not may_exist:
                self.error(Code.DUPLICATE, line, f"{table.name} {index} again", f"first at {rows[index][0]}")
            return may_exist
        if not 0 <= index <= MAX_INDEX or len(rows) >= MAX_ROWS:
            self.error(Code.BAD_TABLE, line, f"{table.name} {index}", f"indexes are 0 to {MAX_INDEX}, at most {MAX_ROWS} rows")
            return False
        rows[index] = (Origin(self.file, line), {})
        return True

    def set_cell(self, table: Table, index: int, column: Parameter, raw: Value, line: int) -> None:
        """Take a value of a row that was begun, as it is written."""
        given = self._rows[table.name][index][1]
        if column.inherits and raw in ("-1", -1):
            hint = f"older releases; read as {column.inherits} says"
            self.say(Severity.WARNING, Code.OLD_SPELLING, line, f"{table.name}.{column.name} = -1", hint)
            given.pop(column.name, None)
            return
        if (value := self._value(column, raw, line, is_near_secret=table.has_secret)) is None:
            return
        if column.name in given and not self._last_wins:
            self.error(
                Code.DUPLICATE, line, f"{table.name} {index}: {column.name} again", f"first at {given[column.name].origin}"
            )
            return
        given[column.name] = Given(value, Origin(self.file, line))

    def reset_global(self, parameter: Parameter) -> None:
        """Forget a global value."""
        self._globals.pop(parameter.name, None)

    def reset_cell(self, table: Table, index: int, column: Parameter) -> None:
        """Forget a value of a row."""
        self._rows[table.name][index][1].pop(column.name, None)

    def free_index(self, table: Table) -> int:
        """Return the first index that the table does not have."""
        rows = self._rows.get(table.name, {})
        free = self._free.get(table.name, 0)
        while free in rows:
            free += 1
        self._free[table.name] = free
        return free

    def finish(self) -> Reading:
        """Return the settings and all problems, in the order of lines."""
        settings = SbcSettings(self._globals)
        for table in the_vocabulary().tables:
            rows = self._rows.get(table.name, {})
            if rows:
                made = [make_row(settings, table, index, given, origin) for index, (origin, given) in rows.items()]
                settings = settings.with_rows(table, made)
        for problem in consider(settings, Origin(self.file, 0), self.release):
            self.say(problem.severity, problem.code, problem.origin.line, problem.message, problem.hint)
        return Reading(settings, tuple(sorted(self._problems, key=lambda problem: problem.origin.line)), self.release)

    def _value(self, parameter: Parameter, raw: Value, line: int, *, is_near_secret: bool = False) -> Value | None:
        try:
            value = read_value(parameter, raw) if isinstance(raw, str) else check_value(parameter, raw)
        except BadValue as error:
            hint = error.hint
            if isinstance(raw, str) and ";" in raw and parameter.kind in (Kind.NUMBER, Kind.CHOICE):
                hint += "; a comment stands on a line of its own"
            # in a row that has slipped by a column the bad value may be the password
            self.error(Code.BAD_VALUE, line, f"{parameter.name} cannot be that" if is_near_secret else error.message, hint)
            return None
        is_word = parameter.kind is Kind.CHOICE and isinstance(raw, str) and not raw.lstrip("+-").isdigit()
        if is_word and isinstance(raw, str) and not self._is_strict:
            message = f"{parameter.name}: {shown(raw)} understood as {parameter.word_of(value)}"
            self.say(Severity.NOTE, Code.UNDERSTOOD_AS, line, message, "the spelling of words is not verified")
        if isinstance(value, Secret) and value.is_obfuscated:
            hint = "only the device can read it: put the password itself there"
            self.say(Severity.WARNING, Code.OBFUSCATED, line, f"{parameter.name} is obfuscated", hint)
        return value

    def _no_global(self, name: str, line: int) -> None:
        known = the_vocabulary()
        folded = name.lower()
        if folded in known.gateway_only:
            instead = known.gateway_only[folded]
            hint = f"for SBC calls it is {instead}" if instead else "SBC calls have nothing of the kind"
            self.say(Severity.WARNING, Code.GATEWAY_ONLY, line, f"{name} is about gateway calls and is not taken", hint)
        elif folded in known.other_models:
            self.say(Severity.WARNING, Code.NOT_MODELLED, line, f"{name} is not taken", known.other_models[folded])
        else:
            self.unknown(Code.UNKNOWN_NAME, line, "setting", name, [parameter.name for parameter in known.parameters])
