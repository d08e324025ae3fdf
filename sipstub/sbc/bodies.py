"""Bodies on their way to the other leg: descriptions through the media of the call, others reworded where a setting wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sipstub.sbc.leg import Leg, is_sdp
from sipstub.sbc.media_plane import MediaRefused
from sipstub.sip.message import Message, Request, Response

if TYPE_CHECKING:
    from sipstub.sbc.relay import Relay


def carried_body(relay: Relay, leg: Leg, message: Message, source: Leg | None = None) -> bytes:
    """Return the body of a message as it goes out on a leg; `source` is whose it is, if that cannot be told by the leg.

    An offer whose media cannot pass raises MediaRefused, and so does the answer that would connect the call; others go out with
    every line refused.
    """
    body = message.body
    if not body:
        if isinstance(message, Request) and message.method == "INVITE":
            relay.media.asked_without_offer()
        return body
    if not is_sdp(message):
        return relay.sbc.worded(message)
    try:
        return relay.media.carry(message, source or relay.source_for(leg), leg)
    except MediaRefused:
        is_offer = isinstance(message, Request) and message.method in ("INVITE", "UPDATE")
        if is_offer or (isinstance(message, Response) and message.status >= 200 and not relay.is_connected):
            raise
        return relay.media.refused(body)
