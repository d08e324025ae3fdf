"""`provisioner lab`: point phones at this server's registrar for a while, after a plan, and bring them back."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.listing import Listing, count_of, listing_options
from provisioner.cli.outcome import Exit
from provisioner.cli.place import Places
from provisioner.cli.session import find_phone, open_fleet, settings_options
from provisioner.errors import NotFound, ProvisionerError
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.runtime.lab_plan import LabPlan

DOCS = "Documentation: docs/howto/lab.md"
USUAL = "30m"
SHORTEST_S = 30.0
COLUMNS = ("phone", "mac", "state", "until", "who", "lines", "file")


class LabProblem(ProvisionerError):
    """A layer cannot be laid; nothing was written."""

    code = "no-lab"


def read_span(_ctx: click.Context, _param: click.Parameter, text: str) -> float:
    """Return the seconds that `90s`, `30m` or `2h` means; BadParameter if a layer cannot hold for so long."""
    from provisioner.inventory.lab import MAX_LAB_S

    match = re.fullmatch(r"(\d{1,6})(s|m|h)", text)
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] if match else 0
    if not SHORTEST_S <= seconds <= MAX_LAB_S:
        raise click.BadParameter(f"{text!r} is no time from {SHORTEST_S:.0f}s to {MAX_LAB_S // 3600}h; write 30m")
    return float(seconds)


for_option = click.option(
    "--for", "seconds", default=USUAL, metavar="TIME", callback=read_span, help="How long: 90s, 30m, 2h (8h at most) [30m]."
)


@click.group("lab", epilog=DOCS)
def command() -> None:
    """Point phones at this server's registrar for a while, to verify them; their own server comes back by itself.

    \b
    Examples:
      provisioner lab plan t46g-lobby         what would change, by key
      provisioner lab start t46g-lobby --for 30m
    """


@command.command("plan", epilog=DOCS)
@click.argument("phones", nargs=-1, required=True, metavar="PHONE...")
@for_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates", "state", "sip", "sips")
@click.pass_context
def plan(ctx: click.Context, settings: Settings, phones: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Show what a lab layer would change in the phones' files.  Writes nothing.

    \b
    Examples:
      provisioner lab plan t46g-lobby
      provisioner lab plan t46g-lobby t46g-desk2 --json
    """
    import json

    plans = make_plans(settings, phones, seconds)
    if as_json:
        click.echo(json.dumps([_row(each) for each in plans], indent=2, ensure_ascii=False))
    else:
        show_plans(plans)
    ctx.exit(Exit.PROBLEMS if any(str(each.word) == "refused" for each in plans) else Exit.DONE)


@command.command("start", epilog=DOCS)
@click.argument("phones", nargs=-1, required=True, metavar="PHONE...")
@for_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show the plan and lay nothing.")
@settings_options("devices", "templates", "state", "sip", "sips")
@click.pass_context
def start(ctx: click.Context, settings: Settings, phones: tuple[str, ...], seconds: float, yes: bool, dry_run: bool) -> None:
    """Lay a lab layer over the phones, after showing its plan and asking.

    \b
    Examples:
      provisioner lab start t46g-lobby
      provisioner lab start t46g-lobby t46g-desk2 --for 2h --yes
    """
    plans = make_plans(settings, phones, seconds)
    show_plans(plans)
    if dry_run:
        ctx.exit(Exit.DONE)
    laid = lay(settings, plans, seconds, yes=yes)
    for each in laid:
        click.echo(f"{each.name}: lab layer until {_clock(each.lab.until)}   {Places(settings).file(each.lab.file)}", err=True)
    if laid:
        names = " ".join(each.name for each in laid)
        click.echo(f"  it takes hold when the phone fetches: {HOW_TO_FETCH}", err=True)
        click.echo(f"  undo: provisioner lab stop {names}", err=True)
    ctx.exit(Exit.DONE)


@command.command("stop", epilog=DOCS)
@click.argument("phones", nargs=-1, metavar="[PHONE]...")
@click.option("--all", "everything", is_flag=True, help="Every layer there is.")
@settings_options("devices", "templates", "state")
@click.pass_context
def stop(ctx: click.Context, settings: Settings, phones: tuple[str, ...], everything: bool) -> None:
    """Take lab layers away before they end by themselves; the phones' old files come back.

    \b
    Examples:
      provisioner lab stop t46g-lobby
      provisioner lab stop --all
    """
    from provisioner.mac import MacAddress
    from provisioner.runtime.lab_run import LabRun
    from provisioner.state.folder import StateFolder

    if bool(phones) == everything:
        raise click.UsageError("name phones, or give --all")
    run = LabRun(StateFolder.existing(settings.path("state")))
    labs, _ = run.folder.all()
    known = open_fleet(settings).inventory()
    names = {mac: phone.name for mac, phone in known.phones.items()}
    if everything:
        wanted = [(path.stem, names.get(path.stem, path.stem)) for path in sorted(run.folder.path.glob("*.toml"))]
    else:
        wanted = []
        for written in phones:
            try:
                phone = find_phone(known, written)
                wanted.append((phone.mac.plain, phone.name))
            except NotFound:
                # Also a phone that left the inventory meanwhile can be brought back.
                mac = next((lab.mac for lab in labs if _is(MacAddress, written, lab.mac)), None)
                if mac is None:
                    raise
                wanted.append((mac, mac))
    ended = run.stop(wanted)
    for mac, name in wanted:
        click.echo(f"{name}: {'lab layer taken away' if mac in ended else 'had no lab layer'}", err=True)
    if ended:
        click.echo(f"  the old file is back when the phone fetches: {HOW_TO_FETCH}", err=True)
    ctx.exit(Exit.DONE)


