"""Lines of packets in descriptions, RTP and UDPTL: where a side wants them, and what it is told of ours.  RFC 3264, RFC 3605."""

from __future__ import annotations

from dataclasses import replace

from sipstub.media.agreement import rtcp_port_of, usable_target
from sipstub.media.relay_terms import RelayTerms
from sipstub.sbc.media.coders import payloads
from sipstub.sbc.media.side import is_nowhere, is_of_the_way
from sipstub.sip.sdp import Media, Sdp


def is_relayed(media: Media) -> bool:
    """Return whether packets of such a line can pass."""
    protocol = media.protocol.upper()
    return protocol == "UDPTL" or "RTP/" in protocol


def packet_terms(sdp: Sdp, media: Media) -> RelayTerms:
    """Return what a side says of itself."""
    host, protocol = sdp.address_of(media) or "", media.protocol.upper()
    target = usable_target(host, media.port)
    control = usable_target(host, rtcp_port_of(media)) if target is not None else None
    return RelayTerms(
        target, control, payloads(media) if "RTP/" in protocol else {}, is_rtp="RTP/" in protocol, is_secure="SAVP" in protocol
    )


def packet_at(media: Media, host: str, port: int) -> Media:
    """Return a line that names a port of ours; a hold by address stays one."""
    family = "IP6" if ":" in host else "IP4"
    lines = [
        (letter, value if letter != "c" or is_nowhere(value) else f"IN {family} {host}")
        for letter, value in media.lines
        if not (letter == "a" and is_of_the_way(value))
    ]
    if media.attributes("rtcp"):
        lines.append(("a", f"rtcp:{port + 1}"))
    return replace(media, port=port, port_count=None, lines=tuple(lines))
