"""Which values of a setting want a test: each choice; of a number below, lowest, default, between, highest, above."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sbc_proof import title_of

from sipstub.sbc.settings.parameter import Kind, Parameter, Status, Table, Value
from sipstub.sbc.settings.value import MAX_TEXT
from sipstub.sbc.settings.vocabulary import the_vocabulary

GROUP_COLUMNS = ("EnableSBCClientForking", "SBCKeepOriginalCallID")
"Columns of IP Groups that are settings of calls as those of IP Profiles are."
TOO_LONG = f"{MAX_TEXT + 1} characters"
NO_TEXT = "nothing"


@dataclass(frozen=True, slots=True)
class Subject:
    """A setting of the page: a global one or a column."""

    title: str
    parameter: Parameter
    table: Table | None


@dataclass(frozen=True, slots=True)
class Case:
    """A value that wants a test, or any of several."""

    label: str
    values: tuple[Value, ...]
    "One value; for what lies between, none: any other that a test proves will do."
    is_refused: bool = False
    between: tuple[int, int] | None = None
    besides: tuple[Value, ...] = ()

    def takes(self, value: Value) -> bool:
        """Return whether a test of that value is one of this case."""
        if self.values:
            return value in self.values
        if self.between is not None:
            return isinstance(value, int) and self.between[0] < value < self.between[1] and value not in self.besides
        return value not in self.besides


def subjects() -> Iterator[Subject]:
    """Yield the settings of the page in the order of the facts."""
    known = the_vocabulary()
    for parameter in known.parameters:
        yield Subject(parameter.name, parameter, None)
    for name, wanted in (("IpProfile", ()), ("IPGroup", GROUP_COLUMNS)):
        table = known.table(name)
        for column in table.columns:
            if column.name != table.key and (not wanted or column.name in wanted):
                yield Subject(title_of(f"{name}.{column.name}"), column, table)


def cases(parameter: Parameter) -> Iterator[Case]:
    """Yield what wants a test."""
    default = parameter.default
    if parameter.kind is Kind.CHOICE:
        refused = dict(parameter.refused)
        listed = [choice.number for choice in parameter.choices]
        outside = [number for number in range(min(listed) - 1, max(listed) + 2) if number not in listed]
        if parameter.inherits:
            outside = [number for number in outside if number != -1]  # older releases: as the global says
        yield from (_refused(number) for number in outside if number < min(listed))
        for choice in parameter.choices:
            label = f"{choice.number} ({choice.word})" + (", default" if choice.number == default else "")
            yield Case(label, (choice.number,), is_refused=choice.number in refused)
        yield from (_refused(number) for number in outside if number > min(listed))
    elif parameter.kind is Kind.NUMBER:
        low, high = parameter.low, parameter.high
        assert isinstance(default, int)
        if not (parameter.inherits and low - 1 == -1):
            yield _refused(low - 1, "below")
        yield Case("lowest, default" if low == default else "lowest", (low,))
        if low < default < high:
            yield Case("default", (default,))
        yield Case("between", (), between=(low, high), besides=(default,))
        yield Case("highest, default" if high == default else "highest", (high,))
        yield _refused(high + 1, "above")
    elif parameter.kind is Kind.URI_PARTS:
        yield Case("All, default", ("All",))
        yield Case("None", ("None",))
        yield Case("Port", ("Port",))
        yield Case("names of parameters", (), besides=("All", "None", "Port"))
        yield _refused(NO_TEXT)
    else:
        yield Case("empty, default", ("",))
        yield Case("a text", (), besides=("",))
        yield _refused(TOO_LONG)


def _refused(value: Value, label: str = "") -> Case:
    return Case(label or str(value), (value,), is_refused=True)


def missing(found: Iterable[tuple[str, str, Value]]) -> Iterator[str]:
    """Yield what is wrong with the tests: a case without one, and one of a setting that is said not to work."""
    known = list(found)
    for subject in subjects():
        own = [(kind, value) for kind, title, value in known if title == subject.title]
        proven = [value for kind, value in own if kind == "sbc"]
        if subject.parameter.status is Status.NOT_YET and proven:
            yield f"{subject.title}: {proven[0]} is proven, and the facts say that it lacks all"
        if subject.parameter.status not in (Status.WORKS, Status.NO_EFFECT):
            continue
        kind = "sbc" if subject.parameter.status is Status.WORKS else "sbc_same"
        for case in cases(subject.parameter):
            wanted = "sbc_refused" if case.is_refused else kind
            if not any(one == wanted and case.takes(value) for one, value in own):
                yield f"{subject.title}: no test of {case.label} {case.values[0] if case.values else ''}".rstrip()
