"""Two offers that meet, as when a ringing call is picked up by INVITE: each is made the answer to the other one."""

from __future__ import annotations

from dataclasses import replace

from sipstub.sbc.media.coders import NO_VOICE, answered, is_voice
from sipstub.sip.error import SipError
from sipstub.sip.sdp import Media, Sdp


def as_answer(body: bytes, offer: bytes) -> bytes:
    """Return a description as the answer to an offer: line by line what both have; nothing where they have nothing in common."""
    try:
        said, wanted = Sdp.parse(body), Sdp.parse(offer)
    except SipError:
        return b""
    left, found = list(said.media), []
    for line in wanted.media:
        match = next((one for one in left if (one.kind, one.protocol) == (line.kind, line.protocol)), None)
        if match is not None:
            left.remove(match)
        found.append(_fitted(match, line))
    return bytes(said.with_media(*found)) if any(line.port for line in found) else b""


def _fitted(line: Media | None, offer: Media) -> Media:
    if line is None or not line.port or not offer.port or not _has_common(line, offer):
        return replace(offer, port=0)
    return answered(line, offer)[0]


def _has_common(line: Media, offer: Media) -> bool:
    """Return whether voice has a coder on both sides; of other media that is for both ends to see."""
    if not is_voice(line) or not is_voice(offer):
        return True
    names = [{codec.name.upper() for codec in one.codecs} - NO_VOICE for one in (line, offer)]
    return bool(names[0] & names[1])
