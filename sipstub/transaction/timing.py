"""The three times that all timers of SIP are made of, and the limits of our own.  RFC 3261 section 17 and table 4.

Tests give small values; phones are told theirs by `sip.t1_interval` and its like.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

LONGEST_RINGING_S = 600.0
"An INVITE without a final answer for so long is given up, on either side.  No RFC has this limit; without it a table could leak."


@dataclass(frozen=True)
class Timing:
    """T1, T2 and T4 in seconds, and what follows from them."""

    t1_s: float = 0.5
    "The round trip that is expected."
    t2_s: float = 4.0
    "Longest pause between repetitions of a request that is not INVITE, and of answers to INVITE."
    t4_s: float = 5.0
    "Longest time that a message stays in the network."
    trying_s: float = 0.2
    "An INVITE that is not answered by then gets a 100 (17.2.1)."
    ringing_s: float = LONGEST_RINGING_S

    def __post_init__(self) -> None:
        if not 0 < self.t1_s <= self.t2_s or self.t4_s <= 0 or self.trying_s <= 0 or self.ringing_s <= 0:
            raise ValueError(f"want 0 < T1 <= T2 and times above 0, not {self}")

    @cached_property
    def timeout_s(self) -> float:
        """Return 64 * T1: timers B, F, H, J, L and M."""
        return 64 * self.t1_s

    @cached_property
    def timer_d_s(self) -> float:
        """Return timer D over UDP: 32 s with the T1 of the RFC, and in proportion else."""
        return 64 * self.t1_s

    @cached_property
    def late_trying_s(self) -> float:
        """Return when requests other than INVITE get a 100: when timer E of the client has grown to T2 (RFC 4320 section 4.1)."""
        interval, passed = self.t1_s, 0.0
        while interval < self.t2_s:
            passed += interval
            interval = min(2 * interval, self.t2_s)
        return min(passed, self.timeout_s)  # with a T2 as long as that, the client has given up before

    def after(self, interval_s: float) -> float:
        """Return the next pause of timers E and G: doubled, up to T2."""
        return min(2 * interval_s, self.t2_s)


USUAL = Timing()
