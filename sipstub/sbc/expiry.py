"""How long a registration lasts: what the phone is told, and what the registrar is asked for.

The order of precedence towards the phone is inferred from several texts; the rule of SBCRandomizeExpires is documented.
"""

from __future__ import annotations

from sipstub.sbc.global_setting import Globals
from sipstub.sbc.ip_profile import IpProfile

UNASKED_S = 180
"For a REGISTER without Expires where nothing is configured (6.2 manual)."
REGISTER_FLOOR_S = 30
SUBSCRIBE_FLOOR_S = 120
KNEE_S = 610
"Below it an expiry is shortened by up to SPREAD_S, above it down to at most LEAST_AFTER_S."
SPREAD_S = 10
LEAST_AFTER_S = 600
AS_RECEIVED = 0
NOT_SET = -1


def wanted_s(profile: IpProfile, transport: str, *, is_behind_nat: bool) -> int | None:
    """Return the time that the settings give to a phone; None leaves what it asked for."""
    if is_behind_nat:
        found = profile.udp_nat_registration_s if transport == "UDP" else profile.tcp_nat_registration_s
        if found == AS_RECEIVED:
            return None
        if found != NOT_SET:
            return found
    return profile.user_registration_s or None


def promised_s(wanted: int | None, asked: int | None, granted: int | None) -> int:
    """Return what the phone is told, before it is randomised.

    Where no user time is set, never more than the registrar granted [choice].
    """
    if asked == 0:
        return 0
    if wanted is not None:
        return wanted
    found = UNASKED_S if asked is None else asked
    return found if granted is None else min(found, granted)


def survival_s(settings: Globals, wanted: int | None, asked: int | None) -> int:
    """Return what the phone is told while the registrar is away."""
    return settings["SBCSurvivabilityRegistrationTime"] or promised_s(wanted, asked, None)


def asked_of_server_s(settings: Globals, asked: int | None) -> int | None:
    """Return the Expires of the REGISTER to the registrar; None leaves it out."""
    if asked == 0:
        return 0
    return settings["SBCProxyRegistrationTime"] or asked


def randomised_s(expires_s: int, chance: float, *, is_on: bool, floor_s: int = REGISTER_FLOOR_S) -> int:
    """Return an expiry shortened at random; `chance` from 0 up to 1.  At or below the floor it is left alone [inferred]."""
    if not is_on or expires_s <= floor_s:
        return expires_s
    least = LEAST_AFTER_S if expires_s > KNEE_S else expires_s - SPREAD_S
    least = max(least, floor_s)
    return least + int(chance * (expires_s - least + 1))
