"""`provisioner adopt MAC`: take an unknown phone into the inventory; the model is known from its knocking."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.outcome import Exit
from provisioner.cli.session import settings_options, templates_folder
from provisioner.errors import NotFound, ProvisionerError, Severity
from provisioner.mac import MacAddress
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.inventory.importers.plan import PhonePlan
    from provisioner.inventory.layer import Plain
    from provisioner.inventory.spot import Spot
    from provisioner.runtime.rehearsal import Rehearsal
    from provisioner.state.reading import Reading


class AdoptProblem(ProvisionerError):
    """The phone cannot be taken in; nothing was written."""

    code = "cannot-adopt"


@click.command("adopt", epilog="What may stand in the file: docs/reference/devices.md")
@click.argument("mac")
@click.option("--name", help="Its name; the MAC if not given.")
@click.option("--model", help="Its model; from its knocking if not given.")
@click.option("--group", help="Its group.")
@click.option("--site", help="Its site.")
@click.option("--template", help="Another template than the model's own.")
@click.option("--extension", help="Extension of its first line; without it the phone gets no line yet.")
@click.option("--auth-name", help="Digest user name, if it is not the extension.")
@click.option("--display-name", help="Name shown to the other side.")
@click.option("--label", help="Name shown on the phone.")
@click.option("--password-file", type=click.Path(dir_okay=False), metavar="FILE", help="File with the password of its line.")
@click.option("--generate-password", is_flag=True, help="Make a random password for its line.")
@click.option("--dry-run", is_flag=True, help="Show what would be written and write nothing.")
@click.option("--yes", is_flag=True, help="For scripts; adopt never asks.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@settings_options("devices", "templates", "state")
def command(mac: str, dry_run: bool, yes: bool, as_json: bool, settings: Settings, **options: Any) -> int:
    """Take the phone with this MAC into the inventory and write its file.

    \b
    Examples:
      provisioner adopt 805e0c112233 --name desk7 --group sales --extension 107 --generate-password
      provisioner adopt 00:15:65:aa:bb:cc --model T46G --dry-run
    """
    from provisioner.inventory.importers.plan import Action, Change, ImportPlan, PhonePlan
    from provisioner.inventory.spot import Spot, order
    from provisioner.runtime.addresses import read_addresses
    from provisioner.runtime.import_run import tried, unreadable
    from provisioner.runtime.rehearsal import Rehearsal

    devices = settings.path("devices")
    if not devices.is_dir():
        raise NotFound(f"{devices} is not a folder", hint="name it with --devices, or run `provisioner init`")
    rehearsal = Rehearsal(templates_folder(settings), devices, read_addresses(settings))
    address = _mac(mac)
    _refuse_known(rehearsal, address, options["name"])
    lost = unreadable(rehearsal)
    if lost:
        raise AdoptProblem(f"{lost[0]}: the phone may stand in that file", hint="correct it first, see `provisioner check`")
    reading = _reading(settings)
    values = _values(rehearsal, address, options, _knocked_model(reading, address))
    changes = tuple(Change(spot, None, values[spot]) for spot in order(values))
    name, model = str(values[Spot(None, "name")]), str(values[Spot(None, "model")])
    plan = ImportPlan([PhonePlan(Action.ADDED, address, name, model, "", 0, changes)])
    staged = tried(plan, rehearsal, "")
    errors = [problem for problem in plan.problems if problem.severity is Severity.ERROR]
    if errors:
        for problem in errors:
            click.echo(str(problem), err=True)
        click.echo("Nothing was written.", err=True)
        return Exit.PROBLEMS
    phone = plan.phones[0]
    if not dry_run:
        staged.write()
        if reading is not None:
            reading.forget_knocking(address.plain)
    if as_json:
        click.echo(json.dumps(phone.as_json() | {"written": not dry_run, "missing": _missing(values)}, indent=2))
    else:
        _show(phone, staged.read(phone.file) or "", devices, values, dry_run=dry_run)
    return Exit.DONE


def _mac(text: str) -> MacAddress:
    try:
        mac = MacAddress.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 12 hex digits: 00:15:65:aa:bb:cc", param_hint="MAC") from None
    if mac.plain in ("000000000000", "ffffffffffff") or int(mac.plain[:2], 16) & 1:
        raise AdoptProblem(f"{mac.colons} is not the address of one device", hint="copy it from the phone's label")
    return mac


def _refuse_known(rehearsal: Rehearsal, mac: MacAddress, name: str | None) -> None:
    for content in rehearsal.text.files.values():
        for phone in content.phones:
            if phone.mac == mac:
                raise AdoptProblem(
                    f"{mac.colons} is known: {phone.layer.name} in {phone.layer.origin}",
                    hint=f"edit that file, or see `provisioner show {phone.layer.name}`",
                )
            if name is not None and phone.layer.name == name:
                raise AdoptProblem(f'"{name}" is {phone.mac.colons} already ({phone.layer.origin})', hint="choose another name")


def _reading(settings: Settings) -> Reading | None:
    """Return the questions to the state folder, None if no server ever kept one."""
    if not settings.path("state").is_dir():
        return None
    from provisioner.cli.events import open_reading

    return open_reading(settings["state"])


def _knocked_model(reading: Reading | None, mac: MacAddress) -> str | None:
    if reading is None:
        return None
    return next((knock.model for knock in reading.knocking(with_ignored=True) if knock.mac == mac.plain), None)


def _values(rehearsal: Rehearsal, mac: MacAddress, options: dict[str, Any], knocked: str | None) -> dict[Spot, Plain]:
    """Return what the new file says; each option is checked as a cell of an import would be."""
    from provisioner.inventory.importers.cells import ESCAPE, CellReader
    from provisioner.inventory.importers.columns import Column, ColumnNames
    from provisioner.inventory.importers.staging import generate_password
    from provisioner.inventory.spot import Spot
    from provisioner.inventory.value import ValueProblem, check_text
    from provisioner.secret import Secret

    if not options["model"] and not knocked:
        raise AdoptProblem(f"the model of {mac.colons} is not known: it has not asked yet", hint="give it with --model T46G")
    if not options["extension"]:
        for word in ("auth_name", "display_name", "label", "password_file", "generate_password"):
            if options[word]:
                flag = "--" + word.replace("_", "-")
                raise click.UsageError(f"{flag} belongs to a line: give --extension too")
    if options["password_file"] and options["generate_password"]:
        raise click.UsageError("give --password-file or --generate-password, not both")
    cells = CellReader(rehearsal.fleet.catalogue)
    names = ColumnNames(rehearsal.fleet.vocabulary, lambda name: False)
    words = ("name", "model", "group", "site", "template", "extension", "auth_name", "display_name", "label")
    given = {word: options[word] for word in words if options[word]}
    given = {"name": mac.plain, "model": knocked} | given
    values: dict[Spot, Plain] = {Spot(None, "mac"): mac.colons}
    for word, text in given.items():
        found = names.find(word)
        assert found is not None
        spot, field = found
        try:
            value = cells.read(Column(0, word, spot, field), ESCAPE + str(text))
        except ValueProblem as problem:
            if problem.code == "out-of-scope" or (word == "model" and not options["model"]):
                raise AdoptProblem(f"{mac.colons}: {problem.message}", hint=problem.hint) from None
            raise click.BadParameter(f"{problem.message}; {problem.hint}", param_hint=f"--{word.replace('_', '-')}") from None
        if isinstance(value, str):
            values[spot] = value
    if options["password_file"]:
        try:
            text = Path(options["password_file"]).read_text("utf-8").removesuffix("\n").removesuffix("\r")
            values[Spot(1, "password")] = Secret(check_text(text, is_secret=True))
        except (OSError, UnicodeDecodeError):
            raise NotFound(f"{options['password_file']} cannot be read", hint="correct the path") from None
        except ValueProblem as problem:
            raise AdoptProblem(f"{options['password_file']} {problem.message}", hint=problem.hint) from None
    if options["generate_password"]:
        values[Spot(1, "password")] = generate_password()
    return values


def _missing(values: dict[Spot, Plain]) -> list[str]:
    from provisioner.inventory.spot import Spot

    if Spot(1, "extension") not in values:
        return ["a line: [[line]] with extension and password_file"]
    return [] if Spot(1, "password") in values else ["the password of its line: password_file"]


def _show(phone: PhonePlan, text: str, devices: Path, values: dict[Spot, Plain], *, dry_run: bool) -> None:
    click.echo(f"{'would write' if dry_run else 'wrote'} {devices / phone.file}")
    for line in text.splitlines():
        click.echo(f"    {line}" if line else "")
    for what in _missing(values):
        click.echo(f"  missing  {what}", err=True)
    if dry_run:
        click.echo("Nothing was written.", err=True)
    else:
        click.echo("  undo     provisioner import undo", err=True)
        click.echo("  next     provisioner check; the phone gets its file when it asks again", err=True)
