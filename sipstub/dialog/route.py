"""The way of requests in a dialog: route sets, loose and strict routers.  RFC 3261 sections 12.1.1, 12.1.2 and 12.2.1.1."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from sipstub.sip.message import Request, Response
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.uri import SipUri, Uri

RouteSet = tuple[NameAddr, ...]

MAX_ROUTES = 32
"Longest route set that is taken; no real one has ten."


class Way(NamedTuple):
    """What stands in the request line and in Route, and where the request goes first."""

    request_uri: Uri
    routes: RouteSet
    next_hop: Uri
    "To be resolved by RFC 3263."


def route_set_of_server(request: Request) -> RouteSet:
    """Return the route set that the called side has: Record-Route as it came."""
    return request.record_routes[:MAX_ROUTES]


def route_set_of_client(response: Response) -> RouteSet:
    """Return the route set that the calling side has: Record-Route the other way round."""
    return tuple(reversed(response.record_routes[:MAX_ROUTES]))


def way_to(target: Uri, route_set: RouteSet) -> Way:
    """Return the way to the remote target."""
    if not route_set:
        return Way(allowed_in_request(target), (), target)
    first = route_set[0].uri
    if isinstance(first, SipUri) and first.is_loose:
        return Way(allowed_in_request(target), route_set, first)
    # a strict router of RFC 2543 wants to find itself in the request line, and the target last in Route
    return Way(allowed_in_request(first), (*route_set[1:], NameAddr(target)), first)


def allowed_in_request(uri: Uri) -> Uri:
    """Return the URI without what may not stand in a request line (19.1.1)."""
    if not isinstance(uri, SipUri) or not (uri.headers or "method" in uri.params):
        return uri
    return replace(uri, headers=(), params=uri.params.without("method"))
