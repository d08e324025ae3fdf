"""Refer-To as it leaves the SBC, by Remote REFER Mode of the side that the REFER goes to [inferred]."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sipstub.sbc.leg import Leg
from sipstub.sbc.translation import translated_refer_to, with_host
from sipstub.sip.name_addr import NameAddr
from sipstub.sip.uri import SipUri

if TYPE_CHECKING:
    from sipstub.sbc.service import Sbc

REGULAR, DATABASE_URL, GROUP_NAME, HANDLE_LOCALLY, LOCAL_HOST, KEEP_URI = range(6)
KEEP_REPLACES = 2
"Remote Replaces Mode: the ids stay as they are."


def refer_to_for(sbc: Sbc, refer_to: NameAddr, peer: Leg, now: float) -> NameAddr:
    """Return Refer-To for the other leg."""
    group, profile = peer.group, peer.group.profile
    mode = profile.refer_behavior
    own = SipUri.parse(sbc.core.places.contact(peer.hop))
    if mode == DATABASE_URL:
        return replace(refer_to, uri=sbc.marks.marked(refer_to.uri, own, now))
    if mode == GROUP_NAME:
        return replace(refer_to, uri=with_host(refer_to.uri, group.sip_group_name))
    if mode == LOCAL_HOST:
        return replace(refer_to, uri=with_host(refer_to.uri, group.local_host_name or own.host))
    if mode == KEEP_URI and profile.replaces_behavior != KEEP_REPLACES:
        return translated_refer_to(refer_to, sbc.leg_of)
    return refer_to
