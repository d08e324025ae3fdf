"""The called side of one request: refused, or accepted with which headers and which interval.  RFC 4028 section 9."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sipstub.dialog.refusal import Refusal
from sipstub.session_timer.header import NOTHING, Heard, Pairs, TimerHeaders
from sipstub.session_timer.setting import SHORTEST_TAKEN_S, UAC, UAS, Insertion, TimerSettings
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response


@dataclass(frozen=True, slots=True)
class TimerRefusal(Refusal):
    """The answer that a request should get because of its timer, with what has to stand in it."""

    headers: Pairs = ()

    def answer_to(self, request: Request, *, to_tag: str | None = None) -> Response:
        """Return the answer."""
        response = Refusal.answer_to(self, request, to_tag=to_tag)
        for name, value in self.headers:
            response.headers.add(name, value)
        return response


class Body(enum.Enum):
    """What an answer or a refresh says about media."""

    NONE = "none"
    "Nothing."
    SAME = "same"
    "The last description of ours, with the very same o= line: nothing changed (sections 7.4)."
    NEW = "new"
    "The peer changed something, or asks for an offer: what is answered is not for the timer to say."


@dataclass(frozen=True, slots=True)
class Reply:
    """What the 2xx to a request says, and what holds once it is sent."""

    headers: TimerHeaders
    interval_s: int | None
    "None: no expiry."
    is_refresher: bool
    "Whether we refresh, who send the 2xx."
    body: Body = Body.NEW


NO_TIMER = Reply(NOTHING, None, False)


def malformed(error: SipError) -> TimerRefusal:
    """Return the refusal of a request whose headers cannot be read."""
    return TimerRefusal(400, error.fact, reason=error.reason)


def reply_to(heard: Heard, settings: TimerSettings, *, least_s: int = 0, can_refresh: bool = True) -> Reply | TimerRefusal:
    """Return what to answer to an INVITE or UPDATE that says this.

    `least_s` is the largest Min-SE of the dialog so far: what we put in ourselves is not under it.  Where we should refresh and
    `can_refresh` is false there is no timer.
    """
    if not settings.is_on:
        if heard.is_required:  # RFC 3261 section 8.2.2.3
            return TimerRefusal(420, "timer is not supported", headers=TimerHeaders(is_unsupported=True).pairs)
        return NO_TIMER
    asked = heard.expires_s
    minimum = max(settings.minimum_s, heard.min_se_s or 0)  # an interval under its own Min-SE is too small for somebody
    if asked is not None and heard.is_supported and settings.refuses_short and asked < minimum:
        return TimerRefusal(422, f"session interval {asked} under {minimum}", headers=(("Min-SE", minimum),))
    interval = _interval(asked, heard, settings, max(minimum, least_s))
    refresher = _refresher(heard, settings, can_refresh=can_refresh)
    if interval is None or (refresher == UAS and not can_refresh):
        return Reply(TimerHeaders(is_supported=True), None, False)
    return Reply(
        TimerHeaders(
            expires_s=interval,
            refresher=refresher,
            is_supported=True,
            # uac: the caller has to know that it must refresh; uas: it should know that it may wait for it
            is_required=heard.is_supported,
        ),
        interval,
        refresher == UAS,
    )


def _interval(asked: int | None, heard: Heard, settings: TimerSettings, least_s: int) -> int | None:
    if asked is not None:
        if asked < SHORTEST_TAKEN_S:
            return None
        # lowered as far as Min-SE lets it, never raised: who has no `timer` may ask for less than anybody takes
        return min(asked, max(settings.longest_s, heard.least_s))
    if settings.expires_s is None or settings.inserts is Insertion.NEVER:
        return None
    if settings.inserts is Insertion.IF_SUPPORTED and not heard.is_supported:
        return None
    return max(min(settings.expires_s, settings.longest_s), least_s)


def _refresher(heard: Heard, settings: TimerSettings, *, can_refresh: bool) -> str:
    """Return who refreshes by table 2 of the RFC: the caller's word counts, if it has timers at all."""
    if not heard.is_supported:
        return UAS
    if heard.refresher in (UAC, UAS):
        return heard.refresher
    return settings.answer_refresher if can_refresh else UAC
