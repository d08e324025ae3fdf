"""Where we say that we are reached: the Via and the Contact of requests of ours, for each transport."""

from __future__ import annotations

from dataclasses import dataclass

from sipstub.sip.params import Params
from sipstub.sip.uri import DEFAULT_PORTS
from sipstub.sip.via import Via
from sipstub.sip.wildcard import UNSPECIFIED
from sipstub.transaction.sending import Hop

_RPORT = Params((("rport", None),))


@dataclass(frozen=True, slots=True)
class Place:
    """One socket that we listen on."""

    transport: str
    "UDP, TCP or TLS."
    host: str
    "An address without brackets; a wildcard stands for the outward address."
    port: int
    socket: int = 0
    "Number of the socket in hops, where datagrams are received; 0 for streams."


@dataclass(frozen=True, slots=True)
class Places:
    """All of them."""

    listening: tuple[Place, ...] = ()
    advertised: str = ""
    "The name or address that phones use; without it, the address listened on."
    outward: str = "127.0.0.1"
    "Our address towards others, where a wildcard is listened on."

    def via(self, hop: Hop) -> Via:
        """Return the Via of a request to that hop, without a branch; it asks for rport (RFC 3581)."""
        host, port = self._at(hop)
        return Via(hop.transport, host, port, _RPORT)

    def contact(self, hop: Hop) -> str:
        """Return the URI by which requests within dialogs reach us over the same transport."""
        host, port = self._at(hop)
        return f"sip:{host}:{port};transport={hop.transport.lower()}"

    def listened(self, hop: Hop) -> str:
        """Return the address of ours that a hop is talked to from, which may be a wildcard; empty if there is none."""
        place = self._place(hop)
        return "" if place is None else place.host

    def _place(self, hop: Hop) -> Place | None:
        is_ipv6 = ":" in hop.host
        if hop.socket and not hop.is_reliable:  # several sockets of one transport: the one that the hop leads over
            own = next((place for place in self.listening if place.socket == hop.socket), None)
            if own is not None:
                return own
        same = [place for place in self.listening if place.transport == hop.transport]
        return next((place for place in same if (":" in place.host) is is_ipv6), None) or next(iter(same), None)

    def _at(self, hop: Hop) -> tuple[str, int]:
        place = self._place(hop)
        port = place.port if place else DEFAULT_PORTS["sips" if hop.transport == "TLS" else "sip"]
        host = self.advertised or (self.outward if place is None or place.host in UNSPECIFIED else place.host)
        return (f"[{host}]" if ":" in host else host), port
