"""`provisioner demo`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.demo_sbc import show_behind
from provisioner.cli.demo_sessions import is_of_timers, left_out, played, session_rows, uncaught
from provisioner.cli.demo_table import print_table
from provisioner.cli.listing import count_of
from provisioner.cli.outcome import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from _typeshed import DataclassInstance

    from sipstub.stimulus.session_plan import SessionPlan
    from sipstub.verify.finding import Finding
    from sipstub.verify.report.document import PhoneReport, Report

BEGINNING = "A server on free ports, virtual phones for the whole fleet: files, bytes, then every account setting on the wire."
EVERYTHING = "provisioner verify --all --stimulate --dial"
EVERY_CALL = "provisioner verify --all --session-timers --dial"
UNCAUGHT = "it may show in what was left out"
VERDICTS, PLACE = 12, 34
"Room for the last cell of a line."


@click.command("demo", epilog="Documentation: docs/README.md")
@click.option("--devices", type=click.Path(path_type=Path, file_okay=False), help="Another fleet than the example one.")
@click.option("--templates", type=click.Path(path_type=Path, file_okay=False), help="Other templates than those of the program.")
@click.option("--details", is_flag=True, help="Print expected, seen and verdict of every setting of every phone.")
@click.option("--disobey", multiple=True, metavar="PHONE:NAME", help="Have a phone act against its file; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    devices: Path | None,
    templates: Path | None,
    details: bool,
    disobey: tuple[str, ...],
    as_json: bool,
) -> None:
    """Serve the example fleet on free ports of loopback and boot every phone of it, once.

    Each phone fetches its files as its firmware does, some over HTTP and some over TFTP.  The bytes are compared with
    those that another process renders, and with what curl and tftp-hpa fetch where they are installed.  Then each phone
    registers, calls, and is asked and refused, as `provisioner verify --all --stimulate --dial` has it, and calls are kept up
    as by `--session-timers`: one phone refreshes, another is left without a refresh, and so on.  Every setting of their
    accounts is held against what was seen.  At the same time all phones stand once more behind an SBC stub that is set like a
    customer's device: they register through it to the registrar, calls are kept up through it, and what both legs did is held
    against what was predicted.  The phones, and the people who dial, are virtual; time is real.

    \b
    Examples:
      provisioner demo
      provisioner demo --devices devices      your own fleet
      provisioner demo --disobey office-ben:wrong-display
      provisioner demo --disobey lab-t23g:session-no-refresh
    """
    import json

    from provisioner.cli.place import Places
    from provisioner.rendering.context import Addresses
    from provisioner.runtime.bundled import bundled
    from provisioner.runtime.demo import DemoRow, run_demo
    from provisioner.runtime.demo_sbc import SETTINGS
    from provisioner.runtime.demo_server import DemoServer
    from provisioner.runtime.demo_sip import USUAL_S, is_about_timers
    from provisioner.runtime.fleet import Fleet
    from provisioner.settings import load_settings
    from sipstub.verify.report.plain import write_text

    devices, templates = devices or bundled("devices"), templates or bundled("templates")
    mutants = _mutants(disobey)
    rows: list[DemoRow] = []
    click.echo(f"{BEGINNING} This takes about {USUAL_S} s, more on a busy machine.", err=True)
    closely = [name for name, told in mutants.items() if is_about_timers(told)]
    if closely:
        click.echo(f"More calls, of up to five minutes, with {', '.join(closely)}: it breaks session timers.", err=True)
    server, sbc = DemoServer(devices, templates), DemoServer(devices, templates, SETTINGS)
    places = Places(load_settings(None, {"devices": str(devices), "templates": str(templates), "state": str(server.state)}))
    try:
        for each in (server, sbc):
            each.wait()
        addresses = Addresses(server.facts["advertise"], server.facts["sip"]["port"], server.facts["sips"]["port"])
        result = run_demo(Fleet(templates, devices, addresses), server, rows.append, places.kept, mutants, sbc)
    finally:
        for each in (server, sbc):
            each.remove()
    notes = list(result.notes)
    report = result.verified.report if result.verified is not None else None
    behind = result.behind.verified.report if result.behind is not None else None
    failed = bool(result.mismatches) or any(each is not None and each.exit_code != Exit.DONE for each in (report, behind))
    if as_json:
        found = {"phones": [asdict(row) for row in rows], "verify": report.as_json() if report is not None else None}
        found["through_sbc"] = behind.as_json() if behind is not None else None
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _show(rows)
        if not result.mismatches:
            transports = " and ".join(sorted({row.transport for row in rows}))
            booted = f"{len(rows)} phones booted over {transports}"
            click.echo(f"\n{booted}; each has exactly the bytes that `render --reveal` prints.")
        if report is not None:
            click.echo("Each registered, called and was asked and refused; what it did, held against its file:\n")
            (_show_findings if details else _show_settings)(report)
            if result.plans and not details:
                _show_sessions(report, result.plans)
            click.echo(write_text(report), nl=False)
            _show_left_out(report, result.plans)
            notes += [
                f"{name} was told to disobey, and nothing was found: {UNCAUGHT}" for name in uncaught(report, list(mutants))
            ]
        if result.behind is not None:
            show_behind(result.behind)
            notes += result.behind.remarks
    for text in (*result.mismatches, *notes):
        click.echo(f"{'MISMATCH' if text in result.mismatches else 'note:'}  {text}", err=True)
    if not failed and not as_json:
        click.echo("next: make run keeps the server up; provisioner check finds what is wrong with your own files")
    ctx.exit(Exit.PROBLEMS if failed else Exit.DONE)


def _mutants(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return by phone what it is told to do wrong."""
    from sipstub.phone.disobey import MUTANTS

    found: dict[str, list[str]] = {}
    for text in texts:
        phone, _, name = text.rpartition(":")
        if not phone or name not in MUTANTS:
            raise click.UsageError(f"--disobey {text}: PHONE:NAME is wanted; `sipstub phone --disobey list` prints the names")
        found.setdefault(phone, []).append(name)
    return found


