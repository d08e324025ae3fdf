"""`provisioner explain PHONE KEY`: a value, who gave it, whom that overrides, and whether the phone has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.events import when
from provisioner.cli.lost import find_readable
from provisioner.cli.outcome import Exit
from provisioner.cli.place import Places
from provisioner.cli.session import open_fleet, settings_options
from provisioner.errors import NotFound
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.rendering.lines import CfgLine
    from provisioner.runtime.fleet import Fleet, PhoneFiles
    from provisioner.runtime.origins import Claim, Word
    from provisioner.runtime.plan import Planner

LABEL = 12
FILES = {"mac": "the MAC file", "common": "the common file"}


@click.command("explain", epilog="Documentation: docs/howto/why-did-this-phone-get-that.md")
@click.argument("phone")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates", "state")
@click.pass_context
def command(ctx: click.Context, settings: Settings, phone: str, key: str, as_json: bool) -> None:
    """Say where a phone's value comes from.  KEY is a parameter or a word of devices/: transport, line.2.label, key.3.value.

    \b
    Examples:
      provisioner explain t46g-lobby account.1.sip_server.1.address
      provisioner explain t46g-lobby line.1.transport
    """
    from provisioner.runtime.history import History
    from provisioner.runtime.plan import Against, Planner

    fleet = open_fleet(settings)
    history = History(settings.path("state"))
    places = Places(settings)
    mac = find_readable(fleet.inventory(), history, phone, places)
    build = fleet.build(history.bodies, [mac])
    found = build.phones[mac]
    planner = Planner(build, history, fleet.catalogue, Against.DELIVERED)
    pages = [_page(name, words, found, fleet, planner, places) for name, words in _meant(key, found, fleet)]
    if found.is_blocked:
        click.echo(f"{found.phone.name} has a problem and keeps its last good file; below is today's text", err=True)
    if as_json:
        click.echo(json.dumps(pages, indent=2, ensure_ascii=False))
    else:
        click.echo("\n\n".join("\n".join(_shown(page)) for page in pages))
    ctx.exit(Exit.DONE)


def _meant(key: str, found: PhoneFiles, fleet: Fleet) -> list[tuple[str, list[Word]]]:
    """Return the identities of lines that `key` means, each with the typed words that become it."""
    from provisioner.rendering.lines import natural
    from provisioner.runtime.origins import find_words, words_of

    phone = found.phone
    both = {**found.common.lines, **found.mac.lines}
    words = find_words(key, phone, fleet.workshops[phone.model.vendor].vocabulary)
    if words:
        meant: dict[str, list[Word]] = {}
        for word in words:
            names = word.parameters(phone)
            present = [identity for identity in both for name in names if _is_of(identity, name, word)]
            for name in sorted(set(present), key=natural) or names[:1]:
                meant.setdefault(name, []).append(word)
        return list(meant.items())
    name = key.partition(":")[0]
    if fleet.catalogue.parameter(name) is None and key not in both:
        near = fleet.catalogue.nearest(name)
        fields = {**fleet.vocabulary.phone, **fleet.vocabulary.line, **fleet.vocabulary.key}
        is_word = "." not in key or key.partition(".")[0] in ("phone", "line", "key")
        if is_word and key.rpartition(".")[2] in fields:
            raise NotFound(f'{phone.name} has no "{key[:60]}"', hint=f"see `provisioner show {phone.name}`")
        hint = f"did you mean {near}?" if near else "see `provisioner parameters WORD`"
        raise NotFound(f'there is no parameter and no word "{key[:60]}"', hint=hint)
    vocabulary = fleet.workshops[phone.model.vendor].vocabulary
    present = [identity for identity in both if key in (identity, identity.partition(":")[0])]
    return [
        (each, _fitting(each, words_of(each.partition(":")[0], phone, vocabulary, fleet.catalogue))) for each in present or [key]
    ]


def _is_of(identity: str, name: str, word: Word) -> bool:
    return identity.partition(":")[0] == name and bool(_fitting(identity, [word]))


def _fitting(identity: str, words: list[Word]) -> list[Word]:
    """Return the words without the password words of other users, which share one parameter."""
    user = identity.partition(":")[2]
    return [word for word in words if not user or word.field.name == f"{user}_password"]


def _page(identity: str, words: list[Word], found: PhoneFiles, fleet: Fleet, planner: Planner, places: Places) -> dict[str, Any]:
    from provisioner.rendering.lines import RESET
    from provisioner.rendering.redact import is_secret_name, masked, secrets_in
    from provisioner.runtime.origins import claims

    name = identity.partition(":")[0]
    catalogue = fleet.catalogue
    parameter = catalogue.parameter(name)
    own, shared = found.mac.lines.get(identity), found.common.lines.get(identity)
    line = own or shared
    everything = {**found.common.lines, **found.mac.lines}
    known = secrets_in(((each.name, each.value) for each in everything.values()), catalogue, everything)
    is_secret = (line is not None and line.is_secret) or is_secret_name(name, catalogue)
    said = claims(name, words, found.phone, catalogue)
    return {
        "phone": found.phone.name,
        "parameter": identity,
        "words": [str(word) for word in words],
        "value": None if line is None or line.value == RESET else masked(name, line.value, is_secret=is_secret, known=known),
        "written_as": next((claim.value for claim in said if line is not None and claim.origin == line.origin), None),
        "reset": line is not None and line.value == RESET,
        "origin": None if line is None else _origin(line, places),
        "template": places.origin(line.template) if line is not None and line.template is not None else None,
        "file": None if line is None else "mac" if own is not None else "common",
        "in_common_too": own is not None and shared is not None,
        "overrides": [_claim(claim, places) for claim in said if line is not None and claim.origin != line.origin],
        "received": _received(identity, found, planner, is_secret),
        "default": parameter.default if parameter is not None else None,
        "values": parameter.permitted.describe(80) if parameter is not None else None,
        "restarts": parameter.reboot if parameter is not None else None,
        "summary": parameter.summary if parameter is not None else None,
        "pattern": parameter.name if parameter is not None else None,
    }


def _origin(line: CfgLine, places: Places) -> dict[str, Any]:
    return {"layer": line.origin.layer, "place": places.origin(line.origin)}


def _claim(claim: Claim, places: Places) -> dict[str, Any]:
    shown = claim.value if claim.wire in (None, claim.value) else f"{claim.value} ({claim.wire})"
    return {"value": shown, "layer": claim.origin.layer, "place": places.origin(claim.origin)}


def _received(identity: str, found: PhoneFiles, planner: Planner, is_secret: bool) -> dict[str, Any]:
    """Return whether the phone has this value: `yes`, `no`, `never-fetched` or `unknown`."""
    from provisioner.rendering.diff import values_of

    plan = planner.plan(found)
    pair = planner.delivered(found)
    since = None if plan.since is None else when(plan.since, is_local=False)
    if pair.mac is None:
        return {"state": "never-fetched" if plan.since is None else "unknown", "at": since, "value": None}
    wanted = planner.wanted(found)
    common = pair.common if pair.common is not None else wanted.common
    has = values_of(common or b"", pair.mac).get(identity)
    wants = values_of(found.common.body, found.mac.body).get(identity)
    shown = None if has is None else "********" if is_secret else has
    return {"state": "yes" if has == wants else "no", "at": since, "value": shown}


def _shown(page: dict[str, Any]) -> list[str]:
    value, origin = page["value"], page["origin"]
    head = page["parameter"] + (f"  ({', '.join(page['words'])})" if page["words"] else "")
    lines = [head]

    def add(label: str, text: str | None) -> None:
        if text:
            lines.append(f"  {label:<{LABEL}}{text}")

    if origin is None:
        add("value", "not set: neither of the phone's files names it, so it keeps what it has")
    else:
        place = f" ({origin['place']})" if origin["place"] else ""
        shown = "back to the factory value" if page["reset"] else value or '""'
        if page["written_as"] not in (None, value) and value and not page["reset"]:
            shown += "" if "********" in shown else f" ({page['written_as']})"
        add("value", f"{shown}   from {origin['layer']}{place}")
        for at, claim in enumerate(page["overrides"]):
            add("" if at else "overrides", f"{claim['value']}   from {claim['layer']} ({claim['place']})")
        if page["template"] and origin["place"] != page["template"]:
            add("written by", page["template"])
        add("file", FILES[page["file"]] + (", over the common file's value" if page["in_common_too"] else ""))
    received = page["received"]
    at = received["at"]
    add(
        "received",
        {
            "yes": f"yes, with the file of {at}",
            "no": f"not yet: with the file of {at} it got {received['value'] if received['value'] is not None else 'no value'}",
            "never-fetched": "never fetched",
            "unknown": f"unknown: what it got at {at} is no longer kept",
        }[received["state"]],
    )
    default = page["default"]
    add("default", "unknown" if default is None and page["pattern"] else "(blank)" if default == "" else default)
    add("values", page["values"])
    add("restarts", page["restarts"])
    add("meaning", page["summary"])
    add("more", f"provisioner parameters {page['pattern']}" if page["pattern"] else None)
    return lines
