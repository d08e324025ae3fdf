"""The session timer of one leg, by the Session Expires Mode of its IP Profile.

Transparent and Observer carry over what the other leg says; Observer has a clock of its own that ends the call.  Not Supported
takes it all away.  Supported is a user agent of RFC 4028 on this leg alone.
"""

from __future__ import annotations

from dataclasses import replace

from sipstub.dialog.refusal import Refusal
from sipstub.sbc.ip_profile import CARRYING, IpProfile, SessionMode
from sipstub.session_timer.header import NOTHING, REFRESHING, Heard, TimerHeaders, hear, hear_leniently
from sipstub.session_timer.keeper import Keeper
from sipstub.session_timer.leg import SessionWatch, carried_settings
from sipstub.session_timer.offer import Offer
from sipstub.session_timer.reply import Reply, TimerRefusal
from sipstub.session_timer.setting import UAC, UAS
from sipstub.session_timer.step import Send
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.error import SipError
from sipstub.sip.message import Request, Response

UNHEARD = Heard(None, None, None, False, False)


TOO_SMALL, NOT_HERE = 422, 488


def told_status(status: int, *modes: SessionMode) -> int:
    """Return a refusal as the other leg hears it: a leg without timers neither hears nor causes 422 [choice of what instead]."""
    return NOT_HERE if status == TOO_SMALL and SessionMode.NOT_SUPPORTED in modes else status


