"""Coders of an audio line on their way: which the other side is offered, in which order, and what of its answer is told.

Only G.711 is transcoded, so only that is added, and only where the offer has G.711 to make it from [choice].
"""

from __future__ import annotations

from dataclasses import replace

from sipstub.media.agreement import is_type
from sipstub.media.g711 import LAWS
from sipstub.sbc.media.rules import MediaProfile
from sipstub.sip.sdp import STATIC_CODECS, Codec, Line, Media

NO_VOICE = frozenset({"TELEPHONE-EVENT", "CN", "RED", "RTX"})
"Formats that say nothing of voice: they stay whatever coders are allowed."
STATIC_NUMBERS = {name: number for number, (name, _, _) in STATIC_CODECS.items()}


def is_voice(media: Media) -> bool:
    """Return whether coders can be told apart here: audio over RTP that is not encrypted end to end."""
    return media.kind == "audio" and media.protocol.upper() in ("RTP/AVP", "RTP/AVPF")


def payloads(media: Media) -> dict[int, str]:
    """Return names with clock rate by number, as `PCMU/8000`; a number without a name gets its own."""
    named = {codec.payload: f"{codec.name.upper()}/{codec.clock_hz}" for codec in media.codecs}
    return {int(one): named.get(one, one) for one in media.formats if is_type(one)}


def offered(media: Media, profile: MediaProfile, *, mixes_extensions: bool) -> tuple[Media, bool]:
    """Return the line as a side is offered it, and whether a coder was added.

    Allowed coders are left in the order they came in and extension coders follow, or all are in the order of the allowed ones
    (SBCPreferencesMode).  A line that nothing is left of is refused.
    """
    if not is_voice(media) or not media.port:
        return media, False
    coders = list(media.codecs)
    had_law = any(_law(one) for one in coders)
    kept = [one for one in coders if not profile.allowed or _key(one) in profile.allowed or _key(one) in NO_VOICE]
    here = {_key(one) for one in kept}
    names = [one for one in profile.extensions if one in LAWS and one not in here] if had_law else []
    added = [Codec(STATIC_NUMBERS[name], name, 8000) for name in dict.fromkeys(names)]
    found = kept + added
    if not any(_key(one) not in NO_VOICE for one in found):
        return replace(media, port=0), False
    if mixes_extensions and profile.allowed:
        order = {name: place for place, name in enumerate(profile.allowed)}
        found.sort(key=lambda one: order.get(_key(one), len(order)))
    if found == coders and not profile.allowed:
        return media, False
    named = {one.payload for one in coders}
    unnamed = [one for one in media.formats if one not in named] if not profile.allowed else []
    return _with(media, found, unnamed), bool(added)


def answered(media: Media, offer: Media | None) -> tuple[Media, bool]:
    """Return the answer as the side that made the offer is told it, and whether transcoding makes it fit.

    What was not offered is left out; where no voice is left, the first G.711 of the offer stands in for the answer's.
    """
    if offer is None or not is_voice(media) or not is_voice(offer) or not media.port:
        return media, False
    known = {_key(one) for one in offer.codecs}
    coders = list(media.codecs)
    kept = [one for one in coders if _key(one) in known]
    if any(_key(one) not in NO_VOICE for one in kept):
        if len(kept) == len(coders):
            return media, False
        return _with(media, kept, []), False
    substitute = next((one for one in offer.codecs if _law(one)), None)
    if substitute is None or not any(_law(one) for one in coders):
        return media, False
    return _with(media, [substitute, *kept], []), True


def _key(codec: Codec) -> str:
    return codec.name.upper()


def _law(codec: Codec) -> bool:
    return _key(codec) in LAWS and codec.clock_hz == 8000 and is_type(codec.payload)


def _with(media: Media, coders: list[Codec], more: list[str]) -> Media:
    """Return the line with these coders in their order; lines of others go, lines of new ones come."""
    formats = (*(one.payload for one in coders), *more)
    taken = frozenset(formats)
    lines: list[Line] = []
    mapped: set[str] = set()
    for letter, value in media.lines:
        name, _, rest = value.partition(":")
        if letter == "a" and name in ("rtpmap", "fmtp", "rtcp-fb"):
            number = rest.partition(" ")[0]
            if number not in taken and number != "*":
                continue
            mapped.update({number} if name == "rtpmap" else ())
        lines.append((letter, value))
    lines += [("a", f"rtpmap:{one.payload} {one.name}/{one.clock_hz}") for one in coders if one.payload not in mapped]
    return replace(media, formats=formats, lines=tuple(lines))
