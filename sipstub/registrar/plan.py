"""What a REGISTER would change: all of it, or the reason why nothing.  RFC 3261 section 10.3 steps 6 and 7; pure.

Contacts are taken in their order.  A contact that stands twice in one request counts as its last mention.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sipstub.registrar.binding import MAX_BINDING_CHARACTERS, Binding, BindingChange, Change
from sipstub.registrar.outbound import judge_outbound, uses_flow
from sipstub.registrar.policy import Policy
from sipstub.registrar.reason import Refusal, Why
from sipstub.sip.contact import Contact, Contacts
from sipstub.sip.host import host_key
from sipstub.sip.message import Request
from sipstub.sip.plain_register import PlainRegister
from sipstub.sip.uri import SipUri

Plan = tuple[BindingChange, ...]
MAX_USER_AGENT = 256
"A longer User-Agent is kept cut."


@dataclass(slots=True)
class Facts:
    """What all contacts of one request share."""

    request: Request | PlainRegister
    aor: str
    flow: str
    is_outbound: bool
    now: float

    @property
    def call_id(self) -> str:
        """Return the Call-ID."""
        return self.request.call_id

    @property
    def is_large(self) -> bool:
        """Return whether a binding made of it could be too large at all."""
        return self.request.raw is None or len(self.request.raw) > MAX_BINDING_CHARACTERS

    @property
    def cseq(self) -> int:
        """Return the number of CSeq."""
        return self.request.cseq.number


def plan(
    request: Request | PlainRegister, aor: str, flow: str, bindings: tuple[Binding, ...], policy: Policy, now: float
) -> Plan | Refusal:
    """Return the changes that a REGISTER makes to the live bindings of its address, none for a mere question; or the refusal.

    Raises SipError for headers that cannot be read.
    """
    if isinstance(request, PlainRegister):
        refresh = _refresh(request, flow, bindings, policy, now)
        if refresh is not None:
            return refresh
    contacts = request.contacts
    if contacts.is_star:
        return _plan_star(Facts(request, aor, flow, False, now), bindings)
    if len(contacts) > policy.limits.request_contacts:
        return Refusal(Why.TOO_MANY_CONTACTS, f"{len(contacts)} contacts in one request")
    outbound = judge_outbound(request, contacts.addresses, policy)
    if isinstance(outbound, Refusal):
        return outbound
    if len(request.paths) > policy.limits.paths:
        return Refusal(Why.TOO_LARGE, f"{len(request.paths)} values of Path")
    return _plan_contacts(contacts, Facts(request, aor, flow, outbound, now), bindings, policy)


def _refresh(request: PlainRegister, flow: str, bindings: tuple[Binding, ...], policy: Policy, now: float) -> Plan | None:
    """Return what a phone changes that is still there, as nearly all are: the times alone; None for a closer look."""
    asked, contact, agent = request.expires, request.contact_text, (request.user_agent or "")[:MAX_USER_AGENT]
    if asked is None or asked == 0 or policy.is_too_brief(asked):
        return None
    old = next((binding for binding in bindings if binding.contact == contact), None)
    if old is None or old.flow != flow or old.user_agent != agent or old.display != request.display:
        return None
    if old.params.items or old.instance or old.reg_id or old.path:
        return None
    if old.call_id == request.call_id and request.cseq_number <= old.cseq:
        return None
    made = Binding(
        old.aor, old.id, old.contact, old.params, request.call_id, request.cseq_number, old.created_at, now,
        now + policy.granted_s(asked), "", 0, (), old.flow, old.user_agent, old.display,
    )  # fmt: skip
    return (BindingChange(_kind(old, made), made, now, old),)


def _plan_star(facts: Facts, bindings: tuple[Binding, ...]) -> Plan | Refusal:
    if facts.request.expires != 0:
        return Refusal(Why.STAR_WITHOUT_ZERO, f"Contact: * with Expires {facts.request.expires}")
    for binding in bindings:
        if _is_out_of_order(binding, facts):
            return _out_of_order(binding, facts)
    return tuple(BindingChange(Change.UNREGISTERED, binding, facts.now) for binding in bindings)


def _plan_contacts(contacts: Contacts, facts: Facts, bindings: tuple[Binding, ...], policy: Policy) -> Plan | Refusal:
    current = {binding.id: binding for binding in bindings}
    before = dict(current)
    changes: dict[str, BindingChange] = {}
    for contact in contacts:
        asked = contact.expires_s if contact.expires_s is not None else facts.request.expires
        if policy.is_too_brief(asked):
            return Refusal(
                Why.TOO_BRIEF, f"{asked} s, at least {policy.min_expires_s}", (("Min-Expires", str(policy.min_expires_s)),)
            )
        by_flow = facts.is_outbound and uses_flow(contact)
        old = _find(contact, current, by_flow)
        if old is not None and old.id in before and old is before[old.id] and _is_out_of_order(old, facts):
            return _out_of_order(old, facts)
        granted = policy.granted_s(asked)
        if granted == 0:
            if old is not None:
                del current[old.id]
                changes.pop(old.id, None)
                if old.id in before:
                    changes[old.id] = BindingChange(Change.UNREGISTERED, before[old.id], facts.now)
            continue
        made = _bind(contact, old, facts, granted, by_flow)
        if facts.is_large and made.characters > MAX_BINDING_CHARACTERS:
            return Refusal(Why.TOO_LARGE, f"a contact of {made.characters} characters, at most {MAX_BINDING_CHARACTERS}")
        current[made.id] = made
        changes[made.id] = BindingChange(_kind(before.get(made.id), made), made, facts.now, before.get(made.id))
    if len(current) > policy.limits.contacts and len(current) > len(before):
        for gone in _overtaken(before, current, changes):
            del current[gone.id]
            changes[gone.id] = BindingChange(Change.DEACTIVATED, gone, facts.now)
    if len(current) > policy.limits.contacts and len(current) > len(before):
        return Refusal(Why.TOO_MANY_CONTACTS, f"{len(current)} contacts, at most {policy.limits.contacts}")
    return tuple(changes.values())


def _overtaken(before: dict[str, Binding], current: dict[str, Binding], changes: dict[str, BindingChange]) -> list[Binding]:
    """Return bindings that a new one of this request stands in the place of: of the same user at the same host and port.

    A phone that lost power writes another `line` into its Contact each time it starts, and what it left behind is no equal URI.
    It is forgotten only where there is no room otherwise: one phone may have two accounts of one address.
    """
    made = {_place(change.binding) for change in changes.values() if not change.is_removal and change.binding.id not in before}
    return [one for one in before.values() if one.id in current and one.id not in changes and _place(one) in made]


def _place(binding: Binding) -> tuple[str | None, str, int] | str:
    """Return what no two phones have at a time."""
    uri = binding.uri
    if binding.reg_id or binding.path or not isinstance(uri, SipUri):
        return binding.id
    return uri.username, host_key(uri.host), uri.effective_port


def _find(contact: Contact, current: dict[str, Binding], by_flow: bool) -> Binding | None:
    """Return the binding that the contact means: its flow, else one with an equal URI.

    Flows may share a URI (RFC 5626 section 9), so a flow takes over only what is none.  Equality is not transitive: of
    several, the same text goes first.
    """
    bindings = current.values()
    if by_flow:
        flow = next((binding for binding in bindings if binding.is_flow_of(contact)), None)
        if flow is not None:
            return flow
    else:
        text = str(contact.uri)
        for binding in bindings:
            if binding.contact == text:
                return binding
    matching = [binding for binding in bindings if not (by_flow and binding.reg_id) and binding.is_at(contact)]
    if len(matching) > 1:
        text = str(contact.uri)
        matching.sort(key=lambda binding: binding.contact != text)
    return matching[0] if matching else None


def _bind(contact: Contact, old: Binding | None, facts: Facts, granted: int, by_flow: bool) -> Binding:
    request, text = facts.request, str(contact.uri)
    params = contact.params.without("expires") if contact.params.items else contact.params
    path = tuple([str(hop) for hop in request.paths]) if request.paths else ()
    flow, agent, display = facts.flow, (request.user_agent or "")[:MAX_USER_AGENT], request.to.display
    if old is not None:  # what a refresh repeats is not held twice
        text = old.contact if text == old.contact else text
        flow = old.flow if flow == old.flow else flow
        agent = old.user_agent if agent == old.user_agent else agent
        display = old.display if display == old.display else display
        params = old.params if params == old.params else params
    return Binding(
        facts.aor,
        _binding_id(facts, contact, by_flow) if old is None else old.id,
        text,
        params,
        facts.call_id,
        facts.cseq,
        created_at=facts.now if old is None else old.created_at,
        updated_at=facts.now,
        expires_at=facts.now + granted,
        instance=contact.instance or "",
        reg_id=(contact.reg_id or 0) if by_flow else 0,
        path=path,
        flow=flow,
        user_agent=agent,
        display=display,
    )


def _binding_id(facts: Facts, contact: Contact, by_flow: bool) -> str:
    what = f"{contact.instance} {contact.reg_id}" if by_flow else str(contact.uri)
    text = "\0".join((facts.aor, what, facts.call_id, repr(facts.now), str(facts.cseq)))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def _kind(before: Binding | None, made: Binding) -> Change:
    if before is None:
        return Change.CREATED
    return Change.SHORTENED if made.expires_at < before.expires_at else Change.REFRESHED


def _is_out_of_order(binding: Binding, facts: Facts) -> bool:
    return binding.call_id == facts.call_id and facts.cseq <= binding.cseq


def _out_of_order(binding: Binding, facts: Facts) -> Refusal:
    return Refusal(Why.OUT_OF_ORDER, f"CSeq {facts.cseq} after {binding.cseq} of the same Call-ID")
