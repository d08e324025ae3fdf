"""Routes that a server tells: it is asked by HTTP for each request that a rule of the kind fits (SbcRoutingTimeout).

The form of question and answer is ours [choice].  A POST with method, trigger, group, From and Request-URI is answered with
`{"routes": [{"ipGroup": "pbx"}, {"address": "192.0.2.1:5060", "transport": "udp"}]}`, tried in that order; `requestUri` may
stand beside either.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipstub.sbc.http_service import HttpService
from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.outside import HttpReply, Reply
from sipstub.sbc.proxy_set import SiteProblem, proxy_address
from sipstub.sbc.routing import MAX_ALTERNATIVES, Trigger
from sipstub.sip.error import SipError
from sipstub.sip.message import Request
from sipstub.sip.uri import Uri, parse_uri
from sipstub.transaction.sending import Hop

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

MAX_TEXT = 512
"Letters of a name or address in an answer."


@dataclass(frozen=True, slots=True)
class ToldRoute:
    """One place that a routing server named."""

    group: str = ""
    address: Hop | None = None
    uri: Uri | None = None


class RouteQuestion:
    """One question to a routing server; without an answer in time there are no routes."""

    status = 0

    def __init__(self, sbc: Sbc, service: HttpService, request: Request, source: IpGroup, trigger: Trigger, uri: Uri) -> None:
        self._sbc = sbc
        self._service = service
        said = {
            "method": request.method,
            "trigger": str(trigger),
            "sourceIpGroup": source.name,
            "from": str(request.from_.uri),
            "requestUri": str(uri),
        }
        self._body = json.dumps(said).encode()
        self.routes: tuple[ToldRoute, ...] = ()

    def begin(self, done: Callable[[float], None], now: float) -> None:
        """Ask, for SbcRoutingTimeout at most."""

        def answered(reply: Reply | None, at: float) -> None:
            if isinstance(reply, HttpReply) and reply.is_success:
                self.routes = read_routes(reply.body)
            if not self.routes:
                self._sbc.tell("the routing server told no route" + ("" if reply is not None else ": it gave no answer"), at)
            done(at)

        self._sbc.outside.ask(self._service.ask(self._body), self._sbc.settings["SbcRoutingTimeout"], answered, now)


def read_routes(body: bytes) -> tuple[ToldRoute, ...]:
    """Return the routes of an answer; what cannot be read is left out."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    listed = found.get("routes") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        return ()
    routes = (_route(one) for one in listed[:MAX_ALTERNATIVES] if isinstance(one, dict))
    return tuple(route for route in routes if route is not None)


def _route(said: dict[str, object]) -> ToldRoute | None:
    group, address, uri = (_text(said.get(name)) for name in ("ipGroup", "address", "requestUri"))
    transport = _text(said.get("transport")).upper() or "UDP"
    if transport not in ("UDP", "TCP", "TLS") or not (group or address):
        return None
    try:
        hop = proxy_address(address, transport) if address else None
        return ToldRoute(group, hop, parse_uri(uri) if uri else None)
    except (SiteProblem, SipError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else ""
