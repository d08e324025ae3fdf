"""The command line of sipstub.  Exit codes: 0 done, 1 something is wrong, 2 called wrongly."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from pathlib import Path

import click

from sipstub.errors import SipstubError
from sipstub.ladder_command import ladder_command
from sipstub.parse_command import parse_command
from sipstub.phone.boot.fetch import FetchOptions
from sipstub.phone.format.cfg import parse_cfg
from sipstub.phone.identity import PhoneIdentity, find_model
from sipstub.phone.models import load_models
from sipstub.phone.outcome import FetchLimits
from sipstub.phone.report import BootReport, FileReport
from sipstub.phone.virtual import Phone
from sipstub.serve_command import serve_command
from sipstub.verify_command import verify_command

DONE, PROBLEMS = 0, 1
DEFAULT_MODELS = Path("templates/yealink/models.toml")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="provisioner", prog_name="sipstub")
def cli() -> None:
    """Virtual phones and readers of what phones read."""


@cli.command()
@click.option("--url", required=True, help="The provisioning URL: tftp, http or https; a bare host means TFTP.")
@click.option("--mac", required=True, help="The phone's MAC, in any usual form.")
@click.option("--model", required=True, help="T46G, SIP-T46G, CP860, ...")
@click.option("--firmware", help="Firmware version; without it, the model's example.")
@click.option(
    "--models", type=click.Path(path_type=Path), default=DEFAULT_MODELS, show_default=True, help="Facts about the models."
)
@click.option("--again", is_flag=True, help="Boot a second time with what the phone remembers; unchanged files change nothing.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=10.0, show_default=True, help="Longest silence in seconds.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="HTTPS: trust this certificate authority (PEM).")
@click.option("--no-check-certificate", is_flag=True, help="HTTPS: trust anybody.")
@click.option("--source", help="Send from this address; without it, towards loopback, one of the phone's own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def phone(
    url: str,
    mac: str,
    model: str,
    firmware: str | None,
    models: Path,
    again: bool,
    timeout: float,
    ca: str | None,
    no_check_certificate: bool,
    source: str | None,
    as_json: bool,
) -> int:
    """Boot a virtual phone once: fetch its files as the firmware does, and say what it got.

    \b
    Example:
      sipstub phone --url http://127.0.0.1:8080/ --mac 00:15:65:aa:bb:cc --model T46G
    """
    identity = PhoneIdentity.of(mac, find_model(load_models(models).values(), model), firmware)
    limits = FetchLimits(idle_s=timeout, retransmit_s=min(1.0, timeout / 6))
    device = Phone(identity, options=FetchOptions(limits=limits, source=source, tls=_tls(ca, no_check_certificate)))
    reports = asyncio.run(_boot(device, url, passes=2 if again else 1))
    if as_json:
        found = [report.as_json() for report in reports]
        click.echo(json.dumps(found if again else found[0], indent=2, ensure_ascii=False))
    else:
        for report in reports:
            _show(report)
    return DONE if all(report.is_provisioned for report in reports) else PROBLEMS


async def _boot(device: Phone, url: str, *, passes: int) -> list[BootReport]:
    return [await device.boot(url) for _ in range(passes)]


def _tls(ca: str | None, no_check: bool) -> ssl.SSLContext | None:
    if not ca and not no_check:
        return None
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    if no_check:
        context.verify_mode = ssl.CERT_NONE
    return context


def _show(report: BootReport) -> None:
    width = max((len(file.name) for file in report.files), default=0)
    for file in report.files:
        click.echo(f"{file.name:<{width}}  {_line(file)}")
        for fault in file.faults:
            click.echo(f"  {file.name}:{fault.line}  {fault.text}  [{fault.code}]")
    for note in report.notes:
        click.echo(f"note: {note}")
    state = "provisioned" if report.is_provisioned else "not provisioned"
    applied = "unchanged, nothing applied" if report.is_unchanged else f"{len(report.changed)} settings changed"
    click.echo(
        f"{report.identity.mac}  {report.identity.model.name}  {report.identity.firmware}  {report.transport}  {state}, {applied}"
    )


def _line(file: FileReport) -> str:
    if not file.md5:
        return f"{file.outcome}  {file.detail}"
    change = "changed" if file.is_changed else "unchanged"
    return f"{file.outcome}  {file.size_bytes} bytes  md5 {file.md5}  {change}  {file.entries} settings"


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
cli.add_command(ladder_command)
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
