"""Requests that go in circles: what the SBC sent to itself, and refusals that no other route makes better.

Each hop takes one from Max-Forwards, so a circle ends; but where every failure tries another route, or another phone, it would
branch at each turn, to two to the power of the hops.  What comes from an address of our own is refused at once with 482.
"""

from __future__ import annotations

from sipstub.core.places import Places
from sipstub.dialog.refusal import Refusal
from sipstub.transaction.sending import Hop

LAST_WORDS = frozenset({401, 407, 482, 483})
"Refusals after which no alternative is tried: the caller has the password, and a circle is one by every route."


def refusal_of_own(source: Hop, places: Places) -> Refusal | None:
    """Return the refusal of a request that was sent from where we listen: a route, or a Contact, that leads back to us.

    Over TCP and TLS our own connections come from other ports; there Max-Forwards alone ends it.
    """
    for place in places.listening:
        if place.transport == source.transport and place.port == source.port and place.host == source.host:
            return Refusal(482, "sent by the SBC itself")
    return None
