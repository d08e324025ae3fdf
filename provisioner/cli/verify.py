"""`provisioner verify`: what phones do on the wire, held against the files that they fetched."""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.lab import for_option
from provisioner.cli.lab_verify import LabOptions, in_lab, lab_option
from provisioner.cli.listing import count_of
from provisioner.cli.outcome import Exit
from provisioner.cli.place import Places
from provisioner.cli.sbc_choice import far_group_option, phone_group_option, sbc_choice
from provisioner.cli.session import open_fleet, settings_options
from provisioner.cli.verify_choice import chosen
from provisioner.cli.verify_expectations import write_expectations
from provisioner.cli.verify_live import LiveView
from provisioner.cli.verify_sbc import print_calls, stands_there, through_option
from provisioner.cli.verify_sessions import (
    plan_option,
    print_plan,
    quick_option,
    scenario_option,
    session_calls,
    sessions_option,
    tolerance_of,
    tolerance_option,
)
from provisioner.errors import ProvisionerError
from provisioner.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from provisioner.runtime.fleet import Fleet
    from provisioner.runtime.sip_sbc import SbcChoice
    from provisioner.runtime.verify_run import VerifyOptions
    from provisioner.runtime.verify_subject import Subjects
    from sipstub.verify.run import Verified

POLL_S = 0.5
SILENT_HINT = "one that is registered speaks when it refreshes: wait longer with --wait, or --boot has it start anew"
WIDE = 5
"Phones that are disturbed without a question."
_OUT = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
_OLD = click.Path(dir_okay=False, path_type=Path)
_IN = click.Path(exists=True, dir_okay=False, path_type=Path)
SETTINGS = "devices templates state http https tftp sip sips realm media media_ports advertise allow".split()
"The listeners are for the server that it starts where none runs."


Remarks = dict[int, list[str]]
"What was done, by the number of the message it was done by."


class VerifyProblem(ProvisionerError):
    """A file that cannot be read or written, in the words of whoever tried."""


