"""The reference page of all settings, made of the facts: docs/reference/sbc-settings.md."""

from __future__ import annotations

from collections.abc import Iterator

from sipstub.sbc.settings.explanation import cli_of, default_of, explain, marked
from sipstub.sbc.settings.facts import GROUPS, read_sources
from sipstub.sbc.settings.parameter import Choice, Confidence, Parameter, Table
from sipstub.sbc.settings.vocabulary import the_vocabulary

HEAD = """# Settings of the SBC

Made by `sipstub sbc show --reference`; a test holds this page to the facts in `sipstub/sbc/settings/facts/`.

Names are those of an AudioCodes SBC, so that the settings of a real one can be brought along:
[how](../howto/bring-your-sbc-settings.md), [commands](sbc-commands.md). Names are compared without regard to case.

How sure something is stands in brackets behind it; what has none is documented.

- **inferred**: follows from what documents say of something else.
- **our choice**: nothing that we could read says so. The stub needs an answer, and this is ours. A device may spell it otherwise.
- **unknown**: nothing says so, and what the stub does is no evidence of what a device does.

A restart that is "at once" means only that the manual has no note about a restart.
"""
_LEFT_OUT = frozenset({"meaning", "source", ""})


def reference_page() -> str:
    """Return the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    known = the_vocabulary()
    count = sum(parameter.weakest is Confidence.DOCUMENTED for parameter in known.parameters)
    yield HEAD
    yield f"There are {len(known.parameters)} global settings; of {count} every aspect is documented.\n"
    for group, title in GROUPS.items():
        yield f"## {title}\n"
        for parameter in known.parameters:
            if parameter.group == group:
                yield from _global(parameter)
    yield "## Tables\n"
    yield "A row has an index, and a name where other tables name it. Other columns of a device are passed over.\n"
    for table in known.tables:
        yield from _table(table)
    yield from _others()


def _global(parameter: Parameter) -> Iterator[str]:
    yield f"### {parameter.name}\n"
    yield f"{_safe(parameter.meaning)}\n"
    sources: list[str] = []
    last = ""
    for heading, text in explain(parameter):
        last = heading or last
        if last == "source":
            sources.append(text)
        elif heading == "CLI" or heading.startswith("CLI "):
            yield f"- {heading}: `{text}`"
        elif heading.startswith("values") and parameter.choices:
            yield f"- {heading}:"
            yield from (f"  - {_safe(_choice(choice))}" for choice in parameter.choices)
        elif heading not in _LEFT_OUT:
            yield f"- {heading}: {_safe(text)}"
    yield f"- source: {'; '.join(map(_safe, sources))}\n"


def _choice(choice: Choice) -> str:
    return f"{choice.number} ({choice.word})" + (f": {choice.meaning}" if choice.meaning else "")


def _table(table: Table) -> Iterator[str]:
    mark = "" if table.confidence is Confidence.DOCUMENTED else f" ({table.confidence})"
    yield f"### {table.name}\n"
    key = f" Named by `{table.key}`." if table.key else ""
    yield f"{table.meaning}{key} CLI: `configure voip > {table.cli} INDEX`. Columns{mark}:\n"
    yield "| column | values | default | CLI | meaning |\n|---|---|---|---|---|"
    for column in table.columns:
        differs = table.confidence is not Confidence.DOCUMENTED and column.weakest is Confidence.DOCUMENTED
        sure = " (documented)" if differs else ""
        allowed = f"a row of {column.refers}" if column.refers else column.allowed
        cells = [
            f"`{column.name}`{sure or _unlike(table, column, 'name')}",
            allowed + _unlike(table, column, "values"),
            default_of(column) + _unlike(table, column, "default"),
            f"`{cli_of(column).rpartition(' > ')[2]}`{_unlike(table, column, 'cli')}",
            column.meaning + _unlike(table, column, "effect"),
        ]
        yield f"| {' | '.join(map(_safe, cells))} |"
    yield ""


def _unlike(table: Table, column: Parameter, aspect: str) -> str:
    """Return the mark of an aspect where it is another than the table's."""
    return "" if column.confidence(aspect) is table.confidence else marked(column, aspect)


def _others() -> Iterator[str]:
    known = read_sources()
    yield "## Names that are not taken\n"
    yield "About gateway calls, with what it is for SBC calls:\n"
    for name, instead in known["gateway_only"].items():
        yield f"- `{name}`: " + (f"`{instead}`" if instead else "nothing of the kind")
    yield "\nOf other models:\n"
    for name, why in known["other_models"].items():
        yield f"- `{name}`: {why}"


def _safe(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("~", "\\~")
