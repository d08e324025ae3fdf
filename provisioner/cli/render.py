"""`provisioner render PHONE`: the file that a phone gets, masked for people or as the bytes of the wire."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from provisioner.cli.outcome import Exit
from provisioner.cli.place import Places
from provisioner.cli.session import find_phone, open_fleet, settings_options
from provisioner.errors import NotFound, Severity
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.runtime.fleet import PhoneFiles
    from provisioner.runtime.history import History

MAX_REASONS = 5
"Problems named on stderr when the last good file stands in; `check` names all."


@click.command("render", epilog="Documentation: docs/reference/cli.md")
@click.argument("phone")
@click.option(
    "--file", "which", type=click.Choice(["mac", "common"]), default="mac", show_default=True, help="Which of its two files."
)
@click.option("--reveal", is_flag=True, help="Print exactly the bytes of the wire, passwords too; this is journalled.")
@settings_options("devices", "templates", "state")
@click.pass_context
def command(ctx: click.Context, settings: Settings, phone: str, which: str, reveal: bool) -> None:
    """Print the file that a phone gets.  Secrets are masked unless --reveal is given.

    A phone whose newest text has a problem gets its last good file, and so do you, with a note and exit code 1.

    \b
    Examples:
      provisioner render t46g-lobby
      provisioner render 00:15:65:20:00:01 --file common --reveal > y000000000028.cfg
    """
    from provisioner.rendering.redact import redact
    from provisioner.runtime.history import History

    fleet = open_fleet(settings)
    history = History(settings.path("state"))
    inventory = fleet.inventory()
    mac = find_phone(inventory, phone).mac.plain
    build = fleet.build(history.bodies, [mac])
    files = build.phones[mac]
    if which == "common":
        wanted, name = build.commons[files.common_name], files.common_name
        is_held = not wanted.is_good or inventory.stops_everything
    else:
        wanted, name = files.mac, mac + ".cfg"
        is_held = files.is_blocked
    body: bytes | memoryview = wanted.body
    lines = wanted.lines
    if is_held:
        body, lines = _last_good(history, name, files), {}
        click.echo(
            f"{files.phone.name} has a problem; this is its last good file, of generation {history.files[name].generation}",
            err=True,
        )
        places = Places(settings)
        found = [*inventory.blocked.get(mac, ()), *wanted.problems]
        errors = [problem for problem in dict.fromkeys(found) if problem.severity is Severity.ERROR]
        for problem in errors[:MAX_REASONS]:
            click.echo(f"  {places.problem(problem)}  {problem.message}  {problem.code}", err=True)
    if reveal:
        _journal(history, settings, files, name)
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    else:
        click.echo(redact(body, fleet.catalogue, lines), nl=False)
    ctx.exit(Exit.PROBLEMS if is_held else Exit.DONE)


def _last_good(history: History, name: str, files: PhoneFiles) -> bytes | memoryview:
    published = history.files.get(name)
    if published is None:
        raise NotFound(
            f"{files.phone.name} has a problem and never had a good {name}", hint=f"run `provisioner check {files.phone.name}`"
        )
    return published.body


def _journal(history: History, settings: Settings, files: PhoneFiles, name: str) -> None:
    """Write down who looked at which secrets, where there is a journal to write to."""
    if history.reading is None:
        return
    from provisioner.runtime.reveal import record_reveal
    from provisioner.state.retention import Retention

    assert history.folder is not None
    record_reveal(history.folder, files, name, Retention(keep_s=settings["journal_days"] * 86400.0))
