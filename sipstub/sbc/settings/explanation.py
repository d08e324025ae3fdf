"""All that is known of one setting, as text for people."""

from __future__ import annotations

from collections.abc import Iterator

from sipstub.sbc.settings.parameter import Confidence, Kind, Parameter, Restart, Status
from sipstub.sbc.settings.vocabulary import the_vocabulary

RESTART = {
    Restart.YES: "a change takes effect after a restart",
    Restart.NO: "a change takes effect at once (the manual has no note about a restart)",
    Restart.UNKNOWN: "not known",
}


def title_of(parameter: Parameter) -> str:
    """Return the name with its table, as `IpProfile.TranscodingMode`; a global's name alone."""
    is_column = the_vocabulary().find_table(parameter.group) is not None
    return f"{parameter.group}.{parameter.name}" if is_column else parameter.name


def cli_of(parameter: Parameter) -> str:
    """Return the whole way to it in the CLI."""
    table = the_vocabulary().find_table(parameter.group)
    return f"configure voip > {f'{table.cli} INDEX > ' if table else ''}{parameter.cli}"


def marked(parameter: Parameter, *aspects: str) -> str:
    """Return how sure these aspects are, as ` (inferred)`; nothing for what is documented."""
    order = list(Confidence)
    worst = max((parameter.confidence(aspect) for aspect in aspects), key=order.index)
    return "" if worst is Confidence.DOCUMENTED else f" ({worst})"


def default_of(parameter: Parameter) -> str:
    """Return the default as people read it."""
    if parameter.inherits:
        return f"what {parameter.inherits} is when the row is made"
    if parameter.kind is Kind.SECRET or parameter.default == "":
        return "empty"
    return parameter.word_of(parameter.default)


def sources_of(parameter: Parameter) -> Iterator[str]:
    """Yield the documents, each with its page or topic."""
    known = the_vocabulary().sources
    for source in parameter.source.split("; "):
        name, _, place = source.partition(" ")
        yield f"{known[name]}{', ' if place else ''}{place}" if name in known else source


def explain(parameter: Parameter) -> Iterator[tuple[str, str]]:
    """Yield what is known, heading by heading; a heading may repeat as an empty one for further lines."""
    yield "meaning", parameter.meaning
    yield "on the wire", (parameter.wire or "-") + marked(parameter, "effect")
    if parameter.choices:
        for number, choice in enumerate(parameter.choices):
            meaning = f"  {choice.meaning}" if choice.meaning else ""
            yield ("" if number else f"values{marked(parameter, 'values')}"), f"{choice.number}  {choice.word}{meaning}"
    else:
        yield f"values{marked(parameter, 'values')}", parameter.allowed
    yield f"default{marked(parameter, 'default')}", default_of(parameter)
    yield f"CLI{marked(parameter, 'cli')}", cli_of(parameter)
    if parameter.aliases:
        yield "older CLI", ", ".join(parameter.aliases)
    if parameter.label:
        yield "web", parameter.label
    yield "restart", RESTART[parameter.restart]
    if parameter.overridden_by:
        yield "overridden by", parameter.overridden_by
    yield "status", parameter.status + (f": {parameter.lacks}" if parameter.status is Status.PARTLY else "")
    for number, why in parameter.refused:
        yield "refused", f"{number}: {why}"
    for number, why in parameter.unsupported:
        yield "unsupported", f"{number}: {why}"
    if parameter.has_no_effect:
        yield "no effect", parameter.has_no_effect
    for note in parameter.releases:
        yield "older release", f"{'.'.join(map(str, note.until))}: {note.says}"
    for number, source in enumerate(sources_of(parameter)):
        yield ("" if number else "source"), source
    yield "sure", str(parameter.weakest)
