"""A subscription as the side has it that knows the state: granted for a time, refreshed, ended.  RFC 6665 section 4.2.

Every SUBSCRIBE that is taken and every change of state is followed by a NOTIFY; the state that it says is given here.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sipstub.dialog.refusal import Refusal
from sipstub.sip.message import Request

USUAL_EXPIRES_S = 3600
"Where SUBSCRIBE says nothing."
LONGEST_EXPIRES_S = 86_400
SHORTEST_ASKED_S = 3600
"Only what is shorter than this may be refused as too brief (RFC 6665 section 4.2.1.1)."


class SubscriptionPhase(enum.Enum):
    """How a subscription stands."""

    WAITING = "waiting"
    "SUBSCRIBE is out and no NOTIFY has come."
    PENDING = "pending"
    ACTIVE = "active"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Limits:
    """Which times are granted."""

    shortest_s: int = 60
    longest_s: int = LONGEST_EXPIRES_S
    usual_s: int = USUAL_EXPIRES_S


class Notifier:
    """One subscription of somebody else."""

    __slots__ = ("_expires_at", "_limits", "phase", "reason")

    def __init__(self, limits: Limits | None = None) -> None:
        self.phase = SubscriptionPhase.PENDING
        self.reason = ""
        "Why it ended: timeout, deactivated, rejected, noresource, ..."
        self._limits = limits or Limits()
        self._expires_at: float | None = None

    @property
    def is_ended(self) -> bool:
        """Return whether this is terminated."""
        return self.phase is SubscriptionPhase.TERMINATED

    def receive(self, subscribe: Request, now: float, *, is_authorized: bool = True) -> int | Refusal:
        """Take the first SUBSCRIBE or a refresh; return the seconds granted, for Expires of the 200, or why not.

        0 ends the subscription: the NOTIFY that follows says terminated (a SUBSCRIBE with 0 outside of one is a fetch).
        """
        if self.is_ended:
            return Refusal(481, "the subscription is over")
        asked = subscribe.expires
        seconds = self._limits.usual_s if asked is None else min(asked, self._limits.longest_s)
        if 0 < seconds < min(self._limits.shortest_s, SHORTEST_ASKED_S):
            return Refusal(423, f"{seconds} s is too brief")
        self._expires_at = now + seconds
        if seconds == 0:
            self.end("timeout")
        elif is_authorized:
            self.phase = SubscriptionPhase.ACTIVE
        return seconds

    @property
    def min_expires_s(self) -> int:
        """Return what Min-Expires of a 423 says."""
        return min(self._limits.shortest_s, SHORTEST_ASKED_S)

    def authorize(self) -> None:
        """Make a pending subscription active; a NOTIFY is due."""
        if self.phase is SubscriptionPhase.PENDING:
            self.phase = SubscriptionPhase.ACTIVE

    def state(self, now: float) -> str:
        """Return the value of Subscription-State for a NOTIFY of now."""
        if self.is_ended:
            return f"terminated;reason={self.reason}"
        left = 0 if self._expires_at is None else max(0, round(self._expires_at - now))
        return f"{self.phase.value};expires={left}"

    def end(self, reason: str) -> None:
        """End it; a last NOTIFY is due."""
        if not self.is_ended:
            self.phase, self.reason = SubscriptionPhase.TERMINATED, reason

    def notify_answered(self, status: int, *, has_retry_after: bool = False) -> None:
        """Take the final answer to a NOTIFY, 408 for none: who refuses it is not subscribed any more (section 4.2.2).

        With Retry-After, and after a challenge, it is worth another try.
        """
        if status >= 300 and not has_retry_after and status not in (401, 407):
            self.end("noresource")

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        return None if self.is_ended else self._expires_at

    def on_timer(self, now: float) -> bool:
        """Return whether the time is up; then a last NOTIFY is due, with `reason=timeout`."""
        if self.is_ended or self._expires_at is None or now < self._expires_at:
            return False
        self.end("timeout")
        return True
