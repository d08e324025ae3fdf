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


@click.command("demo", epilog="Documentation: docs/README.md")
@click.option("--devices", type=click.Path(path_type=Path, file_okay=False), help="Another fleet than the example one.")
@click.option("--templates", type=click.Path(path_type=Path, file_okay=False), help="Other templates than those of the program.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, devices: Path | None, templates: Path | None, as_json: bool) -> None:
    """Serve the example fleet on free ports of loopback and boot every phone of it, once.

    Each phone fetches its files as its firmware does, some over HTTP and some over TFTP.  The bytes are compared with
    those that another process renders, and with what curl and tftp-hpa fetch where they are installed.

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

    devices, templates = devices or bundled("devices"), templates or bundled("templates")
    rows: list[DemoRow] = []
    server = DemoServer(devices, templates)
    try:
        server.wait()
        fleet = Fleet(templates, devices, Addresses(server.facts["advertise"]))
        mismatches = run_demo(fleet, server, rows.append)
    finally:
        server.stop()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
    else:
        _show(rows)
    for text in mismatches:
        click.echo(f"MISMATCH  {text}", err=True)
    if not mismatches and not as_json:
        transports = " and ".join(sorted({row.transport for row in rows}))
        click.echo(f"\n{len(rows)} phones booted over {transports}; each has exactly the bytes that `render --reveal` prints.")
        click.echo("next: make run keeps the server up; provisioner check finds what is wrong with your own files")
    ctx.exit(Exit.PROBLEMS if mismatches else Exit.DONE)


def _show(rows: Sequence[DataclassInstance]) -> None:
    names = [field.name for field in fields(rows[0]) if field.name != "mismatches"] if rows else []
    titles = {"size_bytes": "bytes", "sha256": "hash"}
    lines = [[titles.get(name, name) for name in names]]
    lines += [[str(getattr(row, name)) for name in names] for row in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
