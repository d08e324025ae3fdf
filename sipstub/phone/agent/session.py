"""The session timer of one call, as the file of the phone wants it.  RFC 4028; V80 refreshes by UPDATE.

Not known of V80, and here as the RFC has it: what 422 leads to, and that a session without refresh ends.  Not known either, and
left out as it may be: that a callee puts an interval into its 200 by itself.
"""

from __future__ import annotations

from collections.abc import Callable

from sipstub.phone.agent.account import Account
from sipstub.phone.agent.alarm import Alarm, Alarms
from sipstub.session_timer.offer import Offer
from sipstub.session_timer.reply import Reply, TimerRefusal
from sipstub.session_timer.setting import LONGEST_S, UAC, UAS, Insertion, RefreshMethod, TimerSettings
from sipstub.session_timer.step import Send, Step
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

    def __init__(self, account: Account, alarms: Alarms, follow: Follow) -> None:
        self.settings = session_settings(account)
        self.timer: SessionTimer | None = None
        "None until there is a dialog."
        self._offer = Offer(self.settings)
        self._alarms = alarms
        self._alarm: Alarm | None = None
        self._follow = follow

    # The first INVITE

    @property
    def offered(self) -> Pairs:
        """Return the intervals that the INVITE says."""
        return list(self._offer.send.headers.values)

    def wants_again(self, response: Response) -> bool:
        """Take a 422; return whether the INVITE goes out once more, with what `offered` says now."""
        return self._offer.refused(response) is not None

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
        return self.timer.receive(request)

    def replied(self, request: Request, reply: Reply, now: float) -> None:
        """Take note that the 200 went out."""
        if self.timer is not None:
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
        if self.timer is not None:
            self._follow(self.timer.answered(response, now, chance=chance), now)
            self._wait(now)

    def failed(self, request: Request, status: int, now: float) -> None:
        """Take that a refresh came to nothing."""
        if self.timer is not None:
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
        due = None if self.timer is None else self.timer.next_timer
        self._alarm = None if due is None else self._alarms.after(max(0.0, due - now), self._due, now)

    def _due(self, now: float) -> None:
        self._alarm = None
        if self.timer is not None:
            self._follow(self.timer.on_timer(now), now)
            self._wait(now)


def reply_headers(reply: Reply) -> Pairs:
    """Return what a 200 says of the timer; Supported stands elsewhere in it."""
    return [*reply.headers.values, *([("Require", "timer")] if reply.headers.is_required else [])]
