"""`provisioner diff`: two phones' files, or one phone's files of two times, by parameter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.listing import count_of
from provisioner.cli.lost import find_readable
from provisioner.cli.outcome import Exit
from provisioner.cli.place import Places
from provisioner.cli.plan import print_columns
from provisioner.cli.session import open_fleet, settings_options
from provisioner.errors import NotFound
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.rendering.diff import Change
    from provisioner.runtime.fleet import PhoneFiles
    from provisioner.runtime.plan import Pair, Planner


@click.command("diff", epilog="Documentation: docs/howto/why-did-this-phone-get-that.md")
@click.argument("phone")
@click.argument("other", required=False, metavar="[PHONE2]")
@click.option(
    "--against",
    type=click.Choice(["delivered", "published"]),
    default="delivered",
    show_default=True,
    help="Without a second phone: what it last received, or what the server has ready.",
)
@click.option("--exit-code", is_flag=True, help="End with 3 if there are differences.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates", "state")
@click.pass_context
def command(
    ctx: click.Context, settings: Settings, phone: str, other: str | None, against: str, exit_code: bool, as_json: bool
) -> None:
    """Compare two phones' files, or a phone's file with the delivered one, by parameter.

    \b
    Examples:
      provisioner diff t46g-lobby                    what it has, and what it would get
      provisioner diff t46g-lobby t46g-desk2 --json
    """
    from provisioner.rendering.diff import compare, secret_identities, values_of
    from provisioner.runtime.history import History
    from provisioner.runtime.plan import Against, Planner

    fleet = open_fleet(settings)
    history = History(settings.path("state"))
    inventory = fleet.inventory()
    places = Places(settings)
    macs = [find_readable(inventory, history, written, places) for written in (phone, other) if written is not None]
    build = fleet.build(history.bodies, macs)
    planner = Planner(build, history, fleet.catalogue, Against(against))
    first = build.phones[macs[0]]
    if other is None:
        found = first
        old, title = _before(planner, found, against)
    else:
        found = build.phones[macs[1]]
        old, title = planner.wanted(first), f"{first.phone.name} → {found.phone.name}"
    new = planner.wanted(found)
    common = old.common if old.common is not None else new.common
    secret = secret_identities(found.mac.lines) | secret_identities(first.mac.lines)
    changes = compare(
        values_of(common or b"", old.mac or b""), values_of(new.common or b"", new.mac or b""), fleet.catalogue, secret
    )
    if as_json:
        rows = [change.as_json() | {"place": _place(change, found, places)} for change in changes]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        if found.is_blocked:
            click.echo(
                f"{found.phone.name} has a problem and keeps its last good file: provisioner check {found.phone.name}", err=True
            )
        click.echo(f"{title}: {count_of(len(changes), 'parameter')} differ{'s' if len(changes) == 1 else ''}")
        print_columns([(change.symbol, change.name, change.text, _place(change, found, places)) for change in changes])
    ctx.exit(Exit.CHANGES if changes and exit_code else Exit.DONE)


def _before(planner: Planner, found: PhoneFiles, against: str) -> tuple[Pair, str]:
    name = found.phone.name
    if against == "published":
        pair = planner.published(found)
        if pair.mac is None:
            raise NotFound(f"nothing is published for {name}", hint="start `provisioner serve`, or see `provisioner render`")
        return pair, f"{name}, published → would get"
    plan = planner.plan(found)
    pair = planner.delivered(found)
    if pair.mac is None:
        message = f"{name} never fetched its file" if plan.since is None else f"what {name} received is no longer kept"
        raise NotFound(message, hint=f"compare with what the server has ready: provisioner diff {name} --against published")
    return pair, f"{name}, received → would get"


def _place(change: Change, found: PhoneFiles, places: Places) -> str:
    line: Any = found.mac.lines.get(change.name) or found.common.lines.get(change.name)
    return places.origin(line.origin) if line is not None else ""
