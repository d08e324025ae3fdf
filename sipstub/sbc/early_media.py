"""Which 18x brings media before the answer to a caller: SBCRemoteEarlyMediaSupport, SBCRemoteEarlyMediaResponseType and
SBCRemoteMultipleAnswersMode."""

from __future__ import annotations

from sipstub.sbc.ip_profile import IpProfile

RINGING, PROGRESS = 180, 183
TYPES = {1: RINGING, 2: PROGRESS}
"SBCRemoteEarlyMediaResponseType; 0 is as it came."


def told(profile: IpProfile, status: int, *, is_another: bool) -> tuple[int, bool]:
    """Return the status of an answer with a description as a caller with that profile gets it, and whether that goes along.

    `is_another`: the caller has had a different one in that dialog.  With SBCRemoteMultipleAnswersMode 0 it keeps that until the
    call is answered [choice].  A caller that takes no early media hears 180 in the place of 183, as it has to ring by itself
    [choice].
    """
    if status not in (RINGING, PROGRESS):
        return status, True
    if not profile.takes_early_media:
        return RINGING, False
    return TYPES.get(profile.early_media_response, status), profile.takes_many_answers or not is_another
