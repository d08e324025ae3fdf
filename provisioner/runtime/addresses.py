"""Where phones reach this server, as far as it is known, and how other processes get to know it."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from provisioner.address import WILDCARDS, parse_listen
from provisioner.rendering.context import Addresses
from provisioner.settings import Settings

FILE = "addresses.json"


def guess_address() -> str:
    """Return the address this machine uses towards its default route, or loopback if it has none.  Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a documentation address: a datagram socket only asks the routing table
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def advertised(settings: Settings) -> tuple[str, bool]:
    """Return the host that phones are told, and whether it is a guess.

    A listener that is bound to one address can be reached by no other.
    """
    if settings["advertise"]:
        return settings["advertise"], False
    for name in ("http", "https", "tftp"):
        listen = parse_listen(settings[name])
        if listen is not None and listen.host not in WILDCARDS:
            return listen.host, False
    return guess_address(), True


def addresses_of(settings: Settings, sip_port: int | None = None, sips_port: int | None = None) -> Addresses:
    """Return the addresses that these settings make; ports of a registrar of ours, where it listens, go before them."""
    return Addresses(
        advertised(settings)[0], sip_port or _port(settings, "sip") or settings["sip_port"],
        sips_port or _port(settings, "sips") or settings["sips_port"],
    )  # fmt: skip


def _port(settings: Settings, name: str) -> int:
    listen = parse_listen(settings[name])
    return listen.port if listen is not None else 0


def read_addresses(settings: Settings) -> Addresses:
    """Return the addresses of the server that keeps this state folder, or those of the settings if none ever did.

    So that `render` in another process gives the bytes that the server sends.
    """
    try:
        data = json.loads((settings.path("state") / FILE).read_text("utf-8"))
        return Addresses(str(data["host"]), int(data["sip_port"]), int(data["sips_port"]))
    except (OSError, ValueError, KeyError, TypeError):
        return addresses_of(settings)


def write_addresses(state: Path, addresses: Addresses) -> None:
    """Leave the addresses in the state folder for other processes."""
    data = {"host": addresses.host, "sip_port": addresses.sip_port, "sips_port": addresses.sips_port}
    path = state / FILE
    temporary = path.with_suffix(".tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(data, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
