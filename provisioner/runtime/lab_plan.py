"""What a lab layer would lay over a phone, worked out from its files as they are.  Writes nothing.

Only where SIP goes is changed, and of that only what has to be: a phone whose files say so already keeps every value.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace

from provisioner.inventory.lab import LAID, OFF, PLACE, STUB_TLS, TRANSPORTS, Lab, LabLine, LabValue
from provisioner.inventory.lab_layer import laid
from provisioner.inventory.lab_words import LabWords
from provisioner.inventory.layer import RESET
from provisioner.inventory.origin import Origin, Rank
from provisioner.inventory.phone import Line
from provisioner.inventory.value import STUB
from provisioner.rendering.context import Addresses
from provisioner.rendering.diff import Change, compare, secret_identities, values_of
from provisioner.runtime.fleet import Bodies, Fleet, PhoneFiles
from provisioner.runtime.lab_folder import Labs
from provisioner.runtime.serve import running_server
from provisioner.settings import Settings


class LabWord(enum.StrEnum):
    """What a plan says of one phone."""

    CHANGED = "changed"
    "The layer changes what it gets."
    HERE = "here"
    "Its files send it to this server already: no layer is needed."
    REFUSED = "refused"
    "No layer can be laid over it now; `why` tells."


@dataclass(frozen=True, slots=True)
class Stub:
    """This server's registrar."""

    addresses: Addresses
    "Where phones reach it."

    transports: frozenset[str]
    "udp, tcp, tls as far as it listens; empty if it is off."

    def port(self, transport: str) -> int:
        """Return the port for a transport."""
        return self.addresses.sips_port if transport == "tls" else self.addresses.sip_port


@dataclass(frozen=True, slots=True)
class LabPlan:
    """One phone."""

    mac: str
    "12 hex digits."

    name: str
    "Its name."

    group: str | None
    "Its group."

    word: LabWord
    "What is to be said of it."

    lab: Lab | None = None
    "The layer; None if there is none to lay."

    changes: tuple[Change, ...] = ()
    "By parameter."

    why: str = ""
    "For refused: what stands against it."

    notes: tuple[str, ...] = ()
    "What a person should know before."

    added: tuple[str, ...] = ()
    "Parameters that neither of its files names: after the lab they go back to the factory value."

    sha256: str = ""
    "Hash of its own file under the layer."

    users: tuple[str, ...] = ()
    "User names of the accounts that are sent here."


def stub_of(settings: Settings, addresses: Addresses) -> Stub:
    """Return the registrar of the server that runs on this state folder, or as the settings would have it."""
    running = running_server(settings.path("state"))
    if running is not None:
        is_on = {name: bool(running.get(name)) for name in ("sip", "sips")}
    else:
        is_on = {name: settings[name] != "off" for name in ("sip", "sips")}
    return Stub(addresses, frozenset([*(("udp", "tcp") if is_on["sip"] else ()), *(("tls",) if is_on["sips"] else ())]))


