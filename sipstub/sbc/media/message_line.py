"""Lines of MSRP in descriptions: what a side says of its path, and what it is told of ours.

RFC 4975 section 8, RFC 6135, RFC 6714, RFC 8122.  Who connects: the offerer, unless `a=setup` says otherwise.  The SBC
leaves it to the side that it makes an offer to (`actpass`), and has who may do either connect to it [choice]: a phone behind NAT
can, and cannot be connected to.
"""

from __future__ import annotations

from dataclasses import replace

from sipstub.media.agreement import usable_target
from sipstub.media.fingerprint import read_fingerprint
from sipstub.media.msrp_end import MsrpEnd
from sipstub.media.msrp_path import read_path
from sipstub.media.msrp_terms import MsrpTerms
from sipstub.sbc.media.side import is_nowhere
from sipstub.sip.sdp import Media, Sdp

PROTOCOLS = {"TCP/MSRP": False, "TCP/TLS/MSRP": True}
"Whether TLS is spoken."
ACTPASS, ACTIVE, PASSIVE, HOLDCONN = "actpass", "active", "passive", "holdconn"
ANSWERS = {ACTPASS: PASSIVE, ACTIVE: PASSIVE, PASSIVE: ACTIVE, HOLDCONN: HOLDCONN}
"What is answered to an offer."
_OURS = frozenset({"path", "setup", "connection", "msrp-cema", "fingerprint"})
"Attributes that are of one leg."


def is_message(media: Media) -> bool:
    """Return whether a line is one of MSRP, or of anything else that would be messages."""
    return media.kind == "message" or "MSRP" in media.protocol.upper()


def message_terms(sdp: Sdp, media: Media, *, is_answer: bool) -> MsrpTerms | None:
    """Return what a side says of itself; None where it says nothing that could be relayed.

    Over TLS, who is connected to has to name a fingerprint [choice].  With RFC 6714 the address of the line counts, else that of
    the path.  Names are not looked up: then it is the line's too [choice].
    """
    paths = [path for text in media.attributes("path") if (path := read_path(text))]
    is_secure = PROTOCOLS.get(media.protocol.upper())
    if len(paths) != 1 or paths[0][0].is_secure is not is_secure:
        return None
    path = paths[0]
    connects = (setup_of(media) or setup_of(sdp)) in ((PASSIVE, "") if is_answer else (PASSIVE,))
    told_by = media.attributes("fingerprint") or sdp.attributes("fingerprint") if is_secure else []
    fingerprints = tuple(one for text in told_by if (one := read_fingerprint(text)) is not None)
    if is_secure and connects and not fingerprints:
        return None
    named = usable_target(sdp.address_of(media) or "", media.port)
    told = usable_target(path[0].host, path[0].port)
    target = (named or told) if media.attributes("msrp-cema") else (told or named)
    return MsrpTerms(path, target, connects, fingerprints)


def setup_of(section: Media | Sdp) -> str:
    """Return who connects, by a line or by what stands before all lines (RFC 4145 section 4); empty where it says nothing."""
    return next((word for value in section.attributes("setup") if (word := value.strip().lower()) in ANSWERS), "")


def message_at(media: Media, end: MsrpEnd, offered: str | None) -> Media:
    """Return a line with a path of ours; `offered` is who connects by the offer that it answers, None if it is one itself."""
    host, port = end.port.host, end.port.port
    family = "IP6" if ":" in host else "IP4"
    lines = [
        (letter, value if letter != "c" or is_nowhere(value) else f"IN {family} {host}")
        for letter, value in media.lines
        if not (letter == "a" and value.partition(":")[0] in _OURS)
    ]
    setup = ACTPASS if offered is None else ANSWERS.get(offered, "")
    lines.append(("a", f"path:{end.uri}"))
    if setup:
        lines.append(("a", f"setup:{setup}"))
    if end.port.fingerprint:
        lines.append(("a", f"fingerprint:{end.port.fingerprint}"))
    return replace(media, port=port, port_count=None, lines=tuple(lines))
