"""STUN as far as a phone needs it: a Binding request and the address that was seen.  RFC 5389; MAPPED-ADDRESS of RFC 3489."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable

from sipstub.phone.agent.alarm import Alarm
from sipstub.phone.agent.surroundings import Surroundings
from sipstub.transaction.sending import Hop

COOKIE = 0x2112A442
BINDING_REQUEST, BINDING_SUCCESS = 0x0001, 0x0101
MAPPED, XOR_MAPPED = 0x0001, 0x0020
IPV4 = 1
HEADER_BYTES = 20
ID_BYTES = 12
TRIES = 3
"Then the phone goes on without; how often V80 asks is not known."
FIRST_WAIT_S = 0.5

Address = tuple[str, int]


def binding_request(identifier: bytes) -> bytes:
    """Return a request; `identifier` is ID_BYTES long."""
    return struct.pack("!HHI", BINDING_REQUEST, 0, COOKIE) + identifier


def is_stun(data: bytes) -> bool:
    """Return whether a datagram is STUN: no SIP message begins with two bits of zero and has the cookie."""
    return len(data) >= HEADER_BYTES and data[0] < 4 and struct.unpack_from("!I", data, 4)[0] == COOKIE


def mapped_address(data: bytes, identifier: bytes) -> Address | None:
    """Return the address in the answer to that request, or None for anything else."""
    if not is_stun(data) or data[8:HEADER_BYTES] != identifier or struct.unpack_from("!H", data)[0] != BINDING_SUCCESS:
        return None
    found: Address | None = None
    at = HEADER_BYTES
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("!HH", data, at)
        value = data[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
        if kind not in (MAPPED, XOR_MAPPED) or len(value) != 8 or value[1] != IPV4:
            continue
        port, address = struct.unpack("!HI", value[2:])
        if kind == XOR_MAPPED:
            return str(ipaddress.IPv4Address(address ^ COOKIE)), port ^ (COOKIE >> 16)
        found = (str(ipaddress.IPv4Address(address)), port)
    return found


class StunQuery:
    """Asks until it knows, or has asked often enough."""

    def __init__(
        self, around: Surroundings, hop: Hop, send: Callable[[bytes, Hop], None], done: Callable[[Address | None, float], None]
    ) -> None:
        """`done` is called once, with None where no answer came."""
        self._around = around
        self._hop = hop
        self._send = send
        self._done = done
        self._identifier = bytes.fromhex(around.identifiers.hex(2 * ID_BYTES))
        self._tries = 0
        self._alarm: Alarm | None = None
        self._is_done = False

    def ask(self, now: float) -> None:
        """Send the request, and again later."""
        if self._tries == TRIES:
            self._finish(None, now)
            return
        self._send(binding_request(self._identifier), self._hop)
        self._alarm = self._around.alarms.after(FIRST_WAIT_S * 2**self._tries, self.ask, now)
        self._tries += 1

    def take(self, data: bytes, now: float) -> None:
        """Take an answer."""
        found = mapped_address(data, self._identifier)
        if found is not None:
            self._finish(found, now)

    def _finish(self, found: Address | None, now: float) -> None:
        if not self._is_done:
            self._is_done = True
            self._around.alarms.stop(self._alarm)
            self._done(found, now)
