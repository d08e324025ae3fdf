"""Whether a contact is one flow of a phone, in the sense of RFC 5626 section 6."""

from __future__ import annotations

from sipstub.registrar.policy import Policy
from sipstub.registrar.reason import Refusal, Why
from sipstub.sip.contact import Contact
from sipstub.sip.message import Request
from sipstub.sip.plain_register import PlainRegister
from sipstub.sip.uri import SipUri

TAG = "outbound"


def asks_outbound(request: Request | PlainRegister) -> bool:
    """Return whether the phone says that it knows RFC 5626."""
    if not request.supported and not request.require:
        return False
    return any(word.lower() == TAG for word in (*request.supported, *request.require))


def uses_flow(contact: Contact) -> bool:
    """Return whether a contact names instance and flow."""
    return bool(contact.instance) and contact.reg_id is not None


def judge_outbound(request: Request | PlainRegister, contacts: tuple[Contact, ...], policy: Policy) -> bool | Refusal:
    """Return whether contacts with instance and reg-id are flows of their own, or the refusal.

    Without the phone's `Supported: outbound` its reg-id means nothing.  Behind more than one hop the first one must have put `ob`
    into its Path, else 439, and the phone tries again without; two flows in one request are 400.
    """
    if not policy.outbound or not asks_outbound(request):
        return False
    flows = [contact for contact in contacts if uses_flow(contact)]
    if not flows:
        return False
    if sum(1 for contact in flows if contact.expires_s != 0) > 1:
        return Refusal(Why.SEVERAL_FLOWS, f"{len(flows)} contacts with reg-id")
    if len(request.vias) > 1 and not _is_first_hop_able(request):
        return Refusal(Why.FIRST_HOP_WITHOUT_OUTBOUND, f"{len(request.vias)} hops, no `ob` in the last Path")
    return True


def _is_first_hop_able(request: Request | PlainRegister) -> bool:
    """Return whether the hop next to the phone can keep its flow: its Path is the last one, as later hops put theirs in front."""
    if not request.paths:
        return False
    first_hop = request.paths[-1].uri
    return isinstance(first_hop, SipUri) and "ob" in first_hop.params
