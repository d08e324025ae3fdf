"""What one phone did in a situation, with all random texts taken out, and in which places two phones differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from phone_wire import SERVER, Registrar, Wire, a_phone, a_request

from sipstub.phone.agent.event import PhoneEvent
from sipstub.phone.agent.stun import is_stun
from sipstub.sip.error import SipError
from sipstub.sip.message import Request

RANDOM = (
    (re.compile(r"branch=[^;\s]+"), "branch"),
    (re.compile(r"tag=[0-9a-f]+"), "tag"),
    (re.compile(r"\b1_\d+@"), "1_@"),
    (re.compile(r"line=[0-9a-f]{15}"), "line"),
    (re.compile(r'cnonce="[^"]*"'), "cnonce"),
    (re.compile(r'nonce="[^"]*"'), "nonce"),
    (re.compile(r"inline:\S+"), "inline"),
)


def played(when: str, changes: Mapping[str, str], disobey: Iterable[str] = ()) -> Wire:
    """Return the wire after the situation that a mutant shows in."""
    far = Registrar()
    far.granted_s = 60 if when == "renew" else None
    far.min_expires_s = 120 if when == "423" else 0
    far.refuse = {"REGISTER": 503} if when == "503" else {}
    far.silent = {SERVER} if when == "silence" else set()
    wire = Wire(a_phone(changes, disobey=disobey), far).start()
    wire.run({"silence": 150.0, "503": 70.0, "423": 70.0, "renew": 80.0, "idle": 65.0, "boot": 70.0}.get(when, 15.0))
    if when == "options":
        wire.give(a_request("OPTIONS", wire))
    if when == "check-sync":
        wire.give(a_request("NOTIFY", wire, Event="check-sync;reboot=true"))
    if when == "call":
        call = wire.phone.call(1, "2002", wire.now)
        wire.carry()
        wire.run(1.0)
        if call is not None:
            call.press("5", wire.now)
            wire.phone.on_timer(wire.now)
            wire.carry()
    return wire


Step = tuple[str, dict[str, str]]


def steps(wire: Wire) -> list[Step]:
    """Return each thing sent as its kind and its parts by place."""
    found = []
    calls: dict[str, str] = {}
    for seen in wire.seen:
        message = seen.message
        if message is None:
            kind = "stun" if is_stun(seen.data) else "datagram"
            found.append((kind, {"time": f"{seen.at:.1f}", "hop": str(seen.hop)}))
            continue
        kind = message.method if isinstance(message, Request) else "response"
        parts = {"time": f"{seen.at:.1f}", "hop": str(seen.hop), "line": message.start_line}
        for field in message.headers:
            if field.key == "call-id":
                parts[field.name] = calls.setdefault(field.value, f"call {len(calls) + 1}")
            elif field.key != "content-length":
                parts[field.name] = _plain(field.value)
        for number, line in enumerate(message.body.decode().splitlines()):
            parts[f"body {number}"] = _plain(line)
        found.append((kind, parts | _digest(message)))
    return found


def _digest(message: object) -> dict[str, str]:
    """Return whether the digest is right for its own words, so that two nonces can be compared."""
    try:
        credentials = message.authorization if isinstance(message, Request) else ()
    except SipError:
        return {}
    return {"Authorization": re.sub(r'response="[^"]*"', "", _plain(str(credentials[0])))} if credentials else {}


def _plain(text: str) -> str:
    for pattern, word in RANDOM:
        text = pattern.sub(word, text)
    return text


def refused(wire: Wire) -> list[str]:
    """Return why the registrar did not take credentials."""
    assert isinstance(wire.far, Registrar)
    return wire.far.refused


def differences(honest: Wire, other: Wire) -> set[str]:
    """Return the places in which the second phone behaves otherwise than the first.

    Steps are compared one by one; where one sends what the other does not, that is the place `sequence`, and steps of the
    other kinds are compared all the same.
    """
    found: set[str] = set()
    ours, theirs = steps(honest), steps(other)
    if [(kind, parts["time"]) for kind, parts in ours] != [(kind, parts["time"]) for kind, parts in theirs]:
        found.add("sequence")
    for kind in {kind for kind, _ in ours} & {kind for kind, _ in theirs}:
        pairs = zip(
            [parts for found, parts in ours if found == kind], [parts for found, parts in theirs if found == kind], strict=False
        )
        for one, two in pairs:
            places = {place for place in one.keys() | two.keys() if one.get(place) != two.get(place)} - {"time"}
            found |= {"body" if place.startswith("body") else place for place in places}
    if _told(honest.events) != _told(other.events):
        found.add("events")
    if refused(honest) != refused(other):
        found.add("refused")
    return found


def _told(events: list[PhoneEvent]) -> list[str]:
    return [re.sub(r"call_id='[^']*'", "", str(event)) for event in events]