@command.command("list", epilog=DOCS)
@listing_options
@settings_options("devices", "templates", "state")
def list_(settings: Settings, listing: Listing) -> None:
    """List the lab layers, and the files of the lab folder that are ignored.

    \b
    Examples:
      provisioner lab list
      provisioner lab list --json
    """
    from provisioner.runtime.lab_folder import LabFolder

    labs, problems = LabFolder(settings.path("state")).all()
    now, places = time.time(), Places(settings)
    names = {mac: phone.name for mac, phone in open_fleet(settings).inventory().phones.items()} if labs else {}
    rows = [
        {
            "phone": names.get(lab.mac),
            "mac": lab.mac,
            "state": "on" if lab.holds(now) else "over" if lab.is_over(now) else "ignored",
            "until": _clock(lab.until),
            "who": lab.who,
            "lines": [line.number for line in lab.lines],
            "file": places.file(lab.file),
        }
        for lab in labs
    ]
    rows += [
        {"phone": None, "mac": problem.phone, "state": "ignored", "until": None, "who": None, "lines": [],
         "file": places.problem(problem)} for problem in problems
    ]  # fmt: skip
    listing.show(rows, COLUMNS)
    for problem in problems:
        click.echo(f"{places.problem(problem)}  {problem.message}, {problem.hint}", err=True)


HOW_TO_FETCH = "restart it, or Settings > Auto Provision on it, or its own repeat interval"


def make_plans(settings: Settings, written: Sequence[str], seconds: float) -> list[LabPlan]:
    """Return the plans for the phones that a person names, in that order."""
    from provisioner.runtime.addresses import read_addresses
    from provisioner.runtime.history import History
    from provisioner.runtime.lab_plan import LabPlanner, stub_of
    from provisioner.runtime.reveal import who

    fleet = open_fleet(settings)
    history = History(settings.path("state"))
    inventory = fleet.inventory()
    macs = list(dict.fromkeys(find_phone(inventory, name).mac.plain for name in written))
    stub = stub_of(settings, read_addresses(settings))
    return LabPlanner(fleet, history.bodies, stub, who()).plan(macs, time.time(), seconds)


def show_plans(plans: Sequence[LabPlan]) -> None:
    """Print what differs, then what a person should know."""
    from provisioner.cli.plan import print_columns

    rows = []
    for each in plans:
        who = each.name
        for change in each.changes:
            note = "restarts" if change.restarts else ""
            rows.append((who, f"{change.symbol} {change.name}", change.text, note))
            who = ""
    print_columns(rows)
    for each in plans:
        if each.why:
            click.echo(f"{each.name}  no lab layer: {each.why}")
        elif not each.changes:
            click.echo(f"{each.name}  sends its SIP here already: no lab layer is needed")
        for note in each.notes:
            click.echo(f"{each.name}  {note}")
        if each.added:
            click.echo(
                f"{each.name}  afterwards back to the factory value, since no file of it names them: {', '.join(each.added)}"
            )


def lay(settings: Settings, plans: Sequence[LabPlan], seconds: float, *, yes: bool) -> list[Any]:
    """Ask, lay the layers and return them once they are published; LabProblem if one of the phones cannot have one."""
    from provisioner.runtime.lab_run import LabRun
    from provisioner.runtime.serve import running_server
    from provisioner.state.folder import StateFolder

    refused = [each for each in plans if each.why]
    if refused:
        raise LabProblem(f"{refused[0].name}: {refused[0].why}", hint="nothing was changed")
    wanted = [each for each in plans if each.lab is not None]
    if not wanted:
        return []
    if not yes:
        if not sys.stdin.isatty():
            raise LabProblem("nobody can be asked here", hint="look at `provisioner lab plan`, then give --yes")
        click.confirm(f"Point {count_of(len(wanted), 'phone')} at this server for {_span(seconds)}?", abort=True, err=True)
    run = LabRun(StateFolder.open(settings.path("state")))
    laid = run.start(wanted)
    is_published = False
    try:
        if running_server(settings.path("state")) is not None and not run.published({each.mac: each.sha256 for each in laid}):
            raise LabProblem("the server did not publish the layer, so it was taken away again", hint="see what the server says")
        is_published = True
    finally:
        if not is_published:  # also after Ctrl-C
            run.stop([(each.mac, each.name) for each in laid])
    return laid


def _is(parser: Any, written: str, mac: str) -> bool:
    try:
        return bool(parser.parse(written).plain == mac)
    except ValueError:
        return False


def _row(each: LabPlan) -> dict[str, Any]:
    return {
        "phone": each.name,
        "mac": each.mac,
        "group": each.group,
        "state": str(each.word),
        "changes": [change.as_json() for change in each.changes],
        "why": each.why,
        "notes": list(each.notes),
        "back_to_factory": list(each.added),
    }


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"
