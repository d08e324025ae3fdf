"""The rule about the outbound proxy."""

from __future__ import annotations

from sipstub.sip.wildcard import WILDCARDS
from sipstub.trace.record import plain_host
from sipstub.verify.case import FIRST_SERVER, Case
from sipstub.verify.finding import Outcome, failed, passed, unseen, warned
from sipstub.verify.request_fact import RequestFact, port_of
from sipstub.verify.rule import rule
from sipstub.verify.verdict import Certainty


@rule(
    "outbound-proxy",
    row=18,
    source="RFC 3261 section 8.1.2; guide",
    certainty=Certainty.INFERRED,
    also=("outbound-proxy-address", "outbound-proxy-port", "server-address"),
)
def outbound_proxy(case: Case) -> Outcome:
    """Requests reach the proxy while their Request-URI keeps the registrar; without a proxy they go straight."""
    requests = [request for request in case.account.requests if request.is_initial and request.sip_uri is not None]
    if not case.is_on:
        return _straight(case, requests)
    host = case.text("outbound-proxy-address", FIRST_SERVER)
    port = case.text("outbound-proxy-port", FIRST_SERVER) or "5060"
    expected = f"sent to {host}:{port}, addressed to {case.text('server-address', FIRST_SERVER) or 'the registrar'}"
    if not requests:
        return unseen("no request", expected=expected)
    for request in reversed(requests):
        local = plain_host(request.local.host)
        is_there = str(request.local.port) == port and (local in WILDCARDS or not _is_ip(host) or local == plain_host(host))
        if not is_there:
            return failed(f"sent to {request.local.address}", request, expected=expected)
    registrar = case.text("server-address", FIRST_SERVER).lower()
    wrong = [request for request in requests if request.method == "REGISTER" and registrar not in ("", _host(request))]
    if wrong:
        return failed(f"addressed to {_host(wrong[-1])}", wrong[-1], expected=expected)
    return passed(f"sent to {requests[-1].local.address}", requests[-1], expected=expected)


def _straight(case: Case, requests: list[RequestFact]) -> Outcome:
    expected = "no proxy in between"
    registers = [request for request in requests if request.method == "REGISTER"]
    if not registers:
        return unseen("no REGISTER", expected=expected)
    for request in registers:
        if "route" in request.values:
            return failed(f"Route: {request.value('route')}", request, expected=expected)
        uri = request.sip_uri
        if uri is not None and port_of(uri, request.peer.transport) != request.local.port:
            return warned(f"sent to port {request.local.port}", request, expected=expected)
    return passed("straight to the registrar", registers[-1], expected=expected)


def _host(request: RequestFact) -> str:
    return request.sip_uri.host.lower() if request.sip_uri is not None else ""


def _is_ip(host: str) -> bool:
    return plain_host(host).replace(".", "").isdigit() or ":" in host
