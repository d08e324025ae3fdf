"""One flow as services know it: the other end, and the hop that leads back there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from sipstub.transaction.sending import Hop

CACHED = 16_384


@dataclass(frozen=True, slots=True)
class Flow:
    """The other end of a connection or of datagrams."""

    transport: str
    "udp, tcp or tls."
    host: str
    "An address without brackets."
    port: int
    hop: Hop = field(compare=False, repr=False)
    "With the number of our socket or connection, so that requests go back the way that others came."


@lru_cache(CACHED)
def flow_of_hop(hop: Hop) -> Flow:
    """Return the flow of a hop; equal ones are mostly the same object."""
    return Flow(hop.transport.lower(), hop.host, hop.port, hop)
