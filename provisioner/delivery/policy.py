"""What the server allows at all, before anybody looks at names."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from provisioner.delivery.request import Protocol

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_REMEMBERED_PEERS = 65_536
"Answers about addresses that one policy remembers; then it begins anew."


def parse_networks(texts: list[str] | tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks; `10.1.0.5/16` (a host with its mask) means its network.  ValueError names the bad text."""
    networks: list[Network] = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip(), strict=False))
        except ValueError:
            raise ValueError(f"not a network: {text!r}; write 10.1.0.0/16 or fd00::/8") from None
    return tuple(networks)


def _is_inside(peer: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address.version == network.version and address in network for network in networks)


@dataclass(frozen=True, slots=True)
class Policy:
    """Allowed networks, and which transports are on."""

    networks: tuple[Network, ...] = ()
    "Where phones may be; everything else is refused."

    transports: frozenset[Protocol] = field(default_factory=lambda: frozenset(Protocol))
    "Transports that answer."

    _remembered: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def allows(self, peer: str) -> bool:
        """Return whether the address is in one of the networks; text that is no address is in none."""
        known = self._remembered.get(peer)
        if known is None:
            if len(self._remembered) >= MAX_REMEMBERED_PEERS:
                self._remembered.clear()
            known = self._remembered[peer] = _is_inside(peer, self.networks)
        return known
