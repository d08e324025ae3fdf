"""`provisioner verify`: what phones do on the wire, held against the files that they fetched."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.listing import count_of
from provisioner.cli.lost import find_mac
from provisioner.cli.place import Places
from provisioner.cli.session import open_fleet, settings_options
from provisioner.errors import NotFound
from provisioner.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.runtime.fleet import Fleet
    from provisioner.runtime.history import History
    from provisioner.runtime.verify_run import VerifyOptions
    from sipstub.verify.run import Verified

POLL_S = 0.5
_OUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
SETTINGS = "devices templates state http https tftp sip sips realm advertise allow".split()
"The listeners are for the server that it starts where none runs."


@click.command("verify", epilog="Documentation: docs/howto/verify-a-phone.md, docs/reference/rules.md")
@click.argument("phones", nargs=-1, metavar="[PHONE]...")
@click.option("--group", metavar="NAME", help="The phones of this group.")
@click.option("--model", metavar="NAME", help="The phones of this model.")
@click.option("--all", "takes_all", is_flag=True, help="Every phone of the inventory.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Wait so long for them to register.",
)
@click.option(
    "--watch", type=click.FloatRange(0, 86_400), default=3.0, show_default=True, metavar="S", help="Go on so long once all did."
)
@click.option("--details", is_flag=True, help="Write out every finding, not only what is wrong.")
@click.option("--json", "json_file", type=_OUT, help="Write the report as JSON; - prints it instead of the text.")
@click.option("--junit", "junit_file", type=_OUT, help="Write JUnit XML.")
@click.option("--html", "html_file", type=_OUT, help="Write one HTML file.")
@click.option("--csv", "csv_file", type=_OUT, help="Write a table.")
@click.option("--pcap", "pcap_file", type=_OUT, help="Write the messages as pcapng, with findings as comments.")
@settings_options(*SETTINGS)
@click.pass_context
def command(
    ctx: click.Context,
    settings: Settings,
    phones: tuple[str, ...],
    group: str | None,
    model: str | None,
    takes_all: bool,
    wait: float,
    watch: float,
    details: bool,
    json_file: Path | None,
    junit_file: Path | None,
    html_file: Path | None,
    csv_file: Path | None,
    pcap_file: Path | None,
) -> None:
    """Watch phones at the registrar and judge each setting by the file that the phone fetched.

    \b
    Examples:
      provisioner verify t46g-lobby
      provisioner verify --group office --wait 120 --junit out.xml --html out.html
    """
    from provisioner.runtime.history import History
    from provisioner.runtime.verify_run import VerifyOptions
    from sipstub.verify.report.files import ReportFiles
    from sipstub.verify.report.plain import SHOWN, write_text
    from sipstub.verify.verdict import Verdict

    if not (phones or group or model or takes_all):
        raise click.UsageError("name phones, or --group, --model or --all")
    fleet = open_fleet(settings)
    macs = chosen(fleet, History(settings.path("state")), phones, group, model)
    options = VerifyOptions(wait, watch, f"provisioner {version('provisioner')}")
    verified = _run(settings, fleet, macs, options)
    written = ReportFiles(json_file, junit_file, html_file, csv_file, pcap_file).write(verified)
    if json_file is not None and str(json_file) == "-":
        click.echo(verified.report.to_text(), nl=False)
    else:
        click.echo(write_text(verified.report, shown=tuple(Verdict) if details else SHOWN, files=written), nl=False)
    ctx.exit(verified.report.exit_code)


def chosen(fleet: Fleet, history: History, phones: Sequence[str], group: str | None, model: str | None) -> list[str]:
    """Return the MACs that are meant, by name of the phone; NotFound where a name means nothing."""
    from provisioner.inventory.origin import Rank
    from provisioner.inventory.value import nearest

    inventory = fleet.inventory()
    if group is not None:
        groups = inventory.layers.get(Rank.GROUP, {})
        if group not in groups:
            raise NotFound(f'there is no group "{group[:60]}"', hint=nearest(group, groups) or "see devices/groups/")
    wanted = None
    if model is not None:
        wanted = fleet.catalogue.find_model(model)
        if wanted is None:
            near = fleet.catalogue.nearest_model(model)
            raise NotFound(
                f'there is no model "{model[:60]}"', hint=f'did you mean "{near}"?' if near else "see `provisioner models`"
            )
    if phones:
        found = [find_mac(inventory, history, written) for written in phones]
    else:
        found = [mac for mac, _ in sorted(inventory.phones.items(), key=lambda item: item[1].name)]
    kept = []
    for mac in dict.fromkeys(found):
        phone = inventory.phones.get(mac)
        if group is not None and (phone is None or phone.group != group):
            continue
        if wanted is not None and (phone is None or phone.model.name != wanted.name):
            continue
        kept.append(mac)
    if not kept:
        raise NotFound("no phone of the inventory is meant", hint="see `provisioner phones`")
    return kept


def _run(settings: Settings, fleet: Fleet, macs: Sequence[str], options: VerifyOptions) -> Verified:
    """Ask the running server, or one of its own; Ctrl-C cancels the job and ends what was started."""
    from provisioner.runtime.verify_server import OwnServer, server_with_sip, shown

    own = None
    try:
        if server_with_sip(settings.path("state")) is None:
            own = OwnServer(settings)
            own.wait()
            click.echo(f"no server runs here: started one   {shown(own.facts)}", err=True)
        return _ask(settings, fleet, macs, options)
    finally:
        if own is not None:
            own.end()
            click.echo("its own server is ended", err=True)


def _ask(settings: Settings, fleet: Fleet, macs: Sequence[str], options: VerifyOptions) -> Verified:
    from provisioner.expectations.observables import load_observables
    from provisioner.runtime.verify_run import VerifyRun
    from provisioner.runtime.verify_subject import Subjects
    from provisioner.state.database import Database
    from provisioner.state.folder import StateFolder
    from provisioner.state.job_table import JobTable
    from provisioner.state.reading import Reading
    from provisioner.state.source import PublishedSource
    from provisioner.state.verdict_table import VerdictTable

    folder = StateFolder.existing(settings.path("state"))
    database, source = Database.open(folder), PublishedSource(folder)
    reading = Reading(database, source)
    subjects = Subjects(source, reading, load_observables(fleet.folder), fleet.catalogue, Places(settings).kept)
    run = VerifyRun(JobTable(database), VerdictTable(database), subjects, reading, options)
    job = run.ask(macs, time.time())
    click.echo(f"job {job}: watching {count_of(len(macs), 'phone')} for up to {options.wait_s:g} s", err=True)
    try:
        while not run.poll(time.time()).is_over:
            time.sleep(POLL_S)
    except BaseException:
        run.cancel(time.time())
        raise
    verified = run.finish(time.time())
    for note in run.notes:
        click.echo(f"note: {note}", err=True)
    return verified