def _show_sessions(report: Report, plans: Mapping[str, SessionPlan]) -> None:
    """Print one line per account and rule of session timers."""
    click.echo(f"Session timers: {played(plans)}.\n")
    print_table([("account", "setting", "expected", "seen", "verdicts"), *session_rows(report, plans)], "", VERDICTS, cut=(2, 3))
    click.echo()


def _show_left_out(report: Report, plans: Mapping[str, SessionPlan]) -> None:
    """Name the settings that the time was too short for, and the command that waits for them."""
    from sipstub.verify.verdict import Verdict

    missing: dict[str, set[str]] = {}
    for phone in report.phones:
        for one in phone.findings:
            is_skipped = one.verdict is Verdict.SKIPPED and f": wants {one.stimulus}" in one.seen
            if (is_skipped or one.verdict is Verdict.INCONCLUSIVE) and not is_of_timers(one):
                missing.setdefault(one.rule, set()).add(phone.name)
    if missing:
        rules = ", ".join(f"{rule} ({count_of(len(names), 'phone')})" for rule, names in sorted(missing.items()))
        click.echo(f"left out for want of time: {rules}")
        click.echo(f"what waits for them, with phones that are on: make run, then {EVERYTHING}")
    text = left_out(plans)
    if text:
        click.echo(f"{text}\nwhat makes them all: {EVERY_CALL}; --plan says how long that takes")


def _show_settings(report: Report) -> None:
    """Print one line per setting, worst first: what the worst phone was expected to do and did, and how many did how."""
    from sipstub.verify.verdict import WORST_FIRST, Verdict

    by_rule: dict[str, list[tuple[PhoneReport, Finding]]] = {}
    for phone in report.phones:
        for one in phone.findings:
            if is_of_timers(one):
                continue  # they have a table of their own
            by_rule.setdefault(one.rule, []).append((phone, one))
    lines = [("setting", "expected", "seen", "for example", "verdicts")]
    worst = {rule: min(found, key=lambda pair: WORST_FIRST.index(pair[1].verdict)) for rule, found in by_rule.items()}
    for rule, (phone, one) in sorted(worst.items(), key=lambda item: WORST_FIRST.index(item[1][1].verdict)):
        counts = Counter(other.verdict for _, other in by_rule[rule])
        del counts[Verdict.INFO]  # of values that no file gives
        if not counts:
            continue
        told = ", ".join(f"{verdict} {counts[verdict]}" for verdict in WORST_FIRST if counts[verdict])
        lines.append((rule, one.expected, one.seen, phone.name, told))
    print_table(lines, "", VERDICTS)
    click.echo()


def _show_findings(report: Report) -> None:
    """Print one table per phone, the worst phones and findings first."""
    for phone in report.worst_first():
        click.echo(phone.name)
        lines = [(phone.title(one), one.expected, one.seen, str(one.verdict), one.place) for one in phone.worst_first()]
        print_table(lines, "  ", PLACE)
        click.echo()


def _show(rows: Sequence[DataclassInstance]) -> None:
    names = [field.name for field in fields(rows[0]) if field.name != "mismatches"] if rows else []
    titles = {"size_bytes": "bytes", "sha256": "hash"}
    lines = [[titles.get(name, name) for name in names]]
    lines += [[str(getattr(row, name)) for name in names] for row in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
