"""An IP Profile: how the SBC treats the entity on one leg.  Values by their numbers, names by their ini columns.

Marks of confidence stand with the facts of `sipstub.sbc.settings`; what is a choice of ours is said where it is acted on.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sipstub.sbc.global_setting import Globals
from sipstub.sbc.settings.row import Row
from sipstub.session_timer.setting import LEAST_S, UAC, UAS, Insertion, RefreshMethod, TimerSettings


class SessionMode(enum.IntEnum):
    """SBCSessionExpiresMode."""

    TRANSPARENT = 0
    OBSERVER = 1
    NOT_SUPPORTED = 2
    SUPPORTED = 3


UPDATE_AFTER_CONNECT, UPDATE_ALWAYS, UPDATE_BY_ALLOW = 1, 2, 3
"SBCRemoteUpdateSupport."
CARRYING = frozenset({SessionMode.TRANSPARENT, SessionMode.OBSERVER})
"Modes in which the two ends negotiate, and the SBC carries over what they say."


@dataclass(frozen=True, slots=True)
class IpProfile:
    """What holds on a leg, globals included."""

    name: str
    session_mode: SessionMode
    update_support: int
    reinvite_support: int
    takes_delayed_offer: bool
    prack_mode: int
    refer_behavior: int
    redirect_behavior: int
    replaces_behavior: int
    assert_identity: int
    diversion_mode: int
    history_info_mode: int
    max_call_duration_min: int
    user_registration_s: int
    udp_nat_registration_s: int
    tcp_nat_registration_s: int
    multiple_18x: int
    multiple_early_dialogs: int
    keeps_user_agent: bool
    representation: int
    "SBCRemoteRepresentationMode; what goes by the operation mode is decided already, here and in the next two."
    keeps_vias: bool
    keeps_routes: bool
    hold_format: int
    takes_early_media: bool
    early_media_response: int
    takes_many_answers: bool
    asking: TimerSettings
    "As the side that sends INVITE, in mode Supported."
    answering: TimerSettings
    "As the side that is asked."

    @classmethod
    def of(cls, row: Row, settings: Globals, *, is_proxy: bool = False) -> IpProfile:
        """Return the profile of a row over the global settings, for a group that is a call-stateful proxy or not."""
        number = row.number

        def keeps(column: str) -> bool:
            return number(column) == 1 or (number(column) < 0 and is_proxy)

        shown = number("SBCRemoteRepresentationMode")
        update, reinvite = number("SBCRemoteUpdateSupport"), number("SBCRemoteReinviteSupport")
        return cls(
            row.name,
            SessionMode(number("SBCSessionExpiresMode")),
            update,
            reinvite,
            number("SBCRemoteDelayedOfferSupport") == 1,
            number("SbcPrackMode"),
            number("SBCRemoteReferBehavior"),
            number("SBCRemote3xxBehavior"),
            number("SBCRemoteReplacesBehavior"),
            number("SBCAssertIdentity"),
            number("SBCDiversionMode"),
            number("SBCHistoryInfoMode"),
            number("SBCMaxCallDuration"),
            number("SBCUserRegistrationTime"),
            number("SBCUserBehindUdpNATRegistrationTime"),
            number("SBCUserBehindTcpNATRegistrationTime"),
            number("SBCRemoteMultiple18xSupport"),
            number("SBCRemoteMultipleEarlyDialogs"),
            keeps("SBCKeepUserAgentHeader"),
            shown if shown >= 0 else int(is_proxy),
            keeps("SBCKeepVIAHeaders"),
            keeps("SBCKeepRoutingHeaders"),
            number("SBCRemoteHoldFormat"),
            number("SBCRemoteEarlyMediaSupport") == 1,
            number("SBCRemoteEarlyMediaResponseType"),
            number("SBCRemoteMultipleAnswersMode") == 1,
            *timer_settings(settings, update, reinvite),
        )

    @property
    def offer_method(self) -> str | None:
        """Return what the SBC tells this side of a call a description by: a re-INVITE, or UPDATE where it takes none of these."""
        return "INVITE" if self.reinvite_support else "UPDATE" if self.update_support else None

    @property
    def may_refresh(self) -> bool:
        """Return whether the SBC can offer this side to refresh it, before it has said what it takes."""
        return may_refresh(self.update_support, self.reinvite_support)


def may_refresh(update: int, reinvite: int) -> bool:
    """Return whether a side can be refreshed whatever its Allow says."""
    return reinvite > 0 or update in (UPDATE_AFTER_CONNECT, UPDATE_ALWAYS)


def timer_settings(settings: Globals, update: int, reinvite: int) -> tuple[TimerSettings, TimerSettings]:
    """Return what a leg in mode Supported wants as the side that asks, and as the side that is asked.

    `update` and `reinvite` are Remote Update Support and Remote Reinvite Support: refreshes are re-INVITEs, unless the side takes
    none, or Allow decides.  A side that cannot be refreshed at all is asked to refresh itself; where only the SBC could, there is
    no timer [choice].

    SBCMinSE over SBCSessionExpires contradicts itself: the interval is raised to it [choice].  Policy 1 is `uac` where the SBC
    asks, and has to be `uas` where it is asked (RFC 4028 table 2) [choice].  Asked for more than SBCSessionExpires, the SBC
    lowers it [choice].  As the side that is asked it refreshes who has no timers whatever the policy, as nobody else can.
    Without SBCMinSE there is no lower limit, and so no 422, under 90 s neither.
    """
    min_se = settings["SBCMinSE"]
    interval = max(settings["SBCSessionExpires"], min_se)
    is_ours = settings["SBCSessionRefreshingPolicy"] == 1
    asks_for_it = is_ours and may_refresh(update, reinvite)
    method = RefreshMethod.BY_ALLOW if update == UPDATE_BY_ALLOW else RefreshMethod.REINVITE
    if not reinvite and update in (UPDATE_AFTER_CONNECT, UPDATE_ALWAYS):
        method = RefreshMethod.UPDATE
    asking = TimerSettings(
        expires_s=interval,
        refresher=UAC if asks_for_it else UAS,
        min_se_s=min_se,
        method=method,
        takes_reinvite=reinvite > 0,
        sends_min_se=min_se > 0,
        refreshes_alone=is_ours,
    )
    answering = TimerSettings(
        expires_s=interval,
        refresher=UAC if asks_for_it else UAS,
        answer_refresher=UAS if is_ours else UAC,
        min_se_s=min_se,
        longest_s=max(interval, min_se, LEAST_S),
        method=method,
        takes_reinvite=reinvite > 0,
        inserts=Insertion.ALWAYS,
        refuses_short=min_se > 0,
        sends_min_se=min_se > 0,
        refreshes_alone=True,
    )
    return asking, answering
