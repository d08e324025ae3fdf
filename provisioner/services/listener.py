"""Bind addresses before anything else starts, so that a taken or privileged port is one line and not a half-started server."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from provisioner.address import Listen
from provisioner.errors import EnvironmentProblem

BACKLOG = 4096
"In a boot storm every phone connects in the same second; the kernel cuts it to net.core.somaxconn."

FREE_PORT_TRIES = 50

DATAGRAMS = frozenset({"tftp", "sip-udp"})


@dataclass(frozen=True, slots=True)
class Bound:
    """The sockets of one listener."""

    scheme: str
    "http, https, tftp, sip (TCP), sip-udp or sips."

    sockets: tuple[socket.socket, ...]
    "IPv4 and IPv6, as far as the address means both; all on one port."

    host: str
    "As given; empty for every address."

    port: int
    "The real port."

    @property
    def addresses(self) -> list[str]:
        """Each socket as `host:port`."""
        return [str(Listen(*sock.getsockname()[:2])) for sock in self.sockets]

    def url(self, host: str) -> str:
        """Return the URL of this listener under the name `host`; the scheme's own port is left out."""
        shown = f"[{host}]" if ":" in host else host
        if self.scheme.startswith("sip"):
            return f"{self.scheme.partition('-')[0]}:{shown}:{self.port}"
        usual = {"http": 80, "https": 443, "tftp": 69}[self.scheme]
        return f"{self.scheme}://{shown}/" if self.port == usual else f"{self.scheme}://{shown}:{self.port}/"

    def close(self) -> None:
        """Close the sockets of this process."""
        for sock in self.sockets:
            sock.close()


def bind(scheme: str, listen: Listen) -> Bound:
    """Return the bound sockets (TCP ones listening); EnvironmentProblem in one line with the ways out."""
    kind = socket.SOCK_DGRAM if scheme in DATAGRAMS else socket.SOCK_STREAM
    for attempt in range(FREE_PORT_TRIES):
        sockets: list[socket.socket] = []
        port = listen.port
        try:
            for family, address in _targets(scheme, listen, kind):
                sock = _bind_one(family, kind, address, port)
                sockets.append(sock)
                port = sock.getsockname()[1]
        except OSError as error:
            for sock in sockets:
                sock.close()
            # A free IPv4 port may be taken on IPv6: look for another one.
            if listen.port == 0 and error.errno == errno.EADDRINUSE and attempt < FREE_PORT_TRIES - 1:
                continue
            raise _problem(scheme, listen, error) from None
        return Bound(scheme, tuple(sockets), listen.host, port)
    raise AssertionError("unreachable")


def bind_sip(listen: Listen) -> tuple[Bound, Bound]:
    """Return UDP and TCP on the same port, also where the port was left open; EnvironmentProblem as `bind`."""
    for attempt in range(FREE_PORT_TRIES):
        stream = bind("sip", listen)
        try:
            return bind("sip-udp", Listen(listen.host, stream.port)), stream
        except EnvironmentProblem:
            stream.close()
            if listen.port or attempt == FREE_PORT_TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _targets(scheme: str, listen: Listen, kind: socket.SocketKind) -> list[tuple[socket.AddressFamily, str]]:
    if not listen.host:
        return [(socket.AF_INET, "0.0.0.0"), *([(socket.AF_INET6, "::")] if _has_ipv6() else [])]  # noqa: S104
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=kind)
    except OSError as error:
        hint = f"write the address of an interface of this machine: --{scheme} 10.1.0.5:{listen.port}"
        raise EnvironmentProblem(f"{scheme} {listen}: {error.strerror or error}", hint=hint) from None
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _bind_one(family: socket.AddressFamily, kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        if kind == socket.SOCK_STREAM:
            sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _problem(scheme: str, listen: Listen, error: OSError) -> EnvironmentProblem:
    free = {"http": 8080, "https": 8443, "tftp": 6969, "sip": 5070, "sip-udp": 5070, "sips": 5071}.get(scheme, 8081)
    scheme = scheme.partition("-")[0]
    if error.errno == errno.EACCES:
        return EnvironmentProblem(
            f"{scheme} {listen}: port {listen.port} is for privileged processes only",
            hint=(
                "allow it (setcap cap_net_bind_service=+ep on the Python binary), or run as a systemd service with "
                f"AmbientCapabilities=CAP_NET_BIND_SERVICE, or take another port: --{scheme} :{free}"
            ),
            code="port-privileged",
        )
    if error.errno == errno.EADDRINUSE:
        return EnvironmentProblem(
            f"{scheme} {listen}: port {listen.port} is taken by another process",
            hint=f"stop it (`ss -lptun sport = :{listen.port}` shows which), or take another port: --{scheme} :0",
            code="port-taken",
        )
    return EnvironmentProblem(f"{scheme} {listen}: {error.strerror}", hint="give an address of this machine", code="port")
