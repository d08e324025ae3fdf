"""Rules about the phone's own ports and address."""

from __future__ import annotations

from sipstub.trace.record import plain_host
from sipstub.verify.case import Case
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen
from sipstub.verify.request_fact import RequestFact
from sipstub.verify.rule import rule
from sipstub.verify.rules.registration import started_at
from sipstub.verify.setting import ON
from sipstub.verify.verdict import Certainty


@rule("local-port", row=21, source="RFC 3261 section 18.1.1; guide", certainty=Certainty.STATED, also=("stun",))
def local_port(case: Case) -> Outcome:
    """Via and Contact name this port over UDP.  A NAT may show another one; over TCP and TLS the port is the system's."""
    registers = case.registers
    if registers and not any(request.peer.transport == "udp" for request in registers):
        return skipped("over TCP and TLS the port of the connection is the system's")
    udp = [request for request in registers if request.peer.transport == "udp"]
    if not udp:
        return unseen("no REGISTER over UDP")
    for request in reversed(udp):
        via = (request.via.port or 5060) if request.via is not None and request.hops == 1 else None
        if via is not None and str(via) != case.value:
            return failed(f"{via} in Via", request)
        contact = request.contact_uri
        port = (contact.port or 5060) if contact is not None else None
        # After rport or STUN a phone may name the port that the other side sees.
        if port is not None and str(port) != case.value and port != request.peer.port and case.text("stun") != ON:
            return failed(f"{port} in Contact", request)
    return passed(case.value, udp[-1])


@rule("local-tls-port", row=22, source="the name is recall", certainty=Certainty.RECALL)
def local_tls_port(case: Case) -> Outcome:
    """Contact names this port over TLS."""
    registers = case.registers
    if registers and not any(request.peer.transport == "tls" for request in registers):
        return skipped("no account of this phone uses TLS")
    return case.every(
        [request for request in registers if request.peer.transport == "tls"],
        lambda request: str(request.contact_uri.port or 5061) if request.contact_uri is not None else None,
        case.value,
        what="REGISTER over TLS",
    )


@rule("stun", row=51, source="RFC 5389 section 7; guide", certainty=Certainty.STATED, also=("stun-server",))
def stun(case: Case) -> Outcome:
    """A phone that uses STUN asks its server; one that does not, asks nobody."""
    asked = next((packet for packet in case.account.keepalives if packet.kind == "stun"), None)
    expected = "STUN request" if case.is_on else "no STUN request"
    said = case.expectations
    if asked is not None and not case.is_on and any(said.text("stun", account) == ON for account in said.enabled):
        return skipped("another account asks")
    if asked is not None:
        return (passed if case.is_on else failed)("STUN request", asked, expected=expected)
    registers = case.bindings
    if not registers:
        return unseen("no REGISTER", expected=expected)
    last = registers[-1]
    if not case.is_on:
        return passed("no STUN request reached us", last, expected=expected)
    if _is_mapped(last):
        return passed("Contact has the address outside of the NAT", last, expected=expected)
    if not case.facts.sees(case.text("stun-server")):
        return unseen("the STUN server is not watched", expected=expected)
    if started_at(case) is None:
        return unseen("no start seen, where it would ask", expected=expected)
    return failed("no STUN request", last, expected=expected)


def _is_mapped(request: RequestFact) -> bool:
    """Return whether the contact has the address that we see, and Via another one."""
    contact, via = request.contact_uri, request.via
    if contact is None or via is None or request.hops != 1:
        return False
    return plain_host(contact.host) == plain_host(request.peer.host) != plain_host(via.host)
