"""`provisioner demo`."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.outcome import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import DataclassInstance

    from sipstub.verify.report.document import Report

MAX_CELL = 44
"Longest text of a cell that the others are lined up with."


@click.command("demo", epilog="Documentation: docs/README.md")
@click.option("--devices", type=click.Path(path_type=Path, file_okay=False), help="Another fleet than the example one.")
@click.option("--templates", type=click.Path(path_type=Path, file_okay=False), help="Other templates than those of the program.")
@click.option("--details", is_flag=True, help="Print expected, seen and verdict of every setting of every phone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, devices: Path | None, templates: Path | None, details: bool, as_json: bool) -> None:
    """Serve the example fleet on free ports of loopback and boot every phone of it, once.

    Each phone fetches its files as its firmware does, some over HTTP and some over TFTP.  The bytes are compared with
    those that another process renders, and with what curl and tftp-hpa fetch where they are installed.  Then each phone
    registers, and what the registrar recorded is held against the phone's file.  The phones are virtual.

    \b
    Examples:
      provisioner demo
      provisioner demo --devices devices      your own fleet
    """
    import json

    from provisioner.rendering.context import Addresses
    from provisioner.runtime.bundled import bundled
    from provisioner.runtime.demo import DemoRow, DemoServer, run_demo
    from provisioner.runtime.fleet import Fleet
    from sipstub.verify.report.plain import write_text

    devices, templates = devices or bundled("devices"), templates or bundled("templates")
    rows: list[DemoRow] = []
    server = DemoServer(devices, templates)
    try:
        server.wait()
        addresses = Addresses(server.facts["advertise"], server.facts["sip"]["port"], server.facts["sips"]["port"])
        result = run_demo(Fleet(templates, devices, addresses), server, rows.append)
    finally:
        server.remove()
    report = result.verified.report
    failed = bool(result.mismatches) or report.exit_code == Exit.PROBLEMS
    if as_json:
        found = {"phones": [asdict(row) for row in rows], "verify": report.as_json()}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _show(rows)
        if not result.mismatches:
            transports = " and ".join(sorted({row.transport for row in rows}))
            booted = f"{len(rows)} phones booted over {transports}"
            click.echo(f"\n{booted}; each has exactly the bytes that `render --reveal` prints.")
            click.echo("Each registered with what its file says; the registrar's recording against the file:\n")
        if details:
            _show_findings(report)
        click.echo(write_text(report), nl=False)
    for text in result.mismatches:
        click.echo(f"MISMATCH  {text}", err=True)
    if not failed and not as_json:
        click.echo("next: make run keeps the server up; provisioner check finds what is wrong with your own files")
    ctx.exit(Exit.PROBLEMS if failed else Exit.DONE)


def _show_findings(report: Report) -> None:
    for phone in report.phones:
        click.echo(phone.name)
        lines = [(phone.title(one), one.expected, one.seen, str(one.verdict), one.place) for one in phone.findings]
        widths = [min(MAX_CELL, max((len(line[at]) for line in lines), default=0)) for at in range(4)]
        for line in lines:
            cells = [text if len(text) <= MAX_CELL else text[: MAX_CELL - 3] + "..." for text in line[:4]]
            shown = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            click.echo(f"  {shown}  {line[4]}".rstrip())
        click.echo()


def _show(rows: Sequence[DataclassInstance]) -> None:
    names = [field.name for field in fields(rows[0]) if field.name != "mismatches"] if rows else []
    titles = {"size_bytes": "bytes", "sha256": "hash"}
    lines = [[titles.get(name, name) for name in names]]
    lines += [[str(getattr(row, name)) for name in names] for row in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
