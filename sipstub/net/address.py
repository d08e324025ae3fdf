"""Where to listen: `HOST:PORT` as people write it, the sockets bound to it, and endpoints of what sockets call an address."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sipstub.errors import SipstubError
from sipstub.media.port import own_address
from sipstub.trace.record import Endpoint, Transport

BACKLOG = 512
RECEIVE_BUFFER_BYTES = 4 * 2**20
"Asked for; a storm of phones waits in the kernel, not in tables of ours."
CACHED_ENDPOINTS = 16_384
SAME_PORT_TRIES = 20
"With port 0, TCP wants the number that UDP got; somebody else may have it."
MAX_PORT = 65_535
ELSEWHERE = "192.0.2.1"
"An address of documentation (RFC 5737): nobody is there."


class ListenProblem(SipstubError):
    """An address that cannot be listened on."""

    code = "cannot-listen"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An IP address and a port; port 0 is any free one."""

    host: str
    "Without brackets."
    port: int

    @classmethod
    def parse(cls, text: str, *, default_port: int) -> ListenAddress:
        """Return what `127.0.0.1:5060`, `[::1]:5060`, `:5060`, `*` or `localhost` names; raises ListenProblem."""
        host, port_text = _split(text.strip())
        if host == "localhost":
            host = "127.0.0.1"
        if host in ("", "*"):
            host = "0.0.0.0"  # noqa: S104 - that is what was asked for
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            raise ListenProblem(f"not an IP address: {host!r}", hint="like 192.0.2.10:5060 or [2001:db8::10]:5060") from None
        if not port_text:
            return cls(host, default_port)
        if not (port_text.isascii() and port_text.isdigit()) or int(port_text) > MAX_PORT:
            raise ListenProblem(f"not a port: {port_text!r}", hint="a number from 0 to 65535")
        return cls(host, int(port_text))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def bind_udp(address: ListenAddress) -> socket.socket:
    """Return a bound datagram socket that does not block; raises ListenProblem."""
    found = _bind(address, socket.SOCK_DGRAM)
    with contextlib.suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    return found


def bind_tcp(address: ListenAddress) -> socket.socket:
    """Return a listening stream socket that does not block; raises ListenProblem."""
    found = _bind(address, socket.SOCK_STREAM)
    found.listen(BACKLOG)
    return found


def bind_both(address: ListenAddress) -> tuple[socket.socket, socket.socket]:
    """Return UDP and TCP on the same port, also where the port was left open."""
    for left in reversed(range(SAME_PORT_TRIES)):
        datagrams = bind_udp(address)
        try:
            return datagrams, bind_tcp(ListenAddress(address.host, datagrams.getsockname()[1]))
        except ListenProblem:
            datagrams.close()
            if address.port or not left:
                raise
    raise AssertionError("not reached")


def transport_of(sock: socket.socket, *, is_tls: bool = False) -> Transport:
    """Return the transport that a bound socket is for."""
    if sock.type == socket.SOCK_DGRAM:
        return "udp"
    return "tls" if is_tls else "tcp"


@lru_cache(CACHED_ENDPOINTS)
def endpoint_of(transport: Transport, host: str, port: int) -> Endpoint:
    """Return the endpoint of an address from a socket; equal ones are mostly the same object."""
    return Endpoint(transport, host, port)


def endpoint_at(transport: Transport, address: Any) -> Endpoint:
    """Return the endpoint of an address tuple of IPv4 or IPv6; link-local IPv6 keeps its zone."""
    return endpoint_of(transport, address[0], address[1])


@lru_cache(CACHED_ENDPOINTS)
def is_loopback(host: str) -> bool:
    """Return whether an address never leaves this machine."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def outward_host() -> str:
    """Return the address that the system would talk to others from; nothing is sent."""
    return own_address(ELSEWHERE) or "127.0.0.1"


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ListenProblem(f"not an address: {text!r}", hint="write IPv6 as [2001:db8::10]:5060")
        return host, rest[1:]
    if text.count(":") > 1:
        raise ListenProblem(f"not an address: {text!r}", hint="write IPv6 as [2001:db8::10]:5060")
    host, _, port = text.partition(":")
    return host, port


def _bind(address: ListenAddress, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    found = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        where = socket.getaddrinfo(address.host, address.port, family, kind, 0, socket.AI_NUMERICHOST)[0][4]
        found.bind(where)
    except OSError as error:
        found.close()
        word = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
        raise ListenProblem(f"cannot listen on {address} ({word}): {error.strerror or error}") from None
    found.setblocking(False)
    return found
