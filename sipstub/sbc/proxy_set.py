"""A Proxy Set: the addresses of one server, and which of them is alive by the OPTIONS that it is asked with.

The first that is alive is used (homing).  Without keep-alive all count as alive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sipstub.errors import SipstubError
from sipstub.transaction.sending import Hop

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+)(?::([0-9]{1,5}))?\Z")


class SiteProblem(SipstubError):
    """A description of the site that cannot be used."""

    code = "bad-sbc-site"


@dataclass(frozen=True, slots=True)
class ProxySet:
    """As it was configured."""

    name: str
    addresses: tuple[Hop, ...]
    keep_alive_s: int = 0
    "Pause between OPTIONS; 0 sends none."


def proxy_address(text: str, transport: str = "UDP") -> Hop:
    """Return the hop of `127.0.0.1:5070` or `[::1]:5070`; raises SiteProblem.  Names are not resolved here."""
    match = _ADDRESS.match(text.strip())
    if match is None:
        raise SiteProblem(f"not the address of a proxy: {text!r}", hint="like 192.0.2.1:5060 or [2001:db8::1]")
    port = int(match[2] or (5061 if transport == "TLS" else 5060))
    if not 0 < port <= 65535:
        raise SiteProblem(f"not a port: {text!r}")
    return Hop(transport, match[1].strip("[]"), port)


class ProxyHealth:
    """What is known of the addresses of one Proxy Set."""

    __slots__ = ("_dead", "next_at", "proxy_set")

    def __init__(self, proxy_set: ProxySet, now: float) -> None:
        self.proxy_set = proxy_set
        self._dead: set[Hop] = set()
        self.next_at: float | None = now if proxy_set.keep_alive_s else None
        "When the next OPTIONS are due."

    @property
    def alive(self) -> tuple[Hop, ...]:
        """Return the addresses to try, the best first."""
        return tuple(hop for hop in self.proxy_set.addresses if hop not in self._dead)

    def heard(self, hop: Hop, is_alive: bool) -> bool:
        """Take what came of an OPTIONS; return whether that is news."""
        was_alive = hop not in self._dead
        (self._dead.discard if is_alive else self._dead.add)(hop)
        return was_alive is not is_alive
