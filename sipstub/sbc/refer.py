"""REFER in a call as it leaves the SBC: Refer-To by Remote REFER Mode of the side that it goes to [inferred], and its id.

The subscription that a REFER makes is named by its CSeq (RFC 3515 section 2.4.6), and each leg counts for itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sipstub.dialog.refer import PACKAGE
from sipstub.sbc.leg import Leg
from sipstub.sbc.translation import at_home, translated_refer_to, with_host
from sipstub.sip.event import Event
from sipstub.sip.message import Request
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.uri import SipUri

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

REGULAR, DATABASE_URL, GROUP_NAME, HANDLE_LOCALLY, LOCAL_HOST, KEEP_URI = range(6)
MAX_REFERS = 16
"REFERs of one leg whose numbers are remembered; the oldest are forgotten."
KEEP_REPLACES = 2
"Remote Replaces Mode: the ids stay as they are."


def refer_to_for(sbc: Sbc, request: Request, peer: Leg, now: float) -> NameAddr | str:
    """Return Refer-To for the other leg; as it stands, to the letter, where nothing of it changes."""
    refer_to = request.refer_to
    assert refer_to is not None
    group, profile = peer.group, peer.group.profile
    mode = profile.refer_behavior
    own = SipUri.parse(sbc.core.places.contact(peer.hop))
    if mode == DATABASE_URL:
        return replace(refer_to, uri=sbc.marks.marked(refer_to.uri, own, now))
    if mode == GROUP_NAME:
        return replace(refer_to, uri=with_host(refer_to.uri, group.sip_group_name))
    if mode == LOCAL_HOST:
        return replace(refer_to, uri=at_home(refer_to.uri, group.local_host_name, own))
    if mode == KEEP_URI and profile.replaces_behavior != KEEP_REPLACES:
        found = translated_refer_to(refer_to, sbc.leg_of)
        if found != refer_to:
            return found
    return request.headers.lines("refer-to")[0]


def remember(request: Request, made: Request, peer: Leg) -> None:
    """Take note of the numbers that a REFER has on both legs."""
    peer.refers[made.cseq.number] = request.cseq.number
    if len(peer.refers) > MAX_REFERS:
        del peer.refers[next(iter(peer.refers))]


def event_for(request: Request, leg: Leg, peer: Leg) -> Event | None:
    """Return Event of a NOTIFY or SUBSCRIBE about a REFER as the other leg knows it; None where it stays as it is."""
    event = request.event
    if event is None or event.package != PACKAGE or event.id is None:
        return None
    is_told = request.method == "NOTIFY"
    numbers = leg.refers if is_told else {theirs: ours for ours, theirs in peer.refers.items()}
    number = next((there for here, there in numbers.items() if str(here) == event.id), None)
    return None if number is None else replace(event, params=event.params.set("id", str(number)))
