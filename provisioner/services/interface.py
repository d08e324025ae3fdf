"""The networks that this machine itself is in: what may ask for files when `allow` is empty.

Linux: IPv4 from the kernel's SIOCGIFCONF and SIOCGIFNETMASK, IPv6 from /proc/net/if_inet6.  Nothing is sent, nothing is cached:
one call costs some tens of microseconds, so an address that comes later is seen by the next call.  Where the kernel does not
answer, loopback alone is left, never everything.  At most MAX_INTERFACE_ADDRESSES of each family are looked at.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from provisioner.delivery.policy import Network

MAX_INTERFACE_ADDRESSES = 1024

LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))
"Always allowed."

LINK_LOCAL = ipaddress.IPv6Network("fe80::/10")
"Stands for the neighbours on every link where this machine has such an address."

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_IF_INET6 = Path("/proc/net/if_inet6")
_SIOCGIFCONF = 0x8912
_SIOCGIFNETMASK = 0x891B
_POINTER_BYTES = struct.calcsize("P")
_ROW_BYTES = 40 if _POINTER_BYTES == 8 else 32
"sizeof(struct ifreq): 16 bytes of name and a union that holds a struct ifmap."

_ADDRESS_AT = 20
"In a row: 16 bytes of name, 2 of family, 2 of port."


def networks() -> tuple[Network, ...]:
    """Return loopback and the subnets of this machine's interfaces, IPv4 before IPv6, none inside another.

    A link-local address stands for all of fe80::/10.  A mask of length 0 is taken as the bare address: no interface may allow
    the whole world.
    """
    return subnets(interfaces())


def addresses() -> frozenset[Address]:
    """Return the addresses of this machine, those of 127.0.0.0/8 and ::1 as far as the interfaces name them."""
    return frozenset(interface.ip for interface in interfaces())


def interfaces() -> tuple[Interface, ...]:
    """Return each address of this machine with the length of its network."""
    found: list[Interface] = []
    with contextlib.suppress(OSError, ValueError, struct.error):
        found += _ipv4()
    with contextlib.suppress(OSError, ValueError):
        found += parse_if_inet6(_IF_INET6.read_text("ascii"))
    return tuple(found)


def subnets(found: Iterable[Interface]) -> tuple[Network, ...]:
    """Return loopback and the networks of `found`, merged where one holds another."""
    ipv4 = [network for network in LOOPBACK if isinstance(network, ipaddress.IPv4Network)]
    ipv6 = [network for network in LOOPBACK if isinstance(network, ipaddress.IPv6Network)]
    for interface in found:
        if isinstance(interface, ipaddress.IPv4Interface):
            ipv4.append(interface.network if interface.network.prefixlen else ipaddress.IPv4Network(interface.ip))
        elif interface.ip.is_link_local:
            ipv6.append(LINK_LOCAL)
        else:
            ipv6.append(interface.network if interface.network.prefixlen else ipaddress.IPv6Network(interface.ip))
    return (*ipaddress.collapse_addresses(ipv4), *ipaddress.collapse_addresses(ipv6))


def parse_if_inet6(text: str) -> list[ipaddress.IPv6Interface]:
    """Return the addresses of /proc/net/if_inet6: hex address, interface number, prefix length (hex), scope, flags, name."""
    found = []
    for line in text.splitlines()[:MAX_INTERFACE_ADDRESSES]:
        parts = line.split()
        if len(parts) < 6 or len(parts[0]) != 32:
            continue
        try:
            found.append(ipaddress.IPv6Interface((bytes.fromhex(parts[0]), int(parts[2], 16))))
        except ValueError:
            continue
    return found


def parse_ifconf(table: bytes, mask_of: Callable[[bytes], bytes]) -> list[ipaddress.IPv4Interface]:
    """Return the addresses of a SIOCGIFCONF answer; `mask_of` gives for one row the row that holds its netmask."""
    found = []
    for at in range(0, len(table) - _ROW_BYTES + 1, _ROW_BYTES):
        row = table[at : at + _ROW_BYTES]
        if struct.unpack_from("=H", row, 16)[0] != socket.AF_INET:
            continue
        try:
            mask = mask_of(row)[_ADDRESS_AT : _ADDRESS_AT + 4]
            length = ipaddress.IPv4Network((0, str(ipaddress.IPv4Address(mask)))).prefixlen
        except (OSError, ValueError):
            length = 32  # the interface went away, or has a mask with holes: its own address alone
        found.append(ipaddress.IPv4Interface((row[_ADDRESS_AT : _ADDRESS_AT + 4], length)))
    return found


def _ipv4() -> list[ipaddress.IPv4Interface]:
    import array

    room = array.array("B", bytes(_ROW_BYTES * MAX_INTERFACE_ADDRESSES))
    where, size = room.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # struct ifconf: the length in bytes, then a pointer; the kernel puts the used length in the place of the first.
        answer = fcntl.ioctl(probe.fileno(), _SIOCGIFCONF, struct.pack("iP", size, where))
        used = min(struct.unpack("iP", answer)[0], size)
        # The row goes in with its address, so that a second address of an interface gets its own mask and not the first one's.
        return parse_ifconf(room.tobytes()[:used], lambda row: fcntl.ioctl(probe.fileno(), _SIOCGIFNETMASK, row))
