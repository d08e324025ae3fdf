"""A caller that leaves the offer to a side that takes no INVITE without one: SBCRemoteDelayedOfferSupport.

The SBC makes an offer of its own.  Its answer is what the caller is offered in the 200.  The caller's answer, which the ACK
brings, goes no further where it fits what was answered.  Else a re-INVITE tells it: where media go direct, or the caller took
fewer coders [choice].
"""

from __future__ import annotations

from dataclasses import replace

from sipstub.sbc.hold import next_version
from sipstub.sbc.leg import Leg
from sipstub.sbc.media.first_offer import DISCARD_PORT
from sipstub.sbc.reoffer import reoffer
from sipstub.sip.error import SipError
from sipstub.sip.sdp import Sdp


def settle(leg: Leg, body: bytes, now: float) -> None:
    """Take the caller's answer, as it would go out on that leg, to what was offered in the 200."""
    if not body or leg.is_closed:
        return
    try:
        first, heard, wanted = Sdp.parse(leg.description), Sdp.parse(leg.heard_description), Sdp.parse(body)
    except SipError:
        return
    is_direct = any(media.port == DISCARD_PORT for media in first.media)
    if is_direct or _coders(heard) != _coders(wanted):
        reoffer(leg.relay, leg, _next_of(first, wanted) if is_direct else body, now, keeps_timer=True)


def _coders(sdp: Sdp) -> list[tuple[str, ...]]:
    return [media.formats if media.port else () for media in sdp.media]


def _next_of(first: Sdp, wanted: Sdp) -> bytes:
    """Return a description as the next one of the session that was offered first (RFC 3264 section 8)."""
    origin = next((value for letter, value in first.lines if letter == "o"), "")
    lines = tuple((letter, next_version(origin) if letter == "o" else value) for letter, value in wanted.lines)
    return bytes(replace(wanted, lines=lines))
