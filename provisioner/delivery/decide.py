"""Who may have which file, and why not.  Pure: no sockets, no clock, no logging."""

from __future__ import annotations

from functools import lru_cache

from provisioner.catalogue.agent import NOBODY, Agent, AgentReader
from provisioner.delivery.answer import Answer, Refusal, Served
from provisioner.delivery.identify import Asked, Name, is_newer, read_name
from provisioner.delivery.policy import Policy
from provisioner.delivery.reason import Reason
from provisioner.delivery.request import FileRequest
from provisioner.delivery.snapshot import PhoneEntry, Snapshot

MAX_REMEMBERED_AGENTS = 16_384
"User-Agents whose reading is remembered, about 0.5 kB each."

MAC_NAME_LENGTH = len("001565aabbcc.cfg")


def decide(request: FileRequest, snapshot: Snapshot | None, policy: Policy, *, now: float) -> Answer:
    """Return the one file this phone should get now, or the reason it gets none.

    Same arguments, same answer; never raises.  The order of the checks is the order in docs/reference/reasons.md.
    The path chooses the file and the agent must not contradict it (an identity taken from one part of a request
    while the file is chosen by another is how other servers gave away passwords).
    """
    del now  # no rule depends on the time yet; callers already pass it, so that one may
    if not policy.allows(request.peer):
        return Refusal(Reason.OUTSIDE_NETWORK, f"{request.peer} is in none of the allowed networks")
    if request.protocol not in policy.transports:
        return Refusal(Reason.TRANSPORT_OFF, f"{request.protocol} is off")
    if snapshot is None:
        return Refusal(Reason.NOT_READY, "no generation has been published yet")
    name = _name(request.name, snapshot)
    reader = snapshot.agents
    agent = _read_agent(reader, request.agent) if reader is not None and request.agent is not None else NOBODY
    model, firmware, agent_mac = agent.model, agent.firmware, agent.mac
    mac = name.mac or agent_mac
    entry = snapshot.phones.get(mac) if mac is not None else None
    refusal: tuple[Reason, str] | None
    if request.is_write:
        refusal = Reason.WRITE_REFUSED, f"{request.peer} wants to write {_shown(request.name)}"
    elif name.mac is not None and agent_mac is not None and name.mac != agent_mac:
        refusal = Reason.AGENT_DISAGREES, f"the path says {name.mac}, the agent says {agent_mac}"
    elif name.asked is Asked.MAC:
        refusal = _check_mac_file(name, entry, model, snapshot)
    elif name.asked is Asked.COMMON:
        refusal = _check_common_file(name, model, entry, snapshot)
    else:
        refusal = _check_other(name, request.name, snapshot)
    phone = entry.name if entry is not None else None
    if refusal is not None:
        return Refusal(*refusal, mac, phone, model, firmware)
    return Served(
        snapshot.files[name.canonical],
        mac,
        phone,
        model or (entry.model if entry is not None else None),
        firmware,
        "newer-firmware" if firmware is not None and is_newer(firmware, snapshot.newest_minor) else "",
    )


def _name(text: str, snapshot: Snapshot) -> Name:
    """Return what `text` asks for; a MAC file that exists, asked for in the usual form, is not read letter by letter."""
    plain = text[1:] if text[:1] == "/" else text
    file = snapshot.files.get(plain)
    if file is not None and file.mac is not None and len(plain) == MAC_NAME_LENGTH and plain == file.mac + ".cfg":
        return Name(Asked.MAC, plain, file.mac)
    return read_name(text)


@lru_cache(maxsize=MAX_REMEMBERED_AGENTS)
def _read_agent(reader: AgentReader, text: str) -> Agent:
    """Return what the User-Agent says: a phone that boots says the same with each of its files."""
    return reader.read(text)


def _check_mac_file(name: Name, entry: PhoneEntry | None, model: str | None, snapshot: Snapshot) -> tuple[Reason, str] | None:
    if entry is None:
        if model is not None and model not in snapshot.in_scope:
            return Reason.OUT_OF_SCOPE, f"mac {name.mac} is a {model}, which no template is made for"
        return Reason.UNKNOWN_MAC, f"mac {name.mac} is not in the inventory"
    if model is not None and model != entry.model:
        return Reason.WRONG_MODEL, f"mac {name.mac} is a {entry.model} in the inventory and a {model} by its agent"
    if name.canonical not in snapshot.files:
        own = snapshot.own_file(entry.mac)
        if own is not None:
            return Reason.UNKNOWN_FILE, f"the file of {entry.name} is called {own.name}, not {name.canonical}"
        return Reason.NO_GOOD_FILE, f"{entry.name} has a problem and no earlier good file"
    return None


def _check_common_file(name: Name, model: str | None, entry: PhoneEntry | None, snapshot: Snapshot) -> tuple[Reason, str] | None:
    if model is not None:
        # A phone that names its model may have only that model's common file (T40P and T41P look alike to people).
        right = snapshot.models.get(model)
        if right is not None and right != name.canonical:
            return Reason.WRONG_COMMON, f"a {model} has the common file {right}, not {name.canonical}"
        if model not in snapshot.in_scope:
            return Reason.OUT_OF_SCOPE, f"{name.canonical} belongs to the {model}, which no template is made for"
        if entry is not None and entry.model != model:
            return Reason.WRONG_MODEL, f"mac {entry.mac} is a {entry.model} in the inventory and a {model} by its agent"
    if name.canonical not in snapshot.files:
        return Reason.UNKNOWN_COMMON, f"no phone of the inventory has the common file {name.canonical}"
    return None


def _check_other(name: Name, sent: str, snapshot: Snapshot) -> tuple[Reason, str] | None:
    if name.asked is Asked.BAD:
        return Reason.BAD_NAME, f"the name {_shown(sent)} cannot be a phone's file"
    if name.asked is Asked.BOOT:
        return Reason.BOOT_FILE, f"{name.canonical} is asked for by firmware newer than V80 before the cfg files"
    if name.asked is Asked.LOCAL:
        return Reason.LOCAL_FILE, f"{name.canonical} would be the phone's own changes"
    if name.asked is Asked.STATIC and name.canonical in snapshot.files:
        return None
    return Reason.UNKNOWN_FILE, f"there is no file {_shown(sent)}"


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 80 else name[:77] + "...")
