"""Whether the host that phones are told is this machine.

A name is looked up the way every program of this machine does it, which may ask the configured name server; nothing else is sent.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator

from provisioner.runtime.addresses import guess_address
from provisioner.runtime.dhcp.url import check_host
from provisioner.runtime.doctor.finding import Finding, ok, problem, warning
from provisioner.runtime.doctor.subject import Subject
from provisioner.services.interface import Address

MAX_SHOWN = 5
Resolve = Callable[[str], list[str]]


def resolve(name: str) -> list[str]:
    """Return the addresses of a name, without zone, each once; OSError if it has none."""
    return list(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in socket.getaddrinfo(name, None)))


def look(subject: Subject, resolve: Resolve = resolve) -> Iterator[Finding]:
    """Yield whether the host resolves and is one of this machine's addresses."""
    written = subject.settings["advertise"] or subject.bound.host
    host = check_host(written or guess_address(), "advertise")
    set_it = "set `advertise` to an address of this machine that phones can reach"
    try:
        found = resolve(host)
    except (OSError, UnicodeError) as error:
        yield problem(f"{host} has no address: {error}", "enter it in DNS, or " + set_it)
        return
    known = {ipaddress.ip_address(text) for text in found}
    shown = host if found == [host] else f"{host} ({_list(known)})"
    strange = known - subject.addresses
    if any(address.is_loopback for address in known):
        yield warning(f"{shown} is loopback: no phone can reach it", set_it)
    elif strange == known:
        yield warning(
            f"{shown} is not an address of this machine ({_list(subject.addresses)})", set_it + ", unless NAT leads here"
        )
    elif strange:
        yield warning(
            f"{host} also resolves to {_list(strange)}, which is not this machine", "phones may pick that one: correct DNS"
        )
    elif not written:
        yield ok(f"{shown} (a guess from the default route)", set_it.replace("set", "to be sure, set", 1))
    else:
        yield ok(f"{shown} is this machine")


def _list(addresses: frozenset[Address] | set[Address]) -> str:
    texts = sorted(str(address) for address in addresses if not address.is_loopback or len(addresses) == 1)
    more = f" and {len(texts) - MAX_SHOWN} more" if len(texts) > MAX_SHOWN else ""
    return ", ".join(texts[:MAX_SHOWN]) + more
