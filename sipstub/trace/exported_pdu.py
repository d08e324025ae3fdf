"""Wireshark's exported PDU (link type 252): a payload with tags that say which protocol it is, and between whom.

So a message of TCP or decrypted TLS stands in a capture without inventing a TCP connection around it.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import Literal

from sipstub.trace.packet import address_pair

LINK_TYPE = 252
MAX_TAGS = 64

Carrier = Literal["udp", "tcp"]

_END, _DISSECTOR = 0, 12
_IPV4_SOURCE, _IPV4_TARGET, _IPV6_SOURCE, _IPV6_TARGET = 20, 21, 22, 23
_PORT_TYPE, _SOURCE_PORT, _TARGET_PORT = 24, 25, 26
_PORT_TYPES: dict[Carrier, int] = {"tcp": 2, "udp": 3}


@dataclass(frozen=True, slots=True)
class ExportedPdu:
    """A payload and what its tags say."""

    protocol: str
    "`sip` for ours; `sip.tcp` or `sip.udp` for what Wireshark exports."
    source: str
    source_port: int
    target: str
    target_port: int
    carrier: Carrier
    payload: bytes

    def __bytes__(self) -> bytes:
        one, two = address_pair(self.source, self.target)
        is_ipv4 = len(one) == 4
        return b"".join(
            (
                _tag(_DISSECTOR, self.protocol.encode()),
                _tag(_IPV4_SOURCE if is_ipv4 else _IPV6_SOURCE, one),
                _tag(_IPV4_TARGET if is_ipv4 else _IPV6_TARGET, two),
                _tag(_PORT_TYPE, struct.pack("!I", _PORT_TYPES[self.carrier])),
                _tag(_SOURCE_PORT, struct.pack("!I", self.source_port)),
                _tag(_TARGET_PORT, struct.pack("!I", self.target_port)),
                _tag(_END, b""),
                self.payload,
            )
        )

    @classmethod
    def parse(cls, data: bytes) -> ExportedPdu | None:
        """Return the payload with its tags, or None for what is broken or lacks addresses."""
        tags: dict[int, bytes] = {}
        at = 0
        for _ in range(MAX_TAGS):
            if at + 4 > len(data):
                return None
            kind, size = struct.unpack_from("!HH", data, at)
            value = data[at + 4 : at + 4 + size]
            at += 4 + size
            if kind == _END:
                break
            if len(value) < size:
                return None
            tags[kind] = value
        else:
            return None
        source = _address(tags, _IPV4_SOURCE, _IPV6_SOURCE)
        target = _address(tags, _IPV4_TARGET, _IPV6_TARGET)
        if source is None or target is None:
            return None
        protocol = tags.get(_DISSECTOR, b"").rstrip(b"\0").decode("ascii", "replace")
        carrier: Carrier = "udp" if _number(tags, _PORT_TYPE) == _PORT_TYPES["udp"] else "tcp"
        ports = _number(tags, _SOURCE_PORT) & 0xFFFF, _number(tags, _TARGET_PORT) & 0xFFFF
        return cls(protocol, source, ports[0], target, ports[1], carrier, data[at:])


def _tag(kind: int, value: bytes) -> bytes:
    padding = bytes(-len(value) % 4)
    return struct.pack("!HH", kind, len(value) + len(padding)) + value + padding


def _address(tags: dict[int, bytes], four: int, six: int) -> str | None:
    value = tags.get(four) or tags.get(six) or b""
    return str(ipaddress.ip_address(value)) if len(value) in (4, 16) else None


def _number(tags: dict[int, bytes], kind: int) -> int:
    return int.from_bytes(tags.get(kind, b"")[:4], "big")
