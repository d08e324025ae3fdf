"""An offer of the SBC's own: what a side is asked that takes no INVITE without one (SBCRemoteDelayedOfferSupport).

Its coders are the extension coders of that side, as far as RFC 3551 gives them a number; without any there is no offer.
"""

from __future__ import annotations

from sipstub.sbc.media.coders import NO_VOICE, STATIC_NUMBERS
from sipstub.sip.sdp import STATIC_CODECS, Media, Sdp

VOICE_CLOCK_HZ = 8000
DISCARD_PORT = 9
"Where media go direct nobody's place is known yet: what comes there is lost (RFC 863) until the caller has answered [choice]."


def voice_of(extensions: tuple[str, ...]) -> Media | None:
    """Return one line of voice in these coders, at no port of ours yet; None where none can be offered."""
    known = [one for one in dict.fromkeys(extensions) if one in STATIC_NUMBERS and one not in NO_VOICE]
    numbers = tuple(STATIC_NUMBERS[one] for one in known if STATIC_CODECS[STATIC_NUMBERS[one]][1] == VOICE_CLOCK_HZ)
    if not numbers:
        return None
    lines = tuple(("a", f"rtpmap:{one} {STATIC_CODECS[one][0]}/{STATIC_CODECS[one][1]}") for one in numbers)
    return Media("audio", DISCARD_PORT, "RTP/AVP", numbers, lines)


def description(host: str) -> Sdp:
    """Return a session without lines at an address, for a side to be told in words of its own."""
    family = "IP6" if ":" in host else "IP4"
    return Sdp((("v", "0"), ("o", f"- 0 0 IN {family} {host}"), ("s", "-"), ("c", f"IN {family} {host}"), ("t", "0 0")), ())
