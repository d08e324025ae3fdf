"""`provisioner show PHONE`: one page about one phone: is it what I asked for?"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.events import readable, when
from provisioner.cli.listing import count_of
from provisioner.cli.lost import find_readable
from provisioner.cli.outcome import Exit
from provisioner.cli.phones import ago, standings
from provisioner.cli.place import Places
from provisioner.cli.plan import print_columns
from provisioner.cli.session import open_fleet, settings_options
from provisioner.errors import Problem
from provisioner.secret import MASK, Secret
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.catalogue.catalogue import Catalogue
    from provisioner.inventory.layer import Plain, Setting
    from provisioner.runtime.fleet import Build, PhoneFiles
    from provisioner.runtime.history import History
    from provisioner.runtime.plan import Planner

EVENTS_SHOWN = 5
VERDICTS_SHOWN = 5
PROBLEMS_SHOWN = 10


@click.command("show", epilog="The words for state: docs/reference/state.md")
@click.argument("phone")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates", "state")
@click.pass_context
def command(ctx: click.Context, settings: Settings, phone: str, as_json: bool) -> None:
    """Show one phone: is it what I asked for, its settings with origin, its files, its last fetches and verdicts.

    \b
    Examples:
      provisioner show t46g-lobby
      provisioner show 00:15:65:aa:bb:cc --json
    """
    from provisioner.runtime.history import History
    from provisioner.runtime.plan import Against, Planner

    fleet = open_fleet(settings)
    history = History(settings.path("state"))
    places = Places(settings)
    mac = find_readable(fleet.inventory(), history, phone, places)
    build = fleet.build(history.bodies, [mac])
    found = build.phones[mac]
    now = time.time()
    page = {
        "phone": _identity(found, places),
        "state": _state(found, history, Planner(build, history, fleet.catalogue, Against.DELIVERED), now),
        "settings": list(_settings(found, fleet.catalogue, places)),
        "files": _files(found, history),
        "fetches": _fetches(history, mac),
        "verdicts": _verdicts(history, mac),
        "problems": [problem.as_json() | {"file": places.file(problem.file)} for problem in _problems(build, mac)],
    }
    if as_json:
        click.echo(json.dumps(page, indent=2, ensure_ascii=False))
    else:
        _print(page, now)
    ctx.exit(Exit.PROBLEMS if found.is_blocked else Exit.DONE)


def _identity(found: PhoneFiles, places: Places) -> dict[str, Any]:
    phone = found.phone
    return {
        "name": phone.name,
        "model": phone.model.name,
        "mac": phone.mac.colons,
        "group": phone.group,
        "site": phone.site,
        "template": None if phone.template is None else str(phone.template.value),
        "place": places.origin(phone.text.layer.origin),
    }


def _state(found: PhoneFiles, history: History, planner: Planner, now: float) -> dict[str, Any]:
    """Return the answer to `is it what I asked for?`: the word of the server, and what would still change."""
    standing = standings(history, now).get(found.phone.mac.plain)
    plan = planner.plan(found)
    newest = standing.newest if standing is not None else None
    firmwares = [fetch.firmware for fetch in standing.fetches.values() if fetch.firmware] if standing is not None else []
    return readable(
        {
            "word": str(standing.state) if standing is not None else "never-seen",
            "plan": str(plan.word),
            "changes": len(plan.changes),
            "last_fetch": None if newest is None else newest.at,
            "transport": None if newest is None else newest.protocol,
            "peer": None if newest is None else newest.peer,
            "result": None if newest is None else newest.outcome,
            "firmware": firmwares[0] if firmwares else None,
        }
    )


def _settings(found: PhoneFiles, catalogue: Catalogue, places: Places) -> Any:
    from provisioner.rendering.redact import is_secret_name, masked
    from provisioner.runtime.origins import typed_settings

    for place, fields in typed_settings(found.phone):
        for name, setting in fields.items():
            yield _setting(place, name, masked(name, written(setting.value), is_secret=False), setting, places)
    for name, setting in found.phone.settings.items():
        yield _setting(
            "settings", name, masked(name, str(setting.value), is_secret=is_secret_name(name, catalogue)), setting, places
        )


def _setting(place: str, name: str, value: str, setting: Setting, places: Places) -> dict[str, Any]:
    origin = setting.origin
    return {"place": place, "name": name, "value": value, "layer": origin.layer, "origin": places.origin(origin)}


def written(value: Plain) -> str:
    """Return a value as a person would write it, without quotes; secrets masked."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _files(found: PhoneFiles, history: History) -> list[dict[str, Any]]:
    mac_name = found.own_name
    rows = []
    for kind, name, file in (("common", found.common_name, found.common), ("mac", mac_name, found.mac)):
        if not name:
            continue  # phones of this vendor have no common file
        published = history.files.get(name)
        is_kept = kind == "mac" and found.is_blocked
        body = published.body if is_kept and published is not None else b"" if is_kept else file.body
        rows.append(
            {
                "kind": kind,
                "name": name,
                "size_bytes": len(body),
                "sha256": hashlib.sha256(body).hexdigest() if body else None,
                "published": published.sha256 if published is not None else None,
                "last_good": is_kept,
            }
        )
    return rows


