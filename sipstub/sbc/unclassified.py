"""Whose a request is that no rule knows, with AllowUnclassifiedCalls 1: of the SRD of the SIP Interface that it came in by.

The first SRD gives the IP Group of index 0, another one the first of its own; where there is none, the request is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from sipstub.sbc.ip_group import IpGroup
from sipstub.sbc.settings.settings import SbcSettings

ANY_SOCKET = 0
"What stands for the first SIP Interface: one is told by its UDP socket alone, other transports count as coming in there."


def unclassified_groups(
    settings: SbcSettings, by_index: Mapping[int, IpGroup], sockets: Mapping[int, int]
) -> dict[int, IpGroup | None]:
    """Return the group by the number of the socket of each SIP Interface, and of ANY_SOCKET."""
    srds = settings.table("SRD")
    first = srds[0].name if srds else ""

    def group_of(srd: str) -> IpGroup | None:
        if srd in ("", first):
            return by_index.get(0)
        own = [row.index for row in settings.ip_groups if row.text("SRDName") == srd]
        return by_index[own[0]] if own else None

    interfaces = settings.sip_interfaces
    found = {sockets[row.index]: group_of(row.text("SRDName")) for row in interfaces if row.index in sockets}
    return {ANY_SOCKET: group_of(interfaces[0].text("SRDName") if interfaces else ""), **found}
