"""`provisioner doctor`: look for what keeps phones from booting here."""

from __future__ import annotations

from pathlib import Path

import click

from provisioner.cli.listing import Listing, listing_options
from provisioner.cli.outcome import Exit
from provisioner.cli.session import settings_options, templates_folder
from provisioner.settings import Settings

COLUMNS = ("level", "check", "fact", "hint")
MARKS = {"ok": "ok      ", "warning": "WARNING ", "problem": "PROBLEM "}
CHECK_WIDTH = 12


@click.command("doctor", epilog="Documentation: docs/howto/a-phone-says-404.md")
@click.option("--ready-file", type=click.Path(path_type=Path), metavar="FILE", help="Find the running server by this ready file.")
@settings_options(
    "devices",
    "templates",
    "state",
    "http",
    "https",
    "tftp",
    "people",
    "advertise",
    "allow",
    "certificate",
    "certificate_key",
)
@listing_options
@click.pass_context
def command(ctx: click.Context, ready_file: Path | None, settings: Settings, listing: Listing) -> None:
    """Look for what keeps phones from booting here.

    Nothing is sent to the network: only this machine's own addresses are asked, and `advertise` is resolved if it is a name.
    Ends with exit code 1 if there is a problem; warnings alone end with 0.

    \b
    Examples:
      provisioner doctor
      provisioner doctor --json --where level=problem
    """
    import time

    from provisioner.runtime.bound import read_bound
    from provisioner.runtime.doctor.checklist import checklist
    from provisioner.runtime.doctor.checks import CHECKS
    from provisioner.runtime.doctor.examine import examine
    from provisioner.runtime.doctor.finding import Level
    from provisioner.runtime.doctor.subject import Subject
    from provisioner.services.interface import addresses, networks

    subject = Subject(
        settings, templates_folder(settings), read_bound(settings, ready_file), networks(), addresses(), time.time()
    )
    findings = examine(subject, CHECKS)
    rows = [{"check": one.check, "level": str(one.level), "fact": one.fact, "hint": one.hint} for one in findings]
    if listing.form == "table" and not listing.columns and not listing.where:
        for one in findings:
            click.echo(f"{MARKS[one.level]} {one.check:<{CHECK_WIDTH}} {one.fact}")
            if one.hint:
                click.echo(f"{'':<{len(MARKS[one.level]) + CHECK_WIDTH + 2}}-> {one.hint}")
        click.echo("\nOn the phone:")
        for line in checklist(subject):
            click.echo(f"  - {line}")
        count = {level: sum(one.level is level for one in findings) for level in Level}
        click.echo(f"\n{_many(count[Level.PROBLEM], 'problem')}, {_many(count[Level.WARNING], 'warning')}, {count[Level.OK]} ok")
    else:
        listing.show(rows, COLUMNS)
    if any(one.level is Level.PROBLEM for one in findings):
        ctx.exit(int(Exit.PROBLEMS))


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
