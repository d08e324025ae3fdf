"""Which address and ports a phone gets: towards loopback its own of 127.0.0.0/8 with the ports of its file, else what is free."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field

from sipstub.errors import SipstubError
from sipstub.phone.agent.place import MAX_ADDRESSES, Place

TRIES = 20
"To find a number that is free for UDP and TCP alike."
BACKLOG = 8


class PhoneAddressProblem(SipstubError):
    """No address or port for a phone."""

    code = "no-phone-address"


@dataclass(slots=True)
class Bound:
    """The sockets of one phone, and where they are."""

    place: Place
    udp: dict[int, socket.socket] = field(default_factory=dict)
    "By the port that was had."
    tcp: dict[int, socket.socket] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    "Where it is not as the file says."

    def close(self) -> None:
        """Close what nobody has taken over."""
        for sock in (*self.udp.values(), *self.tcp.values()):
            sock.close()


async def resolve(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the addresses of each name, IPv4 first; none for one that cannot be resolved."""
    loop = asyncio.get_running_loop()
    found = {}
    for name in names:
        addresses: list[str] = []
        with contextlib.suppress(OSError, UnicodeError):
            rows = await loop.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
            rows.sort(key=lambda row: row[0] != socket.AF_INET)
            addresses = [str(row[4][0]) for row in rows]
        found[name] = tuple(dict.fromkeys(addresses))[:MAX_ADDRESSES]
    return found


def own_host(loopback: str, servers: Iterable[str], source: str | None = None) -> str:
    """Return the address to send from: the one given, the phone's own on loopback, or the one that leads to the first server."""
    if source is not None:
        return source
    addresses = [ipaddress.ip_address(server) for server in servers]
    if all(address.version == 4 and address.is_loopback for address in addresses):
        return loopback
    first = addresses[0]
    with socket.socket(socket.AF_INET if first.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(first), 9))  # sends nothing: only asks the system for the way
            return str(probe.getsockname()[0])
        except OSError as error:
            raise PhoneAddressProblem(f"no way to {first}: {error.strerror}", hint="name an address with --source") from None


def bind(host: str, wanted: dict[str, set[int]]) -> Bound:
    """Return sockets for the wanted ports, or others where those are taken; raises PhoneAddressProblem."""
    ports: dict[int, int] = {}
    bound = Bound(Place(host, ports))
    try:
        for port in sorted(set().union(*wanted.values())):
            kinds = [kind for kind in ("UDP", "TCP") if port in wanted.get(kind, ())]
            _bind_port(bound, ports, host, port, kinds)
    except BaseException:
        bound.close()
        raise
    return bound


def _bind_port(bound: Bound, ports: dict[int, int], host: str, port: int, kinds: list[str]) -> None:
    problem: OSError | None = None
    for number in (port, *[0] * TRIES):
        sockets: dict[str, socket.socket] = {}
        try:
            at = number
            for kind in kinds:
                sockets[kind] = _bound(host, at, kind)
                at = sockets[kind].getsockname()[1]
        except OSError as error:
            problem = error
            for sock in sockets.values():
                sock.close()
            continue
        if at != port:
            bound.notes.append(f"port {port} of {host} is taken; the phone listens on {at}")
            ports[port] = at
        for kind, sock in sockets.items():
            (bound.udp if kind == "UDP" else bound.tcp)[at] = sock
        return
    raise PhoneAddressProblem(
        f"cannot listen on {host}:{port}: {problem.strerror if problem else ''}", hint="name another address with --source"
    )


def _bound(host: str, port: int, kind: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM if kind == "UDP" else socket.SOCK_STREAM)
    try:
        if kind == "TCP":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((host, port))
        if kind == "TCP":
            sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