class LabPlanner:
    """Plans layers over phones of one fleet."""

    def __init__(self, fleet: Fleet, bodies: Bodies, stub: Stub, who: str) -> None:
        self._fleet = fleet
        self._bodies = bodies
        self._stub = stub
        self._who = who

    def plan(self, macs: list[str], now: float, seconds: float) -> list[LabPlan]:
        """Return what layers from `now` on for `seconds` would do, phone by phone."""
        without = self._fleet.build(self._bodies, macs, Labs()).phones
        plans = {mac: self._draft(found, now, seconds) for mac, found in without.items()}
        labs = Labs({mac: plan.lab for mac, plan in plans.items() if plan.lab is not None})
        under = self._fleet.build(self._bodies, list(labs.on), labs).phones
        return [self._finished(plan, without[mac], under.get(mac)) for mac, plan in plans.items()]

    def _draft(self, found: PhoneFiles, now: float, seconds: float) -> LabPlan:
        phone, words = found.phone, self._fleet.lab_words

        def said(word: LabWord, why: str = "") -> LabPlan:
            return LabPlan(phone.mac.plain, phone.name, phone.group, word, why=why)

        if found.is_blocked:
            return said(LabWord.REFUSED, "its text has a problem: provisioner check")
        if words is None or phone.model.vendor.folder != self._fleet.folder:
            return said(LabWord.REFUSED, "its vendor's templates have no lab.toml")
        if not self._stub.transports:
            return said(LabWord.REFUSED, "this server has no registrar: serve with --sip :5060")
        values = {line.name: line.value for line in (*found.common.lines.values(), *found.mac.lines.values())}
        values = {name: value for name, value in values.items() if value not in (RESET, "")}
        enabled = [line for line in phone.lines if values.get(words.name(words.enabled, line.number)) == words.enabled_on]
        if not enabled:
            return said(LabWord.REFUSED, "it has no line that is switched on")
        older = [name for line in enabled for each in words.older if (name := words.name(each, line.number)) in values]
        if older:
            return said(LabWord.REFUSED, f"{older[0]} is set, which older firmware obeys: use the word `server` for it")
        notes: list[str] = []
        file = f"{PLACE}{phone.mac.plain}.toml"
        lines = []
        for line in enabled:
            found_values = self._line(line, values, words, notes)
            if found_values:
                origin = Origin(file, 0, f'lab layer of phone "{phone.name}"', Rank.LAB)
                ordered = {word: LabValue(found_values[word], origin) for word in LAID if word in found_values}
                lines.append(LabLine(line.number, ordered))
        if not lines:
            return said(LabWord.HERE)
        lab = Lab(phone.mac.plain, now, now + seconds, self._who, tuple(lines), file)
        users = tuple(user for line in lab.lines if (user := values.get(words.name(words.user, line.number))))
        return replace(said(LabWord.CHANGED), lab=lab, notes=tuple(dict.fromkeys(notes)), users=users)

    def _line(self, line: Line, values: Mapping[str, str], words: LabWords, notes: list[str]) -> dict[str, str]:
        """Return the words of the layer for one account, as far as its files say otherwise."""

        def value(parameter: str) -> str | None:
            return values.get(words.name(parameter, line.number))

        def effective(parameter: str) -> str | None:
            name = words.name(parameter, line.number)
            known = self._fleet.catalogue.parameter(name)
            return values.get(name) or (known.default if known is not None else None)

        codes = {code: word for word, code in words.transports.items()}
        had = codes.get(effective(words.transport) or "")
        transport = had if had in self._stub.transports else next(each for each in TRANSPORTS if each in self._stub.transports)
        laid_words: dict[str, str] = {}
        if value(words.server) != self._stub.addresses.host:
            laid_words["server"] = STUB
        if effective(words.port) != str(self._stub.port(transport)):
            laid_words["port"] = STUB_TLS if transport == "tls" else STUB
        if transport != had:
            laid_words["transport"] = transport
            if had == "tls":
                notes.append(f"line {line.number}: TLS becomes {transport}, which others on the network can read")
        if transport == "tls":
            notes.append(f"line {line.number}: over TLS the phone must trust this server's certificate (docs/howto/lab.md)")
        if value(words.outbound_proxy) == words.outbound_proxy_on:
            laid_words["outbound_proxy"] = OFF
        if value(words.server2) is not None:
            laid_words["server2"] = OFF
        return laid_words

    def _finished(self, plan: LabPlan, without: PhoneFiles, under: PhoneFiles | None) -> LabPlan:
        """Return the plan with what differs; refused if anything else than the layer's own parameters would."""
        if plan.lab is None or under is None:
            return plan
        lines = [*without.mac.lines.items(), *under.mac.lines.items()]
        secret = secret_identities(dict(lines))
        old = values_of(without.common.body, without.mac.body)
        new = values_of(under.common.body, under.mac.body)
        changes = compare(old, new, self._fleet.catalogue, secret)
        own = laid(under.phone)
        strange = [change.name for change in changes if change.name not in own]
        if under.is_blocked or strange or not changes:
            why = f"the layer would change {strange[0]} too" if strange else "its file under the layer has a problem"
            return LabPlan(plan.mac, plan.name, plan.group, LabWord.REFUSED, why=why)
        named = {line.name for line in (*without.common.lines.values(), *without.mac.lines.values())}
        added = tuple(sorted(set(own) - named))
        return replace(plan, changes=changes, added=added, sha256=under.sha256)
