"""`provisioner render PHONE`: the file that a phone gets, masked for people or as the bytes of the wire."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.lost import find_mac
from provisioner.cli.outcome import Exit
from provisioner.cli.place import Places
from provisioner.cli.session import open_fleet, settings_options
from provisioner.errors import NotFound, Severity
from provisioner.settings import Settings
from sipstub.phone.format.reading import read_file

if TYPE_CHECKING:
    from provisioner.inventory.origin import Origin
    from provisioner.runtime.history import History
    from provisioner.runtime.reveal import Subject

MAX_REASONS = 5
"Problems named on stderr when the last good file stands in; `check` names all."


@click.command("render", epilog="Documentation: docs/reference/cli.md")
@click.argument("phone")
@click.option(
    "--file", "which", type=click.Choice(["mac", "common"]), default="mac", show_default=True, help="Which of its two files."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: each line with its origin.")
@click.option("--reveal", is_flag=True, help="Print exactly the bytes of the wire, passwords too; this is journalled.")
@settings_options("devices", "templates", "state")
@click.pass_context
def command(ctx: click.Context, settings: Settings, phone: str, which: str, reveal: bool, as_json: bool) -> None:
    """Print the file that a phone gets.  Secrets are masked unless --reveal is given.

    A phone whose newest text has a problem gets its last good file, and so do you, with a note and exit code 1.

    \b
    Examples:
      provisioner render t46g-lobby
      provisioner render 00:15:65:20:00:01 --file common --reveal > y000000000028.cfg
    """
    from provisioner.rendering.redact import redact
    from provisioner.runtime.history import History
    from provisioner.runtime.reveal import Subject

    fleet = open_fleet(settings)
    history = History(settings.path("state"))
    places = Places(settings)
    inventory = fleet.inventory()
    mac = find_mac(inventory, history, phone)
    build = fleet.build(history.bodies, [mac])
    files = build.phones.get(mac)
    entry = history.lost(inventory)[mac].entry if files is None else None
    subject = Subject(mac, files.phone.name, files.phone.model.name) if files is not None else Subject.of(entry)
    common_name = files.common_name if files is not None else entry.common_name if entry is not None else ""
    published = history.snapshot.own_file(mac) if history.snapshot is not None else None
    own_name = files.own_name if files is not None else published.name if published is not None else mac + ".cfg"
    name = common_name if which == "common" else own_name
    if not name:
        raise NotFound(f"phones like {subject.name} have no common file", hint="leave --file out")
    wanted = build.commons.get(name) if which == "common" else files.mac if files is not None else None
    is_held = wanted is None or not wanted.is_good or inventory.stops_everything
    if which == "mac":
        is_held = files is None or files.is_blocked
    body: bytes | memoryview = wanted.body if wanted is not None else b""
    lines = wanted.lines if wanted is not None else {}
    if is_held:
        body, lines = _last_good(history, name, subject), {}
        generation = history.files[name].generation
        click.echo(f"{subject.name} has a problem; this is its last good file, of generation {generation}", err=True)
        found = [*inventory.blocked.get(mac, ()), *(wanted.problems if wanted is not None else ())]
        source = history.lost(inventory)[mac].source if files is None else None
        found += [problem for problem in inventory.problems if problem.file == source]
        errors = [problem for problem in dict.fromkeys(found) if problem.severity is Severity.ERROR]
        for problem in errors[:MAX_REASONS]:
            click.echo(f"  {places.problem(problem)}  {problem.message}  {problem.code}", err=True)
    if reveal:
        _journal(history, settings, subject, name)
    if as_json:
        text = bytes(body).decode() if reveal else redact(body, fleet.catalogue, lines)
        origins = wanted.origins if wanted is not None and not is_held else ()
        page = {"phone": subject.name, "file": name, "kind": which, "last_good": is_held, "size_bytes": len(body)}
        click.echo(
            json.dumps(
                page | {"sha256": sha256(body).hexdigest(), "lines": _lines(text, origins, places)}, indent=2, ensure_ascii=False
            )
        )
    elif reveal:
        sys.stdout.flush()
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
    else:
        click.echo(redact(body, fleet.catalogue, lines), nl=False)
    ctx.exit(Exit.PROBLEMS if is_held else Exit.DONE)


def _lines(text: str, origins: Sequence[Origin | None], places: Places) -> list[dict[str, Any]]:
    """Return the assignments of a file, masked or not as `text` is, each with the place that gave its value."""
    rows = []
    for name, value, line in read_file(text.encode()).entries:
        origin = origins[line - 1] if line <= len(origins) else None
        rows.append({"name": name, "value": value, "origin": places.origin(origin) if origin is not None else None})
    return rows


def _last_good(history: History, name: str, subject: Subject) -> bytes | memoryview:
    published = history.files.get(name)
    if published is None:
        raise NotFound(
            f"{subject.name} has a problem and never had a good {name}", hint=f"run `provisioner check {subject.name}`"
        )
    return published.body


def _journal(history: History, settings: Settings, subject: Subject, name: str) -> None:
    """Write down who looked at which secrets, where there is a journal to write to."""
    if history.reading is None:
        return
    from provisioner.runtime.reveal import record_reveal

    assert history.folder is not None
    record_reveal(history.folder, subject, name)
