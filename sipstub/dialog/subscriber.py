"""A subscription as the side has it that wants to know: waiting, refreshed, ended by the other side.  RFC 6665 section 4.1.

What NOTIFY says counts, before what SUBSCRIBE was granted; no NOTIFY at all for 64 * T1 (timer N) ends it.
"""

from __future__ import annotations

import enum

from sipstub.dialog.notifier import USUAL_EXPIRES_S, SubscriptionPhase
from sipstub.dialog.refusal import Refusal
from sipstub.sip.event import Event
from sipstub.sip.message import Request, Response
from sipstub.transaction.timing import Timing

REFRESH_MARGIN_S = 5.0
"A refresh goes out so long before the end, or at half the time where that is later: never at once again and again."
AT_ONCE = frozenset({"deactivated", "timeout"})
"Reasons after which a new subscription may be tried at once (4.1.3)."
LATER = frozenset({"probation", "giveup"})
"Reasons after which it may be tried after Retry-After, or some time."
LATER_S = 60.0
GONE = frozenset({404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})
"Answers to a refresh after which there is no subscription any more."


class SubscriberTurn(enum.Enum):
    """What is due."""

    NOTHING = "nothing"
    REFRESH = "refresh"
    "Send SUBSCRIBE."
    ENDED = "ended"
    "Timer N fired, or the time is up."


class Subscriber:
    """One subscription of ours."""

    __slots__ = ("_ends_at", "_has_time", "_refresh_at", "_timing", "event", "phase", "retry_s")

    def __init__(self, event: Event, timing: Timing, now: float) -> None:
        self.event = event
        self.phase = SubscriptionPhase.WAITING
        self.retry_s: float | None = None
        "After the end: when to subscribe anew, in seconds; None for never."
        self._timing = timing
        self._ends_at = now + timing.timeout_s  # timer N
        self._refresh_at: float | None = None
        self._has_time = False

    @property
    def is_ended(self) -> bool:
        """Return whether this is terminated."""
        return self.phase is SubscriptionPhase.TERMINATED

    def subscribe_answered(self, response: Response, now: float) -> None:
        """Take the final answer to SUBSCRIBE; a refused refresh leaves the old time as it was, but for the GONE (4.1.2.2)."""
        status = response.status
        if self.is_ended or status < 200:
            return
        if status < 300:
            seconds = USUAL_EXPIRES_S if response.expires is None else response.expires
            if self.phase is not SubscriptionPhase.WAITING and seconds > 0:
                self._lasts(seconds, now)
        elif self.phase is SubscriptionPhase.WAITING or status in GONE:
            self._end(response.retry_after.seconds if response.retry_after is not None else None)

    def receive(self, notify: Request, now: float) -> Refusal | None:
        """Take a NOTIFY; None means it gets its 200."""
        if self.is_ended:
            return Refusal(481, "the subscription is over")
        if notify.event is None or not notify.event.matches(self.event):
            return Refusal(481 if notify.event is not None else 489, f"NOTIFY for {notify.event}")
        said = notify.subscription_state
        if said is None:
            return Refusal(400, "NOTIFY without Subscription-State")
        if said.state == "terminated":
            retry = said.params.get("retry-after")
            self._end(_retry_s(said.reason, float(retry) if retry and retry.isdigit() and len(retry) < 10 else None))
            return None
        # an unknown word counts as active (4.1.3)
        self.phase = SubscriptionPhase.PENDING if said.state == "pending" else SubscriptionPhase.ACTIVE
        if said.expires_s is not None:
            self._lasts(said.expires_s, now)
        elif not self._has_time:
            self._lasts(USUAL_EXPIRES_S, now)
        return None

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        if self.is_ended:
            return None
        return self._ends_at if self._refresh_at is None else min(self._refresh_at, self._ends_at)

    def on_timer(self, now: float) -> SubscriberTurn:
        """Return what is due now."""
        if self.is_ended:
            return SubscriberTurn.NOTHING
        if now >= self._ends_at:
            self._end(0.0 if self.phase is not SubscriptionPhase.WAITING else None)
            return SubscriberTurn.ENDED
        if self._refresh_at is not None and now >= self._refresh_at:
            self._refresh_at = None
            return SubscriberTurn.REFRESH
        return SubscriberTurn.NOTHING

    def _lasts(self, seconds: int, now: float) -> None:
        self._has_time = True
        self._ends_at = now + seconds
        self._refresh_at = now + max(seconds / 2, seconds - REFRESH_MARGIN_S)

    def _end(self, retry_s: float | None) -> None:
        self.phase = SubscriptionPhase.TERMINATED
        self.retry_s = retry_s


def _retry_s(reason: str | None, said_s: float | None) -> float | None:
    if reason in AT_ONCE:
        return 0.0
    if reason is None or reason in LATER:
        return said_s if said_s is not None else LATER_S
    return None
