"""Where a request came from and where it arrived, so that the answer leaves from the address that was asked.

A socket bound to all addresses would answer from whichever address the route prefers; a phone drops that as a stranger's packet.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Any

Address = tuple[Any, ...]

_MAPPED = "::ffff:"
_IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)  # named in Python from 3.14 on; 8 in Linux
_IN_PKTINFO = struct.Struct("=i4s4s")
_IN6_PKTINFO = struct.Struct("=16si")
ANCILLARY_BYTES = socket.CMSG_SPACE(_IN6_PKTINFO.size) + socket.CMSG_SPACE(_IN_PKTINFO.size)


def plain_ip(ip: str) -> str:
    """Return the address as people write it; an IPv4 address that came through an IPv6 socket is given as IPv4."""
    return ip[len(_MAPPED) :] if ip.startswith(_MAPPED) and "." in ip else ip


def is_wildcard(own: socket.socket) -> bool:
    """Return whether the socket is bound to all addresses."""
    return ipaddress.ip_address(own.getsockname()[0].split("%")[0]).is_unspecified


def ask_for_destinations(own: socket.socket) -> None:
    """Make the kernel tell with every datagram which of our addresses it was sent to."""
    if own.family == socket.AF_INET6:
        own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        own.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)


def destination(ancillary: list[tuple[int, int, bytes]], peer: Address) -> Address | None:
    """Return our address (port 0, ready for bind) that the datagram was sent to, or None if it was sent to a group.

    RFC 1123 section 4.2.3.4: a request sent to a broadcast address is silently ignored; so is one sent to a multicast group.
    """
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO and len(data) >= _IN_PKTINFO.size:
            _, own, sent_to = _IN_PKTINFO.unpack_from(data)
            return (socket.inet_ntop(socket.AF_INET, own), 0) if own == sent_to else None
        if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO and len(data) >= _IN6_PKTINFO.size:
            own, _ = _IN6_PKTINFO.unpack_from(data)
            if own[0] == 0xFF:
                return None
            scope = peer[3] if len(peer) > 3 else 0
            return (socket.inet_ntop(socket.AF_INET6, own), 0, 0, scope)
    return None