@click.command("verify", epilog="Documentation: docs/howto/verify-a-phone.md")
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
@click.option("--boot", "boots", is_flag=True, help="Tell the phones by check-sync to fetch their files and restart.")
@click.option("--stimulate", "stimulates", is_flag=True, help="Do what disturbs too: refuse, stay silent, call, check-sync.")
@sessions_option
@plan_option
@quick_option
@scenario_option
@click.option("--dial", "has_person", is_flag=True, help="Somebody dials at the phones when asked to.")
@click.option("--action-uri", "has_action_uri", is_flag=True, help="Have the phones dial by themselves, over HTTP.")
@click.option("--yes", is_flag=True, help="Do not ask before more than 5 phones are disturbed.")
@click.option("--from", "capture", type=_IN, help="Judge this pcap, pcapng or recording instead; PHONE may be a FILE.cfg then.")
@click.option("--phone-host", metavar="HOST", help="With --from: the phone's address, where the capture leaves it in doubt.")
@through_option
@phone_group_option
@far_group_option
@lab_option
@for_option
@click.option("--compare", "compared", nargs=2, type=_OLD, metavar="OLD NEW", help="Say what changed between two --json reports.")
@click.option("--expectations", "expected", type=_OUT, help="Write what the files say for `sipstub verify`, and judge nothing.")
@tolerance_option
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
    boots: bool,
    stimulates: bool,
    wants_sessions: bool,
    only_plan: bool,
    quick_s: float | None,
    scenarios: tuple[str, ...],
    has_person: bool,
    has_action_uri: bool,
    yes: bool,
    capture: Path | None,
    phone_host: str | None,
    sbc: Path | None,
    phone_group: str | None,
    far_group: str | None,
    is_lab: bool,
    seconds: float,
    compared: tuple[Path, Path] | None,
    expected: Path | None,
    allowances: tuple[str, ...],
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
      provisioner verify --compare old.json new.json
    """
    from provisioner.cli.verify_from import judge_file, tested
    from provisioner.runtime.history import History
    from provisioner.runtime.verify_run import VerifyOptions
    from provisioner.runtime.verify_through import Through
    from sipstub.compare_reports import compare_reports
    from sipstub.errors import SipstubError
    from sipstub.verify.report.files import ReportFiles
    from sipstub.verify.report.plain import SHOWN, write_text
    from sipstub.verify.verdict import Verdict

    if compared is not None:
        try:
            ctx.exit(compare_reports(ctx, compared, json_file))
        except SipstubError as error:
            raise VerifyProblem(error.message, hint=error.hint, code=error.code) from None
    if not (phones or group or model or takes_all):
        raise click.UsageError("name phones, or --group, --model or --all")
    program = f"provisioner {version('provisioner')}"
    lab = LabOptions(seconds, yes) if is_lab else None
    if lab is not None:
        if capture is not None:
            raise click.UsageError("--lab is for phones that are watched: leave it out with --from")
        wait = lab.wait_s(ctx, wait, watch)
    calls = session_calls(wants_sessions=wants_sessions, only_plan=only_plan, quick_s=quick_s, scenarios=scenarios)
    tolerance = tolerance_of(allowances)
    has_person = has_person or has_action_uri
    choice = sbc_choice(sbc, phone_group, far_group)
    through = None if choice is None or capture is not None else Through.standing(choice)
    options = VerifyOptions(
        wait, watch, program, boots, stimulates, has_person, has_action_uri, sessions=calls, tolerance=tolerance, through=through
    )
    _refuse_contradictions(options, capture, phone_host)
    if only_plan and any((junit_file, html_file, csv_file, pcap_file)):
        raise click.UsageError("--plan judges nothing: leave --junit, --html, --csv and --pcap out")
    fleet = open_fleet(settings)
    if expected is not None:
        ctx.exit(write_expectations(tested(settings, fleet, phones, group, model)[0], expected))
    remarks: Remarks = {}
    is_cut = False
    files = ReportFiles(json_file, junit_file, html_file, csv_file, pcap_file)
    try:
        if calls is not None and only_plan:
            print_plan(tested(settings, fleet, phones, group, model)[0], calls, has_person=has_person, json_file=json_file)
            return
        if capture is not None:
            meant = tested(settings, fleet, phones, group, model)
            verified = judge_file(meant, capture, phone_host, program, tolerance, sbc=choice)
        else:
            macs = chosen(fleet, History(settings.path("state")), phones, group, model)
            if options.acts and not yes:
                _agree(len(macs))
            verified, remarks, is_cut = _run(settings, fleet, macs, options, lab, choice)
        written = files.write(verified, remarks)
    except SipstubError as error:
        raise VerifyProblem(error.message, hint=error.hint, code=error.code) from None
    code = Exit.INTERRUPTED if is_cut else verified.report.exit_code
    if json_file is not None and str(json_file) == "-":
        click.echo(verified.report.to_text(), nl=False)
    else:
        shown = tuple(Verdict) if details else SHOWN
        click.echo(write_text(verified.report, shown=shown, files=written, exit_code=int(code)), nl=False)
    if sbc is not None:
        print_calls(verified.report, err=str(json_file) == "-")
    if is_cut:
        click.echo("interrupted: this is what was seen until then; nothing of it is kept", err=True)
    ctx.exit(code)


def _refuse_contradictions(options: VerifyOptions, capture: Path | None, phone_host: str | None) -> None:
    if options.has_person and not options.stimulates and options.sessions is None:
        option = "--action-uri" if options.has_action_uri else "--dial"
        raise click.UsageError(f"{option} goes with --stimulate or --session-timers")
    if capture is not None and options.acts:
        raise click.UsageError(
            "what happened in a capture has happened: leave --boot, --stimulate and --session-timers out with --from"
        )
    if capture is None and phone_host is not None:
        raise click.UsageError("--phone-host goes with --from")


def _agree(count: int) -> None:
    """Ask before many phones are disturbed; a script says --yes."""
    if count <= WIDE:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{count} phones would be disturbed; say --yes to agree")
    click.confirm(f"{count} phones will be disturbed: restarts, refusals or calls. Go on?", abort=True, err=True)


def _run(
    settings: Settings,
    fleet: Fleet,
    macs: Sequence[str],
    options: VerifyOptions,
    lab: LabOptions | None,
    sbc: SbcChoice | None,
) -> tuple[Verified, Remarks, bool]:
    """Ask the running server, or one of its own; Ctrl-C cancels the job and ends what was started; True if it came."""
    from provisioner.runtime.serve import running_server
    from provisioner.runtime.verify_server import OwnServer, has_sip, shown

    own = None
    began = time.time()
    try:
        running = running_server(settings.path("state"))
        if running is None or not has_sip(running):
            own = OwnServer(settings, only_sip=running is not None, sbc=sbc)
            own.wait()
            why = "no server runs here" if running is None else "the server here runs without SIP"
            click.echo(f"{why}: started one   {shown(own.facts)}", err=True)
            running = own.facts
        if sbc is not None:
            stands_there(running, sbc)
        with in_lab(settings, macs, lab):
            return _ask(settings, fleet, macs, options, began)
    finally:
        if own is not None:
            own.end()
            click.echo("its own server is ended", err=True)


def _wait_for_files(subjects: Subjects, macs: Sequence[str], seconds: float) -> None:
    """Wait until each phone has fetched a file: what is done to it follows from that."""
    from provisioner.runtime.session_calls import spoken
    from provisioner.runtime.verify_subject import NEVER_FETCHED

    until = time.time() + seconds
    is_said = False
    while missing := [phone.name for phone in subjects.look(macs) if phone.missing == NEVER_FETCHED]:
        named = missing[0] if len(missing) == 1 else count_of(len(missing), "phone")
        if time.time() >= until:
            click.echo(f"note: nothing is done to {named}: no file was fetched", err=True)
            return
        if not is_said:
            click.echo(f"waiting {spoken(seconds)} at most for {named} to fetch a file: what is done follows from it", err=True)
            is_said = True
        time.sleep(POLL_S)


def _ask(
    settings: Settings, fleet: Fleet, macs: Sequence[str], options: VerifyOptions, began: float
) -> tuple[Verified, Remarks, bool]:
    from provisioner.expectations.observables import load_observables
    from provisioner.runtime.action_uri import Dialler, controls_of
    from provisioner.runtime.session_calls import spoken
    from provisioner.runtime.verify_run import VerifyRun
    from provisioner.runtime.verify_subject import Subjects
    from provisioner.state.database import Database
    from provisioner.state.folder import StateFolder
    from provisioner.state.job_table import JobTable
    from provisioner.state.reading import Reading
    from provisioner.state.source import PublishedSource
    from provisioner.state.verdict_table import VerdictTable
    from sipstub.verify.report.document import clock

    folder = StateFolder.existing(settings.path("state"))
    database, source = Database.open(folder), PublishedSource(folder)
    reading = Reading(database, source)
    subjects = Subjects(source, reading, load_observables(fleet.root), fleet.catalogue, Places(settings).kept)
    run = VerifyRun(JobTable(database), VerdictTable(database), subjects, reading, options)
    if options.acts:
        _wait_for_files(subjects, macs, options.wait_s)
    controls = controls_of(subjects.look(macs), source.content) if options.has_action_uri else {}
    job = run.ask(macs, time.time(), since=began)
    dialler = Dialler(controls)
    view = LiveView(time.time() + run.limit_s)
    is_cut = False
    try:
        usual = f"about {spoken(run.usual_s)}, " if run.usual_s else ""
        click.echo(f"job {job}: watching {count_of(len(macs), 'phone')} for {usual}{spoken(run.limit_s)} at most", err=True)
        while not (standing := run.poll(time.time())).is_over:
            view.show(standing, time.time())
            dialler.look(run.waits, time.time())
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        run.cancel(time.time())
        is_cut = True
    except BaseException:
        run.cancel(time.time())
        raise
    finally:
        dialler.close()
        view.clear()
    verified = run.so_far(time.time()) if is_cut else run.finish(time.time())
    silent = sum(phone.state == "silent" for phone in verified.report.phones)
    if silent:
        click.echo(f"note: {count_of(silent, 'phone')} said nothing meanwhile; {SILENT_HINT}", err=True)
    for note in [*run.notes, *dialler.notes]:
        click.echo(f"note: {note}", err=True)
    remarks: Remarks = {}
    for act in run.acts:
        click.echo(f"done: {clock(act.at)}  {act.aor.removeprefix('sip:').partition('@')[0]}  {act.what}", err=True)
        if act.number:
            remarks.setdefault(act.number, []).append(f"stimulus {act.kind}: {act.what}")
    return verified, remarks, is_cut
