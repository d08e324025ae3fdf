"""REGISTER for the core: the registrar as a service, and what becomes of bindings when connections end."""

from __future__ import annotations

from functools import lru_cache

from sipstub.registrar.registrar import Registrar
from sipstub.registrar.source import flow_of
from sipstub.sip.message import Response
from sipstub.trace.record import Endpoint
from sipstub.transaction.event import RequestArrived
from sipstub.transaction.sending import Hop

CACHED = 16_384


class Registering:
    """Answers REGISTER."""

    methods = ("REGISTER",)

    def __init__(self, registrar: Registrar) -> None:
        self.registrar = registrar

    def handle(self, arrived: RequestArrived, now: float) -> Response | None:
        """Return what the registrar says."""
        return self.registrar.handle(arrived.request, source_of(arrived.source), now)

    def next_timer(self) -> float | None:
        """Return when the next binding ends."""
        return self.registrar.next_timer()

    def on_timer(self, now: float) -> None:
        """End bindings that are over."""
        self.registrar.on_timer(now)

    def on_flow_closed(self, flow: Hop, now: float) -> None:
        """End the bindings of phones that can be reached by nothing but this connection (RFC 5626)."""
        self.registrar.drop_flow(flow_of(source_of(flow)), now)


def source_of(hop: Hop) -> Endpoint:
    """Return the other end of a hop as an endpoint."""
    return _endpoint(hop.transport, hop.host, hop.port)


@lru_cache(CACHED)
def _endpoint(transport: str, host: str, port: int) -> Endpoint:
    return Endpoint(transport.lower(), host, port)  # type: ignore[arg-type]
