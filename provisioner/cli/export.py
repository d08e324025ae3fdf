"""`provisioner export csv|toml`: all phones in one document, passwords masked."""

from __future__ import annotations

import os
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisioner.cli.outcome import Exit
from provisioner.cli.session import settings_options, templates_folder
from provisioner.errors import EnvironmentProblem, NotFound
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.inventory.folder import InventoryText
    from provisioner.inventory.layer import PhoneText
    from provisioner.inventory.spot import Spot
    from provisioner.inventory.vocabulary import Vocabulary

REVEALED_MODE = 0o600
MODE = 0o644


@click.command("export", epilog="Columns and cells: docs/reference/csv.md")
@click.argument("form", type=click.Choice(["csv", "toml"]))
@click.option("--empty", is_flag=True, help="Only the names of the columns: a file to fill in (csv).")
@click.option("--reveal", is_flag=True, help="Write passwords in the open.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write to FILE instead of the screen.")
@settings_options("devices", "templates")
def command(form: str, empty: bool, reveal: bool, output: str | None, settings: Settings) -> int:
    """Write the phones' own values as CSV or as one TOML document.

    Importing the CSV again changes nothing; edit cells and import it to change phones in bulk.

    \b
    Examples:
      provisioner export csv -o phones.csv
      provisioner export csv --empty > phones.csv
      provisioner export toml --reveal -o all.toml
    """
    from provisioner.catalogue.load import load_catalogue, vendor_folders
    from provisioner.inventory.exporters.csv_export import csv_header, csv_of
    from provisioner.inventory.exporters.secret_settings import with_secrets
    from provisioner.inventory.folder import DeviceFolder
    from provisioner.inventory.importers.columns import title_of
    from provisioner.inventory.vocabulary import load_spoken

    folder = templates_folder(settings)
    vocabulary: Vocabulary = load_spoken(vendor_folders(folder))
    if empty:
        if form != "csv":
            raise click.UsageError("--empty belongs to csv")
        _put(output, ",".join(title_of(spot) for spot in csv_header(vocabulary)) + "\n", MODE)
        return Exit.DONE
    devices = settings.path("devices")
    if not devices.is_dir():
        raise NotFound(f"{devices} is not a folder", hint="name it with --devices, or run `provisioner init`")
    text = DeviceFolder(devices, vocabulary).read()
    catalogue = load_catalogue(folder)
    phones = [with_secrets(phone, catalogue) for content in text.files.values() for phone in content.phones]
    missing = 0
    if form == "csv":
        document = csv_of(phones, vocabulary, reveal=reveal)
    else:
        document, missing = _toml(devices, phones, reveal=reveal)
    _put(output, document, REVEALED_MODE if reveal else MODE)
    if output:
        click.echo(f"{len(phones)} phones in {output}", err=True)
    if missing:
        click.echo(f"{missing} passwords stand in the open in {devices} and are left out; --reveal writes them", err=True)
    return _report_problems(text)


def _toml(devices: Path, phones: list[PhoneText], *, reveal: bool) -> tuple[str, int]:
    from provisioner.inventory.exporters.toml_export import password_files, toml_of
    from provisioner.mac import MacAddress

    named: dict[MacAddress, dict[Spot, str]] = {}
    by_mac = {phone.mac: phone for phone in phones}
    for file in sorted({phone.file for phone in phones}):
        data = tomllib.loads((devices / file).read_text("utf-8-sig"))
        for table in data["phone"] if isinstance(data.get("phone"), list) else [data]:
            try:
                mac = MacAddress.parse(str(table.get("mac")))
            except (ValueError, AttributeError):
                continue
            if mac in by_mac:
                named[mac] = password_files(table, by_mac[mac])
    return toml_of([(phone, named.get(phone.mac, {})) for phone in phones], reveal=reveal)


def _report_problems(text: InventoryText) -> int:
    """Say that the export is not all that stands in the files, where they have mistakes."""
    from provisioner.errors import Severity

    problems = [problem for content in text.files.values() for problem in content.problems]
    errors = [problem for problem in (*text.problems, *problems) if problem.severity is Severity.ERROR]
    if not errors:
        return Exit.DONE
    click.echo(f"{len(errors)} problems in devices/: what is wrong is not in the export; see `provisioner check`", err=True)
    return Exit.PROBLEMS


def _put(output: str | None, text: str, mode: int) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    target = Path(output)
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=target.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except OSError as error:
        raise EnvironmentProblem(f"{output}: {error.strerror}", hint="name another file with -o") from None
