"""`provisioner import csv FILE`: phones from a spreadsheet; plan first, --write does it.  `import undo` takes it back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.outcome import Exit
from provisioner.cli.session import settings_options, templates_folder
from provisioner.errors import NotFound
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.inventory.importers.plan import PhonePlan
    from provisioner.runtime.import_run import ImportRun

MAX_CHANGES_SHOWN = 12
"Values of one new phone that the plan prints; --json has all."


@click.group("import", epilog="How to import phones: docs/howto/import-phones.md; columns: docs/reference/csv.md")
def command() -> None:
    """Read phones from a CSV file; plan first, --write to do it.

    \b
    Examples:
      provisioner import csv phones.csv            what would be added and changed, by key
      provisioner import csv phones.csv --write    do it
    """


@command.command("csv", epilog="Columns, cells and spreadsheet damage: docs/reference/csv.md")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--write", is_flag=True, help="Do it; without this only the plan is shown.")
@click.option("--dry-run", is_flag=True, help="Only show the plan (what happens without --write anyway).")
@click.option("--skip-bad", is_flag=True, help="Leave out rows with a problem and do the others.")
@click.option("--generate-passwords", is_flag=True, help="Make a random password for each line of a new phone without one.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@settings_options("devices", "templates", "state")
def import_csv(
    file: str, write: bool, dry_run: bool, skip_bad: bool, generate_passwords: bool, as_json: bool, settings: Settings
) -> int:
    """Plan or do the import of FILE (- reads standard input).

    Phones are matched by MAC, then by name; an empty cell keeps what is there, - clears it.

    \b
    Examples:
      provisioner export csv --empty > phones.csv     a file to fill in
      provisioner import csv phones.csv --write --generate-passwords
    """
    from provisioner.runtime.addresses import read_addresses
    from provisioner.runtime.import_run import run_csv
    from provisioner.runtime.rehearsal import Rehearsal

    if write and dry_run:
        raise click.UsageError("--write and --dry-run contradict each other")
    devices = settings.path("devices")
    if not devices.is_dir():
        raise NotFound(f"{devices} is not a folder", hint="name it with --devices, or run `provisioner init`")
    rehearsal = Rehearsal(templates_folder(settings), devices, read_addresses(settings))
    run = run_csv("stdin" if file == "-" else file, _read(file), rehearsal, generate_passwords=generate_passwords)
    is_good = not run.errors or (skip_bad and run.can_skip)
    is_written = write and is_good and bool(run.changes.after)
    if is_written:
        run.changes.write()
    if as_json:
        click.echo(json.dumps(_as_json(run, is_written), indent=2, ensure_ascii=False))
    else:
        _show(run, file, devices, write=write, is_good=is_good, is_written=is_written)
    return Exit.PROBLEMS if run.errors else Exit.DONE


@command.command("undo")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as JSON.")
@settings_options("devices")
def import_undo(as_json: bool, settings: Settings) -> None:
    """Put back what the newest import, adoption or edit by command changed.

    Refused when one of the files was edited since.

    \b
    Examples:
      provisioner import undo
      provisioner import undo --devices /srv/phones
    """
    from provisioner.inventory.change_set import undo

    names = undo(settings.path("devices"))
    click.echo(json.dumps(names, indent=2) if as_json else f"{len(names)} files are as before: {', '.join(names[:6])}")


def _read(file: str) -> bytes:
    from provisioner.inventory.importers.csv_text import MAX_FILE_BYTES

    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        with Path(file).open("rb") as opened:
            return opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise NotFound(f"{file}: {error.strerror}", hint="correct the path") from None


def _as_json(run: ImportRun, is_written: bool) -> dict[str, Any]:
    return {
        "ok": not run.errors,
        "file": run.sheet.file,
        "rows": len(run.sheet.rows),
        "encoding": run.sheet.encoding,
        "separator": run.sheet.separator,
        "written": is_written,
        "files": sorted(run.changes.after) if is_written else [],
        "phones": [phone.as_json() for phone in run.plan.phones],
        "problems": [problem.as_json() for problem in run.plan.problems],
    }


def _show(run: ImportRun, file: str, devices: Path, *, write: bool, is_good: bool, is_written: bool) -> None:
    from provisioner.inventory.importers.plan import Action

    for problem in run.plan.problems:
        click.echo(visible(str(problem)), err=True)
    for phone in run.plan.phones:
        if phone.action is not Action.UNCHANGED:
            show_phone(phone)
    count = {action: run.plan.count(action) for action in Action}
    head = f"{len(run.sheet.rows)} rows: {count[Action.ADDED]} added, {count[Action.CHANGED]} changed, "
    head += f"{count[Action.UNCHANGED]} unchanged"
    click.echo(f"{head}, {len(run.errors)} problems." if run.errors else f"{head}.")
    if is_written:
        click.echo(f"{len(run.changes.after)} files written below {devices}.")
        click.echo("  undo  provisioner import undo", err=True)
        click.echo("  next  provisioner check, then provisioner plan", err=True)
    elif not is_good:
        hint = "correct the rows, or leave them out with --skip-bad" if run.can_skip else "correct what is named above"
        click.echo(f"Nothing was written; {hint}.", err=True)
    elif not run.changes.after:
        click.echo("Nothing to do.", err=True)
    elif not write:
        click.echo(f"Nothing was written yet; do it: provisioner import csv {file} --write", err=True)


def visible(text: str) -> str:
    """Return the text with characters that a terminal would obey, or that turn its direction, as escapes."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def show_phone(phone: PhonePlan) -> None:
    """Print what happens to one phone: a line for its head, one per value."""
    from provisioner.inventory.importers.plan import SYMBOLS, Action
    from provisioner.inventory.spot import Spot

    click.echo(f"{SYMBOLS[phone.action]} {phone.name}  {phone.new_mac.colons}  {phone.model}  {phone.file}")
    head = {Spot(None, name) for name in ("name", "mac", "model")} if phone.action is Action.ADDED else set()
    changes = [change for change in phone.changes if change.spot not in head]
    for change in changes[:MAX_CHANGES_SHOWN]:
        click.echo(f"    {visible(str(change))}")
    if len(changes) > MAX_CHANGES_SHOWN:
        click.echo(f"    and {len(changes) - MAX_CHANGES_SHOWN} more")
