"""`provisioner check`: load, render and lint everything; print all problems, change nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from provisioner.cli.listing import count_of
from provisioner.cli.outcome import Exit
from provisioner.cli.place import Places
from provisioner.cli.session import open_fleet, settings_options
from provisioner.errors import CatalogueError, EnvironmentProblem, NotFound, Problem, Severity
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.runtime.fleet import Build, Fleet
    from provisioner.runtime.history import History

MAX_ALIGNED = 90
"Messages longer than this do not push the codes of all others to the right."


@click.command("check", epilog="Every code: docs/reference/problems.md")
@click.argument("phones", nargs=-1, metavar="[PHONE]...")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates", "state")
@click.pass_context
def command(ctx: click.Context, settings: Settings, phones: tuple[str, ...], github: bool, as_json: bool) -> None:
    """Load, render and lint everything; print all problems.  Nothing is changed.

    \b
    Examples:
      provisioner check                       the whole fleet
      provisioner check t46g-lobby --json     one phone, with the groups and templates it uses
    """
    places = Places(settings)
    serving = ""
    try:
        fleet = open_fleet(settings)
        history, serving = _look(settings)
        fleet.look()
        macs = [_mac_of(fleet, history, written) for written in phones] or None
        build = fleet.build(history.bodies if history is not None else None, macs)
        lost = history.lost(build.inventory) if history is not None else {}
        sources = frozenset(lost[mac].source for mac in macs or () if mac in lost)
        problems = build.problems if macs is None else _of(build, frozenset(macs), sources)
        count = len({*build.phones, *build.inventory.blocked, *lost}) if macs is None else len(set(macs))
        models = len({found.phone.model.name for found in build.phones.values()})
    except CatalogueError as error:
        problems = (Problem("templates", None, error.code, error.message, error.hint),)
        count = models = 0
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    warnings = [problem for problem in problems if problem.severity is not Severity.ERROR]
    if as_json:
        rows = [problem.as_json() | {"file": places.file(problem.file)} for problem in (*errors, *warnings)]
        data = {"problems": rows, "phones": count, "models": models, "errors": len(errors), "warnings": len(warnings)}
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif github:
        for problem in (*errors, *warnings):
            click.echo(annotation(problem, places))
    else:
        show_problems(errors, places)
        if warnings:
            if errors:
                click.echo("")
            click.echo("warnings: these do not stop a file")
            show_problems(warnings, places)
    said = f", {count_of(len(warnings), 'warning')}" if warnings else ""
    summary = f"{count_of(len(errors), 'problem')}{said} in {count_of(count, 'phone')}, {count_of(models, 'model')}."
    click.echo(f"{summary} Nothing was changed{serving}.", err=as_json or github)
    ctx.exit(Exit.PROBLEMS if errors else Exit.DONE)


def show_problems(problems: list[Problem], places: Places) -> None:
    """Print one line per problem: place, what was seen and what to do, code; one that stops many phones once."""
    stopped: dict[tuple[str, str, str], set[str | None]] = {}
    for problem in problems:
        text = f"{problem.message}, {problem.hint}" if problem.hint else problem.message
        stopped.setdefault((places.problem(problem), text, problem.code), set()).add(problem.phone)
    rows = [
        (place, f"{text} ({len(phones)} phones)" if len(phones) > 1 else text, code)
        for (place, text, code), phones in stopped.items()
    ]
    place_width = max((len(row[0]) for row in rows), default=0)
    text_width = max((len(row[1]) for row in rows if len(row[1]) <= MAX_ALIGNED), default=0)
    for place, text, code in rows:
        click.echo(f"{place:<{place_width}}  {text:<{text_width}}  {code}")


def annotation(problem: Problem, places: Places) -> str:
    """Return the workflow command that makes GitHub show the problem beside its line."""
    parts = [f"file={_escaped(places.file(problem.file), is_property=True)}"]
    if problem.line is not None:
        parts.append(f"line={problem.line}")
    if problem.column is not None:
        parts.append(f"col={problem.column}")
    parts.append(f"title={problem.code}")
    text = f"{problem.message}, {problem.hint}" if problem.hint else problem.message
    level = "error" if problem.severity is Severity.ERROR else "warning"
    return f"::{level} {','.join(parts)}::{_escaped(text)}"


def _escaped(text: str, *, is_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if is_property else text


def _look(settings: Settings) -> tuple[History | None, str]:
    """Return the history and what to say of a running server; a folder that is not ours is no reason not to check."""
    import time

    from provisioner.runtime.history import History
    from provisioner.runtime.serve import running_server

    try:
        history = History(settings.path("state"))
        if not history.generation:
            return history, ""
        at = time.strftime("%H:%M:%S", time.localtime(history.report["published_at"]))
        verb = "the server still runs on" if running_server(settings.path("state")) is not None else "the last server served"
        return history, f"; {verb} generation {history.generation} of {at}"
    except EnvironmentProblem as error:
        return None, f"; of a running server nothing is known: {error.message}"


def _mac_of(fleet: Fleet, history: History | None, written: str) -> str:
    """Return the MAC of a phone also if its text is so wrong that it is no phone yet."""
    from provisioner.cli.lost import find_lost
    from provisioner.cli.session import find_phone
    from provisioner.mac import MacAddress

    try:
        return find_phone(fleet.inventory(), written).mac.plain
    except NotFound:
        lost = find_lost(fleet.inventory(), history, written) if history is not None else None
        if lost is not None:
            return lost.entry.mac
        for content in fleet.text.files.values():
            for phone in content.phones:
                if phone.layer.name == written or phone.mac.plain == _plain(written, MacAddress):
                    return phone.mac.plain
        raise


def _plain(written: str, parser: type) -> str:
    try:
        return str(parser.parse(written))  # type: ignore[attr-defined]
    except ValueError:
        return ""


def _of(build: Build, macs: frozenset[str], sources: frozenset[str]) -> tuple[Problem, ...]:
    """Return the problems of these phones and of what they share with others."""
    files = {".", "defaults.toml", *sources}
    for mac in macs & set(build.phones):
        files |= {layer.origin.file for layer in build.phones[mac].phone.layers[1:]}
    return tuple(
        problem
        for problem in build.problems
        if problem.phone in macs or (problem.phone is None and (problem.file in files or problem.file.startswith("templates/")))
    )
