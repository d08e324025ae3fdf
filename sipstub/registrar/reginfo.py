"""The body of the `reg` event: an address of record with its contacts, as XML.  RFC 3680 section 5, RFC 5628 for GRUUs.

Full state each time: contacts that hold, and those that just ended with the reason.  Watchers may lose a NOTIFY and lose nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from sipstub.registrar.binding import Binding, BindingChange, Change

CONTENT_TYPE = "application/reginfo+xml"
NAMESPACE = "urn:ietf:params:xml:ns:reginfo"
SHOWN_ELSEWHERE = frozenset({"q", "expires"})
"Parameters of a contact that have a place of their own."
XML_10 = dict.fromkeys((*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)), "?")
"What no document may hold, not even escaped; a peer's texts may."


def reginfo(aor: str, live: tuple[Binding, ...], changes: Iterable[BindingChange], version: int, now: float) -> bytes:
    """Return the document for one address, given its live bindings and what changed since the last one.

    `aor` is what the watcher calls it: phones compare that with their own address.
    """
    latest = {change.binding.id: change for change in changes}
    ended = [change for change in latest.values() if change.is_removal]
    state = "active" if live else ("terminated" if ended else "init")
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<reginfo xmlns="{NAMESPACE}" version="{version}" state="full">']
    lines.append(f"<registration aor={_attribute(aor)} id={_attribute(_id('r', aor))} state={_attribute(state)}>")
    for binding in live:
        change = latest.get(binding.id)
        event = change.change if change is not None and not change.is_removal else Change.REGISTERED
        lines += _contact(binding, "active", event, now)
    for change in ended:
        lines += _contact(change.binding, "terminated", change.change, now)
    lines += ["</registration>", "</reginfo>"]
    return "\n".join(lines).encode() + b"\n"


def _contact(binding: Binding, state: str, event: Change, now: float) -> list[str]:
    parts = [f"id={_attribute(_id('c', binding.id))}", f"state={_attribute(state)}", f"event={_attribute(event)}"]
    parts.append(f'duration-registered="{max(0, int(now - binding.created_at))}"')
    if state == "active":
        parts.append(f'expires="{binding.remaining_s(now)}"')
    q = binding.params.get("q")
    if q is not None:
        parts.append(f"q={_attribute(q)}")
    parts += [f"callid={_attribute(binding.call_id)}", f'cseq="{binding.cseq}"']
    lines = [f"<contact {' '.join(parts)}>", f"<uri>{_text(binding.contact)}</uri>"]
    if binding.display:
        lines.append(f"<display-name>{_text(binding.display)}</display-name>")
    for name, value in binding.params.as_dict().items():
        if name not in SHOWN_ELSEWHERE:
            lines.append(f"<unknown-param name={_attribute(name)}>{_text(value or '')}</unknown-param>")
    return [*lines, "</contact>"]


def _id(kind: str, text: str) -> str:
    return kind + hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()


def _text(text: str) -> str:
    return escape(text.translate(XML_10))


def _attribute(text: str) -> str:
    return quoteattr(str(text).translate(XML_10))
