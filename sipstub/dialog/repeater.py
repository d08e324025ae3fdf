"""Something that is sent again and again until it is confirmed, or for 64 * T1: a 2xx to INVITE, a reliable 1xx.

RFC 3261 section 13.3.1.4 (pauses double up to T2, over any transport), RFC 3262 section 3 (pauses double without end).
"""

from __future__ import annotations

import enum

from sipstub.transaction.timing import Timing


class Turn(enum.Enum):
    """What is due."""

    NOTHING = "nothing"
    SEND = "send"
    GIVE_UP = "give-up"
    "It was never confirmed: after a 2xx send BYE, after a reliable 1xx refuse the INVITE with 504."


class Repeater:
    """Times of repetition; what is repeated, the caller keeps.  It was sent for the first time when this is made."""

    __slots__ = ("_end", "_interval_s", "_longest_s", "_next", "is_done")

    def __init__(self, timing: Timing, now: float, *, is_capped: bool = True) -> None:
        self._interval_s = timing.t1_s
        self._longest_s = timing.t2_s if is_capped else float("inf")
        self._next = now + timing.t1_s
        self._end = now + timing.timeout_s
        self.is_done = False
        "Confirmed, or given up."

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        return None if self.is_done else min(self._next, self._end)

    def on_timer(self, now: float) -> Turn:
        """Return what is due now."""
        if self.is_done:
            return Turn.NOTHING
        if now >= self._end:
            self.is_done = True
            return Turn.GIVE_UP
        if now < self._next:
            return Turn.NOTHING
        self._interval_s = min(2 * self._interval_s, self._longest_s)
        self._next = now + self._interval_s
        return Turn.SEND

    def confirm(self) -> bool:
        """Stop; return whether this was news."""
        was_open, self.is_done = not self.is_done, True
        return was_open
