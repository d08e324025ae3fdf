"""From a captured frame to the IP packet in it: Ethernet with VLAN tags and PPPoE, Linux cooked, loopback, raw IP."""

from __future__ import annotations

MAX_VLAN_TAGS = 4

NULL, ETHERNET, LOOP, COOKED, COOKED_2 = 0, 1, 108, 113, 276
RAW = frozenset({12, 14, 101, 228, 229})
"Raw IP under the numbers that it has on several systems."
KNOWN = frozenset({NULL, ETHERNET, LOOP, COOKED, COOKED_2, *RAW})

_VLAN = frozenset({0x8100, 0x88A8, 0x9100})
_PPPOE = 0x8864
_IPV4, _IPV6 = 0x0800, 0x86DD


def ip_packet(link_type: int, frame: bytes) -> bytes | None:
    """Return what begins with an IP header, or None for anything else."""
    if link_type in RAW:
        return _checked(frame)
    if link_type in (NULL, LOOP):  # an address family in the order of whichever machine: the packet says it better
        return _checked(frame[4:])
    if link_type == ETHERNET:
        return _by_type(frame, 12, 14)
    if link_type == COOKED:
        return _by_type(frame, 14, 16)
    if link_type == COOKED_2:
        return _by_type(frame, 0, 20)
    return None


def _by_type(frame: bytes, type_at: int, begin: int) -> bytes | None:
    kind = int.from_bytes(frame[type_at : type_at + 2], "big")
    for _ in range(MAX_VLAN_TAGS):
        if kind not in _VLAN:
            break
        kind = int.from_bytes(frame[begin + 2 : begin + 4], "big")
        begin += 4
    if kind == _PPPOE:
        return _checked(frame[begin + 8 :])
    return _checked(frame[begin:]) if kind in (_IPV4, _IPV6) else None


def _checked(packet: bytes) -> bytes | None:
    return packet if packet and packet[0] >> 4 in (4, 6) else None
