"""Rules about where REGISTER goes and how."""

from __future__ import annotations

import ipaddress

from sipstub.sip.wildcard import WILDCARDS
from sipstub.trace.record import plain_host
from sipstub.verify.case import FIRST_SERVER, RELIABLE, Case
from sipstub.verify.finding import Outcome, failed, passed, skipped, unseen, warned
from sipstub.verify.request_fact import RequestFact, port_of
from sipstub.verify.rule import rule
from sipstub.verify.setting import ON
from sipstub.verify.verdict import Certainty, Verdict


def _what(case: Case) -> str:
    index = case.expectation.index or FIRST_SERVER
    return "REGISTER" if index == FIRST_SERVER else f"REGISTER to server {index}"


def _registers(case: Case) -> list[RequestFact]:
    return case.of_server(case.registers, case.expectation.index or FIRST_SERVER)


@rule("server-address", row=7, source="RFC 3261 section 10.2; guide", certainty=Certainty.STATED, is_per_index=True)
def server_address(case: Case) -> Outcome | None:
    """Request-URI and To of a REGISTER name the registrar."""
    if not case.value:
        return None
    wanted = plain_host(case.value)
    found = case.every(_registers(case), _named_host, wanted, what=_what(case), expected=case.value)
    if found.verdict is not Verdict.PASS or case.text("outbound-proxy") == ON or not _is_address(wanted):
        return found

    def reached(request: RequestFact) -> str | None:
        host = plain_host(request.local.host)
        return None if host in WILDCARDS or not _is_address(host) else host

    other = case.every(_registers(case), reached, wanted, what="destination", expected=case.value, judge=warned)
    return found if other.verdict is not Verdict.WARN else warned(f"named so, but sent to {other.seen}", other.evidence)


def _named_host(request: RequestFact) -> str | None:
    uri = request.sip_uri
    if uri is None:
        return None
    to = request.to.uri if request.to is not None else None
    host, aor = plain_host(uri.host), plain_host(getattr(to, "host", ""))
    return host if host == aor or not aor else f"Request-URI {host}, To {aor}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@rule("server-port", row=8, source="RFC 3261 section 19.1.2; guide", certainty=Certainty.STATED, is_per_index=True)
def server_port(case: Case) -> Outcome | None:
    """The Request-URI has this port; none means the default of the transport."""
    index = case.expectation.index
    if not case.value or (case.says("server-address", index) and not case.text("server-address", index)):
        return None
    if case.value == "0" or case.text("transport", index) == "dns":
        return skipped("the port comes from DNS")

    def read(request: RequestFact) -> str | None:
        return str(port_of(request.sip_uri, request.peer.transport)) if request.sip_uri is not None else None

    found = case.every(_registers(case), read, case.value, what=_what(case))
    if found.verdict is not Verdict.PASS or case.text("outbound-proxy") == ON:
        return found
    wrong = [request for request in _registers(case) if str(request.local.port) != case.value]
    if not wrong:
        return found
    return warned(f"named so, but sent to port {wrong[-1].local.port}", wrong[-1], likely="something on the way changes ports")


@rule("transport", row=9, source="RFC 3261 section 18.1; guide", certainty=Certainty.STATED, is_per_index=True)
def transport(case: Case) -> Outcome | None:
    """REGISTER comes over this transport, and Via and Contact say so."""
    if case.value == "dns":
        return None

    def read(request: RequestFact) -> str:
        via = request.via.transport.lower() if request.via is not None else ""
        if request.hops == 1 and via != request.peer.transport:
            return f"{request.peer.transport}, Via says {via}"
        contact = request.contact_uri
        named = (contact.transport or "").lower() if contact is not None else ""
        if named and named != request.peer.transport and not (named in RELIABLE and request.peer.transport in RELIABLE):
            return f"{request.peer.transport}, Contact says {named}"
        return request.peer.transport if request.hops < 2 else via

    return case.every(_registers(case), read, case.value, what=_what(case))


@rule(
    "dns-lookup", setting="transport", row=10, source="RFC 3263 section 4", certainty=Certainty.INFERRED, also=("server-address",)
)
def dns_lookup(case: Case) -> Outcome | None:
    """A phone that asks DNS for the transport asks NAPTR, SRV and address records of its server's name."""
    if case.value != "dns":
        return None
    name = case.text("server-address", FIRST_SERVER)
    if name and _is_address(plain_host(name)):
        return skipped("the server is an address, not a name")
    expected = "NAPTR, SRV and A or AAAA"
    if not case.facts.sees_lookups:
        return unseen("DNS was not watched", expected=expected)
    mine = [lookup for lookup in case.facts.lookups if name.lower() in lookup.name.lower()]
    kinds = {lookup.kind.upper() for lookup in mine}
    if not kinds:
        return unseen("no question about the server's name", expected=expected)
    missing = [kind for kind in ("NAPTR", "SRV") if kind not in kinds]
    seen = ", ".join(kind for kind in ("NAPTR", "SRV", "A", "AAAA") if kind in kinds)
    return failed(seen, expected=expected) if missing else passed(seen, expected=expected)
