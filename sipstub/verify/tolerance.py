"""Every window and allowance of the rules, in one place.  Seconds unless the name says otherwise."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields, replace
from typing import Any


class Punctual(enum.Enum):
    """When a refresh came."""

    EARLY = "early"
    IN_TIME = "in time"
    LATE = "late"
    TOO_LATE = "too late"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far what is seen may be from what is expected."""

    edge_s: float = 1.0
    "Slack at every edge of an interval: phones count in whole seconds."

    absence: float = 10.0
    "After so long without a message that should come at once, its absence counts as seen."

    retry_s: float = 2.0
    "Allowance around a wait after a failure."
    retry_share: float = 0.1
    "The same as a share of the wait; the larger one counts."

    transaction: float = 32.0
    "A request that is not answered for so long gets no answer any more: 64 * T1 (RFC 3261 section 17.1.2.2)."

    overtaking: float = 1.0
    "Of two requests so close together the later one may arrive first."
    doubling: float = 0.02
    "A copy so soon after the one before was made by the network, not by the phone."
    sent_often: int = 4
    "What was sent so often over UDP has arrived: that all of them are lost is out of the question."

    timer_s: float = 0.1
    "Allowance around a gap between retransmissions."
    timer_share: float = 0.2
    "The same as a share of the gap."

    keepalive_s: float = 2.0
    "Allowance around the spacing of keep-alives."
    keepalive_share: float = 0.1
    "The same as a share of the spacing."
    keepalive_rounds: float = 2.0
    "After so many spacings without one, its absence counts as seen."

    boot: float = 15.0
    "From the last file fetched to the first REGISTER of a phone that does not wait on purpose."
    resync: float = 30.0
    "From NOTIFY check-sync to the first request for a file."
    reboot: float = 180.0
    "From NOTIFY check-sync to the first sign of a restart."

    refresh_early: float = 0.4
    "Share of a session interval: a refresh before that is odd.  RFC 4028 section 7.2 recommends half the interval."
    refresh_late: float = 2 / 3
    "Share of a session interval: a refresh after that is odd, since whoever waits for it hangs up about then (section 10)."
    session_lead: float = 32.0
    "Longest time before its end at which a session without a refresh is given up (section 10)."
    session_lead_share: float = 1 / 3
    "The same as a share of the interval; the smaller one counts."

    refused_tries: int = 20
    "So many refreshes that get the same refusal within one interval are tries; more are a repetition without end (section 10)."

    def changed(self, name: str, value: float) -> Tolerance:
        """Return these windows with another value in one; LookupError for a name that is none, ValueError for a bad value."""
        if name not in {field.name for field in fields(self)}:
            raise LookupError(f"there is no window {name[:40]!r}; see sipstub/verify/tolerance.py")
        if not 0 <= value < float("inf"):
            raise ValueError("a window is a number from 0 up")
        changes: dict[str, Any] = {name: int(value) if isinstance(getattr(self, name), int) else value}
        return replace(self, **changes)

    def refresh(self, after_s: float, interval_s: float) -> Punctual:
        """Return what a refresh so long after the last is: in time, odd, or too late; `edge_s` of slack at each edge."""
        if after_s >= interval_s + self.edge_s:
            return Punctual.TOO_LATE
        early, late = interval_s * self.refresh_early - self.edge_s, interval_s * self.refresh_late + self.edge_s
        return Punctual.IN_TIME if early <= after_s <= late else Punctual.EARLY if after_s < early else Punctual.LATE

    def giving_up(self, interval_s: float) -> tuple[float, float]:
        """Return from when until when a session without a refresh is given up, in seconds after the last 2xx."""
        lead = min(self.session_lead, interval_s * self.session_lead_share)
        return interval_s - lead - self.edge_s, interval_s + self.edge_s

    def retry(self, wait_s: float) -> float:
        """Return the allowance around a wait after a failure."""
        return max(self.retry_s, wait_s * self.retry_share)

    def timer(self, gap_s: float) -> float:
        """Return the allowance around a gap between retransmissions."""
        return max(self.timer_s, gap_s * self.timer_share)

    def keepalive(self, spacing_s: float) -> float:
        """Return the allowance around the spacing of keep-alives."""
        return max(self.keepalive_s, spacing_s * self.keepalive_share)


TOLERANCE = Tolerance()
"What verdicts are given with unless somebody says otherwise."
