"""What is odd about settings that are all allowed one by one: contradictions, dead references, other meanings in old releases."""

from __future__ import annotations

from collections.abc import Iterator

from sipstub.sbc.settings.parameter import Parameter, ReleaseNote, Value
from sipstub.sbc.settings.problem import Code, Origin, Problem, Severity
from sipstub.sbc.settings.row import Row
from sipstub.sbc.settings.settings import SbcSettings
from sipstub.sbc.settings.value import shown
from sipstub.sbc.settings.vocabulary import the_vocabulary

Release = tuple[int, ...]
"The first numbers of a release, as (7, 20)."
LEAST_MIN_SE_S = 90
"RFC 4028 section 5."
ANYBODY = "any"
"In a column that names a row, in any case: no row in particular."


def consider(settings: SbcSettings, nowhere: Origin, release: Release | None = None) -> Iterator[Problem]:
    """Yield what a person should know of these settings; `nowhere` is the origin of what is not written."""
    yield from _session_timers(settings, nowhere)
    for parameter in the_vocabulary().parameters:
        origin = settings.origin(parameter.name)
        value = settings.value(parameter.name)
        if origin is not None:
            yield from _effect(parameter, value, origin)
        if release is not None:
            yield from _releases(parameter, parameter.name, value, origin, nowhere, release)
    for table in the_vocabulary().tables:
        yield from _names(settings.table(table.name), nowhere)
        for row in settings.table(table.name):
            yield from _references(settings, row, nowhere)
            for column in table.columns if release is not None else ():
                name = f"{table.name} {row.index}: {column.name}"
                there = row.origin_of(column.name) if column.name in row.given else None
                yield from _releases(column, name, row.value(column.name), there, row.origin or nowhere, release or ())


def _session_timers(settings: SbcSettings, nowhere: Origin) -> Iterator[Problem]:
    least, wanted = settings.number("SBCMinSE"), settings.number("SBCSessionExpires")
    origin = settings.origin("SBCMinSE") or settings.origin("SBCSessionExpires") or nowhere
    if 0 < least < LEAST_MIN_SE_S:
        message = f"SBCMinSE = {least} cannot go on the wire"
        hint = f"RFC 4028 forbids Min-SE below {LEAST_MIN_SE_S}; the stub says {LEAST_MIN_SE_S}"
        yield Problem(Severity.WARNING, Code.CONFLICT, origin, message, hint)
    if least > wanted:
        message = f"SBCMinSE = {least} is more than SBCSessionExpires = {wanted}"
        yield Problem(Severity.WARNING, Code.CONFLICT, origin, message, f"the stub asks for {least}")


def _effect(parameter: Parameter, value: Value, origin: Origin) -> Iterator[Problem]:
    if parameter.has_no_effect:
        message = f"{parameter.name} changes nothing here"
        yield Problem(Severity.WARNING, Code.NOT_MODELLED, origin, message, parameter.has_no_effect)
    if isinstance(value, int) and (why := dict(parameter.unsupported).get(value)):
        yield Problem(Severity.WARNING, Code.NOT_MODELLED, origin, f"{parameter.name} = {value}", why)


def _releases(
    parameter: Parameter, name: str, value: Value, origin: Origin | None, nowhere: Origin, release: Release
) -> Iterator[Problem]:
    for note in parameter.releases:
        if release[: len(note.until)] <= note.until and _matters(note, value, is_given=origin is not None):
            said = f"in release {'.'.join(map(str, note.until))}: {note.says}"
            message = f"{name} = {parameter.word_of(value)}" if origin is not None else f"{name} is not set"
            yield Problem(Severity.WARNING, Code.RELEASE, origin or nowhere, message, said)


def _matters(note: ReleaseNote, value: Value, *, is_given: bool) -> bool:
    if note.default is not None:
        return not is_given
    if note.high is not None:
        return isinstance(value, int) and value > note.high
    if note.values:
        return is_given and value in note.values
    return is_given or value == ""


def _names(rows: tuple[Row, ...], nowhere: Origin) -> Iterator[Problem]:
    seen: dict[str, Row] = {}
    for row in rows:
        if not row.name:
            continue
        if (before := seen.setdefault(row.name, row)) is not row:
            message = f"{row.table.name} {row.index} has the name {shown(row.name)} of row {before.index}"
            origin = row.origin_of(row.table.key) or row.origin or nowhere
            yield Problem(Severity.ERROR, Code.DUPLICATE, origin, message, "give each row its own name")


def _references(settings: SbcSettings, row: Row, nowhere: Origin) -> Iterator[Problem]:
    for column in row.table.columns:
        if not column.refers or not (name := row.text(column.name)) or name.lower() == ANYBODY:
            continue
        if settings.row(column.refers, name) is None:
            origin = row.origin_of(column.name) or row.origin or nowhere
            known = ", ".join(shown(other.name) for other in settings.table(column.refers)[:10] if other.name)
            message = f"{row.table.name} {row.index}: {column.name} names {shown(name)}, and {column.refers} has no such row"
            yield Problem(Severity.ERROR, Code.BAD_REFERENCE, origin, message, f"there is {known}" if known else "")
