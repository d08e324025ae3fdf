"""`provisioner init DIR`: a folder to start from."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("init", epilog="The first five minutes: README.md")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--with-templates", is_flag=True, help="Also copy the templates, so that they can be edited there.")
@click.option("--force", is_flag=True, help="Add what is missing to a folder that is not empty; nothing is overwritten.")
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as JSON.")
def command(folder: Path, with_templates: bool, force: bool, as_json: bool) -> None:
    """Write devices/ with an example phone, and provisioner.toml with every setting explained.

    \b
    Examples:
      provisioner init phones
      provisioner init phones --with-templates
    """
    from provisioner.runtime.start_folder import write_start_folder

    written, kept = write_start_folder(folder, with_templates=with_templates, force=force)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "written": written, "kept": kept}, indent=2))
        return
    shown = [name for name in written if not name.startswith("templates/")]
    for name in shown:
        click.echo(f"wrote  {folder / name}")
    if len(shown) < len(written):
        click.echo(f"wrote  {folder / 'templates'} ({len(written) - len(shown)} files)")
    for name in kept:
        click.echo(f"kept   {folder / name}")
    click.echo(f"  next  cd {folder}; edit devices/phones/example.toml; provisioner check; provisioner serve", err=True)