class LegSession:
    """One leg; a fork of the callee's side has its own."""

    __slots__ = (
        "_asked_for",
        "_reply",
        "heard",
        "is_carrying",
        "is_own",
        "keeper",
        "kept_up_s",
        "mode",
        "profile",
        "timer",
        "watch",
    )

    def __init__(self, profile: IpProfile, timer: SessionTimer | None = None) -> None:
        self.profile = profile
        self.mode = profile.session_mode
        self.is_own = self.mode is SessionMode.SUPPORTED
        self.is_carrying = self.mode in CARRYING
        self.timer = timer if timer is not None or not self.is_own else SessionTimer(profile.answering)
        self.watch = SessionWatch() if self.mode is SessionMode.OBSERVER else None
        self.keeper: Keeper | None = None
        "Refreshes and answers on a leg of our own, once there is a dialog."
        self.heard = UNHEARD
        "What the first INVITE, or the last answer of this leg, said."
        self.kept_up_s: int | None = None
        "The interval of a carried timer whose refreshes come from the end of this leg; None where they do not."
        self._asked_for = False
        "Whether the last request of this leg asked for a timer."
        self._reply: Reply | None = None

    @property
    def has_carried_timer(self) -> bool:
        """Return whether the two ends have a timer on this leg, which lives on what is carried over."""
        return self.is_carrying and self.heard.expires_s is not None

    @property
    def waits_for_other_end(self) -> bool:
        """Return whether the end of this leg has a timer that the one of the other leg refreshes."""
        return self.has_carried_timer and self.kept_up_s is None

    # The side that asks us

    def receive(self, request: Request) -> Refusal | None:
        """Take an INVITE or UPDATE of this leg; return why it is refused at once."""
        try:
            heard = hear(request)
        except SipError as error:
            return Refusal(400, error.fact, reason=error.reason)
        self._asked_for = heard.expires_s is not None
        if self.mode is SessionMode.NOT_SUPPORTED and heard.is_required:  # RFC 3261 section 8.2.2.3
            return TimerRefusal(420, "timer is not supported", headers=(("Unsupported", "timer"),))
        if self.mode is not SessionMode.NOT_SUPPORTED:
            self.heard = heard
        if self.timer is None:
            return None
        self.timer.settings = self.profile.answering
        reply = self.timer.receive(request)
        if isinstance(reply, Refusal):
            return reply
        self._reply = reply
        return None

    def put_on_answer(self, response: Response, other: LegSession) -> None:
        """Write what the answer to this leg says; it was carried over from the other one.

        Nothing is agreed before the 2xx: a provisional answer says no interval (RFC 4028 section 4).
        """
        if self.is_carrying and other.is_carrying:
            return
        if response.status < 200:
            NOTHING.put_on(response)
        elif self.timer is not None:
            if response.status < 300 and self._reply is not None:
                self._reply = self._reply_for(self._reply, other)
                self._reply.headers.put_on(response)
        elif self.is_carrying and response.status < 300 and self._asked_for and other.timer is not None:
            self._shared(other.timer).put_on(response)
        else:
            NOTHING.put_on(response)

    def _reply_for(self, reply: Reply, other: LegSession) -> Reply:
        """Return what a 2xx says on this leg of our own, where the timer of the other one is carried [choice].

        If that one waits for refreshes from here, who asked refreshes, as often as both legs need, unless it named the other
        side: those of the SBC would stay on this leg.
        """
        heard, theirs_s = self.heard, other.heard.expires_s
        if (
            not other.waits_for_other_end
            or reply.interval_s is None
            or theirs_s is None
            or not heard.is_supported
            or heard.refresher == UAS
        ):
            return reply
        interval_s = min(reply.interval_s, max(theirs_s, heard.least_s))
        return replace(
            reply,
            headers=replace(reply.headers, expires_s=interval_s, refresher=UAC),
            interval_s=interval_s,
            is_refresher=False,
        )

    def answer_sent(self, request: Request, response: Response, now: float) -> None:
        """Take note that a 2xx to INVITE or UPDATE went out on this leg."""
        if self.watch is not None:
            self.watch.passed(response, now)
        if self.is_carrying:
            self.heard = hear_leniently(response)
            self.kept_up_s = self.heard.expires_s if self.heard.refresher == UAC else None
        if self.timer is not None and self._reply is not None:
            self.timer.replied(request, self._reply, now)

    def _shared(self, timer: SessionTimer) -> TimerHeaders:
        """Return what a 2xx says on this leg, which lives on the timer that the SBC has on the other one [inferred].

        As RFC 4028 section 9 has it the interval is not raised, but to 90 s, nor lowered under Min-SE, and whom the request names
        refreshes.  Where refreshes of the other side come too late, or not at all, who asked refreshes; or has no timer where it
        cannot, or wants the other side to.
        """
        heard, interval_s = self.heard, timer.interval_s
        if interval_s is None or heard.expires_s is None:
            return NOTHING
        told_s = max(min(heard.expires_s, interval_s), heard.least_s)
        is_kept_up = not timer.is_refresher and interval_s <= told_s
        if not is_kept_up and (heard.refresher == UAS or not heard.is_supported):
            return NOTHING
        is_asker = not is_kept_up or (heard.refresher == UAC and heard.is_supported)
        return TimerHeaders(
            expires_s=told_s, refresher=UAC if is_asker else UAS, is_supported=True, is_required=heard.is_supported
        )

    # The side that we ask

    def offer(self, caller: LegSession) -> Offer | None:
        """Return what the first INVITE on this leg asks for, where the timer is our own.

        A caller whose timer is carried lives on it, so whom it named as refresher is asked for: nobody may overrule that choice.
        But who takes no refreshes is asked to send them.
        """
        if not self.is_own:
            return None
        heard = caller.heard if caller.is_carrying else UNHEARD
        settings = carried_settings(self.profile.asking, heard)
        if heard.refresher == UAS or (heard.refresher == UAC and self.profile.may_refresh):
            settings = replace(settings, refresher=heard.refresher)
        return Offer(settings)

    def put_on_request(self, request: Request, other: LegSession) -> Send | None:
        """Write what an INVITE or UPDATE on this leg says; it was carried over from the other one."""
        if self.timer is not None:
            # whom the SBC keeps up alone because it was asked is not dropped when it comes to ask
            self.timer.settings = replace(self.profile.asking, refreshes_alone=self.timer.settings.refreshes_alone)
            send = self.timer.ask(request.method)
            send.headers.put_on(request)
            return send
        if self.mode is SessionMode.NOT_SUPPORTED or other.mode is SessionMode.NOT_SUPPORTED:
            NOTHING.put_on(request)
        return None

    def keep_carried(self, request: Request) -> None:
        """Write into a request of the SBC's own that a timer of the two ends goes on as it is.

        A 2xx that says no interval would be its end (RFC 4028 section 7.2), and it says none where none was asked for.
        """
        if self.has_carried_timer:
            refresher = UAC if self.kept_up_s is None else UAS
            TimerHeaders(expires_s=self.heard.expires_s, refresher=refresher, is_supported=True).put_on(request)

    def mark(self, message: Request | Response) -> None:
        """Write what any other message on this leg says: a leg without timers no word of them, our own that we know them.

        RFC 4028 section 7.1 wants the latter of every request but ACK.
        """
        if self.mode is SessionMode.NOT_SUPPORTED:
            NOTHING.put_on(message)
        elif self.timer is not None and isinstance(message, Request):
            self.timer.ask(message.method).headers.put_on(message)

    def answered(self, response: Response, now: float) -> None:
        """Take a final answer of this leg that is not for a timer of our own."""
        if not 200 <= response.status < 300 or response.cseq.method not in REFRESHING:
            return
        if self.watch is not None:
            self.watch.passed(response, now)
        if self.is_carrying:
            self.heard = hear_leniently(response)
            self.kept_up_s = self.heard.expires_s if self.heard.refresher == UAS else None

    # Time

    @property
    def next_timer(self) -> float | None:
        """Return when something is due."""
        if self.keeper is not None:
            return self.keeper.next_timer
        return None if self.watch is None else self.watch.next_timer
