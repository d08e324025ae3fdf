"""`provisioner templates`: what there is, who uses it, and what it does before any phone gets it."""

from __future__ import annotations

import difflib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.check import show_problems
from provisioner.cli.listing import Listing, count_of, listing_options
from provisioner.cli.outcome import Exit
from provisioner.cli.place import VENDOR, Places
from provisioner.cli.plan import print_columns
from provisioner.cli.session import find_phone, open_fleet, settings_options
from provisioner.errors import NotFound, Problem, Severity
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.rendering.render import RenderedFile
    from provisioner.runtime.fleet import Fleet
    from provisioner.runtime.template_use import TemplateUse
    from provisioner.runtime.trial import Trial, TrialRoom

CHANGES_SHOWN = 40
MEANT_SHOWN = 8
"Templates named in an error."
NAME_CODES = frozenset({"unknown-parameter", "wrong-file", "bad-index", "wrong-model", "wrong-generation"})
"Findings about the name of a line, which the template wrote."

EPILOG = "Documentation: docs/howto/templates.md"
LIST_COLUMNS = ("name", "kind", "extends", "phones", "named_by")
USES_COLUMNS = ("what", "name", "how")


@click.group("templates", epilog=EPILOG)
def command() -> None:
    """List, show, check and compare templates.

    \b
    Examples:
      provisioner templates list --where kind=custom
      provisioner templates check my                what it does, before anything names it
    """


@command.command("list", epilog=EPILOG)
@settings_options("devices", "templates")
@listing_options
def list_(settings: Settings, listing: Listing) -> None:
    """List every template: what it is built on, and how many phones it reaches.

    \b
    Examples:
      provisioner templates list
      provisioner templates list --where kind=block --json
    """
    _, use = _open(settings)
    rows = [
        {
            "name": facts.name,
            "kind": facts.kind,
            "extends": facts.extends[0] if facts.extends else None,
            "includes": list(facts.includes),
            "phones": len(use.phones(facts.name)),
            "named_by": use.layers(facts.name),
        }
        for facts in use.facts.values()
    ]
    listing.show(rows, LIST_COLUMNS)


@command.command("show", epilog=EPILOG)
@click.argument("name")
@click.option("--all", "everything", is_flag=True, help="Also the blocks that it includes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates")
def show(settings: Settings, name: str, everything: bool, as_json: bool) -> None:
    """Print a template with what it extends, each under its path.

    \b
    Examples:
      provisioner templates show t46g
      provisioner templates show my --all
    """
    fleet, use = _open(settings)
    found = _find(name, fleet, use)
    places = Places(settings)
    texts = [
        (places.file("templates/" + each), use.folder_of(each).source(each))
        for each in (use.closure(found) if everything else use.chain(found))
        if each in use.facts
    ]
    if as_json:
        click.echo(json.dumps([{"file": file, "text": text} for file, text in texts], indent=2, ensure_ascii=False))
        return
    for at, (file, text) in enumerate(texts):
        click.echo(("\n" if at else "") + f"{{# ==> {file} #}}")
        click.echo(text, nl=not text.endswith("\n"))


