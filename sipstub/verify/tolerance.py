"""Every window and allowance of the rules, in one place.  Seconds unless the name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


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
