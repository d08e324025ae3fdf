"""What two descriptions of one call come to for us: where packets go, in which codec, how many, and which may come.

RFC 3264 sections 5 to 8, RFC 3605.  Ours and theirs count alike, whoever of both made the offer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from sipstub.media.sound import SPOKEN
from sipstub.media.srtp import SrtpKey, read_key
from sipstub.media.telephone_event import NAME as EVENTS
from sipstub.sip.error import SipError
from sipstub.sip.sdp import Codec, Media, Sdp
from sipstub.sip.wildcard import UNSPECIFIED

PTIME_MS = 20
SHORTEST_MS, LONGEST_MS = 10, 60
"Packet times that are obeyed; another is taken for the nearest of them."
GRID_MS = 10
"Packet times are whole numbers of it."
SENDING, RECEIVING = frozenset({"sendrecv", "sendonly"}), frozenset({"sendrecv", "recvonly"})
SECURE = "SAVP"
MAX_PAYLOAD_TYPE = 127

Address = tuple[str, int]
"Host without brackets, and port."


@dataclass(frozen=True, slots=True)
class Agreement:
    """One stream of audio, as one side of it has to know it."""

    target: Address | None
    "Where packets go; None where the other side named no address that packets could go to."
    rtcp: Address | None
    codec: str
    "Name of what we send, one of SPOKEN; empty if there is none."
    payload_type: int
    "Of that codec, by the number of the other side."
    ptime_ms: int
    "The other side's wish."
    sends: bool
    "Whether both sides want us to send."
    receives: bool
    "Whether both sides want the other one to send."
    payloads: Mapping[int, Codec] = field(default_factory=dict)
    "What may come, by our numbers."
    is_secure: bool = False
    keys: tuple[SrtpKey, SrtpKey] | None = None
    "Of SRTP: of what we send, and of what comes."

    @property
    def speaks(self) -> bool:
        """Return whether something is sent as soon as there is an address for it."""
        return self.sends and bool(self.codec)

    @property
    def why_silent(self) -> str:
        """Return why nothing is sent; empty if something is."""
        if self.is_secure and self.keys is None:
            return "no SRTP key that fits"
        if not self.sends:
            return "held"
        if not self.codec:
            return "no codec that is spoken here"
        return "" if self.target is not None else "no address to send to"


def agree(ours: Sdp, theirs: Sdp) -> Agreement | None:
    """Return what both come to; None where no audio is left.  Raises SipError for lines that cannot be read."""
    for own, other in zip(ours.media, theirs.media, strict=False):
        if own.kind == other.kind == "audio" and own.port and other.port:
            return _agreed(own, ours.direction_of(own), other, theirs)
    return None


def _agreed(own: Media, direction: str, other: Media, theirs: Sdp) -> Agreement:
    ours = {int(codec.payload): codec for codec in own.codecs if is_type(codec.payload)}
    known = {_key(codec) for codec in ours.values()}
    usable = [codec for codec in other.codecs if is_type(codec.payload) and codec.name.lower() != EVENTS]
    common = [codec for codec in usable if _key(codec) in known]
    spoken = next((codec for codec in common if codec.name.upper() in SPOKEN), None)
    host = theirs.address_of(other) or ""
    target = usable_target(host, other.port)
    there = theirs.direction_of(other)
    is_secure = SECURE in own.protocol.upper()
    keys = _keys(own, other) if is_secure else None
    return Agreement(
        target=target,
        rtcp=usable_target(host, rtcp_port_of(other)) if target is not None else None,
        codec="" if spoken is None or (is_secure and keys is None) else spoken.name.upper(),
        payload_type=0 if spoken is None else int(spoken.payload),
        ptime_ms=_ptime_ms(other),
        sends=direction in SENDING and there in RECEIVING and not _is_held(host),
        receives=direction in RECEIVING and there in SENDING,
        payloads=ours,
        is_secure=is_secure,
        keys=keys,
    )


def _keys(own: Media, other: Media) -> tuple[SrtpKey, SrtpKey] | None:
    """Return the keys of the line that both sides have, told by its tag (RFC 4568 section 5.1.2)."""
    for mine in own.cryptos:
        its = next((one for one in other.cryptos if (one.tag, one.suite) == (mine.tag, mine.suite)), None)
        ours, theirs = read_key(mine), read_key(its) if its is not None else None
        if ours is not None and theirs is not None:
            return ours, theirs
    return None


def is_type(text: str) -> bool:
    """Return whether this is a payload type of RTP, which has seven bits."""
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MAX_PAYLOAD_TYPE


def _key(codec: Codec) -> tuple[str, int, int]:
    return codec.name.lower(), codec.clock_hz, codec.channels


def _ptime_ms(media: Media) -> int:
    try:
        wanted = media.ptime_ms or PTIME_MS
    except SipError:
        return PTIME_MS
    return min(max(wanted // GRID_MS * GRID_MS, SHORTEST_MS), LONGEST_MS)


def rtcp_port_of(media: Media) -> int:
    """Return the port that RFC 3605 names, or the next one."""
    for value in media.attributes("rtcp"):
        number = value.partition(" ")[0]
        if number.isascii() and number.isdigit() and 0 < int(number[:6]) <= 65_535:
            return int(number)
    return media.port + 1


def _is_held(host: str) -> bool:
    """Return whether the address means hold, as before RFC 3264 (its section 8.4)."""
    return host in UNSPECIFIED


def usable_target(host: str, port: int) -> Address | None:
    """Return an address that packets may go to: no name, nobody's, and not everybody's."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255" or not 0 < port <= 65_535:
        return None
    return str(address), port