@command.command("check", epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates", "state")
@click.pass_context
def check(ctx: click.Context, settings: Settings, names: tuple[str, ...], as_json: bool) -> None:
    """Compile templates, render and lint them for the phones that use them; without NAME all of them.

    A template that nothing names yet is tried on one phone of each model it is made for, and what it would change there
    is printed.  Nothing is published.

    \b
    Examples:
      provisioner templates check
      provisioner templates check my --json
    """
    fleet, use = _open(settings)
    room = _room(settings, fleet)
    chosen = [_find(name, fleet, use) for name in names] or list(use.facts)
    places = Places(settings)
    reports = [_check_one(name, fleet, use, room) for name in chosen]
    has_errors = any(problem.severity is Severity.ERROR for _, problems, _, _ in reports for problem in problems)
    if as_json:
        click.echo(json.dumps([_report_json(*report, places) for report in reports], indent=2, ensure_ascii=False))
    else:
        _show_reports(reports, places)
    ctx.exit(Exit.PROBLEMS if has_errors else Exit.DONE)


_Report = tuple[str, list[Problem], int, list["Trial"]]
"Name, problems, phones that use it, trials."


def _check_one(name: str, fleet: Fleet, use: TemplateUse, room: TrialRoom) -> _Report:
    """Return what is wrong with one template; a block or base is checked through the phones that it reaches."""
    from provisioner.rendering.errors import TemplateProblem

    phones = use.phones(name)
    try:
        use.folder_of(name).check(name)
    except TemplateProblem as broken:
        found = Problem("templates/" + broken.file, broken.line, broken.code, broken.message, broken.hint)
        return name, [found], len(phones), []
    problems: list[Problem] = []
    for phone in phones:
        problems += _at_template(room.render(phone, None))
    trials: list[Trial] = []
    if not phones and use.facts[name].kind != "block":
        for model in use.models(name, fleet.catalogue):
            phone, is_sample = room.phone_of(model)
            trial = room.try_on(phone, name, is_sample=is_sample)
            problems += _at_template(trial.file)
            trials.append(trial)
    # Mistakes of devices/ are no matter of a template that works for other phones; of one that is tried they may be.
    below = {"templates/" + each for each in use.closure(name)} | {problem.file for problem in problems if trials}
    seen: dict[tuple[Any, ...], Problem] = {}
    for problem in problems:
        if problem.file in below:
            seen.setdefault((problem.file, problem.line, problem.code, problem.message), problem)
    return name, sorted(seen.values(), key=lambda problem: (problem.file, problem.line or 0)), len(phones), trials


def _at_template(file: RenderedFile) -> list[Problem]:
    """Return the problems of a file; a wrong name stands in the template, also where the value stands elsewhere."""
    lines = {line.name: line.template for line in file.lines.values() if line.template is not None}
    found = []
    for problem in file.problems:
        template = lines.get(problem.key or "")
        if problem.code in NAME_CODES and template is not None:
            problem = replace(problem, file="templates/" + template.file, line=template.line)
        found.append(problem)
    return found


def _report_json(name: str, problems: list[Problem], phones: int, trials: list[Trial], places: Places) -> dict[str, Any]:
    return {
        "template": name,
        "phones": phones,
        "problems": [problem.as_json() | {"file": places.file(problem.file)} for problem in problems],
        "trials": [
            {
                "phone": trial.phone.name,
                "model": trial.phone.model.name,
                "sample": trial.is_sample,
                "good": trial.file.is_good,
                "changes": [change.as_json() for change in trial.changes],
            }
            for trial in trials
        ],
    }


def _show_reports(reports: list[_Report], places: Places) -> None:
    errors = warnings = 0
    for name, problems, phones, trials in reports:
        found = sum(problem.severity is Severity.ERROR for problem in problems)
        errors, warnings = errors + found, warnings + len(problems) - found
        where = count_of(phones, "phone") if not trials else f"no phone yet; tried on {count_of(len(trials), 'phone')}"
        said = count_of(found, "problem") if problems else "good"
        if len(problems) > found:
            said += f", {count_of(len(problems) - found, 'warning')}"
        click.echo(f"{name}  {where}  {said}")
        show_problems(problems, places)
        _show_trials(trials)
    counts = f"{count_of(errors, 'problem')}, {count_of(warnings, 'warning')}"
    click.echo(f"{counts} in {count_of(len(reports), 'template')}. Nothing was changed.")


def _show_trials(trials: list[Trial]) -> None:
    """Print what would change, changes that several models share once."""
    sharing: dict[tuple[Any, ...], list[Trial]] = {}
    for trial in trials:
        if trial.file.body:
            sharing.setdefault(trial.changes, []).append(trial)
    for changes, alike in sharing.items():
        who = ", ".join(f"{trial.phone.model.name} ({'a sample' if trial.is_sample else trial.phone.name})" for trial in alike)
        click.echo(f"  would change on {who}:" if changes else f"  would change nothing on {who}")
        print_columns(
            [
                ("   ", change.symbol, change.name, change.text, "restarts" if change.restarts else "")
                for change in changes[:CHANGES_SHOWN]
            ]
        )
        if len(changes) > CHANGES_SHOWN:
            click.echo(f"    ... and {len(changes) - CHANGES_SHOWN} more")


@command.command("uses", epilog=EPILOG)
@click.argument("name")
@settings_options("devices", "templates")
@listing_options
def uses(settings: Settings, name: str, listing: Listing) -> None:
    """List what depends on a template: templates built on it, groups and sites that name it, phones it reaches.

    \b
    Examples:
      provisioner templates uses my
      provisioner templates uses v80/block/nat --where what=phone --csv
    """
    fleet, use = _open(settings)
    found = _find(name, fleet, use)
    rows: list[dict[str, Any]] = []
    for other in use.dependents(found):
        facts = use.facts[other]
        how = "extends it" if found in facts.extends else "includes it" if found in facts.includes else "over another template"
        rows.append({"what": "template", "name": other, "how": how})
    rows += [
        {"what": layer.partition(" ")[0], "name": layer.partition(" ")[2] or layer, "how": "names it"}
        for layer in use.layers(found)
    ]
    for phone in use.phones(found):
        written = phone.template
        top = use.of_phone(phone)
        how = f"by {written.origin.layer}" if written is not None else f"as a {phone.model.name}"
        rows.append({"what": "phone", "name": phone.name, "how": how if top == found else f"{how}, over {top}"})
    if not rows and listing.form == "table":
        click.echo(f"nothing uses {found}; see what it would do: provisioner templates check {name}")
        return
    listing.show(rows, USES_COLUMNS)


@command.command("diff", epilog=EPILOG)
@click.argument("one")
@click.argument("other")
@click.option("--phone", metavar="PHONE", help="Compare what each would give to this phone, by parameter.")
@click.option("--exit-code", is_flag=True, help="End with 3 if there are differences.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates", "state")
@click.pass_context
def diff(ctx: click.Context, settings: Settings, one: str, other: str, phone: str | None, exit_code: bool, as_json: bool) -> None:
    """Compare two templates as text, or with --phone by what each would give to that phone.

    \b
    Examples:
      provisioner templates diff t46g my
      provisioner templates diff t46g my --phone t46g-lobby
    """
    fleet, use = _open(settings)
    first, second = _find(one, fleet, use), _find(other, fleet, use)
    places = Places(settings)
    if phone is None:
        names = places.file("templates/" + first), places.file("templates/" + second)
        old, new = (use.folder_of(name).source(name).splitlines() for name in (first, second))
        lines = list(difflib.unified_diff(old, new, names[0], names[1], lineterm=""))
        click.echo(json.dumps({"diff": lines}, indent=2, ensure_ascii=False) if as_json else "\n".join(lines) or "no difference")
        ctx.exit(Exit.CHANGES if lines and exit_code else Exit.DONE)
    found = find_phone(fleet.inventory(), phone)
    room = _room(settings, fleet)
    for name in (first, second):
        problems = [problem for problem in room.render(found, name).problems if problem.severity is Severity.ERROR]
        if problems:
            show_problems(problems, places)
            ctx.exit(Exit.PROBLEMS)
    trial = room.try_on(found, second, first)
    if as_json:
        click.echo(json.dumps([change.as_json() for change in trial.changes], indent=2, ensure_ascii=False))
    else:
        verb = "differs" if len(trial.changes) == 1 else "differ"
        click.echo(f"{found.name}, {first} → {second}: {count_of(len(trial.changes), 'parameter')} {verb}")
        print_columns([(change.symbol, change.name, change.text) for change in trial.changes])
    ctx.exit(Exit.CHANGES if trial.changes and exit_code else Exit.DONE)


def _open(settings: Settings) -> tuple[Fleet, TemplateUse]:
    from provisioner.runtime.template_use import TemplateUse

    fleet = open_fleet(settings)
    return fleet, TemplateUse({vendor: shop.templates for vendor, shop in fleet.workshops.items()}, fleet.inventory())


def _room(settings: Settings, fleet: Fleet) -> TrialRoom:
    from provisioner.runtime.addresses import read_addresses
    from provisioner.runtime.trial import TrialRoom

    return TrialRoom(fleet, fleet.inventory(), read_addresses(settings))


def _find(written: str, fleet: Fleet, use: TemplateUse) -> str:
    """Return the template that a person means: a path, the name of one in custom/, or a model."""
    from provisioner.inventory.value import nearest

    name = written.removeprefix("templates/").removeprefix(VENDOR + "/")
    found = use.find(name)
    if found is not None:
        return found
    model = fleet.catalogue.find_model(written)
    if model is not None and model.is_in_scope:
        return use.of_model(model)
    ends = [each for each in use.facts if each.removesuffix(".cfg").endswith("/" + name.removesuffix(".cfg"))]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise NotFound(f'"{written[:60]}" may be {" or ".join(ends[:MEANT_SHOWN])}', hint="name it by its path")
    short = {each.removesuffix(".cfg").rpartition("/")[2] for each in use.facts}
    raise NotFound(f'there is no template "{written[:60]}"', hint=nearest(name, short) or "see `provisioner templates list`")