def _fetches(history: History, mac: str) -> list[dict[str, Any]]:
    if history.reading is None:
        return []
    names = ("at", "protocol", "method", "name", "peer", "outcome", "status", "size_bytes", "sha256", "firmware", "fact")
    events = history.reading.events(mac=mac, limit=EVENTS_SHOWN)
    return [readable({"id": event.id} | {name: event.values[name] for name in names}) for event in events]


def _verdicts(history: History, mac: str) -> list[dict[str, Any]]:
    """Return what verification said of the phone, newest first."""
    if history.folder is None or history.reading is None:
        return []
    from provisioner.state.database import Database
    from provisioner.state.verdict_table import VerdictTable

    names = ("at", "verdict", "heard", "passed", "failed", "job_id")
    rows = VerdictTable(Database.open(history.folder)).of(mac)[:VERDICTS_SHOWN]
    return [readable({name: getattr(row, name) for name in names}) for row in rows]


def _problems(build: Build, mac: str) -> list[Problem]:
    found = build.phones[mac]
    own = [*build.inventory.blocked.get(mac, ()), *found.mac.problems, *found.common.problems]
    own += [problem for problem in build.inventory.problems if problem.phone == mac]
    return list(dict.fromkeys(own))


def _print(page: dict[str, Any], now: float) -> None:
    phone, state = page["phone"], page["state"]
    firmware = f" {state['firmware']}" if state["firmware"] else ""
    parts = [phone["name"], f"{phone['model']}{firmware}", phone["mac"], phone["group"], phone["site"], phone["place"]]
    click.echo("   ".join(part for part in parts if part))
    click.echo(_answer(page, now))
    if phone["template"]:
        click.echo(f"template {phone['template']}")
    for problem in page["problems"][:PROBLEMS_SHOWN]:
        place = ":".join(str(part) for part in (problem["file"], problem["line"], problem["column"]) if part is not None)
        hint = f", {problem['hint']}" if problem["hint"] else ""
        click.echo(f"  {problem['severity']}  {place}  {problem['message']}{hint}  {problem['code']}")
    click.echo("\nsettings")
    print_columns([("", row["place"], row["name"], row["value"], f"{row['layer']}  {row['origin']}") for row in page["settings"]])
    click.echo("\nfiles")
    print_columns([("", row["name"], _size(row), (row["sha256"] or "-")[:12], _note(row)) for row in page["files"]])
    if page["fetches"]:
        click.echo("\nlast requests")
        print_columns(
            [
                (
                    "",
                    when(row["at"], is_local=True),
                    row["protocol"],
                    row["method"],
                    row["name"],
                    row["peer"],
                    row["outcome"],
                    row["fact"],
                )
                for row in page["fetches"]
            ]
        )
    if page["verdicts"]:
        click.echo("\nlast verdicts")
        print_columns([("", when(row["at"], is_local=True), *_told(row)) for row in page["verdicts"]])


def _told(row: dict[str, Any]) -> tuple[str, ...]:
    return row["verdict"], f"{row['passed']} PASS", f"{row['failed']} FAIL", row["heard"], f"job {row['job_id'] or '-'}"


def _answer(page: dict[str, Any], now: float) -> str:
    state = page["state"]
    parts = [state["word"].upper()]
    if state["plan"] == "changed":
        verb = "differs" if state["changes"] == 1 else "differ"
        parts.append(f"{count_of(state['changes'], 'parameter')} {verb}: provisioner diff {page['phone']['name']}")
    elif state["plan"] == "kept":
        parts.append("its text has a problem, so it keeps its last good file")
    elif state["plan"] == "same":
        parts.append("it has what today's text says")
    if state["last_fetch"] is not None:
        parts.append(
            f"last request {ago(now - state['last_fetch'])} over {state['transport']} from {state['peer']}, {state['result']}"
        )
    return "   ".join(parts)


def _size(row: dict[str, Any]) -> str:
    return f"{row['size_bytes']} bytes"


def _note(row: dict[str, Any]) -> str:
    if row["last_good"]:
        return "last good file" if row["sha256"] else "none: it never had a good file"
    if row["published"] is None:
        return "not published"
    return "published" if row["published"] == row["sha256"] else "differs from what is published"
