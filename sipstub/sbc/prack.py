"""Reliable provisional answers (RFC 3262) of a side whose PRACK Mode is not Transparent: SbcPrackMode.

Optional asks the side that is called for them and does PRACK where the caller does not; Mandatory refuses who cannot.  A caller
gets its answers reliably where the callee sends none: with Optional if it requires that, with Mandatory if it can [choice].
An INVITE without an offer is left to caller and callee: an offer in a 183 could be answered by nobody but the caller.
"""

from __future__ import annotations

from sipstub.dialog.refusal import Refusal
from sipstub.sbc.asking import Asking
from sipstub.sbc.ip_profile import IpProfile
from sipstub.sbc.leg import SDP, Leg
from sipstub.session_timer.reply import TimerRefusal
from sipstub.sip.message import Message, Request, Response

OPTIONAL, MANDATORY, TRANSPARENT = 1, 2, 3
RELIABLE = "100rel"


def refusal_of(profile: IpProfile, request: Request) -> Refusal | None:
    """Return why a caller with that profile is refused: it has to do PRACK, and cannot (RFC 3261 section 21.4.16)."""
    if profile.prack_mode != MANDATORY or _takes(request):
        return None
    return TimerRefusal(421, "PRACK is mandatory", headers=(("Require", RELIABLE),))


def put_on(invite: Request, profile: IpProfile, caller: IpProfile) -> None:
    """Have an INVITE ask for reliable answers as the profile of the side wants that gets it.

    What the caller requires of the SBC, which makes answers reliable for it, is not required of a side with Optional.
    """
    if not invite.body and not _takes(invite):
        return
    if profile.prack_mode == MANDATORY and RELIABLE not in invite.require:
        invite.headers.add("Require", RELIABLE)
    elif profile.prack_mode == OPTIONAL and makes_reliable(caller, invite) and RELIABLE in invite.require:
        _require(invite, tuple(word for word in invite.require if word != RELIABLE))
        if RELIABLE not in invite.supported:
            invite.headers.add("Supported", RELIABLE)
    elif profile.prack_mode == OPTIONAL and not _takes(invite):
        invite.headers.add("Supported", RELIABLE)


def makes_reliable(profile: IpProfile, request: Request) -> bool:
    """Return whether the SBC makes answers to a caller with that profile reliable where they are not."""
    if not request.body or profile.prack_mode == TRANSPARENT:
        return False
    return RELIABLE in request.require or (profile.prack_mode == MANDATORY and RELIABLE in request.supported)


def is_ours(profile: IpProfile, request: Request, response: Response) -> bool:
    """Return whether the SBC does PRACK for an answer: the caller, whose request it was, does not."""
    return profile.prack_mode != TRANSPARENT and response.rseq is not None and not _takes(request)


def confirm(leg: Leg, response: Response, now: float) -> bool:
    """Send PRACK and make the answer one that wants none; return False for one that came before, or before its turn."""
    rack = leg.order.follow(response)
    if rack is None:
        return False
    made = leg.request("PRACK")
    made.headers.add("RAck", rack)
    Asking(leg, made).begin(now)
    response.headers.remove("RSeq")
    _require(response, tuple(word for word in response.require if word != RELIABLE))
    return True


def complete(leg: Leg, response: Response) -> None:
    """Put the description into a 200 that an answer brought which the SBC confirmed: the caller takes it from nowhere else."""
    if not response.body and leg.heard_description:
        response.set_body(leg.heard_description, SDP)


def _require(message: Message, words: tuple[str, ...]) -> None:
    message.headers.remove("Require")
    if words:
        message.headers.add("Require", ", ".join(words))


def _takes(request: Request) -> bool:
    return RELIABLE in request.supported or RELIABLE in request.require
