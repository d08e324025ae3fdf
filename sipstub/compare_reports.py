"""`verify --compare` of both command lines: two reports instead of phones; needs no server, no inventory and no messages."""

from __future__ import annotations

from pathlib import Path

import click

from sipstub.verify.compare import compare
from sipstub.verify.report.comparison import comparison_json, write_comparison
from sipstub.verify.report.files import STANDARD_OUTPUT, write_file
from sipstub.verify.report.reading import read_report_file

TAKEN = ("compared", "json_file")
SETTING = "setting_"
"Prefix of settings of the server, which do no harm."


def compare_reports(ctx: click.Context, compared: tuple[Path, Path], json_file: Path | None) -> int:
    """Print what changed, or write it as JSON; return 1 if something got worse, else 0.

    Raises click.UsageError if anything is given that judges phones, FileProblem and ReportProblem for files that are no reports.
    """
    if given := _others(ctx):
        raise click.UsageError(f"--compare reads two reports and judges no phone: leave {', '.join(given)} out")
    found = compare(*map(read_report_file, compared))
    if json_file is not None and str(json_file) == STANDARD_OUTPUT:
        click.echo(comparison_json(found), nl=False)
        return found.exit_code
    if json_file is not None:
        write_file(json_file, comparison_json(found))
    click.echo(write_comparison(found), nl=False)
    return found.exit_code


def _others(ctx: click.Context) -> list[str]:
    """Return what else stands on the command line."""
    names = []
    for param in ctx.command.params:
        name = param.name or ""
        is_given = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if is_given and name not in TAKEN and not name.startswith(SETTING) and ctx.params.get(name) not in (None, (), []):
            names.append(param.opts[0] if isinstance(param, click.Option) else "the phones")
    return names
