"""Where a phone is reached, and which way its requests go."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from sipstub.phone.agent.account import Account, Failback, Server
from sipstub.sip.uri import DEFAULT_PORTS
from sipstub.transaction.sending import Hop

MAX_ADDRESSES = 8
"Of one name."

Names = Mapping[str, tuple[str, ...]]
"Addresses by host name, as the shell resolved them; addresses need not be there."


@dataclass(frozen=True, slots=True)
class Place:
    """Where this phone is on the network."""

    host: str
    "Its own address."
    ports: Mapping[int, int] = field(default_factory=dict)
    "The port that was had, by the port that the file wants, where they differ."

    def port(self, wanted: int) -> int:
        """Return the port that is really listened on."""
        return self.ports.get(wanted, wanted)

    @property
    def text(self) -> str:
        """Return the address as it stands in a URI."""
        return f"[{self.host}]" if ":" in self.host else self.host


@dataclass(frozen=True, slots=True)
class Target:
    """One way to a registrar."""

    server: Server
    hop: Hop
    is_proxy: bool = False
    "Whether the hop is an outbound proxy."

    @property
    def name(self) -> str:
        """Return it for people: `server 1 at UDP 192.0.2.1:5060`."""
        return f"server {self.server.number} at {self.hop}"


def is_address(host: str) -> bool:
    """Return whether this is an IP address, in brackets or without."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def addresses_of(host: str, names: Names) -> tuple[str, ...]:
    """Return the addresses of a host; none where its name was not resolved."""
    return (host.strip("[]"),) if is_address(host) else names.get(host.lower(), ())[:MAX_ADDRESSES]


def lanes_of(account: Account, names: Names, socket: int) -> list[list[Target]]:
    """Return the registrations that run side by side, each with the targets it tries in order.

    Two servers at once without successive registration; over outbound proxies only one after the other.  `socket` is the
    number of the datagram socket to send from.
    """
    if not account.servers:
        return []
    if account.proxies:
        server = account.servers[0]
        ways = [(proxy.host, proxy.port) for proxy in account.proxies]
        return [[Target(server, hop, True) for host, port in ways for hop in _hops(server, host, port, names, socket)]]
    lanes = [
        [Target(server, hop) for hop in _hops(server, server.host, server.port, names, socket)] for server in account.servers
    ]
    return [[target for lane in lanes for target in lane]] if account.is_successive else lanes


def _hops(server: Server, host: str, port: int, names: Names, socket: int) -> list[Hop]:
    usual = DEFAULT_PORTS["sips" if server.transport == "TLS" else "sip"]
    number = socket if server.transport == "UDP" else 0
    return [Hop(server.transport, address, port or usual, number) for address in addresses_of(host, names)]


def return_wait(account: Account, first: Target, now_at: Target) -> float | None:
    """Return after how long the first target is tried again while another one serves; None for never by time alone."""
    if now_at.is_proxy:
        return float(account.proxy_probe_s)
    if now_at.server.number != first.server.number:
        return float(account.probe_s)
    if first.server.failback is Failback.DURATION:
        return float(first.server.failback_s) if first.server.failback_s else None
    return None


def returns_at_renewal(first: Target, now_at: Target) -> bool:
    """Return whether the next REGISTER goes to the first target: another address of one name, unless only time counts.

    How long an answer of DNS lives is not known here; that mode is treated like a renewal.
    """
    return first.server.number == now_at.server.number and not now_at.is_proxy and first.server.failback is not Failback.DURATION
