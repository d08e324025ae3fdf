"""The command line of sipstub.  Exit codes: 0 done, 1 something is wrong, 2 called wrongly."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from sipstub.errors import SipstubError
from sipstub.ladder_command import ladder_command
from sipstub.parse_command import parse_command
from sipstub.phone.format.cfg import parse_cfg
from sipstub.phone_command import phone_command
from sipstub.sbc_command import sbc_command
from sipstub.serve_command import serve_command
from sipstub.verify_command import verify_command

DONE, PROBLEMS = 0, 1


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="provisioner", prog_name="sipstub")
def cli() -> None:
    """Virtual phones and readers of what phones read."""


@cli.command("parse-cfg")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def parse_cfg_command(file: Path, as_json: bool) -> int:
    """Read a cfg file as a V80 phone does and print its faults; values are not printed."""
    found = parse_cfg(file.read_bytes())
    if as_json:
        faults = [{"line": fault.line, "code": str(fault.code), "text": fault.text} for fault in found.faults]
        names = [{"name": entry.name, "line": entry.line, "reset": entry.is_reset} for entry in found.entries]
        click.echo(json.dumps({"ignored": found.is_ignored, "settings": names, "faults": faults}, indent=2, ensure_ascii=False))
    else:
        for fault in found.faults:
            click.echo(f"{file}:{fault.line}  {fault.text}  [{fault.code}]")
        click.echo(f"{len(found.entries)} settings, {len(found.faults)} faults")
    return PROBLEMS if found.faults else DONE


cli.add_command(parse_command)
cli.add_command(phone_command)
cli.add_command(ladder_command)
cli.add_command(sbc_command)
cli.add_command(serve_command)
cli.add_command(verify_command)


def main(args: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    try:
        code = cli.main(args, prog_name="sipstub", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except SipstubError as error:
        click.echo(f"error: {error.message}  [{error.code}]", err=True)
        if error.hint:
            click.echo(f"  hint: {error.hint}", err=True)
        code = PROBLEMS
    sys.exit(code if isinstance(code, int) else DONE)
