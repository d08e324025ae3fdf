"""The session timer of one call, as the file of the phone wants it.  RFC 4028; V80 refreshes by UPDATE.

Not known of V80, and here as the RFC has it: what 422 leads to, and that a session without refresh ends.  Not known either, and
left out as it may be: that a callee puts an interval into its 200 by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sipstub.phone.agent.account import Account
from sipstub.phone.agent.alarm import Alarm, Alarms
from sipstub.phone.agent.timer_manner import TimerManner
from sipstub.session_timer.offer import Offer
from sipstub.session_timer.reply import Body, Reply, TimerRefusal
from sipstub.session_timer.setting import LONGEST_S, UAC, UAS, Insertion, RefreshMethod, TimerSettings
from sipstub.session_timer.step import End, Reason, Send, Step
from sipstub.session_timer.timer import SessionTimer
from sipstub.sip.message import Request, Response

Pairs = list[tuple[str, object]]
Follow = Callable[[Step, float], None]
"Does what the timer wants."


def session_settings(account: Account) -> TimerSettings:
    """Return what the file says; `refresher` 0 means that the phone refreshes, whoever calls, 1 that the other side does."""
    expires = account.session_expires_s
    return TimerSettings(
        is_on=expires > 0,
        expires_s=min(expires, LONGEST_S) or None,
        refresher=account.refresher,
        answer_refresher=UAC if account.refresher == UAS else UAS,
        method=RefreshMethod.UPDATE,
        inserts=Insertion.NEVER,
    )


class Session:
    """The timer of one call, from its first INVITE on."""

    def __init__(self, account: Account, manner: TimerManner, alarms: Alarms, follow: Follow) -> None:
        self.settings = manner.settings(session_settings(account))
        self.timer: SessionTimer | None = None
        "None until there is a dialog."
        self._offer = Offer(self.settings)
        self._alarms = alarms
        self._alarm: Alarm | None = None
        self._follow = follow
        self._manner = manner
        self._is_repeated = False
        "Whether the INVITE goes out for another time, after 422."
        self._refreshes = 0
        "How many were accepted."
        self._volunteered_at: float | None = None
        "Which session, by its begin, was refreshed although that was not asked for."
        self._lonely_since: float | None = None

    # The first INVITE

    @property
    def offered(self) -> Pairs:
        """Return the intervals that the INVITE says."""
        say = self._manner.retry if self._is_repeated else self._manner.offer
        return list(say(self._offer.send.headers).values)

    def wants_again(self, response: Response) -> bool:
        """Take a 422; return whether the INVITE goes out once more, with what `offered` says now."""
        self._is_repeated = self._manner.tries_again and self._offer.refused(response) is not None
        return self._is_repeated

    def begin(self, invite: Request, response: Response, now: float) -> None:
        """Take the 2xx to our INVITE."""
        self._offer.asked(invite)
        self.timer = self._offer.timer(now)
        self.timer.answered(response, now)
        self._wait(now)

    # Requests of the other side

    def receive(self, request: Request) -> Reply | TimerRefusal:
        """Return the timer's part of the 200 to a request, or its refusal."""
        if self.timer is None:
            self.timer = SessionTimer(self.settings)
        reply = self.timer.receive(request)
        return self._manner.refusal(reply) if isinstance(reply, TimerRefusal) else self._manner.reply(request, reply)

    def replied(self, request: Request, reply: Reply, now: float) -> None:
        """Take note that the 200 went out."""
        if self.timer is not None and (self._manner.counts_refreshes or not self.timer.is_running):
            self.timer.replied(request, reply, now)
            self._wait(now)

    # Requests of ours in the dialog

    def headers(self, method: str) -> Pairs:
        """Return what a request that is not sent for the timer says of it."""
        return [] if self.timer is None else list(self.timer.ask(method).headers.pairs)

    def asked(self, request: Request, send: Send, now: float) -> None:
        """Take note that a refresh went out."""
        if self.timer is not None:
            self.timer.asked(request, send, now)

    def postpone(self, delay_s: float, now: float) -> None:
        """Put off a refresh that cannot go out now."""
        if self.timer is not None:
            self.timer.postpone(delay_s, now)
            self._wait(now)

    def answered(self, response: Response, now: float, chance: float) -> None:
        """Take an answer to a refresh, and do what follows from it."""
        if self.timer is None or response.status in self._manner.deaf_to:
            return
        if response.status in self._manner.ends_on:
            self._follow(End(Reason.FAILED), now)
            return
        self._refreshes += 200 <= response.status < 300
        self._follow(self.timer.answered(response, now, chance=chance), now)
        if self._manner.insists_s is not None and response.status >= 300:
            self.timer.postpone(self._manner.insists_s, now)
        self._wait(now)

    def failed(self, request: Request, status: int, now: float) -> None:
        """Take that a refresh came to nothing."""
        if self.timer is not None and status not in self._manner.deaf_to:
            self._follow(self.timer.refused(request, status, now), now)
            self._wait(now)

    # Time

    def stop(self) -> None:
        """Forget everything: the call has ended."""
        if self.timer is not None:
            self.timer.end()
        self._alarms.stop(self._alarm)

    def _wait(self, now: float) -> None:
        self._alarms.stop(self._alarm)
        if self.timer is None:
            return
        own = self._own_due(self.timer, now)
        due = min((at for at in (own, self._timer_due(self.timer)) if at is not None), default=None)
        self._alarm = None if due is None else self._alarms.after(max(0.0, due - now), self._due, now)

    def _due(self, now: float) -> None:
        self._alarm = None
        if self.timer is not None:
            own = self._own_due(self.timer, now)
            step = self.timer.on_timer(now) if own is None or now < own else self._own_step(self.timer)
            if isinstance(step, End) and self._manner.grace_s:
                self._alarm = self._alarms.after(self._manner.grace_s, lambda at: self._follow(step, at), now)
                return
            if isinstance(step, Send):
                is_wanted = self._manner.max_refreshes is None or self._refreshes < self._manner.max_refreshes
                step = step if is_wanted else None
            if not (isinstance(step, End) and not self._manner.ends_in_time):
                self._follow(step, now)
            self._wait(now)

    # Where no RFC has it so

    def _own_due(self, timer: SessionTimer, now: float) -> float | None:
        """Return when a phone that behaves otherwise does something that its timer does not want."""
        manner, interval, end = self._manner, timer.interval_s, timer.expires_at
        if interval is None or end is None:
            if manner.lonely_s is None or timer.is_over:
                return None
            self._lonely_since = now if self._lonely_since is None else self._lonely_since
            return self._lonely_since + manner.lonely_s
        begun = end - interval
        if self._volunteered_at == begun:
            return None
        if timer.is_refresher:
            return None if manner.past_end_s is None else end + manner.past_end_s
        if manner.ends_at_share is not None:
            return begun + interval * manner.ends_at_share
        return begun + interval / 2 if manner.refreshes_unasked else None

    def _timer_due(self, timer: SessionTimer) -> float | None:
        return None if self._manner.past_end_s is not None and timer.is_refresher else timer.next_timer

    def _own_step(self, timer: SessionTimer) -> Step:
        is_refresh = self._manner.refreshes_unasked or timer.is_refresher
        if is_refresh and timer.interval_s is not None and timer.expires_at is not None:
            self._volunteered_at = timer.expires_at - timer.interval_s
            return replace(timer.ask("UPDATE"), body=Body.NONE, is_refresh=True)
        timer.end()
        return End(Reason.SILENCE)


def reply_headers(reply: Reply) -> Pairs:
    """Return what a 200 says of the timer; Supported stands elsewhere in it."""
    return [*reply.headers.values, *([("Require", "timer")] if reply.headers.is_required else [])]
