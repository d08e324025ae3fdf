"""UDP datagrams as raw IP packets, both versions, with right checksums (RFC 768, 791, 1071, 8200); and the checksum itself.

Addresses are bytes: 4 or 16.  What is no address (a name) becomes the unspecified one.
"""

from __future__ import annotations

import ipaddress
import struct

from sipstub.trace.record import plain_host

UDP, TCP = 17, 6
MAX_UDP_PAYLOAD = {4: 65_507, 6: 65_527}
"By IP version; more does not fit one datagram."
HOP_LIMIT = 64

_UNSPECIFIED = bytes(4)
_MAPPED = bytes(10) + b"\xff\xff"


def address_pair(source: str, target: str) -> tuple[bytes, bytes]:
    """Return both addresses in one family: if only one is IPv6, the other wears an IPv6 coat."""
    one, two = _packed(source), _packed(target)
    if len(one) != len(two):
        one, two = (_MAPPED + part if len(part) == 4 else part for part in (one, two))
    return one, two


def _packed(host: str) -> bytes:
    try:
        return ipaddress.ip_address(plain_host(host)).packed
    except ValueError:
        return _UNSPECIFIED


def udp_packet(source: str, source_port: int, target: str, target_port: int, payload: bytes, *, number: int = 0) -> bytes:
    """Return the IP packet of one datagram; `number` becomes the identification of IPv4.  The payload must fit."""
    one, two = address_pair(source, target)
    size = 8 + len(payload)
    pseudo = one + two + (struct.pack("!BBH", 0, UDP, size) if len(one) == 4 else struct.pack("!IHBB", size, 0, 0, UDP))
    header = struct.pack("!HHHH", source_port, target_port, size, 0)
    total = checksum(pseudo + header + payload) or 0xFFFF  # zero would say that there is none
    datagram = header[:6] + struct.pack("!H", total) + payload
    if len(one) == 16:
        return struct.pack("!IHBB", 6 << 28, size, UDP, HOP_LIMIT) + one + two + datagram
    front = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, number & 0xFFFF, 0, HOP_LIMIT, UDP, 0)
    front = front[:10] + struct.pack("!H", checksum(front + one + two)) + one + two
    return front + datagram


def checksum(data: bytes) -> int:
    """Return the Internet checksum: the complement of the one's complement sum of 16-bit words."""
    if len(data) % 2:
        data += b"\0"
    # 2**16 is 1 modulo 2**16 - 1, so the number that the bytes spell has the same remainder as the sum of its words
    total = int.from_bytes(data, "big")
    return 0xFFFF - (total % 0xFFFF or (0xFFFF if total else 0))
