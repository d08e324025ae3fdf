"""Which 18x brings media before the answer to a caller: SBCRemoteEarlyMediaSupport and SBCRemoteEarlyMediaResponseType."""

from __future__ import annotations

from sipstub.sbc.ip_profile import IpProfile

RINGING, PROGRESS = 180, 183
TYPES = {1: RINGING, 2: PROGRESS}
"SBCRemoteEarlyMediaResponseType; 0 is as it came."


def told(profile: IpProfile, status: int) -> tuple[int, bool]:
    """Return the status of an answer with a description as a caller with that profile gets it, and whether that goes along.

    A caller that takes no early media hears 180 in the place of 183, as it has to ring by itself [choice].
    """
    if status not in (RINGING, PROGRESS):
        return status, True
    if not profile.takes_early_media:
        return RINGING, False
    return TYPES.get(profile.early_media_response, status), True
