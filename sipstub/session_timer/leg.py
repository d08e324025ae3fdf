"""One leg of a B2BUA: what it takes over from the other leg, and the clock of a leg that only watches.

On a leg of its own a B2BUA is a user agent and has a SessionTimer; what proxies must not do to values holds for what it carries
over (RFC 4028 section 8.1): an interval may be lowered, but not under Min-SE, and is raised only up to Min-SE.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from sipstub.session_timer.header import REFRESHING, Heard, hear_leniently
from sipstub.session_timer.setting import SHORTEST_TAKEN_S, TimerSettings, lead_s
from sipstub.session_timer.step import End, Reason
from sipstub.sip.message import Response

MAX_COUNTED = 16
"Answers of a leg that are remembered, so that a repetition of one does not start the clock anew."


def carried_settings(settings: TimerSettings, heard: Heard) -> TimerSettings:
    """Return what to ask for on the leg to the callee, when the caller on the other leg asked for this.

    The smaller of both intervals, never under the caller's Min-SE, 90, or the minimum of this leg.
    """
    least = max(heard.least_s, settings.minimum_s)
    if heard.expires_s is None or settings.expires_s is None:
        return settings
    return replace(settings, expires_s=max(min(heard.expires_s, settings.expires_s), least))


class SessionWatch:
    """The clock of a leg whose timer is negotiated by others: it runs out when nobody refreshes in time."""

    __slots__ = ("_counted", "_started_at", "interval_s")

    def __init__(self) -> None:
        self.interval_s: int | None = None
        "Agreed by the two ends; None while no timer runs."
        self._started_at = 0.0
        self._counted: deque[tuple[str, int]] = deque(maxlen=MAX_COUNTED)

    def passed(self, response: Response, now: float) -> None:
        """Take an answer that passed on this leg, in either direction; a 2xx to INVITE or UPDATE counts when it comes first."""
        if not 200 <= response.status < 300 or response.cseq.method not in REFRESHING:
            return
        answered = (response.from_.tag or "", response.cseq.number)
        if answered in self._counted:
            return
        self._counted.append(answered)
        said = hear_leniently(response).expires_s
        self.interval_s = said if said is not None and said >= SHORTEST_TAKEN_S else None
        self._started_at = now

    @property
    def next_timer(self) -> float | None:
        """Return when `on_timer` has to be called."""
        return None if self.interval_s is None else self._started_at + self.interval_s - lead_s(self.interval_s)

    def on_timer(self, now: float) -> End | None:
        """Return the end of both legs when it is due: nobody refreshed."""
        due = self.next_timer
        if due is None or now < due:
            return None
        self.interval_s = None
        return End(Reason.SILENCE)
