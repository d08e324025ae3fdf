"""`provisioner verify --through-sbc`: phones behind an SBC, and what that was predicted to do with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisioner.errors import EnvironmentProblem

if TYPE_CHECKING:
    from provisioner.runtime.sip_sbc import SbcChoice
    from sipstub.verify.report.document import Report

through_option = click.option(
    "--through-sbc",
    "sbc",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="An SBC with these settings stands between; compare calls with what is predicted.",
)


def stands_there(facts: dict[str, Any], sbc: SbcChoice) -> None:
    """Say how the SBC stands before the registrar of that server; EnvironmentProblem if it is another one, or none."""
    from provisioner.runtime.verify_server import has_sbc

    if not has_sbc(facts, sbc):
        found = facts.get("sbc")
        what = f"has another SBC before its registrar, or other settings: {found['file']}" if found else "has no SBC before it"
        hint = f"end it, then verify starts one; or start it anew: provisioner serve --sbc {sbc.file}"
        raise EnvironmentProblem(f"the server here {what}", hint=hint, code="other-sbc")
    told = facts["sbc"]
    click.echo(f"phones find {told['file']} there; the registrar is behind it at {told['registrar']}", err=True)
    for note in told["notes"]:
        click.echo(f"  {note}", err=True)


def print_calls(report: Report, *, err: bool) -> None:
    """Print what calls were predicted to do, and did."""
    rows = [(phone.name, row) for phone in report.phones for row in phone.compared]
    widths = [max((len(name) for name, _ in rows), default=0), max((len(row.subject) for _, row in rows), default=0)]
    for name, row in rows:
        text = row.line.removeprefix(row.subject)
        click.echo(f"{name:<{widths[0]}} through the SBC: {row.subject:<{widths[1]}}{text}", err=err)
    if not rows:
        click.echo("through the SBC: no call with both legs was seen", err=True)
