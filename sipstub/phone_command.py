"""`sipstub phone`: boots a virtual phone, registers it if asked, and says what became of it."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from pathlib import Path
from typing import Any

import click

from sipstub.phone.agent.event import (
    CallChanged,
    MessagesWaiting,
    PhoneEvent,
    Registered,
    RegistrationFailed,
    Resync,
    Unregistered,
)
from sipstub.phone.agent.incoming import Answering
from sipstub.phone.boot.fetch import FetchOptions
from sipstub.phone.disobey import MUTANTS, find_mutants
from sipstub.phone.identity import PhoneIdentity, find_model
from sipstub.phone.models import load_models
from sipstub.phone.net.running import RunningPhone, RunOptions
from sipstub.phone.outcome import FetchLimits
from sipstub.phone.report import BootReport, FileReport
from sipstub.phone.virtual import Phone
from sipstub.trace.pcapng_writer import write_pcapng
from sipstub.trace.record import Recorder

DONE, PROBLEMS = 0, 1
_FOLDER = Path(__file__).parent.parent
DEFAULT_MODELS = tuple(_FOLDER / root / "templates/yealink/models.toml" for root in ("provisioner/bundled", ""))
"Where the facts lie in an installed wheel, and in a checkout."


def _list_mutants(context: click.Context, option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    if "list" in names:
        width = max(map(len, MUTANTS))
        for mutant in MUTANTS.values():
            click.echo(f"{mutant.name:<{width}}  {mutant.summary}" + (f"  [{mutant.parameter}]" if mutant.parameter else ""))
        context.exit(DONE)
    find_mutants(names)
    return names


@click.command("phone")
@click.option("--url", required=True, help="The provisioning URL: tftp, http or https; a bare host means TFTP.")
@click.option("--mac", required=True, help="The phone's MAC, in any usual form.")
@click.option("--model", required=True, help="T46G, SIP-T46G, CP860, ...")
@click.option("--firmware", help="Firmware version; without it, the model's example.")
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    default=lambda: next((path for path in DEFAULT_MODELS if path.is_file()), DEFAULT_MODELS[-1]),
    show_default="those of the program",
    help="Facts about the models.",
)
@click.option("--again", is_flag=True, help="Boot a second time with what the phone remembers; unchanged files change nothing.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=10.0, show_default=True, help="Longest silence in seconds.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="TLS: trust this certificate authority (PEM).")
@click.option("--no-check-certificate", is_flag=True, help="TLS: trust anybody.")
@click.option("--source", help="Send from this address; without it, towards loopback, one of the phone's own.")
@click.option("--register", "is_registering", is_flag=True, help="Register after the boot, as the file says.")
@click.option("--for", "seconds", type=click.FloatRange(0, 604_800), help="Stay on for so many seconds; else until registered.")
@click.option("--call", "number", help="Call this number from the first account, once registered.")
@click.option(
    "--answer",
    type=click.Choice([str(word) for word in Answering]),
    default=str(Answering.RING),
    show_default=True,
    help="What to do with calls; the file may say auto_answer.",
)
@click.option("--leave", is_flag=True, help="Take the registrations back at the end; without it the phone just loses power.")
@click.option(
    "--disobey",
    multiple=True,
    metavar="NAME",
    is_eager=True,
    callback=_list_mutants,
    help="Do one thing otherwise than the file says; may be repeated; `list` shows all.",
)
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Write all SIP messages to this file (pcapng).")
@click.option("--seed", type=int, help="Give the same identifiers each time.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def phone_command(
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
    is_registering: bool,
    seconds: float | None,
    number: str | None,
    answer: str,
    leave: bool,
    disobey: tuple[str, ...],
    record: Path | None,
    seed: int | None,
    as_json: bool,
) -> int:
    """Boot a virtual phone: fetch its files as the firmware does, and say what it got; then do what they say.

    \b
    Example:
      sipstub phone --url http://127.0.0.1:8080/ --mac 00:15:65:aa:bb:cc --model T46G --register --for 60
    """
    if again and is_registering:
        raise click.UsageError("--again boots without registering; leave one of --again and --register out")
    if not is_registering and (disobey or record or number or leave or seconds is not None):
        raise click.UsageError("--for, --call, --leave, --disobey and --record want --register")
    identity = PhoneIdentity.of(mac, find_model(load_models(models).values(), model), firmware)
    limits = FetchLimits(idle_s=timeout, retransmit_s=min(1.0, timeout / 6))
    tls = _tls(ca, no_check_certificate)
    device = Phone(identity, options=FetchOptions(limits=limits, source=source, tls=tls))
    if not is_registering:
        reports = asyncio.run(_boot(device, url, passes=2 if again else 1))
        _print([report.as_json() for report in reports] if again else reports[0].as_json(), reports, as_json=as_json)
        return DONE if all(report.is_provisioned for report in reports) else PROBLEMS
    recorder = Recorder() if record is not None else None
    options = RunOptions(
        seed=seed,
        disobey=disobey,
        source=source,
        tls=tls,
        recorder=recorder,
        answering=Answering(answer),
        on_event=_quiet if as_json else _say,
    )
    running = RunningPhone(device, url, options)
    is_good = asyncio.run(_run(running, timeout, seconds, number, leave=leave, on_boot=None if as_json else _show))
    if record is not None and recorder is not None:
        with os.fdopen(os.open(record, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            write_pcapng(file, recorder.messages())
    if as_json:
        found = running.reports[0].as_json() | {
            "registered": is_good,
            "boots": len(running.reports),
            "sip_notes": running.notes,
            "events": [_event_json(event) for event in running.events],
        }
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for note in running.notes:
            click.echo(f"note: {note}")
        click.echo("registered" if is_good else "not registered")
    return DONE if is_good and running.reports[0].is_provisioned else PROBLEMS


async def _run(
    running: RunningPhone, timeout: float, seconds: float | None, number: str | None, *, leave: bool, on_boot: Any
) -> bool:
    async with running:
        if on_boot is not None:
            on_boot(running.reports[0])
        began = asyncio.get_running_loop().time()
        is_good = await running.registered(timeout if seconds is None else min(seconds, timeout))
        if is_good and number is not None and running.agent is not None and running.agent.lines:
            running.agent.call(running.agent.lines[0].account.number, number, running.now)
            running.settle()
        if seconds is not None:
            await asyncio.sleep(max(0.0, began + seconds - asyncio.get_running_loop().time()))
            is_good = running.agent is not None and running.agent.is_registered
        elif number is not None:
            await running.until(lambda: any(isinstance(event, CallChanged) and event.status for event in running.events), timeout)
        if leave:
            await running.leave(timeout)
        return is_good


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


def _quiet(event: PhoneEvent) -> None:
    """Say nothing."""


def _say(event: PhoneEvent) -> None:
    click.echo(_event_text(event))


def _event_text(event: PhoneEvent) -> str:
    match event:
        case Registered():
            word = "renewed" if event.is_renewal else "registered"
            return f"account {event.account}  {word} at server {event.server} for {event.granted_s} s"
        case RegistrationFailed(status=0):
            return f"account {event.account}  the name of its server has no address"
        case RegistrationFailed():
            again = "not tried again" if event.retry_s is None else f"tried again in {event.retry_s:g} s"
            return f"account {event.account}  registration at server {event.server} failed: {event.status}, {again}"
        case Unregistered():
            return f"account {event.account}  unregistered at server {event.server}"
        case Resync():
            return "told to reboot" if event.is_reboot else "told to fetch its files"
        case MessagesWaiting():
            return f"account {event.account}  message summary: {event.text.splitlines()[0] if event.text else ''}"
        case CallChanged():
            way = "to" if event.is_outgoing else "from"
            return f"account {event.account}  call {way} the other side {event.state}" + (
                f": {event.status}" if event.status else ""
            )


def _event_json(event: PhoneEvent) -> dict[str, Any]:
    fields = {name: getattr(event, name) for name in event.__dataclass_fields__}
    return {
        "event": type(event).__name__,
        **{name: str(value) if isinstance(value, str) else value for name, value in fields.items()},
    }


def _print(found: Any, reports: list[BootReport], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for report in reports:
        _show(report)


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
