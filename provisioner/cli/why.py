"""`provisioner why`: the decision trail of one request, past or imagined, by the same function the server uses."""

from __future__ import annotations

import ipaddress
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from provisioner.cli.events import readable, when
from provisioner.cli.outcome import Exit
from provisioner.cli.place import Places
from provisioner.cli.session import open_fleet, settings_options, templates_folder
from provisioner.errors import NotFound
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.delivery.answer import Answer
    from provisioner.delivery.policy import Policy
    from provisioner.delivery.request import FileRequest
    from provisioner.delivery.snapshot import Snapshot
    from provisioner.runtime.fleet import Fleet
    from provisioner.runtime.history import History
    from provisioner.state.reading import Event

LABEL = 11
SERVED = ("ok", "not-modified", "head")


@dataclass(frozen=True, slots=True)
class _Past:
    """What is at hand to answer with."""

    fleet: Fleet
    history: History
    snapshot: Snapshot
    origin: str
    places: Places


@click.command("why", epilog="Every reason and what to do about it: docs/reference/reasons.md")
@click.argument("path", required=False)
@click.option("--from", "peer", metavar="IP", help="Address that asks.")
@click.option("--agent", metavar="TEXT", help="User-Agent that it sends.")
@click.option("--protocol", type=click.Choice(["http", "https", "tftp"]), default="http", show_default=True, help="How it asks.")
@click.option(
    "--event",
    "event_id",
    type=int,
    metavar="ID",
    help="Explain this row of the journal instead: see `provisioner events --json`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@settings_options("devices", "templates", "state", "allow", "http", "https", "tftp")
@click.pass_context
def command(
    ctx: click.Context,
    settings: Settings,
    path: str | None,
    peer: str | None,
    agent: str | None,
    protocol: str,
    event_id: int | None,
    as_json: bool,
) -> None:
    """Show the decision trail of one request.  Needs no server; ends with 0 if the file is served, 1 if not.

    \b
    Examples:
      provisioner why /001565aabbcc.cfg --from 10.9.0.4 --agent "Yealink SIP-T46G 28.80.0.60 00:15:65:aa:bb:cc"
      provisioner why --event 4711
    """
    from provisioner.delivery.answer import Served
    from provisioner.delivery.decide import decide
    from provisioner.delivery.request import FileRequest, Protocol
    from provisioner.runtime.sources import policy_of

    past = _past(settings)
    event = None
    if event_id is not None:
        if path is not None or peer is not None:
            raise click.UsageError("--event names a request that was made; leave PATH and --from out")
        event = _event(past.history, event_id)
        row = event.values
        path, peer, agent, protocol = row["name"], row["peer"], row["agent"], row["protocol"]
        if protocol not in [str(known) for known in Protocol]:
            raise click.UsageError(f"event {event_id} is no request of a phone: {row['outcome']}, {row['fact']}")
    if path is None or peer is None:
        raise click.UsageError("name the PATH and --from IP, or --event ID")
    request = FileRequest(Protocol(protocol), path, _address(peer, is_past=event is not None), agent, _is_write(event))
    policy = policy_of(settings)
    answer = decide(request, past.snapshot, policy, now=time.time())
    trail = [
        *([("asked", _asked(event))] if event is not None else []),
        ("identify", _identify(request, past)),
        ("policy", _policy(request, policy, settings)),
        ("phone", _phone(answer, past)),
        ("from", past.origin),
        ("answer", _answer(answer, is_tftp=protocol == "tftp")),
    ]
    if as_json:
        click.echo(json.dumps(_as_json(request, answer, trail, event), indent=2, ensure_ascii=False))
    else:
        for label, text in trail:
            if text:
                click.echo(f"  {label:<{LABEL}}{text}")
    is_served = isinstance(answer, Served) if event is None else event.values["outcome"] in SERVED
    ctx.exit(Exit.DONE if is_served else Exit.PROBLEMS)


def _past(settings: Settings) -> _Past:
    """Return the published generation, or today's text where nothing was ever published."""
    from provisioner.runtime.history import History
    from provisioner.runtime.preview import preview
    from provisioner.runtime.sources import FleetSource

    fleet = open_fleet(settings)
    history = History(settings.path("state"))
    places = Places(settings)
    if history.generation and history.folder is not None:
        snapshot = FleetSource(history.folder, templates_folder(settings)).current()
        if snapshot is not None:
            at = when(history.report["published_at"], is_local=True)
            return _Past(fleet, history, snapshot, f"generation {snapshot.generation} of {at} ({settings['state']})", places)
    origin = f"today's text in {settings['devices']}; no server has published from {settings['state']} yet"
    return _Past(fleet, history, preview(fleet.build(), fleet.catalogue), origin, places)


def _event(history: History, number: int) -> Event:
    found = history.reading.events(after_id=number - 1, limit=1) if history.reading is not None else []
    if not found or found[0].id != number:
        raise NotFound(f"the journal has no event {number}", hint="see `provisioner events --json`; old rows are deleted")
    return found[0]


def _address(peer: str, *, is_past: bool) -> str:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        if is_past:
            return peer
        raise click.UsageError(f"--from wants an IP address, not {peer[:60]!r}") from None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_write(event: Event | None) -> bool:
    return event is not None and event.values["method"] in ("PUT", "POST", "WRQ")


def _asked(event: Event | None) -> str:
    assert event is not None
    row = readable(event.values)
    said = f"{row['outcome']}, status {row['status']}" + (f", {row['size_bytes']} bytes" if row["size_bytes"] else "")
    return f"{when(row['at'], is_local=True)} {row['method']} {row['name']} from {row['peer']}: {said}" + (
        f" ({row['fact']})" if row["fact"] else ""
    )


def _identify(request: FileRequest, past: _Past) -> str:
    from provisioner.delivery.identify import read_name

    name = read_name(request.name)
    reader = past.snapshot.agents
    agent = reader.read(request.agent) if reader is not None and request.agent is not None else None
    agent_mac = agent.mac if agent is not None else None
    if name.mac and agent_mac:
        who = f"mac from path {name.mac} {'=' if name.mac == agent_mac else 'is not'} mac from agent"
        who += "" if name.mac == agent_mac else f" {agent_mac}"
    elif name.mac:
        who = f"mac from path {name.mac}"
    elif agent_mac:
        who = f"mac from agent {agent_mac}"
    else:
        who = "no mac in path or agent"
    kind = {"mac": "its own file", "common": "a model's common file", "static": "a file of devices/files"}.get(
        name.asked, f"a {name.asked} name"
    )
    text = f"{who}; asks for {kind}"
    if agent is not None and (agent.model or agent.firmware):
        text += f"; agent says {' '.join(part for part in (agent.model, agent.firmware) if part)}"
    elif request.agent is not None:
        text += "; the agent is no known Yealink"
    mac = name.mac or agent_mac
    entry = past.snapshot.phones.get(mac) if mac else None
    if entry is None:
        return text
    phone = past.fleet.inventory().phones.get(entry.mac)
    place = f" ({past.places.origin(phone.text.layer.origin)})" if phone is not None else ""
    return f"{text}  -> {entry.name}{place}"


def _policy(request: FileRequest, policy: Policy, settings: Settings) -> str:
    try:
        address = ipaddress.ip_address(request.peer)
        inside = next((net for net in policy.networks if net.version == address.version and address in net), None)
    except ValueError:
        inside = None
    if settings["allow"]:
        named, origin = f"allow = {json.dumps(list(settings['allow']))}", settings.origin("allow")
    else:
        named, origin = "this machine's own networks: " + ", ".join(str(net) for net in policy.networks), "allow is not set"
    where = f"{request.peer} is in {inside}" if inside is not None else f"{request.peer} is not in {named}"
    if request.protocol not in policy.transports:
        where += f"; {request.protocol} is off ({settings.origin(str(request.protocol))})"
    return f"{where} ({origin})"


def _phone(answer: Answer, past: _Past) -> str:
    from provisioner.cli.phones import ago, standings

    entry = past.snapshot.phones.get(answer.mac or "")
    if entry is None:
        return ""
    now = time.time()
    standing = standings(past.history, now).get(entry.mac)
    text = f"{entry.name}, {entry.model or 'unknown model'}"
    if standing is None:
        text += ", never-seen"
    else:
        newest = standing.newest
        text += f", {standing.state}" + (
            f", last fetch {ago(now - newest.at)} over {newest.protocol}" if newest is not None else ""
        )
    if entry.has_problem:
        text += "; its newest text has a problem, so its last good file is served"
    return text


def _answer(answer: Answer, *, is_tftp: bool) -> str:
    from provisioner.delivery.answer import Served
    from provisioner.delivery.reason import Reason

    if isinstance(answer, Served):
        note = f"  ({answer.note})" if answer.note else ""
        file = answer.file
        shown = "ok" if is_tftp else "200 ok"
        return f"{shown}   {file.kind} file {file.name}, {file.size_bytes} bytes, {file.sha256[:12]}{note}"
    shown = f"error {2 if answer.reason is Reason.WRITE_REFUSED else 1}" if is_tftp else str(answer.http_status)
    return f"{shown} {answer.reason}   {answer.fact}; {answer.hint}"


def _as_json(request: FileRequest, answer: Answer, trail: list[tuple[str, str]], event: Event | None) -> dict[str, Any]:
    from provisioner.delivery.answer import Served

    data: dict[str, Any] = {
        "path": request.name,
        "peer": request.peer,
        "agent": request.agent,
        "protocol": str(request.protocol),
        "mac": answer.mac,
        "phone": answer.phone,
        "model": answer.model,
        "firmware": answer.firmware,
        "trail": [{"step": label, "text": text} for label, text in trail if text],
    }
    if isinstance(answer, Served):
        data |= {"outcome": "ok", "status": 200, "file": answer.file.name, "sha256": answer.file.sha256, "fact": "", "hint": ""}
    else:
        data |= {"outcome": str(answer.reason), "status": answer.http_status, "file": None, "sha256": None}
        data |= {"fact": answer.fact, "hint": answer.hint}
    if event is not None:
        data["event"] = {"id": event.id, **event.values, "at": when(event.values["at"], is_local=False)}
    return data
